import { WireError } from '../errors.ts';
import type { Plan } from './plan.ts';

/** Node's Buffer where there is one: its utf8 writer is several times TextEncoder's speed on short strings. */
interface Utf8Buffer extends Uint8Array {
  utf8Write(text: string, offset: number, length: number): number;
}
const isUtf8Buffer = (bytes: Uint8Array): bytes is Utf8Buffer => typeof (bytes as Partial<Utf8Buffer>).utf8Write === 'function';

/** Below this many characters a loop over them beats a call into the runtime. */
const SHORT_CHARACTERS = 48;

/** Up to this many bytes a loop beats a call that copies. */
const SHORT_BYTES = 32;

/**
 * Writes canonical Avro into a buffer of its caller's. Throws WireError `not_encodable` for a value that has no canonical
 * form, and RangeError when the buffer has no room.
 */
export class Writer {
  readonly out: Uint8Array;
  at: number;
  readonly #limit: number;

  constructor(out: Uint8Array, at: number, limit: number) {
    this.out = out;
    this.at = at;
    this.#limit = limit;
  }

  write(plan: Plan, value: unknown): void {
    switch (plan.op) {
      case 'string':
        if (typeof value !== 'string') throw refuse(plan, value, 'a string');
        this.string(plan, value);
        return;
      case 'bytes':
        if (!(value instanceof Uint8Array)) throw refuse(plan, value, 'bytes');
        this.long(value.length);
        this.raw(value);
        return;
      case 'int':
      case 'long':
        if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < plan.min || value > plan.max) {
          throw refuse(plan, value, `a whole number from ${plan.min} to ${plan.max}`);
        }
        this.long(value);
        return;
      case 'boolean':
        if (typeof value !== 'boolean') throw refuse(plan, value, 'a boolean');
        this.byte(value ? 1 : 0);
        return;
      case 'double':
        if (typeof value !== 'number' || !Number.isFinite(value) || Object.is(value, -0))
          throw refuse(plan, value, 'a number that is finite and no negative zero');
        this.#double(value);
        return;
      case 'enum': {
        const index = plan.indexes.get(value as string);
        if (index === undefined) throw refuse(plan, value, `one of ${plan.symbols.join(', ')}`);
        this.long(index);
        return;
      }
      case 'fixed':
        if (!(value instanceof Uint8Array) || value.length !== plan.size) throw refuse(plan, value, `${plan.size} bytes`);
        this.raw(value);
        return;
      case 'optional':
        if (value === null) this.byte(0);
        else {
          this.byte(2);
          this.write(plan.inner[0] as Plan, value);
        }
        return;
      case 'record': {
        if (typeof value !== 'object' || value === null) throw refuse(plan, value, 'a record');
        const record = value as Record<string, unknown>;
        for (let i = 0; i < plan.inner.length; i++) {
          const field = plan.inner[i] as Plan;
          this.#value(field, record[field.name]);
        }
        return;
      }
      case 'array': {
        if (!Array.isArray(value)) throw refuse(plan, value, 'a list');
        const count = value.length;
        if (count > 0) {
          this.long(count);
          for (let i = 0; i < count; i++) this.#value(plan.inner[0] as Plan, value[i]);
        }
        this.byte(0);
        return;
      }
      case 'map':
        if (!(value instanceof Map)) throw refuse(plan, value, 'a Map');
        this.#map(plan, value);
        return;
    }
  }

  /** Writes the fields [from, to) of a record; `values` are those of its fields, in order. */
  writeFields(fields: readonly Plan[], from: number, to: number, values: readonly unknown[]): void {
    const out = this.out;
    const limit = this.#limit;
    let at = this.at;
    for (let i = from; i < to; i++) {
      const field = fields[i] as Plan;
      const end = writeShort(field, values[i], out, at, limit);
      if (end >= 0) at = end;
      else {
        this.at = at;
        this.write(field, values[i]);
        at = this.at;
      }
    }
    this.at = at;
  }

  #value(plan: Plan, value: unknown): void {
    const end = writeShort(plan, value, this.out, this.at, this.#limit);
    if (end >= 0) this.at = end;
    else this.write(plan, value);
  }

  #map(plan: Plan, map: ReadonlyMap<unknown, unknown>): void {
    const start = this.at;
    if (map.size > 0 && !this.#orderedMap(plan, map)) {
      this.at = start;
      const keys: string[] = [];
      for (const key of map.keys()) {
        if (typeof key !== 'string') throw refuse(plan, key, 'a string as key');
        keys.push(key);
      }
      keys.sort(byBytes);
      this.long(keys.length);
      for (const key of keys) {
        this.string(plan, key);
        const value = map.get(key);
        if (typeof value !== 'string') throw refuse(plan, value, 'a string');
        this.string(plan, value);
      }
    }
    this.byte(0);
  }

  /** The short way for a map of texts whose keys ascend; false for every other one, with something written. */
  #orderedMap(plan: Plan, map: ReadonlyMap<unknown, unknown>): boolean {
    this.long(map.size);
    let previous = '';
    let count = 0;
    for (const [key, value] of map) {
      if (typeof key !== 'string' || typeof value !== 'string' || (count > 0 && byBytes(previous, key) >= 0)) return false;
      this.string(plan, key);
      this.string(plan, value);
      previous = key;
      count++;
    }
    return count === map.size;
  }

  byte(value: number): void {
    this.#room(1);
    this.out[this.at++] = value;
  }

  #double(value: number): void {
    this.#room(8);
    new DataView(this.out.buffer, this.out.byteOffset + this.at, 8).setFloat64(0, value, true);
    this.at += 8;
  }

  raw(bytes: Uint8Array): void {
    const { out, at } = this;
    const length = bytes.length;
    this.#room(length);
    if (length > SHORT_BYTES) out.set(bytes, at);
    else for (let i = 0; i < length; i++) out[at + i] = bytes[i] as number;
    this.at = at + length;
  }

  string(plan: Plan, text: string): void {
    const end = writeShortString(text, this.out, this.at, this.#limit);
    if (end >= 0) this.at = end;
    else this.#longString(plan, text);
  }

  #longString(plan: Plan, text: string): void {
    const characters = text.length;
    // A character takes at most 3 bytes of UTF-8 (a pair of surrogates 4 for two).
    if (characters * 3 + VARINT_BYTES_MAX > this.#limit - this.at) {
      const length = utf8Length(plan, text);
      this.#room(longBytes(length) + length);
    }
    const out = this.out;
    const start = this.at;
    if (isUtf8Buffer(out)) {
      // Written after the length that it has when it is ASCII: as many bytes as characters says that it was.
      const lengthBytes = longBytes(characters);
      if (out.utf8Write(text, start + lengthBytes, this.#limit - start - lengthBytes) === characters) {
        this.long(characters);
        this.at += characters;
        return;
      }
    }
    this.#wideString(plan, text);
  }

  #wideString(plan: Plan, text: string): void {
    const length = utf8Length(plan, text);
    this.long(length);
    this.#room(length);
    const out = this.out;
    if (isUtf8Buffer(out)) out.utf8Write(text, this.at, length);
    else out.set(new TextEncoder().encode(text), this.at);
    this.at += length;
  }

  /** Zigzag varint of a safe integer. */
  long(value: number): void {
    // Next to the limit the exact length counts: an event may be as long as the walk allows, to the byte.
    if (this.#limit - this.at < VARINT_BYTES_MAX) this.#room(longBytes(value));
    this.at = putLong(value, this.out, this.at);
  }

  #room(bytes: number): void {
    if (bytes > this.#limit - this.at && this.at + bytes > this.#limit) throw new RangeError('no room');
  }
}

