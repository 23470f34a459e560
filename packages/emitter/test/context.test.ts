import { setTimeout as sleep } from 'node:timers/promises';
import { ABSENT_IDENTITY, systemActor } from '@sealtrail/identity';
import { describe, expect, it } from 'vitest';
import { outcomeOfStatus } from '../src/index.ts';
import { harness } from './fixtures/harness.ts';

const alice = { ...ABSENT_IDENTITY.actor, actor_type: 'USER', actor_id: 'alice', token_status: 'VERIFIED' } as const;
const bob = { ...alice, actor_id: 'bob' } as const;

describe('the context', () => {
  it('of no request: the tenant by default, nobody, no http', async () => {
    const { emitter, events, batches } = harness();
    await emitter.audit.log('job.run', { delivery: 'CRITICAL' });
    expect(batches()[0]?.header.tenant).toBe('acme');
    expect(events()[0]).toMatchObject({
      actor_type: 'ANONYMOUS',
      actor_id: '',
      token_status: 'ABSENT',
      source_ip: null,
      http_method: null,
      http_route: null,
      http_status: null,
      trace_id: null,
      outcome: 'SUCCESS',
      severity: 'INFORMATIONAL',
      resource_type: 'job',
    });
  });

  it('belongs to its request across awaits, however many run at once', async () => {
    const { emitter, events } = harness();
    const handle = (id: string, ms: number): Promise<void> =>
      emitter.audit.request({ actor: { ...alice, actor_id: id }, tenant: 'acme' }, async (scope) => {
        await sleep(ms);
        void emitter.audit.log('invoice.read', { resource_id: id });
        await Promise.all([sleep(ms), inner(id)]);
        await new Promise<void>((resolve) => {
          setTimeout(() => {
            void emitter.audit.log('invoice.print', { resource_id: id });
            resolve();
          }, ms);
        });
        scope.finish({ http_status: 200 });
      });
    const inner = async (id: string): Promise<void> => {
      await sleep(1);
      void emitter.audit.log('invoice.list', { resource_id: id });
    };
    await Promise.all(Array.from({ length: 30 }, (_, i) => handle(`user-${i}`, i % 7)));
    await emitter.flush();
    expect(events()).toHaveLength(90);
    for (const event of events()) expect(event.actor_id).toBe(event.resource_id);
  });

  it('is added to by with(), inside and outside of a request, and restored after it', async () => {
    const { emitter, events } = harness();
    const { audit } = emitter;
    audit.with({ actor: systemActor('nightly'), trace_id: 'ab'.repeat(16) }, () => {
      void audit.log('job.start');
      audit.with({ user_agent: 'cron/1' }, () => void audit.log('job.step'));
      audit.request({ http_method: 'POST' }, (scope) => {
        void audit.log('job.call');
        audit.with({ actor: bob }, () => void audit.log('job.impersonate'));
        scope.finish({ http_status: 200 });
      });
    });
    void audit.log('job.end');
    await emitter.flush();
    const byAction = new Map(events().map((event) => [event.action, event]));
    expect(byAction.get('job.start')).toMatchObject({ actor_type: 'SYSTEM', actor_id: 'nightly', user_agent: null });
    expect(byAction.get('job.step')).toMatchObject({ actor_id: 'nightly', user_agent: 'cron/1', trace_id: new Uint8Array(16).fill(0xab) });
    expect(byAction.get('job.call')).toMatchObject({ actor_id: 'nightly', http_method: 'POST', http_status: 200 });
    expect(byAction.get('job.impersonate')).toMatchObject({ actor_id: 'bob', http_method: 'POST', http_status: 200 });
    expect(byAction.get('job.end')).toMatchObject({ actor_type: 'ANONYMOUS', actor_id: '' });
  });

  it('of one event overrides that of its request', async () => {
    const { emitter, events, batches } = harness();
    emitter.audit.request({ tenant: 'globex', actor: alice, http_route: '/invoices/:id' }, (scope) => {
      void emitter.audit.log('invoice.read', {}, { tenant: 'initech', actor: bob });
      void emitter.audit.log('invoice.read');
      scope.finish({ http_status: 404 });
    });
    await emitter.flush();
    expect(batches().map(({ header }) => header.tenant)).toEqual(['initech', 'globex']);
    expect(events().map(({ actor_id, http_route, outcome }) => [actor_id, http_route, outcome])).toEqual([
      ['bob', '/invoices/:id', 'FAILURE'],
      ['alice', '/invoices/:id', 'FAILURE'],
    ]);
  });

  it('takes addresses, ids and methods as they come, and what is none of these as unknown', async () => {
    const { emitter, events } = harness();
    const bytes = new Uint8Array(16).fill(1);
    void emitter.audit.log('a.b', {}, { source_ip: '203.0.113.9', trace_id: '4bf92f3577b34da6a3ce929d0e0e4736', http_method: 'PATCH' });
    void emitter.audit.log('a.b', {}, { source_ip: bytes, trace_id: bytes, http_method: 'BREW me a coffee' });
    void emitter.audit.log('a.b', {}, { source_ip: 'unknown', trace_id: 'xyz', http_method: null });
    void emitter.audit.log('a.b', {}, { source_ip: new Uint8Array(4), trace_id: new Uint8Array(4) });
    await emitter.flush();
    const hex = (value: Uint8Array | null): string | null => (value === null ? null : Buffer.from(value).toString('hex'));
    expect(events().map(({ source_ip, trace_id, http_method }) => [hex(source_ip), hex(trace_id), http_method])).toEqual([
      ['00000000000000000000ffffcb007109', '4bf92f3577b34da6a3ce929d0e0e4736', 'PATCH'],
      ['01'.repeat(16), '01'.repeat(16), 'OTHER'],
      [null, null, null],
      [null, null, null],
    ]);
  });
});

