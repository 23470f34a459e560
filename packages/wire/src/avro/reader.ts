import type { Plan } from './plan.ts';
import { ascends, shortEnd } from './short-way.ts';
import { isWellFormedUtf8, orOfBytes } from './utf8.ts';

/** Thrown by the reader and turned into a refusal at the package's edge. Not an Error: it needs no stack. */
export class Fault {
  readonly reason: 'malformed' | 'not_canonical';
  readonly detail: string;
  readonly at: number;
  constructor(reason: 'malformed' | 'not_canonical', detail: string, at: number) {
    this.reason = reason;
    this.detail = detail;
    this.at = at;
  }
}

/**
 * Reads canonical Avro: what one writer would write, and nothing else. `skip` checks without decoding; `read` decodes and
 * checks the same. Both throw `Fault`. Work is linear in the bytes: a count can never exceed the bytes that are left.
 */
export class Reader {
  readonly bytes: Uint8Array;
  at: number;
  readonly limit: number;
  /** Steps taken: tests hold it against the size. */
  steps: number;

  constructor(bytes: Uint8Array, at: number, limit: number) {
    this.bytes = bytes;
    this.at = at;
    this.limit = limit;
    this.steps = 0;
  }

  skip(plan: Plan): void {
    this.steps++;
    switch (plan.op) {
      case 'string':
        this.#string(plan);
        return;
      case 'bytes':
        this.#span(this.#length(plan), plan);
        return;
      case 'int':
      case 'long':
        this.#number(plan);
        return;
      case 'boolean':
        this.#boolean(plan);
        return;
      case 'double':
        this.#double(plan);
        return;
      case 'enum':
        this.#symbol(plan);
        return;
      case 'fixed':
        this.#span(plan.size, plan);
        return;
      case 'optional':
        if (this.#present(plan)) this.skip(plan.inner[0] as Plan);
        return;
      case 'record':
        this.skipFields(plan.inner, 0, plan.inner.length);
        return;
      case 'array': {
        const count = this.blockCount(plan);
        for (let left = count; left > 0; left--) this.skipFields(plan.inner, 0, 1);
        if (count > 0) this.closeBlock(plan);
        return;
      }
      case 'map': {
        let previousStart = -1;
        let previousEnd = -1;
        const count = this.blockCount(plan);
        for (let left = count; left > 0; left--) {
          this.steps++;
          const end = this.#string(plan);
          const start = this.#start;
          if (previousStart >= 0 && !ascends(this.bytes, previousStart, previousEnd, start, end)) {
            throw new Fault('not_canonical', `${plan.label}: map keys are not strictly ascending by bytes`, start);
          }
          previousStart = start;
          previousEnd = end;
          this.#string(plan);
        }
        if (count > 0) this.closeBlock(plan);
        return;
      }
    }
  }

  /** Skips the fields [from, to) of a record. */
  skipFields(fields: readonly Plan[], from: number, to: number): void {
    const { bytes, limit } = this;
    let at = this.at;
    for (let i = from; i < to; i++) {
      const field = fields[i] as Plan;
      const end = shortEnd(field, bytes, at, limit);
      if (end >= 0) at = end;
      else {
        this.at = at;
        this.skip(field);
        at = this.at;
      }
    }
    this.steps += to - from;
    this.at = at;
  }

  /** Skips all fields of a record, and writes where each ends. */
  skipEach(fields: readonly Plan[], ends: Uint32Array): void {
    for (let i = 0; i < fields.length; i++) {
      const end = shortEnd(fields[i] as Plan, this.bytes, this.at, this.limit);
      if (end >= 0) this.at = end;
      else this.skip(fields[i] as Plan);
      ends[i] = this.at;
    }
    this.steps += fields.length;
  }

  read(plan: Plan): unknown {
    this.steps++;
    switch (plan.op) {
      case 'string': {
        const end = this.#string(plan);
        return textOf(this.bytes, this.#start, end);
      }
      case 'bytes': {
        const start = this.#span(this.#length(plan), plan);
        return copyOf(this.bytes, start, this.at);
      }
      case 'int':
      case 'long':
        return this.#number(plan);
      case 'boolean':
        return this.#boolean(plan);
      case 'double':
        return this.#double(plan);
      case 'enum':
        return plan.symbols[this.#symbol(plan)];
      case 'fixed': {
        const start = this.#span(plan.size, plan);
        return copyOf(this.bytes, start, this.at);
      }
      case 'optional':
        return this.#present(plan) ? this.read(plan.inner[0] as Plan) : null;
      case 'record': {
        const value: Record<string, unknown> = {};
        for (const field of plan.inner) value[field.name] = this.read(field);
        return value;
      }
      case 'array': {
        const items: unknown[] = [];
        const item = plan.inner[0] as Plan;
        const count = this.blockCount(plan);
        for (let left = count; left > 0; left--) items.push(this.read(item));
        if (count > 0) this.closeBlock(plan);
        return items;
      }
      case 'map': {
        const from = this.at;
        this.skip(plan);
        const end = this.at;
        this.at = from;
        const map = new Map<string, string>();
        for (let left = this.blockCount(plan); left > 0; left--) {
          const keyEnd = this.#string(plan);
          const key = textOf(this.bytes, this.#start, keyEnd);
          const valueEnd = this.#string(plan);
          map.set(key, textOf(this.bytes, this.#start, valueEnd));
        }
        this.at = end;
        return map;
      }
    }
  }

  /** Where the last string's bytes begin. */
  #start = 0;

  #string(plan: Plan): number {
    const length = this.#length(plan);
    const start = this.#span(length, plan);
    this.#start = start;
    const end = this.at;
    if (orOfBytes(this.bytes, start, end) >= 0x80 && !isWellFormedUtf8(this.bytes, start, end)) {
      throw new Fault('malformed', `${plan.label}: a string is not well-formed UTF-8`, start);
    }
    return end;
  }

  #span(size: number, plan: Plan): number {
    const start = this.at;
    if (size > this.limit - start)
      throw new Fault('malformed', `${plan.label}: ${size} bytes are announced, ${this.limit - start} are left`, start);
    this.at = start + size;
    return start;
  }

  #length(plan: Plan): number {
    const at = this.at;
    const length = this.long(plan.label);
    if (length < 0) throw new Fault('malformed', `${plan.label}: a length is negative`, at);
    return length;
  }

  #number(plan: Plan): number {
    const at = this.at;
    const value = this.long(plan.label);
    if (value < plan.min || value > plan.max)
      throw new Fault('not_canonical', `${plan.label}: ${value} is outside of ${plan.min} to ${plan.max}`, at);
    return value;
  }

  #boolean(plan: Plan): boolean {
    const start = this.#span(1, plan);
    const byte = this.bytes[start] as number;
    if (byte > 1) throw new Fault('malformed', `${plan.label}: ${byte} is no boolean`, start);
    return byte === 1;
  }

  /** Numbers only: several bit patterns are "not a number", and two are zero. */
  #double(plan: Plan): number {
    const start = this.#span(DOUBLE_BYTES, plan);
    const value = new DataView(this.bytes.buffer, this.bytes.byteOffset + start, DOUBLE_BYTES).getFloat64(0, true);
    if (!Number.isFinite(value) || Object.is(value, -0))
      throw new Fault(
        'not_canonical',
        `${plan.label}: ${Object.is(value, -0) ? 'a negative zero' : value} is no double of the canonical form`,
        start,
      );
    return value;
  }

