import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RETRY_DEFAULTS, retryAfter, waitAfter } from '../src/delivery/backoff.ts';
import { createDispatcher, type Dispatcher } from '../src/delivery/dispatcher.ts';
import type { DeliveryEvent } from '../src/delivery/lane.ts';
import type { DeliveryOutcome, Notifier } from '../src/delivery/notifier.ts';
import { createMemoryDeliveryStore, type DeliveryRow, type DeliveryStore, type MemoryDeliveryStore } from '../src/delivery/store.ts';
import type { Message } from '../src/message.ts';
import { MINUTE, NOW, SECOND, sampleAlert, sampleHygiene } from './sample.ts';
import { type VirtualTime, virtualTime } from './virtual-time.ts';

const HOUR = 60 * MINUTE;
const delivered: DeliveryOutcome = { kind: 'delivered', status: 200 };
const failed = (retry_after_ms: number | null = null): DeliveryOutcome => ({
  kind: 'failed',
  reason: 'http_status',
  status: 503,
  retry_after_ms,
});
const refused: DeliveryOutcome = { kind: 'refused', reason: 'http_status', status: 404 };

const message = (id: string, notifier: string): Message => {
  const hygiene = sampleHygiene({ routes: [{ notifier }], new_id: () => id });
  hygiene.admit(sampleAlert(id), NOW);
  return hygiene.messages(NOW + MINUTE)[0] as Message;
};

interface World {
  readonly time: VirtualTime;
  readonly store: MemoryDeliveryStore;
  readonly events: DeliveryEvent[];
  /** [message, time since the start in seconds] of each attempt, by notifier. */
  readonly attempts: Record<string, [string, number][]>;
  open(options?: { readonly store?: DeliveryStore; readonly queue_messages_max?: number }): Dispatcher;
}

function world(answers: Readonly<Record<string, (id: string, nth: number) => DeliveryOutcome>>): World {
  const time = virtualTime(NOW);
  const store = createMemoryDeliveryStore();
  const attempts: World['attempts'] = {};
  const events: DeliveryEvent[] = [];
  const notifiers = Object.entries(answers).map(([name, answer]): Notifier => {
    const seen: [string, number][] = [];
    attempts[name] = seen;
    return {
      name,
      body: (one) => JSON.stringify({ id: one.id, count: one.count }),
      async deliver(id) {
        seen.push([id, (time.now() - NOW) / SECOND]);
        return answer(id, seen.filter(([other]) => other === id).length);
      },
    };
  });
  return {
    time,
    store,
    events,
    attempts,
    open: (options = {}) =>
      createDispatcher({
        notifiers,
        store: options.store ?? store,
        clock_ms: time.now,
        random: () => 0.5,
        timers: time,
        onEvent: (event) => events.push(event),
        retry: { attempts_max: 5 },
        ...(options.queue_messages_max === undefined ? {} : { queue_messages_max: options.queue_messages_max }),
      }),
  };
}
/** The row of a message that is queued. */
async function queued(id: string): Promise<DeliveryRow> {
  const { open, store } = world({ a: () => failed() });
  const dispatcher = open();
  await dispatcher.enqueue([message(id, 'a')]);
  await dispatcher.stop();
  return { ...(store.rows()[0] as DeliveryRow), state: 'QUEUED', next_attempt_at: NOW };
}
const states = (store: MemoryDeliveryStore) =>
  Object.fromEntries(store.rows().map(({ message_id, state, attempts }) => [message_id, `${state} ${attempts}`]));

