/** Rows as Avro, for inserts: an object container file (Avro 1.12, "Object Container Files") of one block. */
import { type ValueType, valueTypes } from './value-types.ts';

/** A field of a container's rows. */
export interface RowField {
  readonly name: string;
  readonly type: ValueType;
}

const FIRST_ROOM = 65_536;
export const LONG_BYTES_MAX = 10;

/** Zigzag varint of a safe integer, where there is room for 10 bytes. Where it ends. Throws RangeError for anything else. */
export function putLong(value: number, out: Uint8Array, start: number): number {
  if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is not a whole number`);
  let at = start;
  const negative = value < 0;
  // The zigzag value may pass 2^53: kept as its lowest bit and the rest.
  let rest = negative ? -value - 1 : value;
  let byte = (rest % 64) * 2 + (negative ? 1 : 0);
  rest = Math.floor(rest / 64);
  while (rest > 0) {
    out[at++] = byte | 0x80;
    byte = rest % 128;
    rest = Math.floor(rest / 128);
  }
  out[at++] = byte;
  return at;
}

/** Appends Avro values to a buffer that grows. Values are taken as they are: what may be stored is others' to say. */
export class RowWriter {
  #out: Buffer;
  #at = 0;

  constructor(room: number = FIRST_ROOM) {
    this.#out = Buffer.allocUnsafe(room);
  }

  /** What was written, as a view: valid until more is. */
  get bytes(): Uint8Array {
    return this.#out.subarray(0, this.#at);
  }

  raw(bytes: Uint8Array, start = 0, end: number = bytes.length): void {
    this.#room(end - start);
    this.#out.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), this.#at);
    this.#at += end - start;
  }

  /** Zigzag varint of a safe integer. Throws RangeError for anything else. */
  long(value: number): void {
    this.#room(LONG_BYTES_MAX);
    this.#at = putLong(value, this.#out, this.#at);
  }

  value(type: ValueType, value: unknown): void {
    switch (type.op) {
      case 'string': {
        const text = value as string;
        const size = Buffer.byteLength(text);
        this.long(size);
        this.#room(size);
        this.#at += this.#out.write(text, this.#at, size);
        return;
      }
      case 'bytes':
        this.long((value as Uint8Array).length);
        this.raw(value as Uint8Array);
        return;
      case 'int':
      case 'long':
        this.long(value as number);
        return;
      case 'boolean':
        this.raw(Uint8Array.of(value === true ? 1 : 0));
        return;
      case 'double': {
        const bytes = new Uint8Array(8);
        new DataView(bytes.buffer).setFloat64(0, value as number, true);
        this.raw(bytes);
        return;
      }
      case 'enum': {
        const index = type.symbols.indexOf(value as string);
        if (index < 0) throw new RangeError(`${type.name}: not one of ${type.symbols.join(', ')}`);
        this.long(index);
        return;
      }
      case 'fixed':
        if ((value as Uint8Array).length !== type.size) throw new RangeError(`${type.name}: not ${type.size} bytes`);
        this.raw(value as Uint8Array);
        return;
      case 'optional':
        this.long(value === null ? 0 : 1);
        if (value !== null) this.value(type.inner[0] as ValueType, value);
        return;
      case 'array': {
        const items = value as readonly unknown[];
        if (items.length > 0) this.long(items.length);
        for (const item of items) this.value(type.inner[0] as ValueType, item);
        this.long(0);
        return;
      }
      case 'record':
        for (const field of type.inner) this.value(field, (value as Readonly<Record<string, unknown>>)[field.name]);
        return;
      case 'map': {
        const pairs = sortedPairs(value as ReadonlyMap<string, string>);
        if (pairs.length > 0) this.long(pairs.length);
        for (const [key, one] of pairs) {
          this.value(TEXT, key);
          this.value(TEXT, one);
        }
        this.long(0);
        return;
      }
    }
  }

  #room(bytes: number): void {
    const needed = this.#at + bytes;
    if (needed <= this.#out.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#out.length * 2));
    this.#out.copy(larger, 0, 0, this.#at);
    this.#out = larger;
  }
}

const TEXT: ValueType = valueTypes.text;

/** Ascending by the keys' bytes, as the canonical form has them: so a row read again gives the same bytes. */
const sortedPairs = (map: ReadonlyMap<string, string>): readonly (readonly [string, string])[] =>
  [...map].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));

const MAGIC: Uint8Array = Uint8Array.of(0x4f, 0x62, 0x6a, 1);
/** Marks the end of a block. Random in files that are searched for it; these are read once, from the start. */
const SYNC: Uint8Array = new TextEncoder().encode('sealtrail insert');

export interface RowCounts {
  readonly rows: number;
  readonly bytes: number;
  /** Rows that the table gets of them, where these are others. */
  readonly inserted?: number;
}

/** What stands before and after the rows of a container file with one block. */
export function containerFrame(
  fields: readonly RowField[],
  { rows, bytes: rowBytes, inserted }: RowCounts,
): { readonly head: Uint8Array; readonly tail: Uint8Array } {
  const head = new RowWriter(1_024);
  const text = (value: string): void => {
    const bytes = new TextEncoder().encode(value);
    head.long(bytes.length);
    head.raw(bytes);
  };
  head.raw(MAGIC);
  head.long(inserted === undefined ? 2 : 3);
  // For whoever has the file alone: what a statement makes of it cannot be told from its rows.
  if (inserted !== undefined) for (const one of ['sealtrail.inserted', String(inserted)]) text(one);
  text('avro.schema');
  text(JSON.stringify(avroSchema(fields)));
  text('avro.codec');
  text('null');
  head.long(0);
  head.raw(SYNC);
  head.long(rows);
  head.long(rowBytes);
  return { head: head.bytes, tail: SYNC };
}

/** The rows' schema. Each named type has a name of its own: nothing reads them. */
function avroSchema(fields: readonly RowField[]): unknown {
  let types = 0;
  const schemaOf = (type: ValueType): unknown => {
    switch (type.op) {
      case 'long':
        return type.logical === null ? 'long' : { type: 'long', logicalType: type.logical };
      case 'enum':
        return { type: 'enum', name: `t${types++}`, symbols: type.symbols };
      case 'fixed':
        return { type: 'fixed', name: `t${types++}`, size: type.size };
      case 'optional':
        return ['null', schemaOf(type.inner[0] as ValueType)];
      case 'array':
        return { type: 'array', items: schemaOf(type.inner[0] as ValueType) };
      case 'map':
        return { type: 'map', values: 'string' };
      case 'record':
        return { type: 'record', name: `t${types++}`, fields: type.inner.map((field) => ({ name: field.name, type: schemaOf(field) })) };
      default:
        return type.op;
    }
  };
  return { type: 'record', name: 'row', fields: fields.map(({ name, type }) => ({ name, type: schemaOf(type) })) };
}
