import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RecordBatches } from '../src/record-batches.ts';

const require = createRequire(import.meta.url);
/** kafkajs's own encoders, which someone else wrote. */
const { RecordBatch } = require('kafkajs/src/protocol/recordBatch/v0') as {
  RecordBatch: (batch: object) => Promise<{ readonly buffer: Buffer }>;
};
const encodeRecord = require('kafkajs/src/protocol/recordBatch/record/v0') as (record: object) => unknown;

interface Written {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly time_ms: number;
}

async function batchOf(records: readonly Written[], first_offset: number, compression = 0): Promise<Buffer> {
  const firstTimestamp = records[0]?.time_ms ?? 0;
  const { buffer } = await RecordBatch({
    compression,
    firstOffset: first_offset,
    firstTimestamp,
    maxTimestamp: Math.max(0, ...records.map(({ time_ms }) => time_ms)),
    lastOffsetDelta: Math.max(0, records.length - 1),
    records: records.map(({ key, value, time_ms }, i) =>
      encodeRecord({ key, value, offsetDelta: i, timestampDelta: time_ms - firstTimestamp, headers: { name: 'value' } }),
    ),
  });
  return buffer;
}

const place = { topic: 't', partition: 3 };
const expanded_bytes_max = 1_000_000;

async function decodeAll(bytes: Buffer): Promise<{ readonly records: readonly object[]; readonly next: number | null }> {
  const batches = new RecordBatches(place, bytes, expanded_bytes_max);
  const records: object[] = [];
  let next: number | null = null;
  for (let batch = await batches.next(); batch !== null; batch = await batches.next()) {
    records.push(...batch.records);
    next = batch.next_offset;
  }
  return { records, next };
}

const bytes = fc.option(fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array)));
const written = fc.record({ key: bytes, value: bytes, time_ms: fc.integer({ min: 0, max: 2 ** 42 }) });

describe('record batches', () => {
  it('are read as kafkajs writes them, compressed or not', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(written, { minLength: 1, maxLength: 20 }), { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 0, max: 2 ** 40 }),
        fc.constantFrom(0, 1),
        async (written_batches, first_offset, compression) => {
          const buffers: Buffer[] = [];
          let offset = first_offset;
          for (const batch of written_batches) {
            buffers.push(await batchOf(batch, offset, compression));
            offset += batch.length;
          }
          const { records, next } = await decodeAll(Buffer.concat(buffers));
          expect(next).toBe(offset);
          expect(records).toEqual(
            written_batches.flat().map(({ key, value, time_ms }, i) => ({
              ...place,
              offset: first_offset + i,
              appended_at_ms: time_ms,
              time_type: 'create_time',
              key,
              value,
            })),
          );
        },
      ),
      { numRuns: 60 },
    );
  });

  it('that are cut at the end give what is whole', async () => {
    const one = await batchOf([{ key: null, value: Buffer.from('a'), time_ms: 1 }], 5);
    for (let length = 0; length < one.length; length += 1) {
      const { records, next } = await decodeAll(Buffer.concat([one, one.subarray(0, length)]));
      expect([records.length, next]).toEqual([1, 6]);
    }
  });

  it('tell the log’s own time, which is one for the whole batch', async () => {
    const batch = await batchOf(
      [1, 9, 4].map((time_ms) => ({ key: null, value: Buffer.from('a'), time_ms })),
      0,
    );
    batch.writeInt16BE(batch.readInt16BE(21) | 0x08, 21);
    const { records } = await decodeAll(batch);
    expect(records).toEqual(
      [0, 1, 2].map((offset) => expect.objectContaining({ offset, appended_at_ms: 9, time_type: 'log_append_time' })),
    );
  });

  it('without records, or of markers alone, tell where they end', async () => {
    const empty = await batchOf([], 7);
    empty.writeInt32BE(4, 23);
    expect(await decodeAll(empty)).toEqual({ records: [], next: 12 });
    const markers = await batchOf([{ key: Buffer.alloc(4), value: Buffer.alloc(6), time_ms: 1 }], 7);
    markers.writeInt16BE(0x30, 21);
    expect(await decodeAll(markers)).toEqual({ records: [], next: 8 });
  });

  it('that expand to more than the limit are not expanded', async () => {
    const bomb = await batchOf([{ key: null, value: Buffer.alloc(expanded_bytes_max), time_ms: 1 }], 7, 1);
    expect(bomb.length).toBeLessThan(10_000);
    await expect(decodeAll(bomb)).rejects.toMatchObject({ code: 'log_corrupt', message: expect.stringContaining('t/3 from offset 7 on') });
  });

  it('with a compression or a format that is not read are named', async () => {
    const batch = await batchOf([{ key: null, value: Buffer.from('a'), time_ms: 1 }], 7);
    batch.writeInt16BE(3, 21);
    await expect(decodeAll(batch)).rejects.toThrow(/lz4.*compression\.type to uncompressed/);
    batch.writeInt16BE(0, 21);
    batch.writeInt8(1, 16);
    await expect(decodeAll(batch)).rejects.toThrow(/message format 1/);
  });

  it('that are damaged end in an error of this package, whatever the damage', async () => {
    const batch = await batchOf(
      [1, 2, 3].map((time_ms) => ({ key: Buffer.from('k'), value: Buffer.from('value'), time_ms })),
      0,
    );
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 16, max: batch.length - 1 }), fc.integer({ min: 0, max: 255 }), async (at, byte) => {
        const damaged = Buffer.from(batch);
        damaged[at] = byte;
        await decodeAll(damaged).catch((error: unknown) => expect(error).toMatchObject({ code: 'log_corrupt' }));
      }),
      { numRuns: 300 },
    );
  });
});
