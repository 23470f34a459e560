import {
  type Assignment,
  asError,
  assertCommittable,
  assertReadable,
  type ConsumerEnd,
  type EventLogConsumer,
  EventLogError,
} from '@sealtrail/event-log';
import type { Seat, Tenure } from './holders.ts';
import type { OpenLog } from './open-log.ts';
import { isOver } from './process-life.ts';
import type { HolderRow, TopicRow } from './rows.ts';

/** How often a member looks after its partitions, and for those that it could have. */
const look_ms = 100;
/** A member that lost a partition lets others go first for so many looks. */
const looks_after_loss = 5;

export function lmdbConsumer(log: OpenLog, group: string, topic: string): EventLogConsumer {
  return {
    run: async (handle, stop) => {
      if (log.closed) return { kind: 'failed', cause: log.closedError() };
      const row = log.records.topic(topic);
      if (row === null) {
        const cause = new EventLogError('log_misuse', `cannot consume topic ${topic}: there is none, create it first`);
        return { kind: 'failed', cause };
      }
      return new ConsumerRun(log, group, topic, row, handle).untilEnd(stop);
    },
  };
}

interface Chair {
  readonly seat: Seat;
  /** Set while this member holds the partition, as far as it knows. */
  tenure: Tenure | null;
  lost: AbortController | null;
  handling: boolean;
  /** The holder that was asked for a sign of life, and for how many looks it may stay silent. */
  asked: HolderRow | null;
  patience: number;
  /** Looks to let pass before this member tries again. */
  rest: number;
}

export class ConsumerRun {
  readonly #log: OpenLog;
  readonly #topic: string;
  readonly #handle: (assignment: Assignment) => Promise<void>;
  readonly #member: Uint8Array;
  readonly #chairs: readonly Chair[];
  readonly #ending = new AbortController();
  readonly #handlers = new Set<Promise<void>>();
  #looking: Promise<void> = Promise.resolve();
  #end: ConsumerEnd | null = null;

