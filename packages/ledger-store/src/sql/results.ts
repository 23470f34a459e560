/**
 * Answers to analysts: FORMAT RowBinaryWithNamesAndTypes as values that JSON can carry. A 64-bit number is a number where
 * that is exact and a text elsewhere; a FixedString is lower-case hex; times are ISO 8601 in UTC with all their ticks.
 */
import { hexOf } from '@sealtrail/merkle';
import { LedgerStoreError, type SqlResult } from '../port.ts';
import { parseResultType, type ResultType } from './result-types.ts';

/** Throws `query_failed` when a column's type has no value in JSON. */
export function readResult(bytes: Uint8Array): SqlResult {
  // A statement without an answer gives no bytes, not even of its columns.
  if (bytes.length === 0) return { columns: [], rows: [] };
  const reader = new BinaryReader(bytes);
  const count = reader.varint();
  const names = Array.from({ length: count }, () => reader.text());
  const types = Array.from({ length: count }, () => reader.text());
  const columns = names.map((name, i) => ({ name, type: types[i] as string }));
  const readers = columns.map(({ name, type }) => valueReader(name, type));
  const rows: Record<string, unknown>[] = [];
  while (reader.left > 0) {
    const row: [string, unknown][] = readers.map((read, i) => [names[i] as string, read(reader)]);
    rows.push(Object.fromEntries(row));
  }
  return { columns, rows };
}

type Read = (reader: BinaryReader) => unknown;

function valueReader(column: string, type: string): Read {
  try {
    return readerOf(parseResultType(type));
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new LedgerStoreError('query_failed', `column ${column} has type ${type}, which has no value in JSON: select toString(…) of it`, {
      cause,
    });
  }
}

/** Throws RangeError for a type that is not supported. */
function readerOf(type: ResultType): Read {
  const [size = 0] = type.numbers;
  const simple = SIMPLE[type.name];
  if (simple !== undefined) return simple;
  if (type.name.startsWith('Interval')) return (reader) => exact(reader.integer(8, true));
  switch (type.name) {
    case 'FixedString':
      return (reader) => hexOf(reader.take(size));
    case 'DateTime64':
      return (reader) => isoTime(reader.integer(8, true), size);
    case 'Enum8':
    case 'Enum16': {
      const width = type.name === 'Enum8' ? 1 : 2;
      return (reader) => type.symbols.get(Number(reader.integer(width, true))) ?? null;
    }
    case 'Decimal': {
      const [precision = 0, scale = 0] = type.numbers;
      const width = precision <= 9 ? 4 : precision <= 18 ? 8 : precision <= 38 ? 16 : 32;
      return (reader) => decimal(reader.integer(width, true), scale);
    }
    case 'LowCardinality':
    case 'SimpleAggregateFunction':
      return readerOf(type.types[type.types.length - 1] as ResultType);
    case 'Nullable': {
      const inner = readerOf(type.types[0] as ResultType);
      return (reader) => (reader.byte() === 1 ? null : inner(reader));
    }
    case 'Array': {
      const inner = readerOf(type.types[0] as ResultType);
      return (reader) => Array.from({ length: reader.varint() }, () => inner(reader));
    }
    case 'Tuple': {
      const inner = type.types.map(readerOf);
      const { names } = type;
      if (names === null) return (reader) => inner.map((read) => read(reader));
      return (reader) => Object.fromEntries(inner.map((read, i): [string, unknown] => [names[i] as string, read(reader)]));
    }
    case 'Map': {
      const [key, value] = type.types.map(readerOf) as [Read, Read];
      return (reader) =>
        Object.fromEntries(Array.from({ length: reader.varint() }, (): [string, unknown] => [String(key(reader)), value(reader)]));
    }
    default:
      throw new RangeError(`type ${type.name}`);
  }
}

const DAY_MS = 86_400_000;
const whole =
  (bytes: number, signed: boolean): Read =>
  (reader) =>
    exact(reader.integer(bytes, signed));

const SIMPLE: Readonly<Record<string, Read>> = {
  UInt8: whole(1, false),
  UInt16: whole(2, false),
  UInt32: whole(4, false),
  UInt64: whole(8, false),
  UInt128: whole(16, false),
  UInt256: whole(32, false),
  Int8: whole(1, true),
  Int16: whole(2, true),
  Int32: whole(4, true),
  Int64: whole(8, true),
  Int128: whole(16, true),
  Int256: whole(32, true),
  Bool: (reader) => reader.byte() === 1,
  Float32: (reader) => float(reader.view(4).getFloat32(0, true)),
  Float64: (reader) => float(reader.view(8).getFloat64(0, true)),
  String: (reader) => reader.text(),
  UUID: (reader) => {
    // Two little-endian halves.
    const high = reader.take(8).toReversed();
    const low = reader.take(8).toReversed();
    return (hexOf(high) + hexOf(low)).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  },
  Date: (reader) => isoDate(Number(reader.integer(2, false))),
  Date32: (reader) => isoDate(Number(reader.integer(4, true))),
  DateTime: (reader) => isoTime(reader.integer(4, false), 0),
  IPv4: (reader) => [...reader.take(4)].reverse().join('.'),
  IPv6: (reader) => ipv6(reader.take(16)),
  Nothing: () => null,
};

const exact = (value: bigint): number | string =>
  value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value.toString();

/** JSON has no infinity and no NaN: their names. */
const float = (value: number): number | string => (Number.isFinite(value) ? value : String(value));

const isoDate = (days: number): string => new Date(days * DAY_MS).toISOString().slice(0, 10);

function isoTime(ticks: bigint, precision: number): string {
  const scale = 10n ** BigInt(precision);
  const rest = ((ticks % scale) + scale) % scale;
  const seconds = Number((ticks - rest) / scale);
  const fraction = precision === 0 ? '' : `.${rest.toString().padStart(precision, '0')}`;
  return `${new Date(seconds * 1000).toISOString().replace(/\.000Z$/, '')}${fraction}Z`;
}

function decimal(value: bigint, scale: number): string {
  const digits = (value < 0n ? -value : value).toString().padStart(scale + 1, '0');
  const text = scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
  return value < 0n ? `-${text}` : text;
}

/** RFC 5952; an IPv4-mapped address keeps its dotted part. */
function ipv6(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => (((bytes[2 * i] as number) << 8) | (bytes[2 * i + 1] as number)).toString(16));
  if (groups.slice(0, 5).every((group) => group === '0') && groups[5] === 'ffff') return `::ffff:${bytes.subarray(12).join('.')}`;
  let start = -1;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (groups[end] === '0') end++;
    if (end - i > length) {
      start = i;
      length = end - i;
    }
  }
  if (start < 0) return groups.join(':');
  return `${groups.slice(0, start).join(':')}::${groups.slice(start + length).join(':')}`;
}

class BinaryReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  take(size: number): Uint8Array {
    if (size > this.left) throw new LedgerStoreError('query_failed', 'the answer of the engine ends early: ask again');
    this.#at += size;
    return this.#bytes.subarray(this.#at - size, this.#at);
  }

  byte(): number {
    return this.take(1)[0] as number;
  }

  view(size: number): DataView {
    const bytes = this.take(size);
    return new DataView(bytes.buffer, bytes.byteOffset, size);
  }

  /** Little-endian. */
  integer(size: number, signed: boolean): bigint {
    const bytes = this.take(size);
    let value = 0n;
    for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i] as number);
    return signed ? BigInt.asIntN(size * 8, value) : value;
  }

  /** LEB128, of lengths. */
  varint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  }

  text(): string {
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(this.take(this.varint()));
  }
}
