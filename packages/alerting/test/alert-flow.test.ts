import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createAlertFlow } from '../src/delivery/alert-flow.ts';
import { createDispatcher } from '../src/delivery/dispatcher.ts';
import type { Notifier } from '../src/delivery/notifier.ts';
import { createMemoryDeliveryStore, type DeliveryStore, type MemoryDeliveryStore } from '../src/delivery/store.ts';
import type { HygieneState } from '../src/hygiene/hygiene.ts';
import { MINUTE, NOW, SECOND, sampleAlert, sampleHygiene } from './sample.ts';
import { virtualTime } from './virtual-time.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Fault = 'ok' | 'fails' | 'in_doubt';

/** A process that can die at any moment; the store and the log of events stay. */
function deployment(faultOf: () => Fault) {
  const time = virtualTime(NOW);
  const store: Mutable<MemoryDeliveryStore> = createMemoryDeliveryStore();
  const told: number[] = [];
  const failures: unknown[] = [];
  let ids = 0;
  const notifier: Notifier = {
    name: 'slack',
    body: ({ count, repeated }) => JSON.stringify({ count, repeated }),
    async deliver(_id, body) {
      told.push((JSON.parse(body) as { count: number }).count);
      return { kind: 'delivered', status: 200 };
    },
  };
  async function faulty<T>(run: () => Promise<T>): Promise<T> {
    const fault = faultOf();
    if (fault === 'fails') throw new Error('disk');
    const answer = await run();
    if (fault === 'in_doubt') throw new Error('connection lost');
    return answer;
  }
  const open = async () => {
    const kept = await store.load();
    const state = kept === null ? {} : { state: JSON.parse(kept) as HygieneState };
    const hygiene = sampleHygiene({ new_id: () => `m${++ids}`, ...state });
    const deliveries: DeliveryStore = { ...store, insertDeliveries: (rows) => faulty(() => store.insertDeliveries(rows)) };
    const dispatcher = createDispatcher({ notifiers: [notifier], store: deliveries, clock_ms: time.now, random: () => 0, timers: time });
    dispatcher.start();
    const flow = createAlertFlow({
      hygiene,
      dispatcher,
      state: { save: (text) => faulty(() => store.save(text)) },
      clock_ms: time.now,
      timers: time,
      onFailure: (cause) => failures.push(cause),
    });
    await flow.flush();
    return { hygiene, flow, dispatcher };
  };
  return { time, store, told, failures, open };
}

describe('alerts on their way', () => {
  it('are told of when their group is due, without anybody asking', async () => {
    const { time, told, open } = deployment(() => 'ok');
    const { flow } = await open();
    flow.admit([sampleAlert('1'), sampleAlert('2')]);
    await flow.keep();
    await time.pass(29 * SECOND);
    expect(told).toEqual([]);
    await time.pass(2 * SECOND);
    expect(told).toEqual([2]);
    flow.admit([sampleAlert('3')]);
    await time.pass(10 * MINUTE);
    expect(told).toEqual([2, 1]);
  });

  it('are told of by the next process where the one before died after keeping them', async () => {
    const { time, told, open } = deployment(() => 'ok');
    const first = await open();
    first.flow.admit([sampleAlert('1')]);
    await first.flow.keep();
    first.flow.admit([sampleAlert('2')]);
    await Promise.all([first.flow.stop(), first.dispatcher.stop()]);
    await time.pass(MINUTE);
    expect(told).toEqual([]);
    // The events of what was not kept are replayed, and with them those of what was.
    const second = await open();
    expect(second.flow.admit([sampleAlert('1'), sampleAlert('2')]).map(({ fate }) => fate.kind)).toEqual(['duplicate', 'grouped']);
    await time.pass(10 * MINUTE);
    expect(told.reduce((sum, count) => sum + count, 0)).toBe(2);
  });

  it('hold back the offsets where they could not be kept', async () => {
    let fault: Fault = 'ok';
    const { open } = deployment(() => fault);
    const { flow } = await open();
    flow.admit([sampleAlert('1')]);
    fault = 'fails';
    await expect(flow.keep()).rejects.toThrow('disk');
    fault = 'ok';
    await flow.keep();
  });

  it('that are due while deliveries cannot be kept are in no kept state as told of', async () => {
    let isDown = false;
    const { time, told, store, open, failures } = deployment(() => 'ok');
    const { flow, dispatcher } = await open();
    flow.admit([sampleAlert('1')]);
    await flow.keep();
    const insert = store.insertDeliveries;
    store.insertDeliveries = (rows) => (isDown ? Promise.reject(new Error('disk')) : insert(rows));
    isDown = true;
    await time.pass(MINUTE);
    expect(failures.length).toBeGreaterThan(0);
    flow.admit([sampleAlert('2', { rule_id: 'other' })]);
    await expect(flow.keep()).rejects.toThrow('disk');
    await Promise.all([flow.stop(), dispatcher.stop()]);
    isDown = false;
    const next = await open();
    next.flow.admit([sampleAlert('2', { rule_id: 'other' })]);
    await time.pass(10 * MINUTE);
    expect(told).toEqual([1, 1]);
  });

  it('are each told of at least once, whatever fails and whenever the process dies', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom<Fault>('ok', 'ok', 'fails', 'in_doubt'), { maxLength: 60 }),
        fc.array(fc.record({ alerts: fc.integer({ min: 1, max: 4 }), wait: fc.integer({ min: 1, max: 5 * MINUTE }), dies: fc.boolean() }), {
          minLength: 1,
          maxLength: 8,
        }),
        async (faults, steps) => {
          let call = 0;
          const { time, store, told, open } = deployment(() => faults[call++] ?? 'ok');
          let here = await open();
          /** What was found in events whose offsets are not committed. */
          let uncommitted: string[] = [];
          let all = 0;
          for (const { alerts, wait, dies } of steps) {
            for (let i = 0; i < alerts; i++) uncommitted.push(`alert ${all++}`);
            here.flow.admit(uncommitted.slice(-alerts).map((name) => sampleAlert(name)));
            const isKept = await here.flow.keep().then(
              () => true,
              () => false,
            );
            if (isKept) uncommitted = [];
            await time.pass(wait);
            if (!dies) continue;
            await Promise.all([here.flow.stop(), here.dispatcher.stop()]);
            here = await open();
            here.flow.admit(uncommitted.map((name) => sampleAlert(name)));
          }
          await time.pass(3 * 60 * MINUTE);
          expect(told.reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(all);
          expect(store.rows().every(({ state }) => state === 'DELIVERED')).toBe(true);
          await Promise.all([here.flow.stop(), here.dispatcher.stop()]);
        },
      ),
      { numRuns: 60 },
    );
  });
});