describe('events of a request', () => {
  it('carry the status that the request ends with, and the outcome that it means', async () => {
    for (const [status, outcome] of [
      [200, 'SUCCESS'],
      [302, 'SUCCESS'],
      [401, 'DENIED'],
      [403, 'DENIED'],
      [404, 'FAILURE'],
      [409, 'FAILURE'],
      [500, 'ERROR'],
      [503, 'ERROR'],
    ] as const) {
      const { emitter, events } = harness();
      emitter.audit.request({ http_method: 'GET' }, (scope) => {
        void emitter.audit.log('invoice.read');
        scope.finish({ http_status: status });
      });
      await emitter.flush();
      expect(events()).toMatchObject([{ http_status: status, outcome }]);
      expect(outcomeOfStatus(status)).toBe(outcome);
    }
  });

  it('keep the bytes that they were given, also those of a Buffer, when these change before the request ends', async () => {
    const { emitter, events } = harness();
    const bytes = Buffer.alloc(16, 1);
    emitter.audit.request({ source_ip: bytes, trace_id: bytes }, (scope) => {
      void emitter.audit.log('invoice.read', { event_id: bytes });
      bytes.fill(2);
      scope.finish({ http_status: 200 });
    });
    await emitter.flush();
    const ones = new Uint8Array(16).fill(1);
    expect(events()).toMatchObject([{ event_id: ones, source_ip: ones, trace_id: ones }]);
  });

  it('keep an outcome that was given, and the time at which they were logged', async () => {
    const { emitter, events, timers } = harness();
    const start = timers.now_ms;
    emitter.audit.request({}, (scope) => {
      void emitter.audit.log('invoice.read', { outcome: 'DENIED' });
      timers.now_ms += 5_000;
      scope.finish({ http_status: 200 });
    });
    await emitter.flush();
    expect(events()).toMatchObject([{ outcome: 'DENIED', http_status: 200, occurred_at: start * 1000 }]);
  });

  it('get the route that is known at the end only', async () => {
    const { emitter, events } = harness();
    emitter.audit.request({ actor: alice }, (scope) => {
      void emitter.audit.log('invoice.read');
      scope.add({ http_route: '/invoices/:id', actor: bob });
      void emitter.audit.log('invoice.print');
      scope.finish({ http_status: 200 });
      scope.finish({ http_status: 500 }); // only the first counts
    });
    await emitter.flush();
    expect(events().map(({ http_route, http_status, actor_id }) => [http_route, http_status, actor_id])).toEqual([
      ['/invoices/:id', 200, 'alice'],
      ['/invoices/:id', 200, 'bob'],
    ]);
  });

  it('after its end, and CRITICAL ones, do not wait', async () => {
    const { emitter, events } = harness();
    let later: () => void = () => undefined;
    await emitter.audit.request({}, async (scope) => {
      later = () => void emitter.audit.log('invoice.late');
      await emitter.audit.log('invoice.delete', { delivery: 'CRITICAL' });
      expect(events()).toMatchObject([{ action: 'invoice.delete', http_status: null, outcome: 'SUCCESS' }]);
      scope.finish({ http_status: 500 });
      later();
    });
    await emitter.flush();
    expect(events()).toMatchObject([{ action: 'invoice.delete' }, { action: 'invoice.late', http_status: null }]);
  });

  it('beyond 64 of one request go without its status', async () => {
    const { emitter, events } = harness();
    emitter.audit.request({}, (scope) => {
      for (let i = 0; i < 70; i++) void emitter.audit.log('invoice.read');
      expect(emitter.stats().deferred_events).toBe(64);
      scope.finish({ http_status: 200 });
    });
    await emitter.flush();
    expect(events().filter(({ http_status }) => http_status === 200)).toHaveLength(64);
    expect(events()).toHaveLength(70);
  });
});
