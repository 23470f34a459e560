import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { createShutdown, type StartTimer } from '../src/index.ts';

function fixture() {
  const signals = new EventEmitter();
  const timers: { delay_ms: number; run: () => void; stopped: boolean }[] = [];
  const startTimer: StartTimer = (delay_ms, run) => {
    const timer = { delay_ms, run, stopped: false };
    timers.push(timer);
    return () => {
      timer.stopped = true;
    };
  };
  const order: string[] = [];
  const shutdown = createShutdown({ signals, deadline_ms: 5_000, startTimer, onStep: (step) => order.push(`> ${step}`) });
  return { signals, timers, order, shutdown };
}

describe('createShutdown', () => {
  it('runs the steps one after the other, the last added first', async () => {
    const { signals, timers, order, shutdown } = fixture();
    for (const step of ['log', 'store', 'server']) {
      shutdown.add(step, async () => {
        await Promise.resolve();
        order.push(`< ${step}`);
      });
    }
    expect(shutdown.begun.aborted).toBe(false);
    signals.emit('SIGTERM', 'SIGTERM');
    expect(shutdown.begun.aborted).toBe(true);
    expect(await shutdown.done).toEqual({ kind: 'clean', cause: 'SIGTERM' });
    expect(order).toEqual(['> server', '< server', '> store', '< store', '> log', '< log']);
    expect(timers).toMatchObject([{ delay_ms: 5_000, stopped: true }]);
    expect(signals.listenerCount('SIGTERM') + signals.listenerCount('SIGINT')).toBe(0);
  });

  it('goes on behind a step that throws, and tells which it was', async () => {
    const { order, shutdown } = fixture();
    const error = new Error('no');
    shutdown.add('log', () => void order.push('log'));
    shutdown.add('store', () => {
      throw error;
    });
    expect(await shutdown.begin('fault')).toEqual({ kind: 'failed', cause: 'fault', failures: [{ step: 'store', error }] });
    expect(order).toContain('log');
  });

  it('gives up at the deadline and names the step', async () => {
    const { timers, shutdown } = fixture();
    shutdown.add('log', () => {});
    shutdown.add('store', () => new Promise<void>(() => {}));
    const outcome = shutdown.begin('SIGINT');
    await Promise.resolve();
    timers[0]?.run();
    expect(await outcome).toEqual({ kind: 'cut_short', cause: 'SIGINT', by: 'deadline', step: 'store' });
  });

  it('gives up at a second signal, and begins once only', async () => {
    const { signals, order, shutdown } = fixture();
    shutdown.add('store', () => new Promise<void>(() => {}));
    const first = shutdown.begin('fault');
    expect(shutdown.begin('again')).toBe(first);
    signals.emit('SIGINT', 'SIGINT');
    expect(await first).toEqual({ kind: 'cut_short', cause: 'fault', by: 'second_signal', step: 'store' });
    expect(order).toEqual(['> store']);
  });
});

it('takes the Node process for its source of signals', async () => {
  const before = process.listenerCount('SIGTERM');
  const shutdown = createShutdown({ signals: process, deadline_ms: 5_000, startTimer: () => () => {} });
  expect(process.listenerCount('SIGTERM')).toBe(before + 1);
  await shutdown.begin('test');
  expect(process.listenerCount('SIGTERM')).toBe(before);
});
