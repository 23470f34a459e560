import { randomBytes } from 'node:crypto';
import type { CommittedOffset, EventLog, EventLogProducer, LogRecord } from '@sealtrail/event-log';
import { type KafkaTimings, openKafkaEventLog } from '@sealtrail/event-log-kafka';
import { controlCluster } from '../../../packages/event-log-kafka/test/cluster-control.ts';
import { api, type Loss, openProxy, type Proxy } from '../../../packages/event-log-kafka/test/proxy.ts';
import type { WorldLog, WorldTopics } from '../../commit/harness/world-log.ts';
import { renamedLog } from './renamed-log.ts';

const read_limits = { records_max: 1_000, bytes_max: 8_000_000, wait_ms: 0 };
/** Heartbeats so often that a test learns soon; the session as short as brokers allow as they come. */
const timings: Partial<KafkaTimings> = {
  session_timeout_ms: 6_000,
  heartbeat_interval_ms: 100,
  retry_ms: 20,
  answer_timeout_ms: 2_000,
  append_timeout_ms: 20_000,
};

export interface KafkaWorldLog extends WorldLog {
  /** Told of what is found committed that no outcome told. */
  onFound: (partition: number, place: CommittedOffset) => void;
  /**
   * The network of one process stands still, and the group goes on without it; what it sent arrives when the returned
   * function is called. `which` counts the processes that were started.
   */
  stall(which: number): Promise<() => void>;
  /** The same, once a commit of one of the processes is on its way. */
  stallAtCommit(): Promise<() => void>;
  /** The next commit of a process is lost, or its answer is. */
  loseCommit(which: number, what: Loss): void;
  readonly opened: number;
  /** All networks work again, and go on doing so. */
  calm(): void;
  remove(): Promise<void>;
}

/** A part of a broker's log, which every process of the world opens for itself, each with a network of its own. */
export async function kafkaWorldLog(brokers: readonly string[], { group, topic, all }: WorldTopics): Promise<KafkaWorldLog> {
  const prefix = `w${randomBytes(6).toString('hex')}-`;
  const control = await controlCluster(brokers);
  const seen = new Map<string, readonly LogRecord[]>();
  const committed = new Map<number, CommittedOffset>();
  const opened: { readonly log: EventLog; readonly proxy: Proxy; readonly client_id: string }[] = [];
  const underWay = new Set<Promise<unknown>>();
  const follow = (work: Promise<unknown>): void => {
    underWay.add(work);
    void work.finally(() => underWay.delete(work));
  };

  const openOne = async (proxy: Proxy | null, client_id: string): Promise<EventLog> => {
    const via = proxy === null ? {} : { socketFactory: proxy.socketFactory };
    const log = await openKafkaEventLog({
      client: { brokers: [...brokers], clientId: client_id, ...via },
      clock_ms: Date.now,
      random: randomBytes,
      timings,
    });
    return renamedLog(log, prefix, (partition, place) => world.onFound(partition, place));
  };
  const own = await openOne(null, 'world');
  const [producer, reader, admin] = await Promise.all([own.producer(), own.reader(), own.admin()]);
  await admin.createTopics(all);

  /** What a session's end does, without waiting for it; nobody is told. */
  const expel = (which: (client_id: string) => boolean): Promise<void> => control.expelMembers(`${prefix}${group}`, which);

  const world: KafkaWorldLog = {
    onFound: () => undefined,
    open: async () => {
      const client_id = `ledger-${opened.length}`;
      const proxy = await openProxy(brokers);
      const log = await openOne(proxy, client_id);
      opened.push({ log, proxy, client_id });
      return {
        log,
        kill: () => {
          proxy.down();
          follow(expel((id) => id === client_id));
        },
      };
    },
    put: (name, partition, { key, value }) =>
      follow(appendOne(producer, { topic: name, partition, key: key ?? null, value: value ?? new Uint8Array(0) })),
    records: (name, partition) => seen.get(`${name} ${partition}`) ?? [],
    committed: (partition) => committed.get(partition) ?? null,
    noteCommitted: (partition, place) => void committed.set(partition, place),
    expire: () => follow(expel(() => true)),
    refresh: async () => {
      await Promise.all(underWay);
      for (const { topic: name, partitions } of all) {
        for (let partition = 0; partition < partitions; partition += 1) {
          const { start, end } = await reader.bounds(name, partition);
          const records: LogRecord[] = [];
          for (let at = start; at < end; at += 1) {
            const read = await reader.read(name, partition, at, read_limits);
            if (read.kind !== 'records') throw new Error(`${name}/${partition} cannot be read: ${read.kind}`);
            records.push(...read.records);
            at = records.at(-1)?.offset ?? end;
          }
          seen.set(`${name} ${partition}`, records);
        }
      }
      for (const [partition, { offset }] of committed) {
        const stored = await admin.committed(group, topic, partition);
        if ((stored?.offset ?? -1) !== offset)
          throw new Error(`${topic}/${partition} is committed at ${stored?.offset}, and ${offset} was acknowledged last`);
      }
    },
    stall: async (which) => {
      const one = opened[which];
      if (one === undefined) return () => undefined;
      one.proxy.hold();
      await expel((id) => id === one.client_id);
      return () => one.proxy.release();
    },
    stallAtCommit: async () => {
      const which = await Promise.race(opened.map(({ proxy }, i) => proxy.holdAt(api.offset_commit).then(() => i)));
      opened.forEach(({ proxy }, i) => {
        if (i !== which) proxy.release();
      });
      return world.stall(which);
    },
    loseCommit: (which, what) => opened[which]?.proxy.lose(api.offset_commit, what),
    calm: () => {
      for (const { proxy } of opened) proxy.calm();
    },
    get opened() {
      return opened.length;
    },
    remove: async () => {
      await Promise.all(underWay);
      world.calm();
      await Promise.all(opened.map(({ log }) => log.close()));
      await own.close();
      await control.removeTopics(all.map(({ topic: name }) => `${prefix}${name}`));
      await control.close();
    },
    control: null,
  };
  return world;
}

async function appendOne(producer: EventLogProducer, record: Parameters<EventLogProducer['append']>[0][number]): Promise<void> {
  const outcome = await producer.append([record]);
  if (outcome.kind !== 'appended') throw outcome.cause;
}
