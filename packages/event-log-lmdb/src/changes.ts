/** How often a waiting read looks for what other processes have appended. */
const poll_ms = 40;

/** Wakes what waits for a change of the log: at once for changes of this process, soon for those of others. */
export class Changes {
  readonly #waiting = new Set<() => void>();

  /** Something of this process has changed. */
  wake(): void {
    for (const wake of this.#waiting) wake();
  }

  /** Resolves with what `look` gives when it is not null: now, after a change, after `wait_ms`, or when the signal aborts. */
  async until<T>(look: () => T | null, last: () => T, wait_ms: number, signal: AbortSignal): Promise<T> {
    const first = look();
    if (first !== null) return first;
    const ended = new AbortController();
    try {
      return await new Promise<T>((resolve, reject) => {
        const again = (): void => {
          try {
            const found = look();
            if (found !== null) resolve(found);
          } catch (thrown) {
            reject(thrown);
          }
        };
        this.#waiting.add(again);
        const poll = setInterval(again, poll_ms);
        const timer = setTimeout(() => resolve(last()), Math.min(wait_ms, timer_ms_max));
        ended.signal.addEventListener('abort', () => {
          this.#waiting.delete(again);
          clearInterval(poll);
          clearTimeout(timer);
        });
        signal.addEventListener('abort', again, { signal: ended.signal });
      });
    } finally {
      ended.abort();
    }
  }
}

/** The longest that a timer of Node takes. */
const timer_ms_max = 2 ** 31 - 1;
