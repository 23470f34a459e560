import type { Fault, FaultPlan, PortCall } from './fault-plan.ts';

/** A plan that can be looked at afterwards. */
export interface TestPlan extends FaultPlan {
  /** Every call so far, with what was chosen for it; its place is its number, from 0. */
  readonly calls: readonly (PortCall & { readonly fault: Fault })[];
  /** Effects that have not arrived yet. */
  readonly late_count: number;
  /**
   * Lets the oldest late effect arrive, if there is one; true when there was. Resolves when it has; that of a memory log's
   * handle that was killed never does.
   */
  runLate(): Promise<boolean>;
  /** Lets late effects arrive until there is none. */
  runAllLate(): Promise<void>;
}

export interface PlanOptions {
  /** How a slow call passes the time; one turn of the loop when absent. */
  readonly pause?: () => Promise<void>;
  /** Told at a crash: kill the process here, so that its groups expel it. */
  readonly crashed?: (call: PortCall) => void;
}

/** No faults: only writes down the calls. */
export const recordingPlan = (options: PlanOptions = {}): TestPlan => planOf(() => 'none', options);

/** Fails the calls with these numbers, from 0. */
export const scriptedPlan = (options: PlanOptions & { readonly faults: ReadonlyMap<number, Fault> }): TestPlan =>
  planOf((number) => options.faults.get(number) ?? 'none', options);

/** Fails a share of all calls, each fault alike. */
export function randomPlan(
  options: PlanOptions & {
    /** From 0 up to, but not including, 1. Seed it, and print the seed. */
    readonly random: () => number;
    /** Share of calls that fail, from 0 to 1. */
    readonly rate: number;
    /** Chosen from these; all that leave the process alive when absent. */
    readonly faults?: readonly Fault[];
  },
): TestPlan {
  const faults = options.faults ?? living_faults;
  return planOf(() => {
    if (options.random() >= options.rate) return 'none';
    return faults[Math.floor(options.random() * faults.length)] ?? 'none';
  }, options);
}

const living_faults: readonly Fault[] = ['fail_before', 'fail_after', 'late', 'slow'];

function planOf(faultOf: (number: number) => Fault, options: PlanOptions): TestPlan {
  const calls: (PortCall & { readonly fault: Fault })[] = [];
  const late: (() => Promise<void>)[] = [];
  let dead = false;
  const runLate = async (): Promise<boolean> => {
    const effect = late.shift();
    await effect?.();
    return effect !== undefined;
  };
  return {
    calls,
    get late_count() {
      return late.length;
    },
    get dead() {
      return dead;
    },
    choose: (call) => {
      const fault = faultOf(calls.length);
      calls.push({ ...call, fault });
      return fault;
    },
    later: (effect) => {
      late.push(effect);
    },
    pause: options.pause ?? (() => new Promise((resolve) => setImmediate(resolve))),
    crashed: (call) => {
      dead = true;
      options.crashed?.(call);
    },
    runLate,
    runAllLate: async () => {
      while (await runLate());
    },
  };
}
