/** What waits tries often: a reason is told when it is new, and then so often. */
const TOLD_AGAIN_MS = 30_000;

/** When each place last told each reason why it waits, so that an outage is a few lines and not two a second. */
export class ToldReasons {
  readonly #clock_ms: () => number;
  readonly #told = new Map<string, Map<string, number>>();

  constructor(clock_ms: () => number) {
    this.#clock_ms = clock_ms;
  }

  /** Whether this is to be told: `place` waits with `what`, because of `cause`, by its code or else its message. */
  isNews(place: string, what: string, cause: Error): boolean {
    const reasons = this.#told.get(place) ?? new Map<string, number>();
    this.#told.set(place, reasons);
    const reason = `${what}: ${(cause as { readonly code?: unknown }).code ?? cause.message}`;
    const now_ms = this.#clock_ms();
    if (now_ms - (reasons.get(reason) ?? Number.NEGATIVE_INFINITY) < TOLD_AGAIN_MS) return false;
    // Messages without a code may differ each time: those of long ago are forgotten.
    for (const [other, told_ms] of reasons) if (now_ms - told_ms >= TOLD_AGAIN_MS) reasons.delete(other);
    reasons.set(reason, now_ms);
    return true;
  }

  /** It does not wait any more: the next time is news. */
  goesOn(place: string): void {
    this.#told.delete(place);
  }
}
