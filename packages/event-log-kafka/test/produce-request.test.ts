import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc32c } from '../src/crc32c.ts';
import { type BatchToProduce, encodeRequest, produce_errors } from '../src/produce-request.ts';
import { RecordBatches } from '../src/record-batches.ts';

/** kafkajs's own, which its types do not show. */
const kafkajs = createRequire(import.meta.url);
const kafkajsCrc = kafkajs('kafkajs/src/protocol/recordBatch/crc32C') as (bytes: Buffer) => number;
const kafkajsRequest = kafkajs('kafkajs/src/protocol/requests/produce/v7/request') as (options: unknown) => {
  encode(): Promise<{ readonly buffer: Buffer }>;
};
const { errorCodes } = kafkajs('kafkajs/src/protocol/error') as { readonly errorCodes: readonly { code: number; type: string }[] };

const options = { producer_id: '4611686018427387904', producer_epoch: 7, timeout_ms: 12_345 };

describe('CRC-32C', () => {
  it('gives the examples of RFC 3720, appendix B.4', () => {
    const ascending = Uint8Array.from({ length: 32 }, (_, i) => i);
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
    expect(crc32c(ascending)).toBe(0x46dd794e);
    expect(crc32c(ascending.slice().reverse())).toBe(0x113fdb5c);
  });

  it('agrees with kafkajs on any bytes and any part of them', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(20), fc.nat(20), (bytes, before, behind) => {
        const all = Uint8Array.from([...new Uint8Array(before).fill(1), ...bytes, ...new Uint8Array(behind).fill(2)]);
        expect(crc32c(all, before, before + bytes.length)).toBe(kafkajsCrc(Buffer.from(bytes)));
      }),
    );
  });
});

const record = fc.record({
  key: fc.option(fc.uint8Array({ maxLength: 200 })),
  value: fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.constantFrom(63, 64, 8_191, 8_192, 70_000).map((size) => new Uint8Array(size)),
  ),
});
const batches: fc.Arbitrary<readonly BatchToProduce[]> = fc
  .uniqueArray(fc.record({ topic: fc.constantFrom('audit.events', 'täglich', 'x'), partition: fc.nat(3) }), {
    minLength: 1,
    maxLength: 5,
    selector: ({ topic, partition }) => `${topic}/${partition}`,
  })
  .chain((places) =>
    fc.tuple(
      ...places.map((place) =>
        fc.record({
          topic: fc.constant(place.topic),
          partition: fc.constant(place.partition),
          first_sequence: fc.nat(2 ** 31 - 1),
          time_ms: fc.integer({ min: 0, max: 2 ** 45 }),
          records: fc.array(record, { minLength: 1, maxLength: 70 }),
        }),
      ),
    ),
  );

/** kafkajs writes 0 where no leader epoch is known, the broker's own client -1. The checksum does not cover it. */
function withoutLeaderEpochs(request: Buffer): string {
  const bytes = Buffer.from(request);
  let at = 12;
  for (let topics = bytes.readInt32BE(8); topics > 0; topics -= 1) {
    at += 2 + bytes.readInt16BE(at);
    let partitions = bytes.readInt32BE(at);
    for (at += 4; partitions > 0; partitions -= 1) {
      bytes.writeInt32BE(0, at + 8 + 12);
      at += 8 + bytes.readInt32BE(at + 4);
    }
  }
  expect(at).toBe(bytes.length);
  return bytes.toString('hex');
}

describe('a Produce request', () => {
  it('is what kafkajs sends, to the byte', async () => {
    await fc.assert(
      fc.asyncProperty(batches, async (wanted) => {
        const topics = [...new Set(wanted.map(({ topic }) => topic))];
        const theirs = kafkajsRequest({
          acks: -1,
          timeout: options.timeout_ms,
          producerId: options.producer_id,
          producerEpoch: options.producer_epoch,
          topicData: topics.map((topic) => ({
            topic,
            partitions: wanted
              .filter((batch) => batch.topic === topic)
              .map(({ partition, first_sequence, time_ms, records }) => ({
                partition,
                firstSequence: first_sequence,
                messages: records.map(({ key, value }) => ({
                  key: key === null ? null : Buffer.from(key),
                  value: Buffer.from(value),
                  timestamp: String(time_ms),
                })),
              })),
          })),
        });
        const mine = encodeRequest(wanted, options);
        expect(withoutLeaderEpochs(mine)).toBe(withoutLeaderEpochs((await theirs.encode()).buffer));
      }),
    );
  });

  it('holds batches that are read as they were written', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(record, { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 0, max: 2 ** 45 }),
        async (records, time_ms) => {
          const request = encodeRequest([{ topic: 't', partition: 2, first_sequence: 5, time_ms, records }], options);
          // Up to the batch: transaction, acks, timeout, topics, name, partitions, partition, size.
          const reader = new RecordBatches({ topic: 't', partition: 2 }, request.subarray(2 + 2 + 4 + 4 + 3 + 4 + 4 + 4), 1_000);
          const read = await reader.next();
          expect(read?.next_offset).toBe(records.length);
          expect(read?.records.map(({ offset, appended_at_ms }) => [offset, appended_at_ms])).toEqual(records.map((_, i) => [i, time_ms]));
          const bytesOf = (bytes: Uint8Array | null): string | null => (bytes === null ? null : Buffer.from(bytes).toString('hex'));
          expect(read?.records.map(({ key, value }) => [bytesOf(key), bytesOf(value)])).toEqual(
            records.map(({ key, value }) => [bytesOf(key), bytesOf(value)]),
          );
          expect(await reader.next()).toBeNull();
        },
      ),
    );
  });

  it('names refusals as kafkajs does', () => {
    const known = new Map(errorCodes.map(({ code, type }) => [code, type]));
    for (const [code, type] of Object.entries(produce_errors)) expect([code, known.get(Number(code))]).toEqual([code, type]);
  });
});
