import type { StartTimer } from './shutdown.ts';

/** What a check found. */
export type CheckResult = { readonly kind: 'ok' } | { readonly kind: 'failing'; readonly reason: string };

export interface HealthCheck {
  /** Snake case, such as `event_log`. */
  readonly name: string;
  /** `live`: a failure means that only a restart helps. `ready`: it means that no work should be sent here now. */
  readonly probe: 'live' | 'ready';
  /** May be slow or throw; both count as failing. */
  readonly check: () => CheckResult | Promise<CheckResult>;
}

export interface HealthReport {
  readonly ok: boolean;
  readonly checks: readonly { readonly name: string; readonly result: CheckResult }[];
}

export interface Health {
  /** Throws when the name is taken. */
  add(check: HealthCheck): void;
  live(): Promise<HealthReport>;
  /** Includes the liveness checks: what must be restarted is not ready. */
  ready(): Promise<HealthReport>;
}

export interface HealthOptions {
  /** A check that takes longer is failing. */
  readonly check_timeout_ms: number;
  readonly startTimer: StartTimer;
}

/** Health as values. Reasons must hold no secrets and no personal data: they are served unauthenticated. */
export function createHealth(options: HealthOptions): Health {
  const checks = new Map<string, HealthCheck>();
  const report = async (chosen: readonly HealthCheck[]): Promise<HealthReport> => {
    const results = await Promise.all(chosen.map(async (check) => ({ name: check.name, result: await judge(check, options) })));
    return { ok: results.every(({ result }) => result.kind === 'ok'), checks: results };
  };
  return {
    add(check) {
      if (checks.has(check.name)) throw new Error(`health check ${check.name} exists already; give it another name`);
      checks.set(check.name, check);
    },
    live: () => report([...checks.values()].filter((check) => check.probe === 'live')),
    ready: () => report([...checks.values()]),
  };
}

async function judge(check: HealthCheck, options: HealthOptions): Promise<CheckResult> {
  return new Promise((resolve) => {
    const stopTimer = options.startTimer(options.check_timeout_ms, () => {
      resolve({ kind: 'failing', reason: `no answer within ${options.check_timeout_ms} ms` });
    });
    const settle = (result: CheckResult): void => {
      stopTimer();
      resolve(result);
    };
    // The cause is not told: a foreign error's message may quote data.
    Promise.resolve()
      .then(() => check.check())
      .then(settle, (error: unknown) =>
        settle({ kind: 'failing', reason: `threw ${error instanceof Error ? error.constructor.name : typeof error}` }),
      );
  });
}