  constructor(log: OpenLog, group: string, topic: string, row: TopicRow, handle: (assignment: Assignment) => Promise<void>) {
    this.#log = log;
    this.#topic = topic;
    this.#handle = handle;
    this.#member = log.random(16);
    this.#chairs = Array.from({ length: row.partitions }, (_, partition) => ({
      seat: { topic: row, partition, group },
      tenure: null,
      lost: null,
      handling: false,
      asked: null,
      patience: 0,
      rest: 0,
    }));
  }

  async untilEnd(stop: AbortSignal): Promise<ConsumerEnd> {
    const stopped = (): void => this.#finish({ kind: 'stopped' });
    stop.addEventListener('abort', stopped);
    if (stop.aborted) stopped();
    this.#log.runs.add(this);
    while (this.#end === null) {
      this.#looking = this.#lookAfterAll();
      await this.#looking;
      await pause(look_ms, this.#ending.signal);
    }
    while (this.#handlers.size > 0) await Promise.all(this.#handlers);
    try {
      await this.#giveBack();
    } catch (thrown) {
      this.#finish({ kind: 'failed', cause: asError(thrown) });
    }
    stop.removeEventListener('abort', stopped);
    this.#log.runs.delete(this);
    return this.#end;
  }

  /** The log is being closed: what is held goes back at once, whatever the handlers still do. */
  async close(): Promise<void> {
    this.#finish({ kind: 'failed', cause: this.#log.closedError() });
    await this.#looking;
    await this.#giveBack();
  }

  async #giveBack(): Promise<void> {
    await Promise.all(
      this.#chairs.map(async (chair) => {
        const { seat, tenure } = chair;
        chair.tenure = null;
        if (tenure !== null) await this.#log.queue.submit(() => this.#log.holders.releaseInside(seat, tenure));
      }),
    );
  }

  async #lookAfterAll(): Promise<void> {
    try {
      for (const chair of this.#chairs) {
        if (this.#end !== null) return;
        if (chair.tenure !== null) await this.#keep(chair, chair.tenure);
        else if (!chair.handling) await this.#seek(chair);
      }
    } catch (thrown) {
      this.#finish({ kind: 'failed', cause: asError(thrown) });
    }
  }

  /** Finds out whether the partition was taken, and shows those who ask that this member is there. */
  async #keep(chair: Chair, tenure: Tenure): Promise<void> {
    const { holders, queue } = this.#log;
    const row = holders.row(chair.seat);
    if (!holders.holds(chair.seat, tenure)) this.#lose(chair);
    else if (row.answered !== row.asked) await queue.submit(() => holders.answerInside(chair.seat, tenure));
  }

  /** Takes the partition when nobody holds it, or when its holder is gone or silent. */
  async #seek(chair: Chair): Promise<void> {
    if (chair.rest > 0) {
      chair.rest -= 1;
      return;
    }
    const { holders, queue, session_timeout_ms } = this.#log;
    const row = holders.row(chair.seat);
    const looks = Math.ceil(session_timeout_ms / look_ms);
    if (row.member === null || isOver(row.process)) {
      await this.#claim(chair, row);
    } else if (chair.asked === null || chair.asked.generation !== row.generation) {
      chair.asked = await queue.submit(() => holders.askInside(chair.seat));
      chair.patience = looks;
    } else if (row.answered >= chair.asked.asked) {
      chair.asked = null;
      chair.rest = looks;
    } else if (chair.patience > 0) {
      chair.patience -= 1;
    } else {
      await this.#claim(chair, row);
    }
  }

  async #claim(chair: Chair, seen: HolderRow): Promise<void> {
    chair.asked = null;
    const tenure = await this.#log.queue.submit(() => this.#log.holders.claimInside(chair.seat, this.#member, seen));
    if (tenure === null) return;
    chair.tenure = tenure;
    if (this.#end === null) this.#work(chair, tenure);
  }

  #work(chair: Chair, tenure: Tenure): void {
    const lost = new AbortController();
    chair.lost = lost;
    chair.handling = true;
    const handled = this.#handleOne(chair, this.#assignment(chair, tenure, lost));
    this.#handlers.add(handled);
    void handled.then(() => this.#handlers.delete(handled));
  }

  async #handleOne(chair: Chair, assignment: Assignment): Promise<void> {
    try {
      await this.#handle(assignment);
    } catch (thrown) {
      this.#finish({ kind: 'failed', cause: asError(thrown) });
    }
    chair.handling = false;
  }

  #lose(chair: Chair): void {
    chair.tenure = null;
    chair.rest = looks_after_loss;
    chair.lost?.abort();
  }

  #finish(end: ConsumerEnd): void {
    if (this.#end?.kind !== 'failed') this.#end = end;
    for (const { lost } of this.#chairs) lost?.abort();
    this.#ending.abort();
  }

  #assignment(chair: Chair, tenure: Tenure, lost: AbortController): Assignment {
    const { seat } = chair;
    const { partition } = seat;
    const { holders, records, queue } = this.#log;
    const topic = this.#topic;
    const log = this.#log;
    const learn = (): void => {
      lost.abort();
      if (chair.tenure === tenure) this.#lose(chair);
    };
    return {
      topic,
      partition,
      lost: lost.signal,
      committed: async () => {
        log.assertOpen();
        return holders.committed(seat);
      },
      bounds: async () => {
        log.assertOpen();
        return records.bounds(topic, partition);
      },
      read: async (from, limits) => {
        assertReadable(from, limits);
        return log.read(topic, partition, from, limits, lost.signal, () => ({ kind: 'lost' }));
      },
      holds: async () => {
        if (lost.signal.aborted || log.closed) return false;
        if (holders.holds(seat, tenure)) return true;
        learn();
        return false;
      },
      commit: async (offset, metadata) => {
        assertCommittable(offset, metadata);
        if (log.closed) return { kind: 'fenced', cause: log.closedError() };
        try {
          const outcome = await queue.submit(() => holders.commitInside(seat, tenure, offset, metadata));
          if (outcome.kind === 'fenced') learn();
          return outcome;
        } catch (thrown) {
          return { kind: 'unknown', cause: asError(thrown) };
        }
      },
    };
  }
}

const pause = (wait_ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, wait_ms);
    signal.addEventListener('abort', done);
  });
