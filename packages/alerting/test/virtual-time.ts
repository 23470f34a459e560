import type { Timers } from '../src/delivery/notifier.ts';

/** A clock that moves only when it is told to, and the timers that go by it. */
export interface VirtualTime extends Timers {
  now(): number;
  /** Lets time pass, running what is due in its order, and everything that follows from it at once. */
  pass(ms: number): Promise<void>;
  /** Lets everything run that waits for no time. */
  settle(): Promise<void>;
  readonly waiting: number;
}

export function virtualTime(start_ms: number): VirtualTime {
  let now = start_ms;
  const timers = new Set<{ readonly at: number; readonly run: () => void }>();
  // Promises of fakes settle within microtasks; a macrotask each lets them all.
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 5; i++) await new Promise<void>((resolve) => setImmediate(resolve));
  };
  return {
    now: () => now,
    after(delay_ms, run) {
      const timer = { at: now + delay_ms, run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    settle,
    async pass(ms) {
      const end = now + ms;
      for (;;) {
        await settle();
        const due = [...timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
        if (due === undefined) break;
        timers.delete(due);
        now = Math.max(now, due.at);
        due.run();
      }
      now = end;
      await settle();
    },
    get waiting() {
      return timers.size;
    },
  };
}
