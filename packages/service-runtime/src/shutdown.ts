/** Starts a timer and returns what stops it. */
export type StartTimer = (delay_ms: number, run: () => void) => () => void;

/** Where termination signals come from; `process` fits. */
export interface SignalSource {
  on(signal: 'SIGINT' | 'SIGTERM', listener: (signal: string) => void): unknown;
  off(signal: 'SIGINT' | 'SIGTERM', listener: (signal: string) => void): unknown;
}

export type ShutdownOutcome =
  | { readonly kind: 'clean'; readonly cause: string }
  /** Every step ran; these threw. */
  | { readonly kind: 'failed'; readonly cause: string; readonly failures: readonly { readonly step: string; readonly error: unknown }[] }
  /** The deadline passed, or a second signal came, while `step` ran; it and the steps behind it did not end. */
  | { readonly kind: 'cut_short'; readonly cause: string; readonly by: 'deadline' | 'second_signal'; readonly step: string };

export interface ShutdownOptions {
  readonly signals: SignalSource;
  /** How long all steps together may take. */
  readonly deadline_ms: number;
  readonly startTimer: StartTimer;
  /** Told before each step. */
  readonly onStep?: (step: string) => void;
}

export interface Shutdown {
  /** Aborted as soon as the shutdown begins: loops end by it. */
  readonly begun: AbortSignal;
  /** Adds a step. Steps run one after the other, the last added first: what was started last depends on what was before. */
  add(step: string, stop: () => Promise<void> | void): void;
  /** Begins the shutdown, as a signal does; again, it only returns what is under way. */
  begin(cause: string): Promise<ShutdownOutcome>;
  /** Resolves when the shutdown is over, whoever began it. The process then exits: nothing here ends it. */
  readonly done: Promise<ShutdownOutcome>;
}

/**
 * Ordered shutdown. The first SIGINT or SIGTERM runs the steps; a second one, or the deadline, gives up on them. A step that
 * throws does not keep the others from running.
 */
export function createShutdown(options: ShutdownOptions): Shutdown {
  const steps: { step: string; stop: () => Promise<void> | void }[] = [];
  const begun = new AbortController();
  let resolve: (outcome: ShutdownOutcome) => void = () => {};
  const done = new Promise<ShutdownOutcome>((settle) => {
    resolve = settle;
  });
  let current = 'start';
  let firstCause = '';

  const onSignal = (signal: string): void => {
    if (begun.signal.aborted) cutShort('second_signal');
    else void begin(signal);
  };
  const finish = (outcome: ShutdownOutcome): void => {
    options.signals.off('SIGINT', onSignal);
    options.signals.off('SIGTERM', onSignal);
    resolve(outcome);
  };
  const cutShort = (by: 'deadline' | 'second_signal'): void => finish({ kind: 'cut_short', cause: firstCause, by, step: current });

  const begin = (cause: string): Promise<ShutdownOutcome> => {
    if (begun.signal.aborted) return done;
    firstCause = cause;
    begun.abort();
    const stopTimer = options.startTimer(options.deadline_ms, () => cutShort('deadline'));
    void runSteps().then((failures) => {
      stopTimer();
      finish(failures.length === 0 ? { kind: 'clean', cause } : { kind: 'failed', cause, failures });
    });
    return done;
  };

  const runSteps = async (): Promise<{ step: string; error: unknown }[]> => {
    const failures: { step: string; error: unknown }[] = [];
    for (let next = steps.pop(); next !== undefined; next = steps.pop()) {
      current = next.step;
      options.onStep?.(next.step);
      try {
        await next.stop();
      } catch (error) {
        failures.push({ step: next.step, error });
      }
    }
    return failures;
  };

  options.signals.on('SIGINT', onSignal);
  options.signals.on('SIGTERM', onSignal);
  return { begun: begun.signal, add: (step, stop) => void steps.push({ step, stop }), begin, done };
}
