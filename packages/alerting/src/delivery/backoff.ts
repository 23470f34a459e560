export interface RetrySettings {
  /** Attempts in all. After the last a message is a dead letter. */
  readonly attempts_max: number;
  /** Before the second attempt; each further wait is twice the one before. */
  readonly wait_ms: number;
  readonly wait_ms_max: number;
  /** What a receiver may ask for at most by Retry-After. */
  readonly retry_after_ms_max: number;
}
/** The waits add up to about an hour. */
export const RETRY_DEFAULTS: RetrySettings = { attempts_max: 12, wait_ms: 1_000, wait_ms_max: 1_800_000, retry_after_ms_max: 3_600_000 };

/**
 * How long to wait after so many attempts failed: doubled each time, of that a random part between half and all, and no
 * less than the receiver asked for. `random` is in [0, 1).
 */
export function waitAfter(settings: RetrySettings, attempts: number, random: number, retry_after_ms: number | null): number {
  const full = Math.min(settings.wait_ms_max, settings.wait_ms * 2 ** (attempts - 1));
  const wait = Math.round(full / 2 + (full / 2) * random);
  return Math.max(wait, Math.min(retry_after_ms ?? 0, settings.retry_after_ms_max));
}

/** Retry-After of RFC 9110 (10.2.3): seconds, or a date. null for anything else. */
export function retryAfter(header: string | null, now_ms: number): number | null {
  if (header === null) return null;
  if (/^\d{1,9}$/.test(header.trim())) return Number(header.trim()) * 1_000;
  const at = Date.parse(header);
  return Number.isNaN(at) || !/[a-z]{3}/i.test(header) ? null : Math.max(0, at - now_ms);
}
