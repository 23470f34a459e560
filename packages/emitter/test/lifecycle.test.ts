import type { PredecessorInstance } from '@sealtrail/wire';
import { describe, expect, it } from 'vitest';
import { type Harness, harness, sequences, settle } from './fixtures/harness.ts';

const kinds = ({ batches }: Harness): string[] => batches().map(({ header }) => `${header.delivery} ${header.kind} ${header.sequence}`);

/** Closes while time goes on, so that retries and the timeout can fall due. */
async function closed({ emitter, timers }: Harness, ms = 20_000): Promise<unknown> {
  const closing = emitter.close();
  await timers.advance(ms);
  return closing;
}

describe('heartbeats', () => {
  it('say that a class which sent before has nothing to say, and stop for none', async () => {
    const test = harness({ heartbeat_ms: 1_000 });
    await test.timers.advance(5_000);
    expect(kinds(test)).toEqual([]); // nobody was heard of
    await test.emitter.audit.log('invoice.delete', { delivery: 'CRITICAL' });
    await test.timers.advance(1_000);
    expect(kinds(test)).toEqual(['CRITICAL DATA 0']); // it sent something since the last look
    await test.timers.advance(2_000);
    expect(kinds(test)).toEqual(['CRITICAL DATA 0', 'CRITICAL HEARTBEAT 1', 'CRITICAL HEARTBEAT 2']);
    expect(test.emitter.stats().critical).toMatchObject({ sent_batches: 3, sent_heartbeats: 2, sent_events: 1 });
  });

  it('come for announced tenants in both classes, also when they never log', async () => {
    const test = harness({ heartbeat_ms: 1_000, announce: ['globex'] });
    await test.timers.advance(1_000);
    expect(kinds(test).sort()).toEqual(['CRITICAL HEARTBEAT 0', 'ROUTINE HEARTBEAT 0']);
    expect(test.batches().map(({ header }) => header.tenant)).toEqual(['globex', 'globex']);
  });

  it('do not pile up behind a log that is away', async () => {
    const test = harness({ heartbeat_ms: 1_000, announce: ['acme'] });
    test.log.otherwise = 'lose';
    await test.timers.advance(60_000);
    expect(test.emitter.stats().batches_waiting).toBe(2);
  });

  it('carry what was shed, when nothing else does', async () => {
    const test = harness({ heartbeat_ms: 1_000, memory_bytes_max: 0 });
    void test.emitter.audit.log('invoice.read');
    await test.timers.advance(1_000);
    expect(test.batches().map(({ header }) => [header.kind, header.sequence, header.shed])).toEqual([['HEARTBEAT', 0, 1]]);
  });

  it('of none: heartbeat_ms 0', async () => {
    const test = harness({ heartbeat_ms: 0, announce: ['acme'] });
    await test.timers.advance(1_000_000);
    expect([kinds(test), test.timers.pending]).toEqual([[], 0]);
  });
});