  #symbol(plan: Plan): number {
    const at = this.at;
    const index = this.long(plan.label);
    if (index < 0 || index >= plan.symbols.length) throw new Fault('malformed', `${plan.label}: no symbol has index ${index}`, at);
    return index;
  }

  #present(plan: Plan): boolean {
    const at = this.at;
    const index = this.long(plan.label);
    if (index !== 0 && index !== 1) throw new Fault('malformed', `${plan.label}: the union has no branch ${index}`, at);
    return index === 1;
  }

  /** The count of an array's or map's one block; 0 is the whole of an empty one, else `closeBlock` follows the items. */
  blockCount(plan: Plan): number {
    const at = this.at;
    const count = this.long(plan.label);
    if (count < 0) throw new Fault('not_canonical', `${plan.label}: a block has a negative count`, at);
    if (count > this.limit - this.at)
      throw new Fault('malformed', `${plan.label}: ${count} items are announced, ${this.limit - this.at} bytes are left`, at);
    return count;
  }

  /** The zero that ends a non-empty array or map. */
  closeBlock(plan: Plan): void {
    const at = this.at;
    const count = this.long(plan.label);
    if (count !== 0) throw new Fault('not_canonical', `${plan.label}: more than one block`, at);
  }

  /** A zigzag varint in its shortest form, within ±(2^53 − 1). */
  long(name: string): number {
    const bytes = this.bytes;
    const start = this.at;
    if (start >= this.limit) throw new Fault('malformed', `${name}: the bytes end early`, start);
    const first = bytes[start] as number;
    if (first < 0x80) {
      this.at = start + 1;
      return (first >>> 1) ^ -(first & 1);
    }
    let at = start + 1;
    let low = first & 0x7f; // bits 0 to 27
    let middle = 0; // bits 28 to 55
    let high = 0; // the rest
    let shift = 7;
    for (;;) {
      if (at >= this.limit) throw new Fault('malformed', `${name}: the bytes end early`, start);
      if (shift > 63) throw new Fault('malformed', `${name}: a number of more than 10 bytes`, start);
      const byte = bytes[at++] as number;
      if (shift < 28) low |= (byte & 0x7f) << shift;
      else if (shift < 56) middle |= (byte & 0x7f) << (shift - 28);
      else high |= (byte & 0x7f) << (shift - 56);
      if (byte < 0x80) {
        if (byte === 0) throw new Fault('not_canonical', `${name}: a number is not in its shortest form`, start);
        break;
      }
      shift += 7;
    }
    this.at = at;
    // The zigzag value shifted right by one; above 2^53 it may be rounded, which changes nothing about its being too large.
    const half = high * 0x80000000000000 + middle * 0x8000000 + (low >>> 1);
    if (half > Number.MAX_SAFE_INTEGER || (half === Number.MAX_SAFE_INTEGER && (low & 1) === 1)) {
      throw new Fault('not_canonical', `${name}: a number beyond 2^53 − 1`, start);
    }
    return (low & 1) === 0 ? half : -half - 1;
  }
}

