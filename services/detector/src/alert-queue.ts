import type { AlertRecord } from '@sealtrail/wire';

/**
 * Alerts on their way to the sink, in order: one call at a time, and what comes meanwhile goes with the next. So evaluation
 * goes on while a store takes its time.
 */
export class AlertQueue {
  readonly #raise: (alerts: readonly AlertRecord[]) => Promise<void>;
  readonly #onDurable: () => void;
  #waiting: AlertRecord[] = [];
  #added = 0;
  #durable = 0;
  #running: Promise<void> = Promise.resolve();
  #isRunning = false;
  #failure: { readonly cause: unknown } | null = null;

  /** @param onDurable after each call that has made alerts durable */
  constructor(raise: (alerts: readonly AlertRecord[]) => Promise<void>, onDurable: () => void) {
    this.#raise = raise;
    this.#onDurable = onDurable;
  }

  /** Alerts that were added since the queue was made. */
  get added(): number {
    return this.#added;
  }

  /** How many of them are durable: the first ones. */
  get durable(): number {
    return this.#durable;
  }

  /** Throws what an earlier call threw: nothing is raised after it. */
  add(alerts: readonly AlertRecord[]): void {
    if (this.#failure !== null) throw this.#failure.cause;
    if (alerts.length === 0) return;
    this.#added += alerts.length;
    for (const alert of alerts) this.#waiting.push(alert);
    if (!this.#isRunning) this.#running = this.#run();
  }

  /** Resolves when all that was added is durable. Throws what the call threw that was to make it so. */
  async settled(): Promise<void> {
    await this.#running;
    if (this.#failure !== null) throw this.#failure.cause;
  }

  /** Resolves when no call runs, however it ended. */
  async rests(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    try {
      while (this.#waiting.length > 0) {
        const alerts = this.#waiting;
        this.#waiting = [];
        await this.#raise(alerts);
        this.#durable += alerts.length;
        this.#onDurable();
      }
    } catch (cause) {
      this.#failure = { cause };
    } finally {
      this.#isRunning = false;
    }
  }
}
