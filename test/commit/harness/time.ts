/** Time and order of one world. */
export interface Time {
  readonly now_ms: number;
  /** Waits for the world's leave to go on. */
  gate(): Promise<void>;
  /** Resolves early when the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Lets everything happen that waits for neither a gate nor time. */
  settle(): Promise<void>;
  /** Lets one thing more happen; false when nothing is left that could. */
  step(): Promise<boolean>;
  /** Steps until nothing is left that could happen. */
  rest(): Promise<void>;
}

const STEP_MS = 2;
const REST_MS = 20;

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done);
  });
}

/** Time as it passes. */
export const realTime = (): Time => ({
  get now_ms() {
    return Date.now();
  },
  gate: () => Promise.resolve(),
  sleep,
  settle: () => new Promise((resolve) => setImmediate(resolve)),
  step: () => sleep(STEP_MS).then(() => true),
  rest: () => sleep(REST_MS),
});
