import type { LogRecord, ReadLimits } from '@sealtrail/event-log';
import { ed25519Verify, sha256 } from '@sealtrail/merkle/node';
import type { Registry } from '@sealtrail/seal';
import { expect, it } from 'vitest';
import { readAndJudgeAll, topUp } from '../src/judge-records.ts';
import type { Partition } from '../src/partition.ts';
import { PARTITION, settings } from './small-ledger.ts';

const MEBIBYTE = 1_048_576;
const LIMITS: ReadLimits = { records_max: 384, bytes_max: 24 * MEBIBYTE, wait_ms: 0 };
const START = { next_offset: 0, recorded_at: 0 };

/** A partition whose log gives `sizes`, at most so many bytes a read. The registry grows with the read of this number. */
function partitionOf(
  sizes: readonly number[],
  bytes_a_read: number,
  growsAt = Number.POSITIVE_INFINITY,
): { partition: Partition; reads: number[] } {
  const value = new Uint8Array(MEBIBYTE);
  const reads: number[] = [];
  const read = async (from: number, limits: ReadLimits) => {
    const records: LogRecord[] = [];
    let bytes = 0;
    for (let offset = from; offset < sizes.length && records.length < limits.records_max; offset++) {
      const size = sizes[offset] as number;
      bytes += size;
      if (records.length > 0 && bytes > Math.min(bytes_a_read, limits.bytes_max)) break;
      records.push({
        topic: PARTITION.topic,
        partition: 0,
        offset,
        appended_at_ms: 1,
        time_type: 'log_append_time',
        key: null,
        value: value.subarray(0, size),
      });
    }
    reads.push(records.length);
    return { kind: 'records', records };
  };
  const partition = {
    key: PARTITION,
    settings: { ...settings, round_records_max: LIMITS.records_max, round_bytes_max: LIMITS.bytes_max },
    assignment: { read },
    registry: { readToEnd: async () => ({ size: reads.length >= growsAt ? 1 : 0 }) as Registry },
    ports: { sha256: sha256(), verify: ed25519Verify(), breathe: async () => undefined },
    lost: { aborted: false },
  } as unknown as Partition;
  return { partition, reads };
}
const times = (count: number, size: number): number[] => Array.from({ length: count }, () => size);

it('a backlog fills the round, however little of it comes at once', async () => {
  const { partition, reads } = partitionOf(times(40, MEBIBYTE), 8 * MEBIBYTE);
  const judged = await readAndJudgeAll(partition, START, LIMITS);
  expect({ reads, next_offset: judged.next_offset, bytes: judged.bytes }).toEqual({
    reads: [8, 8, 8],
    next_offset: 24,
    bytes: 24 * MEBIBYTE,
  });
  expect(judged.examined.map(({ record }) => record.offset)).toEqual(Array.from({ length: 24 }, (_, i) => i));
});

it('and ends with the records that a round may have', async () => {
  const { partition } = partitionOf(times(1_000, 60_000), 8 * MEBIBYTE);
  expect((await readAndJudgeAll(partition, START, LIMITS)).examined.length).toBe(384);
});

it('a backlog goes on behind a small read', async () => {
  const { partition, reads } = partitionOf([MEBIBYTE, ...times(40, MEBIBYTE)], 8 * MEBIBYTE);
  const judged = await readAndJudgeAll(partition, START, { ...LIMITS, bytes_max: MEBIBYTE });
  expect({ reads, records: judged.examined.length }).toEqual({ reads: [1, 8, 8, 7], records: 24 });
});

it('a trickle is not waited for: two small reads say that this was all', async () => {
  const { partition, reads } = partitionOf(times(60, 1_000), 10_000);
  const judged = await readAndJudgeAll(partition, START, LIMITS);
  expect({ reads: [...reads], records: judged.examined.length }).toEqual({ reads: [10, 10], records: 20 });
  const whole = await topUp(partition, judged);
  expect({ reads, records: whole.examined.length, bytes: whole.bytes }).toEqual({ reads: [10, 10, 10, 10], records: 40, bytes: 40_000 });
});

it('what is there is taken, and nothing read behind its end', async () => {
  const { partition, reads } = partitionOf(times(5, 1_000), 10_000);
  expect((await readAndJudgeAll(partition, START, LIMITS)).examined.length).toBe(5);
  expect(reads).toEqual([5, 0]);
});

it('a round is judged by one state of the registry: what another judged is left for the next', async () => {
  const { partition } = partitionOf(times(40, MEBIBYTE), 8 * MEBIBYTE, 3);
  const judged = await readAndJudgeAll(partition, START, LIMITS);
  expect({ registry: judged.registry.size, records: judged.examined.length }).toEqual({ registry: 0, records: 16 });
});