describe('close', () => {
  it('sends what waits, then a CLOSE for each class of each tenant that was heard of', async () => {
    const test = harness({ announce: ['globex'] });
    void test.emitter.audit.log('invoice.read');
    void test.emitter.audit.log('invoice.delete', { severity: 'CRITICAL' });
    expect(await closed(test)).toEqual({ kind: 'closed' });
    expect(
      test
        .batches()
        .map(({ header }) => `${header.tenant} ${header.delivery} ${header.kind} ${header.sequence}`)
        .sort(),
    ).toEqual([
      'acme CRITICAL CLOSE 1',
      'acme CRITICAL DATA 0',
      'acme ROUTINE CLOSE 1',
      'acme ROUTINE DATA 0',
      'globex CRITICAL CLOSE 0',
      'globex ROUTINE CLOSE 0',
    ]);
    expect(test.timers.pending).toBe(0);
  });

  it('twice is once', async () => {
    const test = harness();
    void test.emitter.audit.log('invoice.read');
    const first = test.emitter.close();
    expect(test.emitter.close()).toBe(first);
    await first;
    expect(await test.emitter.close()).toEqual({ kind: 'closed' });
    expect(kinds(test)).toEqual(['ROUTINE DATA 0', 'ROUTINE CLOSE 1']);
  });

  it('takes no more events: ROUTINE are told, CRITICAL reject', async () => {
    const test = harness();
    const closing = test.emitter.close();
    await test.emitter.audit.log('invoice.read');
    await expect(test.emitter.audit.log('invoice.delete', { delivery: 'CRITICAL' })).rejects.toMatchObject({ code: 'closed' });
    await closing;
    expect(test.problems).toMatchObject([{ kind: 'event_dropped', code: 'closed' }]);
    expect(test.log.records).toHaveLength(0);
  });

  it('ends open requests without a status', async () => {
    const test = harness();
    test.emitter.audit.request({ http_method: 'GET' }, () => void test.emitter.audit.log('invoice.read'));
    await closed(test);
    expect(test.events()).toMatchObject([{ action: 'invoice.read', http_status: null, outcome: 'SUCCESS' }]);
  });

  it('ends those that are open, and leaves those that ended as they did', async () => {
    const test = harness();
    const scopes = [1, 2, 3, 4].map((n) =>
      test.emitter.audit.request({}, (scope) => {
        void test.emitter.audit.log('invoice.read', { resource_id: String(n) });
        return scope;
      }),
    );
    scopes[0]?.finish({ http_status: 200 });
    scopes[2]?.finish({ http_status: 404 });
    await closed(test);
    scopes[1]?.finish({ http_status: 500 });
    expect(
      test
        .events()
        .map(({ resource_id, http_status }) => [resource_id, http_status])
        .sort(),
    ).toEqual([
      ['1', 200],
      ['2', null],
      ['3', 404],
      ['4', null],
    ]);
  });

  it('waits for retries', async () => {
    const test = harness();
    test.log.answers.push('lose', 'append_unconfirmed', { refuse: 'no_space' });
    void test.emitter.audit.log('invoice.read');
    expect(await closed(test)).toEqual({ kind: 'closed' });
  });

  it('gives up after close_timeout_ms, says what is missing, and rejects who waits', async () => {
    const test = harness({ close_timeout_ms: 3_000 });
    test.log.otherwise = 'lose';
    for (let i = 0; i < 4; i++) void test.emitter.audit.log('invoice.read');
    const critical = test.emitter.audit.log('invoice.delete', { delivery: 'CRITICAL' }).catch((error: { code: string }) => error.code);
    expect(await closed(test)).toEqual({ kind: 'incomplete', events_lost: 0, events_unconfirmed: 5, batches_unconfirmed: 4 });
    expect(await critical).toBe('append_unconfirmed');
    expect([test.timers.pending, test.emitter.stats().batches_waiting]).toEqual([0, 0]);
  });

  it('is incomplete when the log refuses a CLOSE: nothing else would say that the end is missing', async () => {
    const test = harness();
    await test.emitter.audit.log('invoice.delete', { delivery: 'CRITICAL' });
    test.log.otherwise = { refuse: 'closed' };
    expect(await closed(test)).toEqual({ kind: 'incomplete', events_lost: 0, events_unconfirmed: 0, batches_unconfirmed: 1 });
  });

  it('with no time at all gives up what is not signed yet, once', async () => {
    const test = harness({
      close_timeout_ms: 0,
      sign: () => {
        throw new Error('the key service is away');
      },
    });
    test.timers.soon = (): void => undefined; // the turn in which it would be signed comes too late
    void test.emitter.audit.log('invoice.read');
    expect(await closed(test)).toEqual({ kind: 'incomplete', events_lost: 1, events_unconfirmed: 0, batches_unconfirmed: 2 });
    expect(test.emitter.stats()).toMatchObject({ batches_waiting: 0, routine_bytes: 0 });
  });

  it('while a retry pauses does not wait for the pause', async () => {
    const test = harness({ close_timeout_ms: 100, retry_ms_min: 80_000, retry_ms_max: 80_000 });
    test.log.otherwise = 'lose';
    void test.emitter.audit.log('invoice.read');
    void test.emitter.flush();
    await settle();
    expect(await closed(test, 100)).toMatchObject({ kind: 'incomplete' });
  });
});

