/** The edge: where the emitter's clock, randomness and timers come from when none are given. */
import { randomBytes } from 'node:crypto';
import { sha256 } from '@sealtrail/merkle/node';
import type { EmitterProblem } from './audit.ts';
import type { EmitterOptions, Timers } from './options.ts';

type Effects = Required<Pick<EmitterOptions, 'clock_ms' | 'random' | 'timers' | 'sha256' | 'onProblem'>>;

export function systemEffects(): Effects {
  return { clock_ms: Date.now, random: randomBytes, timers: systemTimers, sha256: sha256(), onProblem: warnOncePerMinute(Date.now) };
}

const systemTimers: Timers = {
  after(ms, work, keepsAlive) {
    const timer = setTimeout(work, ms);
    if (keepsAlive === 'no') timer.unref();
    return () => clearTimeout(timer);
  },
  soon: (work) => void setImmediate(work),
};

const PAUSE_MS = 60_000;

/** One line on standard error for the first problem of each kind a minute; `stats` counts them all. */
function warnOncePerMinute(clock_ms: () => number): (problem: EmitterProblem) => void {
  const last = new Map<string, number>();
  return ({ kind, code, message }) => {
    const now = clock_ms();
    if (now - (last.get(kind) ?? Number.NEGATIVE_INFINITY) < PAUSE_MS) return;
    last.set(kind, now);
    process.stderr.write(`sealtrail emitter: ${kind} (${code}): ${message}\n`);
  };
}