const DOUBLE_BYTES = 8;

/** Up to this many bytes a loop beats a call that copies. */
const SHORT_BYTES = 32;

/** A copy that owns its memory: slice() of a Buffer would be a view of the record. */
function copyOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const size = end - start;
  const copy = new Uint8Array(size);
  if (size > SHORT_BYTES) copy.set(bytes.subarray(start, end));
  else for (let i = 0; i < size; i++) copy[i] = bytes[start + i] as number;
  return copy;
}

/** Node's Buffer where there is one: its slices to text are several times TextDecoder's speed on short strings. */
interface TextBuffer extends Uint8Array {
  latin1Slice(start: number, end: number): string;
  utf8Slice(start: number, end: number): string;
}
const isTextBuffer = (bytes: Uint8Array): bytes is TextBuffer => typeof (bytes as Partial<TextBuffer>).latin1Slice === 'function';

/** Below this many characters a loop over them beats a call into the runtime. */
const SHORT_CHARACTERS = 12;

/** The text of well-formed UTF-8. */
function textOf(bytes: Uint8Array, start: number, end: number): string {
  if (orOfBytes(bytes, start, end) >= 0x80) {
    if (isTextBuffer(bytes)) return bytes.utf8Slice(start, end);
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(start, end));
  }
  if (end - start > SHORT_CHARACTERS) {
    if (isTextBuffer(bytes)) return bytes.latin1Slice(start, end);
    return new TextDecoder().decode(bytes.subarray(start, end));
  }
  let text = '';
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i] as number);
  return text;
}
