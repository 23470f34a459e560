import type { Random } from '../../fixtures/seeded-random.ts';
import type { Time } from './time.ts';

interface Sleeper {
  readonly at_ms: number;
  readonly wake: () => void;
}

/**
 * Virtual time: it jumps to whoever sleeps the shortest once nothing else can happen. With
 * chance given, every call through a port waits at a gate before and after its effect, and chance decides who goes on.
 */
export class Turns implements Time {
  now_ms = 1_700_000_000_000;
  readonly #random: Random | null;
  readonly #gates: (() => void)[] = [];
  readonly #sleepers: Sleeper[] = [];

  constructor(random: Random | null) {
    this.#random = random;
  }

  gate(): Promise<void> {
    if (this.#random === null) return Promise.resolve();
    return new Promise((resolve) => void this.#gates.push(resolve));
  }

  /** Resolves early when the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const sleeper: Sleeper = { at_ms: this.now_ms + ms, wake: resolve };
      this.#sleepers.push(sleeper);
      signal?.addEventListener(
        'abort',
        () => {
          const at = this.#sleepers.indexOf(sleeper);
          if (at >= 0) this.#sleepers.splice(at, 1);
          resolve();
        },
        { once: true },
      );
    });
  }

  /** Lets everything happen that waits for neither a gate nor time. */
  settle(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  /** Opens one gate, or lets time pass to the next sleeper; false when nobody waits for either. */
  async step(): Promise<boolean> {
    await this.settle();
    const passTime = this.#gates.length === 0 || (this.#sleepers.length > 0 && this.#random?.chance(TIME_PASSES_MEANWHILE) === true);
    const moved = passTime ? this.#wakeNext() : this.#openGate();
    if (moved) await this.settle();
    return moved;
  }

  async rest(): Promise<void> {
    while (await this.step());
  }

  #openGate(): boolean {
    const at = this.#random?.below(this.#gates.length) ?? 0;
    const [open] = this.#gates.splice(at, 1);
    open?.();
    return open !== undefined;
  }

  #wakeNext(): boolean {
    let next: Sleeper | undefined;
    for (const sleeper of this.#sleepers) if (next === undefined || sleeper.at_ms < next.at_ms) next = sleeper;
    if (next === undefined) return false;
    this.#sleepers.splice(this.#sleepers.indexOf(next), 1);
    this.now_ms = Math.max(this.now_ms, next.at_ms);
    next.wake();
    return true;
  }
}

/** Share of the steps at which a sleeper wakes though calls are under way: calls may take long. */
const TIME_PASSES_MEANWHILE = 0.03;