describe('a message', () => {
  it('is sent once, and its row says so', async () => {
    const { open, time, store, attempts } = world({ a: () => delivered });
    await open().enqueue([message('m1', 'a'), message('m2', 'a')]);
    await time.settle();
    expect(attempts['a']).toEqual([
      ['m1', 0],
      ['m2', 0],
    ]);
    expect(store.rows()).toMatchObject([
      { message_id: 'm1', state: 'DELIVERED', attempts: 1, status: 200, next_attempt_at: null, alerts_count: 1 },
      { message_id: 'm2', state: 'DELIVERED' },
    ]);
    expect(time.waiting).toBe(0);
  });

  it('is tried again after waits that double, and is a dead letter after the last try', async () => {
    const { open, time, store, attempts, events } = world({ a: () => failed() });
    await open().enqueue([message('m1', 'a')]);
    await time.pass(HOUR);
    // Between half of the wait and all of it: in the middle, by the random number.
    expect(attempts['a']?.map(([, at]) => at)).toEqual([0, 0.75, 2.25, 5.25, 11.25]);
    expect(store.rows()).toMatchObject([{ state: 'DEAD', attempts: 5, reason: 'http_status', status: 503 }]);
    expect(events.map(({ kind }) => kind)).toEqual(['retrying', 'retrying', 'retrying', 'retrying', 'dead']);
  });

  it('is left alone for as long as the receiver asks, within bounds', async () => {
    const { open, time, attempts } = world({
      a: (_, nth) => (nth === 1 ? failed(90 * SECOND) : nth === 2 ? failed(48 * HOUR) : delivered),
    });
    await open().enqueue([message('m1', 'a')]);
    await time.pass(3 * HOUR);
    expect(attempts['a']?.map(([, at]) => at)).toEqual([0, 90, 90 + 3_600]);
  });

  it('that is refused for good is a dead letter at once, and can be sent again', async () => {
    let isMended = false;
    const { open, time, store, attempts } = world({ a: () => (isMended ? delivered : refused) });
    const dispatcher = open();
    await dispatcher.enqueue([message('m1', 'a')]);
    await time.pass(HOUR);
    expect(states(store)).toEqual({ m1: 'DEAD 1' });
    await expect(dispatcher.resend('a', 'other')).rejects.toMatchObject({ code: 'message_unknown' });
    isMended = true;
    await dispatcher.resend('a', 'm1');
    await time.settle();
    expect(states(store)).toEqual({ m1: 'DELIVERED 1' });
    expect(attempts['a']?.length).toBe(2);
    await expect(dispatcher.resend('a', 'm1')).rejects.toMatchObject({ code: 'message_unknown' });
  });
});

describe('a store that fails', () => {
  it('after a message was delivered is asked again until it has the row; the message is not sent again', async () => {
    const { open, time, store, attempts, events } = world({ a: () => delivered });
    let failures = 3;
    const faulty: DeliveryStore = {
      ...store,
      async insertDeliveries(rows) {
        if (rows[0]?.state !== 'DELIVERED' || failures-- <= 0) return store.insertDeliveries(rows);
        return { kind: 'in_doubt', cause: new Error('disk') };
      },
    };
    const dispatcher = open({ store: faulty });
    await dispatcher.enqueue([message('m1', 'a')]);
    await time.settle();
    expect(states(store)).toEqual({ m1: 'QUEUED 0' });
    await time.pass(MINUTE);
    expect(states(store)).toEqual({ m1: 'DELIVERED 1' });
    expect(attempts['a']?.length).toBe(1);
    expect(events.map(({ kind }) => kind)).toEqual(['delivered', 'store_failed', 'store_failed', 'store_failed']);
    expect(dispatcher.waiting()['a']).toEqual({ messages: 0, more: false });
  });

  it('to be read is asked again', async () => {
    const { open, time, store, attempts } = world({ a: () => delivered });
    const first = open();
    await first.stop();
    await store.insertDeliveries([{ ...(await queued('m1')), notifier: 'a' }]);
    let failures = 2;
    const faulty: DeliveryStore = {
      ...store,
      queuedDeliveries: async (...of) => (failures-- > 0 ? Promise.reject(new Error('disk')) : store.queuedDeliveries(...of)),
    };
    open({ store: faulty }).start();
    await time.settle();
    expect(attempts['a']).toEqual([]);
    await time.pass(MINUTE);
    expect(attempts['a']).toEqual([['m1', 10]]);
  });
});

