import { assertReadable } from './limits.ts';
import { type MemoryCluster, memoryConsumer } from './memory-consumer.ts';
import { MemoryGroups } from './memory-groups.ts';
import { MemoryProcess } from './memory-process.ts';
import { MemoryTopics, type Sleep } from './memory-topics.ts';
import type {
  CommittedOffset,
  EventLog,
  EventLogAdmin,
  EventLogProducer,
  EventLogReader,
  LogRecord,
  TopicSettings,
  TopicToCreate,
} from './port.ts';

export type { Sleep } from './memory-topics.ts';

export interface MemoryEventLogOptions {
  /** The time that records get, in ms since 1970. */
  readonly clock_ms: () => number;
  /** How waiting reads wait; a timer when absent. */
  readonly sleep?: Sleep;
}

/** The log as one process has it open. */
export interface MemoryLogHandle extends EventLog {
  /**
   * Ends the process: no call is answered or takes effect any more, and the members of groups that it had are expelled at
   * once. What was on its way is lost with it: kill later to let a late effect arrive before, as a session timeout does.
   */
  kill(): void;
}

export interface MemoryEventLog extends MemoryLogHandle {
  /** Opens the same log once more, as another process. */
  open(): MemoryLogHandle;
  /** What only a test does. All of it takes effect at once. */
  readonly control: MemoryLogControl;
}

export interface MemoryLogControl {
  createTopics(topics: readonly TopicToCreate[]): void;
  deleteTopic(topic: string): void;
  /** Raising `partitions` adds empty ones, lowering hides the last ones for ever. */
  changeTopic(topic: string, changes: Partial<Omit<TopicSettings, 'topic' | 'topic_id'>>): void;

  /** Every record that is held. */
  records(topic: string, partition: number): readonly LogRecord[];
  /** Appends what no producer of the port can, such as a null value or a time of its own; gives back the offset. */
  put(topic: string, partition: number, record: Partial<Omit<LogRecord, 'topic' | 'partition' | 'offset'>>): number;
  /** Retention: forgets the records below `before`. */
  truncateHead(topic: string, partition: number, before: number): void;
  /** Loses acknowledged records from `end` on, as an unclean leader election does. */
  truncateTail(topic: string, partition: number, end: number): void;
  /** Leaves a gap of `count` offsets. */
  skipOffsets(topic: string, partition: number, count: number): void;

  /** Takes every partition of the group away and assigns them anew, in a new generation. */
  rebalance(group: string): void;
  /** The same, and each partition goes to another member where there is one. */
  rotate(group: string): void;
  /**
   * Expels the holder of a partition, or all holders when none is named, as the broker does with a member that was silent for
   * too long. The member is not told: `lost` stays as it is until it commits or asks `holds`. It joins again, as a new
   * member behind the others, when its handlers have returned.
   */
  expire(group: string, place?: { readonly topic: string; readonly partition: number }): void;
  committed(group: string, topic: string, partition: number): CommittedOffset | null;
  /** Commits as an operator's tool does, whoever is a member. */
  setCommitted(group: string, topic: string, partition: number, committed: CommittedOffset): void;
  /** Loses every offset of the group, as their retention does. */
  forgetOffsets(group: string): void;
}

/**
 * An event log in memory that behaves as Kafka does where the ledger depends on it. For tests, demos and as the plainest
 * reading of the port. An append is all or none across partitions.
 */
export function createMemoryEventLog(options: MemoryEventLogOptions): MemoryEventLog {
  const topics = new MemoryTopics(options.clock_ms, options.sleep ?? sleepByTimer);
  const groups = new MemoryGroups((topic) => topics.settings(topic)?.partitions ?? 0);
  const cluster: MemoryCluster = { topics, groups, joined: new Map() };
  return { ...openHandle(cluster), open: () => openHandle(cluster), control: controlOf(cluster) };
}

function openHandle(cluster: MemoryCluster): MemoryLogHandle {
  const process = new MemoryProcess();
  const open = <T>(part: T): Promise<T> =>
    process.answer(() => {
      process.assertOpen();
      return part;
    });
  return {
    producer: () => open(memoryProducer(cluster, process)),
    reader: () => open(memoryReader(cluster, process)),
    consumer: ({ group, topic }) => open(memoryConsumer(cluster, process, group, topic)),
    admin: () => open(memoryAdmin(cluster, process)),
    close: () => process.answer(() => process.close()),
    kill: () => process.kill(),
  };
}