describe('the predecessor', () => {
  it('stands in the first header of each class, and tells the numbers that the last life would have used next', async () => {
    const kept = new Map<string, PredecessorInstance>();
    const asked: string[] = [];
    const state = {
      previous: (tenant: string) => {
        asked.push(tenant);
        return kept.get(tenant) ?? null;
      },
      record: (tenant: string, next: PredecessorInstance) => void kept.set(tenant, next),
    };
    const first = harness({ state });
    await first.emitter.audit.log('a.b', { delivery: 'CRITICAL' });
    await first.emitter.audit.log('a.b', { delivery: 'CRITICAL' });
    void first.emitter.audit.log('a.b');
    await first.emitter.flush();
    const instance = first.batches()[0]?.header.instance;
    expect(first.batches().map(({ header }) => header.predecessor)).toEqual([null, null, null]);

    const second = harness({ state });
    void second.emitter.audit.log('a.b');
    await second.emitter.flush();
    await second.emitter.audit.log('a.b', { delivery: 'CRITICAL' });
    await second.emitter.audit.log('a.b', { delivery: 'CRITICAL' });
    const predecessor = { instance, routine: 1, critical: 2 };
    expect(second.batches().map(({ header }) => header.predecessor)).toEqual([predecessor, predecessor, null]);
    expect(second.batches()[0]?.header.instance).not.toEqual(instance);
    expect(asked).toEqual(['acme', 'acme']); // once a life
  });

  it('is recorded before the batch is sent', async () => {
    const order: string[] = [];
    const { emitter, log } = harness({ state: { previous: () => null, record: (_, next) => void order.push(`record ${next.critical}`) } });
    const append = log.append.bind(log);
    Object.assign(log, {
      append: (...records: Parameters<typeof append>) => {
        order.push('append');
        return append(...records);
      },
    });
    await emitter.audit.log('a.b', { delivery: 'CRITICAL' });
    expect(order).toEqual(['record 1', 'append']);
  });

  it('a state port that throws costs no event and shows in the stats', async () => {
    const test = harness({
      state: {
        previous: () => {
          throw new Error('disk');
        },
        record: () => {
          throw new Error('disk');
        },
      },
    });
    await test.emitter.audit.log('a.b', { delivery: 'CRITICAL' });
    expect(test.batches()[0]?.header.predecessor).toBeNull();
    expect(test.emitter.stats().callbacks_failed).toBe(2);
  });
});

describe('listeners', () => {
  it('that throw cost no event', async () => {
    const test = harness({
      onProblem: () => {
        throw new Error('listener');
      },
      onRedacted: () => {
        throw new Error('listener');
      },
    });
    void test.emitter.audit.log('not a name!');
    void test.emitter.audit.log('a.b', { attributes: { password: 'hunter2' } });
    await test.emitter.flush();
    expect(test.events()).toHaveLength(1);
    expect(test.emitter.stats().callbacks_failed).toBe(2);
  });
});

describe('10,000 tenants', () => {
  it('each get their own gapless numbers, and leave nothing waiting', async () => {
    const test = harness();
    const tenants = Array.from({ length: 10_000 }, (_, i) => `tenant-${i}`);
    for (let round = 0; round < 2; round++) {
      for (const tenant of tenants) void test.emitter.audit.log('invoice.read', { resource_id: String(round) }, { tenant });
      await test.emitter.flush();
    }
    const numbers = sequences(test.batches());
    expect(numbers.size).toBe(10_000);
    expect([...numbers.values()].every((found) => found.join() === '0,1')).toBe(true);
    expect(test.emitter.stats()).toMatchObject({
      tenants: 10_000,
      routine_bytes: 0,
      batches_waiting: 0,
      routine: { sent_events: 20_000, shed_events: 0 },
    });
    // Many tenants share an append.
    expect(test.log.tried.length).toBeLessThan(20_000 / 20);
  });
});
