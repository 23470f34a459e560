import type { RootDatabase } from 'lmdb';
import type { FileRoom } from './file-room.ts';
import { writeFailure } from './write-failure.ts';

interface Pending {
  /** Runs inside the transaction; may run again in another one. */
  readonly run: () => void;
  readonly bytes: number;
  readonly frees: boolean;
  resolve(): void;
  reject(cause: Error): void;
}

/** How much goes into one transaction: LMDB keeps its pages in memory until the commit. */
const group_bytes_max = 16 * 1024 * 1024;
const group_works_max = 1_024;

/**
 * Writes in order, one transaction at a time: whatever waits when one ends goes into the next, and shares its flush. Each
 * piece of work takes effect as a whole or not at all.
 */
export class WriteQueue {
  readonly #env: Pick<RootDatabase, 'childTransaction'>;
  readonly #dir: string;
  readonly #room: Pick<FileRoom, 'takeInside'>;
  readonly #committed: () => void;
  readonly #pending: Pending[] = [];
  #draining: Promise<void> | null = null;

  constructor(env: Pick<RootDatabase, 'childTransaction'>, dir: string, room: Pick<FileRoom, 'takeInside'>, committed: () => void) {
    this.#env = env;
    this.#dir = dir;
    this.#room = room;
    this.#committed = committed;
  }

  /**
   * Resolves when the work is durable. `bytes` says about how much it writes, `frees` that it gives back more. Rejects with EventLogError `log_no_space` when
   * it did not take effect for want of space, with `log_unavailable` or `log_corrupt` when it may have. An EventLogError
   * that `work` itself throws is passed on, and it did not take effect.
   */
  submit<T>(work: () => T, { bytes = 0, frees = false }: { readonly bytes?: number; readonly frees?: boolean } = {}): Promise<T> {
    return new Promise((resolve, reject) => {
      let done: { readonly result: T } | null = null;
      this.#pending.push({
        run: () => {
          done = { result: work() };
        },
        bytes,
        frees,
        resolve: () => {
          if (done !== null) resolve(done.result);
        },
        reject,
      });
      this.#draining ??= this.#drain();
    });
  }

  /** Resolves when nothing is waiting any more. */
  async idle(): Promise<void> {
    while (this.#draining !== null) await this.#draining;
  }

  async #drain(): Promise<void> {
    // What is submitted in the same turn belongs into the same transaction.
    await Promise.resolve();
    while (this.#pending.length > 0) {
      const group = this.#take();
      if (await this.#commit(group)) continue;
      // One of them stands in the way of the others: alone, each shows whether it can be.
      for (const one of group) await this.#commit([one]);
    }
    this.#draining = null;
  }

  #take(): readonly Pending[] {
    let bytes = 0;
    let count = 0;
    for (const { bytes: more } of this.#pending) {
      bytes += more;
      if (count > 0 && (bytes > group_bytes_max || count >= group_works_max)) break;
      count += 1;
    }
    return this.#pending.splice(0, count);
  }

  /** False when nothing took effect and the group is to be tried one by one. */
  async #commit(group: readonly Pending[]): Promise<boolean> {
    try {
      // A child, because only a child is rolled back when its work throws.
      await this.#env.childTransaction(() => {
        this.#room.takeInside(
          group.reduce((sum, { bytes }) => sum + bytes, 0),
          group.length,
          group.every(({ frees }) => frees),
        );
        for (const { run } of group) run();
      });
    } catch (thrown) {
      const { error, doubtful } = await writeFailure(thrown, this.#dir);
      // What may have been committed must not be run again.
      if (group.length > 1 && !doubtful) return false;
      for (const { reject } of group) reject(error);
      return true;
    }
    this.#committed();
    for (const { resolve } of group) resolve();
    return true;
  }
}
