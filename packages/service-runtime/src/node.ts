import type { StartTimer } from './shutdown.ts';

/** Timers of the Node process. They keep it alive until they are stopped, so that a deadline is met. */
export const startTimer: StartTimer = (delay_ms, run) => {
  const timer = setTimeout(run, delay_ms);
  return () => clearTimeout(timer);
};
