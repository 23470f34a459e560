/** Wakes those who wait for something of this process to have changed. */
export class Changes {
  readonly #waiting = new Set<() => void>();

  tell(): void {
    for (const wake of Array.from(this.#waiting)) wake();
  }

  /** Resolves with the next change, or when `stop` aborts. */
  next(stop: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#waiting.delete(done);
        stop.removeEventListener('abort', done);
        resolve();
      };
      this.#waiting.add(done);
      stop.addEventListener('abort', done, { once: true });
    });
  }
}
