/** What can go wrong between a client and a server, on command. */

export type HttpFault =
  /** Reads the request and never answers; nothing is run. */
  | { readonly kind: 'hang' }
  /** Runs the statement and never answers. */
  | { readonly kind: 'hang_after' }
  /** Waits before it runs the statement. */
  | { readonly kind: 'slow'; readonly delay_ms: number }
  /** Reads the request and closes the connection; nothing is run. */
  | { readonly kind: 'cut_before' }
  /** Runs the statement and closes the connection without an answer. */
  | { readonly kind: 'cut_after' }
  /** Sends so many bytes of the answer, then closes the connection. */
  | { readonly kind: 'cut_midway'; readonly after_bytes: number }
  /** Sends so many bytes of the answer, then an exception as a server does in an answer that has begun. */
  | { readonly kind: 'error_midway'; readonly after_bytes: number; readonly keeps_framing?: boolean }
  /** Sends the answer in so many bytes at a time, with a pause after each. */
  | { readonly kind: 'drip'; readonly bytes: number; readonly every_ms: number }
  /** What a proxy answers: no exception of ClickHouse. Nothing is run. */
  | { readonly kind: 'status'; readonly status: number; readonly body: string }
  /** An exception before the statement is run, such as TOO_MANY_PARTS (252). */
  | { readonly kind: 'exception'; readonly code: number; readonly type: string; readonly message: string };

export interface FaultRule {
  /** Statements that it meets, by what their text matches; all when absent. */
  readonly matching?: RegExp;
  /** How many of them it meets; 1 when absent. */
  readonly times?: number;
  /** How many of them it lets pass first; 0 when absent. */
  readonly after?: number;
}

export interface Faults {
  add(fault: HttpFault, rule?: FaultRule): void;
  clear(): void;
  /** The fault that a statement meets; null for none. Uses it up. */
  meet(sql: string): HttpFault | null;
  /** How many statements have met one so far. */
  met(): number;
}

export function createFaults(): Faults {
  let met = 0;
  let rules: { readonly fault: HttpFault; readonly matching: RegExp | null; left: number; passing: number }[] = [];
  return {
    add(fault, { matching, times = 1, after = 0 } = {}) {
      rules.push({ fault, matching: matching ?? null, left: times, passing: after });
    },
    clear() {
      rules = [];
    },
    meet(sql) {
      for (const rule of rules) {
        if (rule.left === 0 || (rule.matching !== null && !rule.matching.test(sql))) continue;
        if (rule.passing > 0) rule.passing--;
        else {
          rule.left--;
          met++;
          return rule.fault;
        }
      }
      return null;
    },
    met: () => met,
  };
}