describe('a store that is slow', () => {
  const many = (count: number): readonly Message[] =>
    Array.from({ length: count }, (_, i) => message(`m${String(i).padStart(3, '0')}`, 'a'));
  /** Keeps outcomes only once it is let to. */
  const slow = (store: DeliveryStore): { readonly store: DeliveryStore; readonly inserts: number[]; letGo(): void } => {
    const inserts: number[] = [];
    let letGo = (): void => undefined;
    let gate: Promise<void> | null = new Promise((resolve) => (letGo = resolve));
    return {
      inserts,
      letGo() {
        gate = null;
        letGo();
      },
      store: {
        ...store,
        async insertDeliveries(rows) {
          if (rows[0]?.state === 'QUEUED') return store.insertDeliveries(rows);
          inserts.push(rows.length);
          if (gate !== null) await gate;
          return store.insertDeliveries(rows);
        },
      },
    };
  };

  it('does not keep the next messages waiting, and is given what became of them at once', async () => {
    const { open, time, store, attempts } = world({ a: () => delivered });
    const held = slow(store);
    const dispatcher = open({ store: held.store });
    await dispatcher.enqueue(many(20));
    await time.settle();
    expect(attempts['a']?.length).toBe(20);
    held.letGo();
    await time.settle();
    expect(held.inserts).toEqual([1, 19]);
    expect(new Set(Object.values(states(store)))).toEqual(new Set(['DELIVERED 1']));
    expect(dispatcher.waiting()['a']).toEqual({ messages: 0, more: false });
  });

  it('is waited for once a hundred outcomes are not kept', async () => {
    const { open, time, store, attempts } = world({ a: () => delivered });
    const held = slow(store);
    const dispatcher = open({ store: held.store });
    await dispatcher.enqueue(many(300));
    for (let i = 0; i < 50; i++) await time.settle();
    expect(attempts['a']?.length).toBe(100);
    held.letGo();
    for (let i = 0; i < 50; i++) await time.settle();
    expect(attempts['a']?.length).toBe(300);
  });

  it('has what became of every message when the dispatcher has stopped', async () => {
    const { open, time, store } = world({ a: () => delivered });
    const held = slow(store);
    const dispatcher = open({ store: held.store });
    await dispatcher.enqueue(many(20));
    await time.settle();
    const stopped = dispatcher.stop();
    held.letGo();
    await stopped;
    expect(new Set(Object.values(states(store)))).toEqual(new Set(['DELIVERED 1']));
  });
});

describe('a dead receiver', () => {
  it('delays no other, and loses nothing with a queue that is full', async () => {
    const ids = Array.from({ length: 50 }, (_, i) => `m${String(i).padStart(2, '0')}`);
    let isUp = false;
    const { open, time, store, attempts } = world({ dead: () => (isUp ? delivered : failed()), alive: () => delivered });
    const dispatcher = open({ queue_messages_max: 4 });
    await dispatcher.enqueue(ids.flatMap((id) => [message(`d${id}`, 'dead'), message(`a${id}`, 'alive')]));
    await time.settle();
    expect(attempts['alive']?.map(([id, at]) => [id, at])).toEqual(ids.map((id) => [`a${id}`, 0]));
    expect(dispatcher.waiting()['dead']).toEqual({ messages: 4, more: true });
    await time.pass(20 * SECOND);
    isUp = true;
    await time.pass(HOUR);
    const rows = store.rows().filter(({ notifier }) => notifier === 'dead');
    expect(rows.length).toBe(50);
    expect(new Set(rows.map(({ state }) => state))).toEqual(new Set(['DEAD', 'DELIVERED']));
    expect(dispatcher.waiting()['dead']).toEqual({ messages: 0, more: false });
  });
});

