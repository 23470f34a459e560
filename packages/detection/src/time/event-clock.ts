/** How far event time has come, of one partition. Knows no wall clock: it moves by events, and by `advance` alone. */
export class EventClock {
  readonly #allowance_us: number;
  readonly #ahead_us: number;
  #latest_us = Number.NEGATIVE_INFINITY;

  /**
   * @param allowance_us how far behind the latest event another may come and still be in time
   * @param ahead_us how far an event's own time may lie beyond the time at which the log took it
   */
  constructor(allowance_us: number, ahead_us: number) {
    this.#allowance_us = allowance_us;
    this.#ahead_us = ahead_us;
  }

  /** Nothing before this time is still awaited: everything before it has been released, and what comes with a time before it is late. */
  get watermark_us(): number {
    return this.#latest_us - this.#allowance_us;
  }

  /**
   * The time that counts for an event: its own, or the latest that the log's time allows where its own lies beyond. Both stand
   * in the log, so a replay caps alike. Null where the time is no whole number of µs.
   */
  timeOf(event: { readonly time_us: number; readonly received_us?: number }): number | null {
    if (!Number.isSafeInteger(event.time_us)) return null;
    if (event.received_us === undefined || !Number.isSafeInteger(event.received_us)) return event.time_us;
    return Math.min(event.time_us, event.received_us + this.#ahead_us);
  }

  /** Takes note that event time has come to `time_us`; never goes back. */
  observe(time_us: number): void {
    if (time_us > this.#latest_us) this.#latest_us = time_us;
  }
}
