import { headCodec } from '@sealtrail/wire';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { containerFrame, RowReader, RowWriter, readRows, textOf, type ValueType, valueTypes } from '../../src/sql/index.ts';

const { text, bytes, int, long, fixed, optional, list } = valueTypes;

/** What FORMAT Avro and our container have in common: rows behind a head, a mark after each block. */
function container(fields: readonly { name: string; type: ValueType }[], rows: readonly Record<string, unknown>[]): Uint8Array {
  const writer = new RowWriter(1);
  for (const row of rows) for (const { name, type } of fields) writer.value(type, row[name]);
  const { head, tail } = containerFrame(fields, { rows: rows.length, bytes: writer.bytes.length });
  return Buffer.concat([head, writer.bytes, tail]);
}

const fields = [
  { name: 'text', type: text },
  { name: 'bytes', type: bytes },
  { name: 'int', type: int },
  { name: 'long', type: long },
  { name: 'fixed', type: fixed(3) },
  { name: 'optional', type: optional(text) },
  { name: 'list', type: list(fixed(2)) },
];
const anyBytes = (minLength: number, maxLength: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength, maxLength });
const rows = fc.array(
  fc.record({
    text: fc.string({ unit: 'binary' }),
    bytes: anyBytes(0, 300),
    int: fc.integer(),
    long: fc.oneof(fc.maxSafeInteger(), fc.constantFrom(0, -1, 63, 64, -64, -65, 2 ** 53 - 1, 1 - 2 ** 53)),
    fixed: anyBytes(3, 3),
    optional: fc.option(fc.string(), { nil: null }),
    list: fc.array(anyBytes(2, 2)),
  }),
);

describe('rows as Avro', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(rows, (some) => {
        expect(readRows(container(fields, some), fields)).toEqual(some);
      }),
    );
  });

  it('stand as the codecs of the schemas write them', () => {
    const hash = anyBytes(32, 32);
    const head = fc.record({ log: anyBytes(16, 16), size: fc.maxSafeInteger(), entries: fc.maxSafeInteger(), last: hash, root: hash });
    fc.assert(
      fc.property(head, (value) => {
        const writer = new RowWriter();
        for (const field of headCodec().fields) writer.value(field, value[field.name as keyof typeof value]);
        expect(Buffer.from(writer.bytes)).toEqual(Buffer.from(headCodec().encode(value)));
      }),
    );
  });

  it('of no rows, and of nothing, are none', () => {
    expect(readRows(container(fields, []), fields)).toEqual([]);
    expect(readRows(new Uint8Array(0), fields)).toEqual([]);
  });

  it('cut short anywhere are never part of the rows', () => {
    const some = fc.sample(rows, { numRuns: 1, seed: 3 })[0] ?? [];
    const whole = container(fields, some);
    // Cut before its one block, a container has no rows; anywhere else it is none.
    const { head } = containerFrame(fields, { rows: 0, bytes: 0 });
    const empty = head.length - 2;
    for (let end = 1; end < whole.length; end++) {
      if (end === empty) expect(readRows(whole.subarray(0, end), fields)).toEqual([]);
      else expect(() => readRows(whole.subarray(0, end), fields)).toThrow(expect.objectContaining({ code: 'store_corrupt' }));
    }
  });

  it('take only what has a place: whole numbers, as many bytes as the type says, its symbols', () => {
    const writer = new RowWriter();
    for (const value of [0.5, Number.NaN, 2 ** 53]) expect(() => writer.value(long, value)).toThrow(RangeError);
    expect(() => writer.value(fixed(16), new Uint8Array(15))).toThrow(RangeError);
    expect(() => writer.value({ ...text, op: 'enum', symbols: ['A'] }, 'B')).toThrow(RangeError);
  });
});

const varint = (value: bigint): Uint8Array => {
  const out: number[] = [];
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  for (; rest > 127n; rest >>= 7n) out.push(Number(rest & 127n) | 128);
  return Uint8Array.from([...out, Number(rest)]);
};

describe('numbers beyond 2^53', () => {
  it('are near as numbers, and exact as literals', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }), (value) => {
        const near = new RowReader(varint(value)).long();
        expect(Math.abs(near - Number(value))).toBeLessThanOrEqual(Math.abs(Number(value)) / 2 ** 50);
        expect(Number.isSafeInteger(near)).toBe(value > -(1n << 53n) && value < 1n << 53n);
        expect(new RowReader(varint(value)).literal(long)).toBe(`toInt64('${value}')`);
      }),
    );
  });
});

describe('text', () => {
  it('that is well-formed is itself', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        expect(textOf(new TextEncoder().encode(value))).toBe(value);
      }),
    );
  });

  it('that is not is told from every text that is, and from every other', () => {
    fc.assert(
      fc.property(anyBytes(0, 12), anyBytes(0, 12), (a, b) => {
        const [first, second] = [textOf(a), textOf(b)];
        expect(first === second).toBe(Buffer.compare(a, b) === 0);
        const wellFormed = Buffer.from(Buffer.from(a).toString('utf8')).equals(a);
        expect(first.isWellFormed()).toBe(wellFormed);
      }),
      { numRuns: 500 },
    );
  });
});
