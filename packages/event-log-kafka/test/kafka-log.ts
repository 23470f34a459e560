import { randomBytes } from 'node:crypto';
import type { Assignment, ConsumerEnd, EventLog, RecordToAppend } from '@sealtrail/event-log';
import { onTestFinished } from 'vitest';
import { type KafkaEventLogOptions, openKafkaEventLog } from '../src/index.ts';

/** A log for a test, closed when the test is over. */
export async function openTestLog(brokers: readonly string[], options: Partial<KafkaEventLogOptions> = {}): Promise<EventLog> {
  const log = await openKafkaEventLog({ client: { brokers: [...brokers] }, clock_ms: Date.now, random: randomBytes, ...options });
  onTestFinished(() => log.close());
  return log;
}

/** Begins the names of one test's topics and groups. */
export const freshPrefix = (): string => `t${randomBytes(6).toString('hex')}-`;

export interface TestTopic {
  readonly topic: string;
  readonly group: string;
}

/** A topic of its own for a test. */
export async function createTestTopic(log: EventLog, partitions = 1): Promise<TestTopic> {
  const prefix = freshPrefix();
  const topic = `${prefix}events`;
  const admin = await log.admin();
  await admin.createTopics([{ topic, partitions, cleanup_policy: 'delete' }]);
  await admin.close();
  return { topic, group: `${prefix}group` };
}

export const record = (topic: string, text: string, partition = 0): RecordToAppend => ({
  topic,
  partition,
  key: null,
  value: new TextEncoder().encode(text),
});

/** Texts of all records of a partition, in order. */
export async function textsIn(log: EventLog, topic: string, partition = 0): Promise<readonly string[]> {
  const reader = await log.reader();
  const { start, end } = await reader.bounds(topic, partition);
  const texts: string[] = [];
  for (let at = start; at < end; ) {
    const read = await reader.read(topic, partition, at, { records_max: 1_000, bytes_max: 4_194_304, wait_ms: 1_000 });
    if (read.kind !== 'records') throw new Error(`a read gave ${JSON.stringify(read)}`);
    if (read.records.length === 0) break;
    texts.push(...read.records.map(({ value }) => new TextDecoder().decode(value ?? undefined)));
    at = (read.records.at(-1)?.offset ?? at) + 1;
  }
  await reader.close();
  return texts;
}

export interface TestMember {
  readonly given: readonly Assignment[];
  next(): Promise<Assignment>;
  stop(): Promise<ConsumerEnd>;
  readonly end: Promise<ConsumerEnd>;
}

/** Joins; each assignment is kept until it is lost, and `before_return` is over. */
export async function joinGroup(
  log: EventLog,
  place: TestTopic,
  before_return: () => Promise<void> = async () => undefined,
): Promise<TestMember> {
  const given: Assignment[] = [];
  const waiting: ((assignment: Assignment) => void)[] = [];
  const stop = new AbortController();
  let asked = 0;
  const end = (await log.consumer(place)).run(async (assignment) => {
    given.push(assignment);
    waiting.shift()?.(assignment);
    await aborted(assignment.lost);
    await before_return();
  }, stop.signal);
  const stopNow = (): Promise<ConsumerEnd> => {
    stop.abort();
    return end;
  };
  onTestFinished(async () => {
    await stopNow();
  });
  return {
    given,
    next: () => {
      const ready = given[asked];
      asked += 1;
      return ready === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(ready);
    },
    stop: stopNow,
    end,
  };
}

export const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
