import fc from 'fast-check';
import { expect, it } from 'vitest';
import { RowWriter } from '../../src/sql/avro-writer.ts';
import { entryRows, type RowsOfBatch } from '../../src/sql/entry-rows.ts';
import type { RowRoom } from '../../src/sql/row-rooms.ts';

const batch: fc.Arbitrary<RowsOfBatch> = fc
  .record({
    sizes: fc.array(fc.oneof(fc.nat(3), fc.nat(600)), { maxLength: 40 }),
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

/** A buffer larger than asked for, with another insert's bytes in it. */
const used: RowRoom = { take: (bytes) => new Uint8Array(bytes + 77).fill(0xa5) };

it('rows of entries are event, shared columns, entry, index, leaf and two nulls, one after the other', () => {
  fc.assert(
    fc.property(fc.array(batch, { maxLength: 4 }), (parts) => {
      const wanted = new RowWriter(16);
      for (const { batch: one, shared, first_entry } of parts) {
        let start = one.first_event;
        for (let index = 0; index < one.ends.length / 3; index++) {
          const end = one.ends[3 * index + 2] as number;
          wanted.raw(one.record, start, end);
          wanted.raw(shared);
          wanted.long(first_entry + index);
          wanted.long(index);
          wanted.raw(one.leaves, 32 * index, 32 * index + 32);
          wanted.long(0);
          wanted.long(0);
          start = end;
        }
      }
      expect(Buffer.from(entryRows(parts, used)).toString('hex')).toBe(Buffer.from(wanted.bytes).toString('hex'));
    }),
  );
});
