import fc from 'fast-check';
import { expect, it } from 'vitest';
import { RowWriter } from '../../src/sql/avro-writer.ts';
import { batchRows, type RowsOfBatch } from '../../src/sql/entry-rows.ts';
import { valueTypes } from '../../src/sql/value-types.ts';

const batch: fc.Arbitrary<RowsOfBatch> = fc
  .record({
    sizes: fc.array(fc.oneof(fc.nat(3), fc.nat(600)), { minLength: 1, maxLength: 140 }),
    before: fc.nat(50),
    behind: fc.nat(20),
    shared: fc.uint8Array({ maxLength: 300 }),
    first_entry: fc.oneof(fc.nat(200), fc.constantFrom(2 ** 31 - 20, 2 ** 40, 2 ** 53 - 50)),
    filler: fc.nat(255),
  })
  .map(({ sizes, before, behind, shared, first_entry, filler }) => {
    const ends = new Uint32Array(3 * sizes.length);
    let at = before;
    sizes.forEach((size, i) => {
      ends.set([at + (size >> 2), at + (size >> 1), at + size], 3 * i);
      at += size;
    });
    const record = Uint8Array.from({ length: at + behind }, (_, i) => (i * 7 + (i >> 8) + filler) & 0xff);
    const leaves = Uint8Array.from({ length: 32 * sizes.length }, (_, i) => (i * 13 + (i >> 8)) & 0xff);
    return { batch: { record, first_event: before, ends, leaves }, shared, first_entry };
  });

it('rows of batches are shared columns, first entry, array of events, array of leaves, one after the other', () => {
  const { fixed, list } = valueTypes;
  fc.assert(
    fc.property(fc.array(batch, { minLength: 1, maxLength: 4 }), (parts) => {
      const wanted = new RowWriter(16);
      for (const { batch: one, shared, first_entry } of parts) {
        const count = one.leaves.length / 32;
        wanted.raw(shared);
        wanted.long(first_entry);
        wanted.long(count);
        wanted.raw(one.record, one.first_event, one.ends[one.ends.length - 1]);
        wanted.long(0);
        wanted.value(
          list(fixed(32)),
          Array.from({ length: count }, (_, i) => one.leaves.subarray(32 * i, 32 * i + 32)),
        );
      }
      expect(Buffer.concat([...batchRows(parts)]).toString('hex')).toBe(Buffer.from(wanted.bytes).toString('hex'));
    }),
  );
});