describe('a restart', () => {
  it('goes on with what was queued, and sends nothing again that was delivered', async () => {
    let isUp = false;
    const { open, time, store, attempts } = world({ a: (id) => (isUp || id === 'm1' ? delivered : failed()) });
    const first = open();
    await first.enqueue([message('m1', 'a'), message('m2', 'a'), message('m3', 'a')]);
    await time.pass(SECOND);
    await first.stop();
    await time.pass(HOUR);
    expect(attempts['a']?.filter(([id]) => id === 'm2').length).toBe(2);
    await expect(first.enqueue([message('m4', 'a')])).rejects.toMatchObject({ code: 'stopped' });
    isUp = true;
    open().start();
    await time.settle();
    expect(states(store)).toEqual({ m1: 'DELIVERED 1', m2: 'DELIVERED 3', m3: 'DELIVERED 3' });
    expect(attempts['a']?.filter(([id]) => id === 'm1').length).toBe(1);
  });

  it('at any point, whatever receivers and store do, loses nothing', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('ok', 'fail', 'refuse'), { minLength: 1, maxLength: 30 }),
        fc.array(fc.constantFrom('stored', 'fails', 'in_doubt'), { maxLength: 40 }),
        fc.array(fc.integer({ min: 1, max: 20_000 }), { maxLength: 6 }),
        async (answers, faults, restarts) => {
          let asked = 0;
          let call = 0;
          const { open, time, store, attempts } = world({
            a: () => ({ ok: delivered, fail: failed(), refuse: refused })[answers[asked++ % answers.length] as 'ok'],
          });
          const faulty: DeliveryStore = {
            ...store,
            async insertDeliveries(rows) {
              const fault = faults[call++];
              if (fault === 'fails') return { kind: 'in_doubt', cause: new Error('disk') };
              await store.insertDeliveries(rows);
              if (fault === 'in_doubt') throw new Error('connection lost');
              return { kind: 'stored' };
            },
          };
          const accepted: string[] = [];
          let dispatcher = open({ store: faulty, queue_messages_max: 3 });
          for (const [i, wait] of [...restarts, 1].entries()) {
            for (const n of [1, 2, 3]) {
              const id = `m${i}-${n}`;
              // Whoever is told that it was not kept gives it again.
              for (let tries = 0; ; tries++) {
                const outcome = await dispatcher.enqueue([message(id, 'a')]).then(
                  () => 'kept',
                  () => 'not kept',
                );
                if (outcome === 'kept') break;
                if (tries > 60) throw new Error('never kept');
              }
              accepted.push(id);
            }
            await time.pass(wait);
            await dispatcher.stop();
            dispatcher = open({ store: faulty, queue_messages_max: 3 });
            dispatcher.start();
          }
          await time.pass(5 * HOUR);
          const rows = new Map(store.rows().map((row) => [row.message_id, row]));
          for (const id of accepted) {
            expect(['DELIVERED', 'DEAD'], id).toContain(rows.get(id)?.state);
            expect(
              attempts['a']?.some(([other]) => other === id),
              id,
            ).toBe(true);
          }
          expect(dispatcher.waiting()['a']).toEqual({ messages: 0, more: false });
          await dispatcher.stop();
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe('settings', () => {
  it('with two notifiers of one name, or a message for none, are refused', async () => {
    const { open, time, store } = world({ a: () => delivered });
    await expect(open().enqueue([message('m1', 'b')])).rejects.toMatchObject({ code: 'settings_invalid' });
    const one: Notifier = { name: 'a', body: () => '', deliver: async () => delivered };
    expect(() => createDispatcher({ notifiers: [one, one], store, clock_ms: time.now, random: () => 0, timers: time })).toThrowError(
      expect.objectContaining({ code: 'settings_invalid' }),
    );
  });
});

describe('waits', () => {
  it('lie between half and all of a wait that doubles up to its bound', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.double({ min: 0, max: 0.999, noNaN: true }), (attempts, random) => {
        const full = Math.min(RETRY_DEFAULTS.wait_ms_max, RETRY_DEFAULTS.wait_ms * 2 ** (attempts - 1));
        const wait = waitAfter(RETRY_DEFAULTS, attempts, random, null);
        expect(wait).toBeGreaterThanOrEqual(full / 2);
        expect(wait).toBeLessThanOrEqual(full);
      }),
    );
  });
  it.each([
    ['120', 120_000],
    [' 0 ', 0],
    ['Wed, 01 Jan 2025 00:02:40 GMT', 60_000],
    ['Wed, 01 Jan 2020 00:00:00 GMT', 0],
    ['soon', null],
    ['-5', null],
    ['1.5', null],
    ['99999999999999', null],
    [null, null],
  ])('Retry-After %j is %j ms', (header, wanted) => expect(retryAfter(header, 1_735_689_700_000)).toBe(wanted));
});
