/** The embedded event log: one LMDB environment in a directory, which several processes of one machine share. */
import {
  type AppendOutcome,
  asError,
  assertReadable,
  type EventLog,
  type EventLogAdmin,
  EventLogError,
  type EventLogProducer,
  type EventLogReader,
  type LogBounds,
} from '@sealtrail/event-log';
import { lmdbConsumer } from './consumer.ts';
import { OpenLog } from './open-log.ts';
import { appendedBytes, hasPartition, noPartition } from './records.ts';
import { assertName } from './rows.ts';

export interface LmdbEventLogOptions {
  /** Made when it is not there. On a disk of this machine: LMDB does not work over a network. */
  readonly dir: string;
  /** The time that records get, in ms since 1970. */
  readonly clock_ms: () => number;
  /** Ids of topics and members. */
  readonly random: (bytes: number) => Uint8Array;
  /** The records' bytes that the log holds at most; the file is somewhat larger. No limit when absent. */
  readonly size_bytes_max?: number;
  /** How long the holder of a partition may be silent before another member takes it; 10,000 when absent. */
  readonly session_timeout_ms?: number;
  /**
   * `several` lets this process open the log more than once. Only for tests, and only while nothing is written: opening a
   * handle while another of the same process writes never ends. `one` when absent.
   */
  readonly handles?: 'one' | 'several';
}

export interface LmdbEventLog extends EventLog {
  /**
   * Retention: drops the records below an offset for good, and gives the bounds then. The room is used again; the file
   * does not shrink. Throws EventLogError.
   */
  dropBefore(topic: string, partition: number, before: number): Promise<LogBounds>;
  /**
   * Takes a partition from its holder without telling it, for one that hangs. Its commits are refused from then on.
   * Throws EventLogError.
   */
  expel(group: string, topic: string, partition: number): Promise<void>;
}

/**
 * Opens the log in a directory. Any number of processes may have it open, all on one machine and in one pid namespace; each
 * has one handle, whose parts all share: a second one in the same process is refused.
 *
 * An append is one transaction, flushed before it is told: all of its records and its source position, or none. Records get
 * their time inside it. Appends that come together share a transaction. The arrays of an append must not change until it
 * resolves.
 *
 * Each partition has one holder a group. A member that comes later waits: it takes the partition when the holder has given it
 * back, when the holder's process is over, or when the holder has not answered a question of it within
 * session_timeout_ms. Taking it raises the partition's generation, and a commit is compared with that in the transaction
 * that stores it: whoever lost the partition is refused, and learns it from a commit, from `holds`, or within 100 ms. It
 * then waits behind the others.
 *
 * Throws EventLogError `log_unavailable` when the directory cannot be used, `log_corrupt` when it holds something else,
 * `log_misuse` when this process has it open already.
 */
export async function openLmdbEventLog(options: LmdbEventLogOptions): Promise<LmdbEventLog> {
  const log = await OpenLog.open({ size_bytes_max: Number.POSITIVE_INFINITY, session_timeout_ms: 10_000, handles: 'one', ...options });
  const whenOpen = async <T>(part: () => T): Promise<T> => {
    log.assertOpen();
    return part();
  };
  return {
    producer: () => whenOpen(() => lmdbProducer(log)),
    reader: () => whenOpen(() => lmdbReader(log)),
    consumer: ({ group, topic }) =>
      whenOpen(() => {
        assertName('group', group);
        return lmdbConsumer(log, group, topic);
      }),
    admin: () => whenOpen(() => lmdbAdmin(log)),
    close: () => log.close(),
    dropBefore: async (topic, partition, before) => {
      const row = rowOf(log, topic, partition);
      while (await log.queue.submit(() => log.records.dropBeforeInside(row, partition, before), { frees: true })) log.assertOpen();
      log.assertOpen();
      // LMDB gives out pages again two transactions after the one that freed them: let the next append be the second.
      await log.queue.submit(() => log.records.touchInside(), { frees: true });
      log.assertOpen();
      return log.records.bounds(topic, partition);
    },
    expel: async (group, topic, partition) => {
      const row = rowOf(log, topic, partition);
      await log.queue.submit(() => log.holders.expelInside({ topic: row, partition, group }));
    },
  };
}

function lmdbProducer(log: OpenLog): EventLogProducer {
  const own = new AbortController();
  return {
    append: async (records, position): Promise<AppendOutcome> => {
      if (own.signal.aborted || log.closed) return { kind: 'refused', code: 'closed', cause: log.closedError() };
      if (records.length === 0 && position === undefined) return { kind: 'appended', placed: [] };
      try {
        return await log.queue.submit(() => log.records.appendInside(records, position, log.clock_ms()), { bytes: appendedBytes(records) });
      } catch (thrown) {
        const cause = asError(thrown);
        const no_space = cause instanceof EventLogError && cause.code === 'log_no_space';
        return no_space ? { kind: 'refused', code: 'no_space', cause } : { kind: 'unknown', cause };
      }
    },
    position: async (source) => {
      assertOpen(log, own);
      return log.records.position(source);
    },
    close: async () => own.abort(),
  };
}

function lmdbReader(log: OpenLog): EventLogReader {
  const own = new AbortController();
  return {
    bounds: async (topic, partition) => {
      assertOpen(log, own);
      return log.records.bounds(topic, partition);
    },
    read: async (topic, partition, from, limits) => {
      assertReadable(from, limits);
      return log.read(topic, partition, from, limits, own.signal, () => ({ kind: 'unavailable', cause: log.closedError() }));
    },
    close: async () => own.abort(),
  };
}

function lmdbAdmin(log: OpenLog): EventLogAdmin {
  const own = new AbortController();
  return {
    topic: async (topic) => {
      assertOpen(log, own);
      return log.records.settings(topic);
    },
    committed: async (group, topic, partition) => {
      assertOpen(log, own);
      const row = log.records.topic(topic);
      return row === null ? null : log.holders.committed({ topic: row, partition, group });
    },
    createTopics: async (topics) => {
      assertOpen(log, own);
      if (topics.every(({ topic }) => log.records.topic(topic) !== null)) return;
      await log.queue.submit(() => log.records.createTopicsInside(topics));
    },
    close: async () => own.abort(),
  };
}

function assertOpen(log: OpenLog, own: AbortController): void {
  if (own.signal.aborted) throw log.closedError();
  log.assertOpen();
}

function rowOf(log: OpenLog, topic: string, partition: number): NonNullable<ReturnType<OpenLog['records']['topic']>> {
  log.assertOpen();
  const row = log.records.topic(topic);
  if (row === null || !hasPartition(row, partition)) throw noPartition(topic, partition);
  return row;
}
