/**
 * A second, slow reading of the canonical form (docs/spec/canonical-avro.md), straight from a schema's JSON: BigInt numbers,
 * the platform's UTF-8 decoder, whole lists. It shares no code with the package, and keeps where everything stands.
 */
export type TokenKind = 'count' | 'close' | 'length' | 'branch' | 'symbol' | 'number' | 'text' | 'fixed';

export interface Token {
  readonly kind: TokenKind;
  readonly start: number;
  readonly end: number;
}

/** A non-empty array or map: where its count, each of its items, and its closing zero stand. */
export interface Block {
  readonly isMap: boolean;
  readonly count: Token;
  readonly items: readonly { readonly start: number; readonly end: number }[];
}

export interface NaiveReading {
  readonly tokens: readonly Token[];
  readonly blocks: readonly Block[];
  readonly end: number;
}

class NotCanonical extends Error {}

type Json = string | readonly Json[] | { readonly [key: string]: Json };
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const TIME_END_MS = 7_258_118_400_000n;

/** Zigzag varint of any whole number. */
export function varint(value: bigint): number[] {
  let rest = value >= 0n ? value * 2n : -value * 2n - 1n;
  const out: number[] = [];
  for (; rest > 127n; rest >>= 7n) out.push(Number(rest & 127n) | 128);
  out.push(Number(rest));
  return out;
}

/** null when bytes[from…] do not begin with the canonical encoding of the schema's type. */
export type NaiveReader = (bytes: Uint8Array, from?: number) => NaiveReading | null;

export function naiveReader(schema: unknown): NaiveReader {
  const named = new Map<string, Json>();
  const collect = (node: Json): void => {
    if (typeof node !== 'object' || node === null) return;
    for (const inner of Object.values(node)) collect(inner as Json);
    const { name, type } = node as { readonly [key: string]: Json };
    if (typeof name === 'string' && ['record', 'enum', 'fixed'].includes(type as string)) named.set(name, node);
  };
  collect(schema as Json);
  return (bytes, from = 0) => readNaively(schema as Json, named, bytes, from);
}

function readNaively(schema: Json, named: ReadonlyMap<string, Json>, bytes: Uint8Array, from: number): NaiveReading | null {
  const tokens: Token[] = [];
  const blocks: Block[] = [];
  let at = from;
  const take = (size: number): Uint8Array => {
    if (size > bytes.length - at) throw new NotCanonical();
    at += size;
    return bytes.subarray(at - size, at);
  };
  const number = (kind: TokenKind, min: bigint, max: bigint): bigint => {
    const start = at;
    let zigzag = 0n;
    for (let i = 0n; ; i++) {
      const byte = take(1)[0] as number;
      zigzag |= BigInt(byte & 127) << (7n * i);
      if (byte < 128) break;
    }
    const value = (zigzag & 1n) === 0n ? zigzag >> 1n : -(zigzag >> 1n) - 1n;
    if (varint(value).length !== at - start || value < min || value > max) throw new NotCanonical();
    tokens.push({ kind, start, end: at });
    return value;
  };
  const text = (): Uint8Array => {
    const span = take(Number(number('length', 0n, BigInt(bytes.length))));
    tokens.push({ kind: 'text', start: at - span.length, end: at });
    try {
      utf8.decode(span);
    } catch {
      throw new NotCanonical();
    }
    return span;
  };
  const block = (isMap: boolean, item: () => void): void => {
    const items: { start: number; end: number }[] = [];
    const count = number('count', 0n, BigInt(bytes.length));
    const countToken = tokens[tokens.length - 1] as Token;
    if (count === 0n) return;
    for (let i = 0n; i < count; i++) {
      const start = at;
      item();
      items.push({ start, end: at });
    }
    number('close', 0n, 0n);
    blocks.push({ isMap, count: countToken, items });
  };
  const read = (type: Json, logical: Json | undefined): void => {
    if (Array.isArray(type)) {
      const branch = Number(number('branch', 0n, BigInt(type.length - 1)));
      return read(type[branch] as Json, undefined);
    }
    if (typeof type === 'object') {
      const object = type as { readonly [key: string]: Json };
      switch (object['type']) {
        case 'record':
          for (const field of object['fields'] as readonly { readonly type: Json }[]) read(field.type, undefined);
          return;
        case 'array':
          return block(false, () => read(object['items'] as Json, undefined));
        case 'map': {
          let previous: Uint8Array | null = null;
          return block(true, () => {
            const key = text();
            if (previous !== null && Buffer.compare(previous, key) >= 0) throw new NotCanonical();
            previous = key;
            read(object['values'] as Json, undefined);
          });
        }
        case 'enum':
          number('symbol', 0n, BigInt((object['symbols'] as readonly Json[]).length - 1));
          return;
        case 'fixed': {
          const start = at;
          take(Number(object['size']));
          tokens.push({ kind: 'fixed', start, end: at });
          return;
        }
        default:
          return read(object['type'] as Json, object['logicalType']);
      }
    }
    switch (type) {
      case 'null':
        return;
      case 'string':
        text();
        return;
      case 'bytes':
        take(Number(number('length', 0n, BigInt(bytes.length))));
        return;
      case 'int':
        number('number', -(2n ** 31n), 2n ** 31n - 1n);
        return;
      case 'long':
        if (logical === 'timestamp-millis') number('number', 0n, TIME_END_MS - 1n);
        else if (logical === 'timestamp-micros') number('number', 0n, TIME_END_MS * 1000n - 1n);
        else number('number', -(2n ** 53n) + 1n, 2n ** 53n - 1n);
        return;
      default:
        return read(named.get((type as string).replace(/^.*\./, '')) as Json, undefined);
    }
  };
  try {
    read(schema, undefined);
  } catch (error) {
    if (error instanceof NotCanonical) return null;
    throw error;
  }
  return { tokens, blocks, end: at };
}
