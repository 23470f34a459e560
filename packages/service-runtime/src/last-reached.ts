import type { CheckResult } from './health.ts';

export interface LastReached {
  /** It was reached just now. */
  reached(): void;
  /** Failing until it was last reached not longer than `age_ms_max` ago. */
  check(age_ms_max: number): CheckResult;
}

/** When something was reached last, for readiness. `what` names it, such as `the log`. */
export function lastReached(what: string, clock_ms: () => number): LastReached {
  let at_ms: number | null = null;
  return {
    reached: () => void (at_ms = clock_ms()),
    check(age_ms_max) {
      if (at_ms === null) return { kind: 'failing', reason: `${what} was not reached yet` };
      const ago_ms = clock_ms() - at_ms;
      if (ago_ms <= age_ms_max) return { kind: 'ok' };
      return { kind: 'failing', reason: `${what} was last reached ${Math.round(ago_ms / 1000)} s ago` };
    },
  };
}
