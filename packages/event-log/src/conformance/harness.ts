import { onTestFinished } from 'vitest';
import type { Assignment, ConsumerEnd, EventLog, LogRecord, ReadOutcome, RecordToAppend } from '../port.ts';

/** What not every log can. */
export type LogCapability =
  /** An append of several records, and the source position with it, takes effect as a whole or not at all. */
  | 'all_or_none'
  /** Stores the source position of an append. */
  | 'positions'
  /** Members of one group that are there at the same time share the partitions; without it one may hold them all. */
  | 'shared_partitions'
  /** The harness has `expel`. */
  | 'expel'
  /** The harness has `skipOffsets`. */
  | 'skip_offsets'
  /** The harness has `dropBefore`. */
  | 'drop_before'
  /** The harness has `recreateTopic`. */
  | 'recreate_topic';

export interface ConformanceHarness {
  readonly capabilities: ReadonlySet<LogCapability>;
  /** A log without topics, records and groups, or a part of a log that looks like one under names with the prefix. */
  create(): Promise<LogUnderTest>;
}

export interface LogUnderTest {
  /** Begins the name of every topic, group and source that a test makes. */
  readonly prefix: string;
  /** The clock that gives records their time. */
  readonly clock_ms: () => number;
  /** Opens the log, each time as if by another process. */
  open(): Promise<EventLog>;
  /** Closes what was opened and still is, and removes the log. */
  dispose(): Promise<void>;
  /** Expels the holder of a partition, and lets another member take it, without telling the holder. */
  readonly expel?: (group: string, topic: string, partition: number) => Promise<void>;
  /** Leaves a gap of offsets at the end of a partition. */
  readonly skipOffsets?: (topic: string, partition: number, count: number) => Promise<void>;
  /** Forgets the records below an offset. */
  readonly dropBefore?: (topic: string, partition: number, before: number) => Promise<void>;
  /** Deletes a topic and creates it again, with one partition, as an operator does. */
  readonly recreateTopic?: (topic: string) => Promise<void>;
}

/** One test's log with one topic. */
export interface Fixture extends LogUnderTest {
  readonly log: EventLog;
  readonly topic: string;
  readonly group: string;
}

export async function fixture(harness: ConformanceHarness, partitions = 1): Promise<Fixture> {
  const under = await harness.create();
  onTestFinished(() => under.dispose());
  const log = await under.open();
  const topic = `${under.prefix}events`;
  const admin = await log.admin();
  await admin.createTopics([{ topic, partitions, cleanup_policy: 'delete' }]);
  await admin.close();
  return { ...under, log, topic, group: `${under.prefix}group` };
}

/** What the harness has by its capabilities. */
export function control<T>(found: T | undefined): T {
  if (found === undefined) throw new Error('the harness lacks what its capabilities promise');
  return found;
}

/** A member of a group that keeps each assignment until it is lost. */
export interface Member {
  /** Every assignment so far. */
  readonly given: readonly Assignment[];
  /** The next assignment that was not asked for yet. */
  next(): Promise<Assignment>;
  stop(): Promise<ConsumerEnd>;
  readonly end: Promise<ConsumerEnd>;
}

export async function join(log: EventLog, { group, topic }: Pick<Fixture, 'group' | 'topic'>): Promise<Member> {
  const given: Assignment[] = [];
  const asking: ((assignment: Assignment) => void)[] = [];
  const stop = new AbortController();
  let asked = 0;
  const consumer = await log.consumer({ group, topic });
  const end = consumer.run(async (assignment) => {
    given.push(assignment);
    asking.shift()?.(assignment);
    await aborted(assignment.lost);
  }, stop.signal);
  onTestFinished(async () => {
    stop.abort();
    await end;
  });
  return {
    given,
    next: () => {
      const ready = given[asked];
      asked += 1;
      return ready === undefined ? new Promise((resolve) => asking.push(resolve)) : Promise.resolve(ready);
    },
    stop: () => {
      stop.abort();
      return end;
    },
    end,
  };
}

export const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

/** Reads everything from `from` on; fails on anything but records. */
export async function readAll(log: EventLog, topic: string, partition = 0, from = 0): Promise<readonly LogRecord[]> {
  const reader = await log.reader();
  const { end } = await reader.bounds(topic, partition);
  const records: LogRecord[] = [];
  for (let next = from; next < end; next = (records.at(-1)?.offset ?? end) + 1) {
    const found = recordsOf(await reader.read(topic, partition, next, { records_max: 1_000, bytes_max: 1_048_576, wait_ms: 1_000 }));
    if (found.length === 0) break;
    records.push(...found);
  }
  await reader.close();
  return records;
}

export function recordsOf(outcome: ReadOutcome): readonly LogRecord[] {
  if (outcome.kind === 'unavailable') throw outcome.cause;
  if (outcome.kind !== 'records') throw new Error(`records were expected, the read gave ${JSON.stringify(outcome)}`);
  return outcome.records;
}

export const recordOf = (topic: string, text: string, partition?: number): RecordToAppend => ({
  topic,
  ...(partition === undefined ? {} : { partition }),
  key: null,
  value: new TextEncoder().encode(text),
});

export const textOf = (record: LogRecord): string => new TextDecoder().decode(record.value ?? undefined);
export const textsOf = (records: readonly LogRecord[]): readonly string[] => records.map(textOf);

export async function appendTexts(log: EventLog, topic: string, texts: readonly string[], partition = 0): Promise<void> {
  const producer = await log.producer();
  const outcome = await producer.append(texts.map((text) => recordOf(topic, text, partition)));
  if (outcome.kind !== 'appended') throw outcome.cause;
  await producer.close();
}
