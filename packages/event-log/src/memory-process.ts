import { never } from './fault-plan.ts';
import { EventLogError } from './port.ts';

interface Goodbye {
  closed(): void;
  killed(): void;
}

/** One process that has opened a memory log: it may close it, or die. */
export class MemoryProcess {
  #state: 'open' | 'closed' | 'dead' = 'open';
  readonly #goodbyes = new Set<Goodbye>();

  get dead(): boolean {
    return this.#state === 'dead';
  }

  get closed(): boolean {
    return this.#state === 'closed';
  }

  close(): void {
    if (this.#state !== 'open') return;
    this.#state = 'closed';
    for (const goodbye of this.#goodbyes) goodbye.closed();
  }

  kill(): void {
    if (this.#state === 'dead') return;
    this.#state = 'dead';
    for (const goodbye of this.#goodbyes) goodbye.killed();
  }

  /** Calls one of the two, once; gives back how to be called no more. */
  whenGone(goodbye: Goodbye): () => void {
    this.#goodbyes.add(goodbye);
    return () => this.#goodbyes.delete(goodbye);
  }

  /** Answers as a living process; a dead one never answers, also when it died under way, and a call of it has no effect. */
  async answer<T>(respond: () => T | Promise<T>): Promise<T> {
    if (this.dead) return never();
    try {
      return await respond();
    } finally {
      if (this.dead) await never();
    }
  }

  assertOpen(): void {
    if (this.closed) throw this.closedError();
  }

  closedError(): EventLogError {
    return new EventLogError('log_closed', 'the event log was closed: open another');
  }
}
