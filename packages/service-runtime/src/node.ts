import type { StartTimer } from './shutdown.ts';

/** Timers of the Node process. They keep it alive until they are stopped, so that a deadline is met. */
export const startTimer: StartTimer = (delay_ms, run) => {
  const timer = setTimeout(run, delay_ms);
  return () => clearTimeout(timer);
};

/** Waits `ms`; resolves early when the signal aborts. */
export function sleep(ms: number, stop: AbortSignal): Promise<void> {
  if (stop.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      stop.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    stop.addEventListener('abort', done, { once: true });
  });
}

/** Lets other work of the process run. */
export const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
