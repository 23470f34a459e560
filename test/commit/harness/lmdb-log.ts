import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CommittedOffset, EventLog, LogRecord } from '@sealtrail/event-log';
import { openLmdbEventLog } from '@sealtrail/event-log-lmdb';
import type { WorldLog, WorldTopics } from './world-log.ts';

/**
 * Opened before anything is written: to open the environment once more takes a write transaction on the main thread, which
 * waits for ever when another one of this process is under way, for that one waits for the main thread.
 */
const HANDLES = 24;
const READ_LIMITS = { records_max: 1_000, bytes_max: 1_000_000, wait_ms: 0 };

export interface LmdbWorldLog extends WorldLog {
  /** Closes it and removes its files. */
  remove(): Promise<void>;
}

/** A log in a directory of its own, which every process of the world opens for itself. */
export async function lmdbWorldLog(random: (bytes: number) => Uint8Array, { group, topic, all }: WorldTopics): Promise<LmdbWorldLog> {
  const dir = await mkdtemp(join(tmpdir(), 'sealtrail-commit-'));
  const options = { dir, clock_ms: () => Date.now(), random, session_timeout_ms: 10_000, handles: 'several' as const };
  const own = await openLmdbEventLog(options);
  const [producer, reader, admin] = await Promise.all([own.producer(), own.reader(), own.admin()]);
  await admin.createTopics(all);
  const unused: EventLog[] = [];
  for (let i = 0; i < HANDLES; i++) unused.push(await openLmdbEventLog(options));
  const seen = new Map<string, readonly LogRecord[]>();
  const committed = new Map<number, CommittedOffset>();
  const underWay = new Set<Promise<unknown>>();
  const follow = (work: Promise<unknown>): void => {
    underWay.add(work);
    void work.finally(() => underWay.delete(work));
  };
  const partitionsOf = (name: string): number => all.find((one) => one.topic === name)?.partitions ?? 0;
  return {
    open: async () => {
      const log = unused.pop();
      if (log === undefined) throw new RangeError(`more than ${HANDLES} processes were started on one log`);
      return { log, kill: () => follow(log.close()) };
    },
    put: (name, partition, { key, value }) =>
      follow(producer.append([{ topic: name, partition, key: key ?? null, value: value ?? new Uint8Array(0) }])),
    records: (name, partition) => seen.get(`${name} ${partition}`) ?? [],
    committed: (partition) => committed.get(partition) ?? null,
    noteCommitted: (partition, place) => void committed.set(partition, place),
    expire: () => {
      for (let partition = 0; partition < partitionsOf(topic); partition++) follow(own.expel(group, topic, partition));
    },
    refresh: async () => {
      await Promise.all(underWay);
      for (const { topic: name, partitions } of all) {
        for (let partition = 0; partition < partitions; partition++) {
          const read = await reader.read(name, partition, 0, READ_LIMITS);
          if (read.kind !== 'records') throw new Error(`${name}/${partition} cannot be read: ${read.kind}`);
          seen.set(`${name} ${partition}`, read.records);
        }
      }
      for (const [partition, { offset }] of committed) {
        const stored = await admin.committed(group, topic, partition);
        if (stored?.offset !== offset)
          throw new Error(`${topic}/${partition} is committed at ${stored?.offset}, and ${offset} was acknowledged last`);
      }
    },
    remove: async () => {
      await Promise.all(underWay);
      await Promise.all(unused.map((log) => log.close()));
      await own.close();
      await rm(dir, { recursive: true, force: true });
    },
    control: null,
  };
}
