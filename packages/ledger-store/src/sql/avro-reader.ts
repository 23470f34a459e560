/**
 * Rows as FORMAT Avro gives them. Reading is lenient where the canonical form is strict: rows may hold anything that was
 * written over them, and each must be given as it stands.
 */
import { LedgerStoreError } from '../port.ts';
import type { RowField } from './avro-writer.ts';
import { bytesLiteral, fixedLiteral } from './literals.ts';
import type { ValueType } from './value-types.ts';

/**
 * Settings of every read: rows as they are, not packed; and no cache of which blocks held rows of a condition, which
 * does not see that a row was altered.
 */
export const READ_SETTINGS = "SETTINGS output_format_avro_codec = 'null', use_query_condition_cache = 0";

/** Reads Avro values one after the other. Throws RangeError at the end of the bytes. */
export class RowReader {
  readonly bytes: Uint8Array;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** A zigzag varint. Beyond 2^53 the nearest number, which no record's encoder accepts. */
  long(): number {
    let low = 0;
    let scale = 1;
    let rest = 0;
    let shift = 0;
    let first = 0;
    for (;;) {
      const byte = this.#byte();
      if (shift === 0) {
        first = byte & 1;
        low = (byte & 0x7f) >>> 1;
        scale = 64;
      } else {
        rest += (byte & 0x7f) * scale;
        scale *= 128;
      }
      if (byte < 0x80) break;
      shift += 7;
    }
    const half = rest + low;
    return first === 0 ? half : -half - 1;
  }

  /** The bytes of a string or bytes, as a view. */
  span(): Uint8Array {
    return this.fixed(this.long());
  }

  fixed(size: number): Uint8Array {
    const end = this.at + size;
    if (size < 0 || end > this.bytes.length) throw new RangeError('the rows end early');
    const view = this.bytes.subarray(this.at, end);
    this.at = end;
    return view;
  }

  value(type: ValueType): unknown {
    switch (type.op) {
      case 'string':
        return textOf(this.span());
      case 'bytes':
        return new Uint8Array(this.span());
      case 'int':
      case 'long':
        return this.long();
      case 'boolean':
        return this.#byte() !== 0;
      case 'double': {
        const bytes = this.fixed(8);
        return new DataView(bytes.buffer, bytes.byteOffset, 8).getFloat64(0, true);
      }
      case 'enum':
        return type.symbols[this.long()];
      case 'fixed':
        return new Uint8Array(this.fixed(type.size));
      case 'optional':
        return this.long() === 0 ? null : this.value(type.inner[0] as ValueType);
      case 'array': {
        const items: unknown[] = [];
        for (let count = this.#block(); count > 0; count = this.#block()) {
          for (; count > 0; count--) items.push(this.value(type.inner[0] as ValueType));
        }
        return items;
      }
      case 'map': {
        const pairs = new Map<string, string>();
        for (let count = this.#block(); count > 0; count = this.#block()) {
          for (; count > 0; count--) pairs.set(textOf(this.span()), textOf(this.span()));
        }
        return pairs;
      }
      case 'record':
        return Object.fromEntries(type.inner.map((field) => [field.name, this.value(field)]));
    }
  }

  skip(type: ValueType): void {
    switch (type.op) {
      case 'string':
      case 'bytes':
        this.span();
        return;
      case 'int':
      case 'long':
      case 'enum':
        while (this.#byte() >= 0x80);
        return;
      case 'boolean':
        this.fixed(1);
        return;
      case 'double':
        this.fixed(8);
        return;
      case 'fixed':
        this.fixed(type.size);
        return;
      case 'optional':
        if (this.long() !== 0) this.skip(type.inner[0] as ValueType);
        return;
      case 'array':
        for (let count = this.#block(); count > 0; count = this.#block()) {
          for (; count > 0; count--) this.skip(type.inner[0] as ValueType);
        }
        return;
      case 'map':
        for (let count = this.#block(); count > 0; count = this.#block()) {
          for (; count > 0; count--) {
            this.span();
            this.span();
          }
        }
        return;
      case 'record':
        for (const field of type.inner) this.skip(field);
        return;
    }
  }

  /** The value as a SQL literal, exactly: also of numbers beyond 2^53 and of texts that are none. */
  literal(type: ValueType): string {
    switch (type.op) {
      case 'string':
        return bytesLiteral(this.span());
      case 'fixed':
        return fixedLiteral(this.fixed(type.size));
      case 'int':
      case 'long':
        return `toInt64('${this.#exact()}')`;
      default:
        throw new RangeError(`rows are not ordered by a ${type.op}`);
    }
  }

  #exact(): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    return (value & 1n) === 0n ? value >> 1n : -(value >> 1n) - 1n;
  }

  /** Count of a block of an array or map; a negative one is followed by the block's size. */
  #block(): number {
    const count = this.long();
    if (count >= 0) return count;
    this.long();
    return -count;
  }

  #byte(): number {
    const byte = this.bytes[this.at++];
    if (byte === undefined) throw new RangeError('the rows end early');
    return byte;
  }
}

const SYNC_BYTES = 16;
const MAGIC_BYTES = 4;

/** Calls `row` for each row of a container file without compression. Throws `store_corrupt` for bytes that are none. */
export function readContainer(bytes: Uint8Array, row: (reader: RowReader) => void): void {
  // No rows at all: the engine may answer with nothing.
  if (bytes.length === 0) return;
  const reader = new RowReader(bytes);
  try {
    reader.fixed(MAGIC_BYTES);
    for (let count = reader.long(); count > 0; count = reader.long()) {
      for (; count > 0; count--) {
        reader.span();
        reader.span();
      }
    }
    reader.fixed(SYNC_BYTES);
    while (reader.at < bytes.length) {
      const rows = reader.long();
      const end = reader.long() + reader.at;
      for (let i = 0; i < rows; i++) row(reader);
      if (reader.at !== end) throw new RangeError('a block is not as long as it says');
      reader.fixed(SYNC_BYTES);
    }
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new LedgerStoreError('store_corrupt', "the engine's answer is not the rows that were asked for: report it", { cause });
  }
}

/** All rows as objects. */
export function readRows(bytes: Uint8Array, fields: readonly RowField[]): Record<string, unknown>[] {
  const rows: Record<string, unknown>[] = [];
  readContainer(bytes, (reader) => {
    const row: Record<string, unknown> = {};
    for (const { name, type } of fields) row[name] = reader.value(type);
    rows.push(row);
  });
  return rows;
}

const decodeUtf8 = (bytes: Uint8Array): string => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);

/**
 * Text of UTF-8. A byte that belongs to no character becomes half a surrogate pair (U+DC00 + byte), which no encoder
 * accepts: so an altered text stays told from every well-formed one.
 */
export function textOf(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const text = buffer.toString('utf8');
  if (!text.includes('\ufffd')) return text;
  try {
    return decodeUtf8(bytes);
  } catch {
    return escapedText(bytes);
  }
}

function escapedText(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const size = characterBytes(bytes, at);
    if (size > 0) text += decodeUtf8(bytes.subarray(at, at + size));
    else text += String.fromCharCode(0xdc00 + (bytes[at] as number));
    at += Math.max(size, 1);
  }
  return text;
}

/** Bytes of the well-formed character at a place; 0 when there is none. */
function characterBytes(bytes: Uint8Array, at: number): number {
  for (let size = 1; size <= 4 && at + size <= bytes.length; size++) {
    try {
      decodeUtf8(bytes.subarray(at, at + size));
      return size;
    } catch {
      // A longer one may be well-formed.
    }
  }
  return 0;
}