const VARINT_BYTES_MAX = 10;

/** Zigzag varint of a safe integer; the room is there. Where it ends. */
function putLong(value: number, out: Uint8Array, at: number): number {
  let to = at;
  if (value >= 0 ? value < 0x40000000 : value >= -0x40000000) {
    let rest = (value << 1) ^ (value >> 31);
    while (rest > 0x7f) {
      out[to++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    out[to++] = rest;
    return to;
  }
  // Beyond 32 bits the zigzag value may pass 2^53: split into 28 low bits and at most 26 more, each a small integer.
  const half = value >= 0 ? value : -value - 1;
  let high = Math.floor(half / 0x8000000);
  let low = ((half - high * 0x8000000) << 1) | (value >= 0 ? 0 : 1);
  for (let i = 0; i < 4; i++) {
    out[to++] = (low & 0x7f) | 0x80;
    low >>>= 7;
  }
  while (high > 0x7f) {
    out[to++] = (high & 0x7f) | 0x80;
    high >>>= 7;
  }
  out[to++] = high;
  return to;
}

function longBytes(value: number): number {
  let bytes = 1;
  for (let rest = 2 * (value >= 0 ? value : -value - 1); rest > 0x7f; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}

/**
 * The short way for a value that is plainly right and small. Where it ends; -1 for every other value, right or wrong, which
 * `write` then judges: so each refusal has one place. What it wrote until then is written over.
 */
function writeShort(plan: Plan, value: unknown, out: Uint8Array, at: number, limit: number): number {
  if (at >= limit) return -1;
  switch (plan.op) {
    case 'optional':
      if (value === null) {
        out[at] = 0;
        return at + 1;
      }
      out[at] = 2;
      return writeShort(plan.inner[0] as Plan, value, out, at + 1, limit);
    case 'string':
      return typeof value === 'string' ? writeShortString(value, out, at, limit) : -1;
    case 'fixed': {
      const size = plan.size;
      if (!(value instanceof Uint8Array) || value.length !== size || size > SHORT_BYTES || size > limit - at) return -1;
      for (let i = 0; i < size; i++) out[at + i] = value[i] as number;
      return at + size;
    }
    case 'enum': {
      const index = plan.indexes.get(value as string);
      if (index === undefined || index >= 0x40) return -1;
      out[at] = index << 1;
      return at + 1;
    }
    case 'int':
    case 'long':
      if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < plan.min || value > plan.max) return -1;
      return limit - at < VARINT_BYTES_MAX ? -1 : putLong(value, out, at);
    case 'array':
      if (!Array.isArray(value) || value.length !== 0) return -1;
      out[at] = 0;
      return at + 1;
    default:
      return -1;
  }
}

/** A string of few ASCII characters: below some tens a loop beats a call into the runtime. -1 for any other. */
function writeShortString(text: string, out: Uint8Array, at: number, limit: number): number {
  const length = text.length;
  if (length >= SHORT_CHARACTERS || length >= limit - at) return -1;
  out[at] = length << 1;
  let to = at + 1;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 0x80) return -1;
    out[to++] = code;
  }
  return to;
}

function refuse(plan: Plan, value: unknown, wanted: string): WireError {
  // The value itself is not shown: it may be what must not be logged.
  const got = value === null ? 'null' : Array.isArray(value) ? 'a list' : typeof value;
  return new WireError('not_encodable', `${plan.label}: ${got} where ${wanted} is wanted`);
}

function utf8Length(plan: Plan, text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x80) continue;
    bytes++;
    if (code < 0x800) continue;
    if (code >= 0xd800 && code <= 0xdfff) {
      const next = text.charCodeAt(i + 1);
      if (code > 0xdbff || !(next >= 0xdc00 && next <= 0xdfff)) {
        throw new WireError('not_encodable', `${plan.label}: a string has half a surrogate pair; it is not text`);
      }
      i++;
    }
    bytes++;
  }
  return bytes;
}

/** Order of the UTF-8 bytes, which is the order of code points and not JavaScript's order of strings. */
function byBytes(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    // Surrogates stand for code points above every other 16-bit unit.
    const xHigh = x >= 0xd800 && x <= 0xdfff;
    const yHigh = y >= 0xd800 && y <= 0xdfff;
    return xHigh === yHigh ? x - y : xHigh ? 1 : -1;
  }
  return a.length - b.length;
}
