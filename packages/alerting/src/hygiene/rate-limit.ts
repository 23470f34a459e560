/**
 * How many messages a notifier may send: the generic cell rate algorithm (ITU-T I.371, annex A). Up to `burst` at once, and
 * one more each `interval_ms`. Within any minute that is at most burst + ⌈60,000 / interval_ms⌉ − 1, and one at its edge.
 */
export interface RateLimitSettings {
  readonly burst: number;
  readonly interval_ms: number;
}
/** At most 10 within any minute. */
export const RATE_LIMIT_DEFAULTS: RateLimitSettings = { burst: 5, interval_ms: 12_000 };

/** Theoretical arrival time: when the bucket is as good as untouched again. */
export type RateLimitState = number;

export interface RateLimit {
  /** How many may be sent now. */
  available(now_ms: number): number;
  /** Takes one; false, and nothing taken, where none may be sent. */
  take(now_ms: number): boolean;
  /** When the next one may be sent: now, or later. */
  nextAt(now_ms: number): number;
  state(): RateLimitState;
}

export function createRateLimit({ burst, interval_ms }: RateLimitSettings, state: RateLimitState = 0): RateLimit {
  let arrival = state;
  const tolerance = (burst - 1) * interval_ms;
  const available = (now_ms: number): number =>
    Math.max(0, Math.min(burst, Math.floor((now_ms + tolerance - Math.max(arrival, now_ms)) / interval_ms) + 1));
  return {
    available,
    take(now_ms) {
      if (available(now_ms) === 0) return false;
      arrival = Math.max(arrival, now_ms) + interval_ms;
      return true;
    },
    nextAt: (now_ms) => Math.max(now_ms, arrival - tolerance),
    state: () => arrival,
  };
}
