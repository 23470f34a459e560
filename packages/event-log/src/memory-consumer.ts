import { asError, assertCommittable, assertReadable } from './limits.ts';
import type { GroupMember, MemoryGroups } from './memory-groups.ts';
import type { MemoryProcess } from './memory-process.ts';
import type { MemoryTopics } from './memory-topics.ts';
import { type Assignment, type ConsumerEnd, type EventLogConsumer, EventLogError } from './port.ts';

/** What the consumers of one memory log share. */
export interface MemoryCluster {
  readonly topics: MemoryTopics;
  readonly groups: MemoryGroups;
  /** The consumers that have joined, by the member that each is; for `expire`. */
  readonly joined: Map<GroupMember, { expelled(): void }>;
}

export function memoryConsumer(cluster: MemoryCluster, process: MemoryProcess, group: string, topic: string): EventLogConsumer {
  return {
    run: (handle, stop) =>
      process.answer(() => {
        if (process.closed) return { kind: 'failed', cause: process.closedError() };
        if (cluster.topics.settings(topic) === null) {
          const cause = new EventLogError('log_misuse', `cannot consume topic ${topic}: there is none, create it first`);
          return { kind: 'failed', cause };
        }
        return new ConsumerRun(cluster, process, group, topic, handle).untilEnd(stop);
      }),
  };
}

/** One run of a consumer: joins, hands out assignments, and joins again when it finds that it was expelled. */
class ConsumerRun {
  readonly #cluster: MemoryCluster;
  readonly #process: MemoryProcess;
  readonly #group: string;
  readonly #topic: string;
  readonly #handle: (assignment: Assignment) => Promise<void>;
  readonly #lost = new Set<AbortController>();
  #member: GroupMember | null = null;
  #expelled = false;
  #running = 0;
  #end: ConsumerEnd | null = null;
  #released: (() => void) | null = null;
  #ended: (end: ConsumerEnd) => void = () => undefined;

  constructor(
    cluster: MemoryCluster,
    process: MemoryProcess,
    group: string,
    topic: string,
    handle: (assignment: Assignment) => Promise<void>,
  ) {
    this.#cluster = cluster;
    this.#process = process;
    this.#group = group;
    this.#topic = topic;
    this.#handle = handle;
  }

  untilEnd(stop: AbortSignal): Promise<ConsumerEnd> {
    return new Promise((resolve) => {
      const forget = this.#process.whenGone({
        closed: () => this.#finish({ kind: 'failed', cause: this.#process.closedError() }),
        killed: () => this.#vanish(),
      });
      const stopped = (): void => this.#finish({ kind: 'stopped' });
      this.#ended = (end) => {
        stop.removeEventListener('abort', stopped);
        forget();
        resolve(end);
      };
      stop.addEventListener('abort', stopped);
      if (stop.aborted) stopped();
      else this.#join();
    });
  }

  #join(): void {
    const member: GroupMember = {
      topic: this.#topic,
      release: (released) => {
        this.#released = released;
        this.#loseAll();
        this.#settle();
      },
      assign: (generation, partitions) => {
        for (const partition of partitions) {
          if (this.#end === null) void this.#work(member, generation, partition);
        }
      },
    };
    this.#member = member;
    this.#expelled = false;
    this.#cluster.joined.set(member, {
      expelled: () => {
        this.#expelled = true;
        this.#settle();
      },
    });
    this.#cluster.groups.join(this.#group, member);
  }

  async #work(member: GroupMember, generation: number, partition: number): Promise<void> {
    const lost = new AbortController();
    this.#lost.add(lost);
    this.#running += 1;
    try {
      await this.#handle(this.#assignment(member, generation, partition, lost));
    } catch (thrown) {
      this.#finish({ kind: 'failed', cause: asError(thrown) });
    }
    this.#running -= 1;
    this.#settle();
  }

  /** Does what had to wait for the handlers: leaves, joins again, or lets the rebalance go on. */
  #settle(): void {
    if (this.#running > 0 || this.#process.dead || this.#member === null) return;
    if (this.#end !== null) {
      this.#leave();
      this.#ended(this.#end);
    } else if (this.#expelled) {
      this.#leave();
      this.#loseAll();
      this.#join();
    } else {
      const released = this.#released;
      this.#released = null;
      released?.();
    }
  }

  #finish(end: ConsumerEnd): void {
    if (this.#end?.kind !== 'failed') this.#end = end;
    this.#loseAll();
    if (this.#member === null) this.#ended(this.#end ?? end);
    else this.#settle();
  }

  #leave(): void {
    const member = this.#member;
    this.#member = null;
    this.#released = null;
    if (member === null) return;
    this.#cluster.joined.delete(member);
    this.#cluster.groups.remove(this.#group, member);
  }

  /** The process is gone: its session ends, and nobody in it learns of anything. */
  #vanish(): void {
    this.#lost.clear();
    this.#leave();
  }

  #loseAll(): void {
    for (const lost of this.#lost) {
      this.#lost.delete(lost);
      lost.abort();
    }
  }

  #assignment(member: GroupMember, generation: number, partition: number, lost: AbortController): Assignment {
    const { topics, groups } = this.#cluster;
    const group = this.#group;
    const topic = this.#topic;
    const process = this.#process;
    const place = { topic, partition };
    /** The log has told this member that it is one no more. */
    const learn = (): void => {
      lost.abort();
      if (this.#member === member && this.#expelled) this.#loseAll();
    };
    return {
      topic,
      partition,
      lost: lost.signal,
      committed: () =>
        process.answer(() => {
          process.assertOpen();
          return groups.committed(group, place);
        }),
      bounds: () =>
        process.answer(() => {
          process.assertOpen();
          return topics.bounds(topic, partition);
        }),
      read: (from, limits) =>
        process.answer(() => {
          assertReadable(from, limits);
          return lost.signal.aborted ? { kind: 'lost' } : topics.read(topic, partition, from, limits, lost.signal);
        }),
      holds: () =>
        process.answer(() => {
          if (!lost.signal.aborted && groups.holds(group, member, generation)) return true;
          learn();
          return false;
        }),
      commit: (offset, metadata) =>
        process.answer(() => {
          assertCommittable(offset, metadata);
          if (process.closed) return { kind: 'fenced', cause: process.closedError() };
          const outcome = groups.commit(group, member, generation, place, { offset, metadata });
          if (outcome.kind === 'fenced') learn();
          return outcome;
        }),
    };
  }
}
