import type { LogRecord, ReadLimits } from '@sealtrail/event-log';
import { type ExaminedRecord, examineRecord, type PartitionState, type Registry, recordedAtOf } from '@sealtrail/seal';
import { type Partition, persist } from './partition.ts';
import { readRecords } from './read-records.ts';

/** Records that follow one another, each judged on its own, all by one state of the registry. */
export interface JudgedRecords {
  readonly examined: readonly ExaminedRecord[];
  readonly registry: Registry;
  /** Of the records' values. */
  readonly bytes: number;
  readonly next_offset: number;
  /** recorded_at of the last record. */
  readonly recorded_at: number;
}

/** Computing that may run before others get their turn: heartbeats and the socket's callers among them. */
const EVENTS_A_BREATH = 4_096;

/** Judges records that follow the place where `after` stands. Only bytes, place and registry decide. */
export async function judgeRecords(
  partition: Partition,
  after: Pick<PartitionState, 'next_offset' | 'recorded_at'>,
  registry: Registry,
  records: readonly LogRecord[],
): Promise<JudgedRecords> {
  const { ports, identity } = partition;
  const context = { sha256: ports.sha256, verify: ports.verify, identity, registry };
  const examined: ExaminedRecord[] = [];
  let { recorded_at } = after;
  let bytes = 0;
  let sinceBreath = 0;
  for (const record of records) {
    recorded_at = recordedAtOf(record, recorded_at);
    const one = examineRecord(context, record, recorded_at);
    examined.push(one);
    bytes += record.value?.length ?? 0;
    sinceBreath += one.kind === 'sound' ? one.batch.header.count + 1 : 1;
    if (sinceBreath >= EVENTS_A_BREATH) {
      sinceBreath = 0;
      await ports.breathe();
    }
  }
  return { examined, registry, bytes, next_offset: after.next_offset + records.length, recorded_at };
}

/** Reads and judges what follows; nothing is examined when nothing came within `wait_ms`. Throws PartitionEnd. */
export async function readAndJudge(
  partition: Partition,
  after: Pick<PartitionState, 'next_offset' | 'recorded_at'>,
  limits: ReadLimits,
): Promise<JudgedRecords> {
  const records = await readRecords(partition, after.next_offset, limits);
  // After the records were fetched: a key that was registered before its first batch was sent is then in it.
  const registry = await persist(partition, 'reading the key registry', () => partition.registry.readToEnd());
  return judgeRecords(partition, after, registry, records);
}

/** A read of so many bytes was not the last of what is there. */
const LARGE_BYTES_MIN = 4_194_304;
/** What was left of an answer of the log's comes as a small read in the middle of a backlog: only two in a row say that it ends. */
const SMALL_READS_MAX = 2;

/** Reads and judges a round, as far as records are there already. Nothing is examined when none came within `wait_ms`. */
export async function readAndJudgeAll(
  partition: Partition,
  after: Pick<PartitionState, 'next_offset' | 'recorded_at'>,
  limits: ReadLimits,
): Promise<JudgedRecords> {
  const first = await readAndJudge(partition, after, limits);
  return topUp(partition, first, first.bytes < LARGE_BYTES_MIN ? 1 : 0);
}

/**
 * With what has come since, as far as the round has room, until small reads say that this was all; `small` of them came
 * before. Without what a grown registry judged: a round has one state of it.
 */
export async function topUp(partition: Partition, judged: JudgedRecords, small = 0): Promise<JudgedRecords> {
  const { round_records_max, round_bytes_max } = partition.settings;
  let whole = judged;
  for (let inARow = small; inARow < SMALL_READS_MAX; ) {
    const records_max = round_records_max - whole.examined.length;
    const bytes_max = round_bytes_max - whole.bytes;
    if (whole.examined.length === 0 || records_max <= 0 || bytes_max <= 0) return whole;
    const more = await readAndJudge(partition, whole, { records_max, bytes_max, wait_ms: 0 });
    if (more.examined.length === 0 || more.registry.size !== whole.registry.size) return whole;
    whole = { ...more, examined: [...whole.examined, ...more.examined], bytes: whole.bytes + more.bytes };
    inARow = more.bytes < LARGE_BYTES_MIN ? inARow + 1 : 0;
  }
  return whole;
}