function memoryProducer({ topics }: MemoryCluster, process: MemoryProcess): EventLogProducer {
  const own = new OwnLife(process);
  return {
    append: (records, position) =>
      process.answer(() =>
        own.closed ? { kind: 'refused', code: 'closed', cause: process.closedError() } : topics.append(records, position),
      ),
    position: (source) =>
      process.answer(() => {
        own.assertOpen();
        return topics.position(source);
      }),
    close: () => process.answer(() => own.close()),
  };
}

function memoryReader({ topics }: MemoryCluster, process: MemoryProcess): EventLogReader {
  const own = new OwnLife(process);
  return {
    bounds: (topic, partition) =>
      process.answer(() => {
        own.assertOpen();
        return topics.bounds(topic, partition);
      }),
    read: (topic, partition, from, limits) =>
      process.answer(async () => {
        assertReadable(from, limits);
        const found = own.closed ? null : await topics.read(topic, partition, from, limits, own.ended);
        return found === null || own.closed ? { kind: 'unavailable', cause: process.closedError() } : found;
      }),
    close: () => process.answer(() => own.close()),
  };
}

function memoryAdmin({ topics, groups }: MemoryCluster, process: MemoryProcess): EventLogAdmin {
  const own = new OwnLife(process);
  return {
    topic: (topic) =>
      process.answer(() => {
        own.assertOpen();
        return topics.settings(topic);
      }),
    committed: (group, topic, partition) =>
      process.answer(() => {
        own.assertOpen();
        return groups.committed(group, { topic, partition });
      }),
    createTopics: (wanted) =>
      process.answer(() => {
        own.assertOpen();
        for (const topic of wanted) topics.create(topic);
        for (const { topic } of wanted) groups.topicChanged(topic);
      }),
    close: () => process.answer(() => own.close()),
  };
}

/** A part of a process that may be closed on its own. */
class OwnLife {
  readonly #process: MemoryProcess;
  readonly #ended = new AbortController();
  readonly #forget: () => void;

  constructor(process: MemoryProcess) {
    this.#process = process;
    this.#forget = process.whenGone({ closed: () => this.#ended.abort(), killed: () => undefined });
  }

  get closed(): boolean {
    return this.#ended.signal.aborted;
  }

  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  close(): void {
    this.#forget();
    this.#ended.abort();
  }

  assertOpen(): void {
    if (this.closed) throw this.#process.closedError();
  }
}

function controlOf({ topics, groups, joined }: MemoryCluster): MemoryLogControl {
  return {
    createTopics: (wanted) => {
      for (const topic of wanted) topics.create(topic);
      for (const { topic } of wanted) groups.topicChanged(topic);
    },
    deleteTopic: (topic) => {
      topics.delete(topic);
      groups.topicChanged(topic);
    },
    changeTopic: (topic, changes) => {
      topics.change(topic, changes);
      if (changes.partitions !== undefined) groups.topicChanged(topic);
    },
    records: (topic, partition) => topics.records(topic, partition),
    put: (topic, partition, record) => topics.put(topic, partition, record),
    truncateHead: (topic, partition, before) => topics.truncateHead(topic, partition, before),
    truncateTail: (topic, partition, end) => topics.truncateTail(topic, partition, end),
    skipOffsets: (topic, partition, count) => topics.skipOffsets(topic, partition, count),
    rebalance: (group) => groups.rebalance(group),
    rotate: (group) => groups.rotate(group),
    expire: (group, place) => {
      for (const member of groups.holders(group, place)) {
        groups.remove(group, member);
        joined.get(member)?.expelled();
      }
    },
    committed: (group, topic, partition) => groups.committed(group, { topic, partition }),
    setCommitted: (group, topic, partition, committed) => groups.setCommitted(group, { topic, partition }, committed),
    forgetOffsets: (group) => groups.forgetOffsets(group),
  };
}

const sleepByTimer: Sleep = (wait_ms, signal) =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(resolve, wait_ms);
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
