import { systemActor } from '@sealtrail/identity';
import { BATCH_BYTES_MAX } from '@sealtrail/wire';
import { describe, expect, it } from 'vitest';
import { harness, sequences, settle } from './fixtures/harness.ts';

describe('ROUTINE events', () => {
  it('wait for others at most linger_ms, counted from the first', async () => {
    const { emitter, timers, batches } = harness({ linger_ms: 200 });
    await emitter.audit.log('invoice.read');
    await timers.advance(150);
    await emitter.audit.log('invoice.list');
    await timers.advance(49);
    expect(batches()).toHaveLength(0);
    await timers.advance(1);
    expect(batches().map(({ events }) => events.map(({ action }) => action))).toEqual([['invoice.read', 'invoice.list']]);
  });

  it('leave at once when batch_events_max of them are there', async () => {
    const { emitter, batches } = harness({ batch_events_max: 3 });
    for (let i = 0; i < 7; i++) void emitter.audit.log('invoice.read', { resource_id: String(i) });
    await settle();
    expect(batches().map(({ header }) => header.count)).toEqual([3, 3]);
    await emitter.flush();
    expect(batches().flatMap(({ events }) => events.map((event) => event.resource_id))).toEqual(['0', '1', '2', '3', '4', '5', '6']);
  });

  it('leave when batch_bytes_max would be passed, and never pass the limit of a record', async () => {
    const { emitter, log, batches } = harness({ batch_bytes_max: BATCH_BYTES_MAX - 4_096, redaction: { value_chars_max: 8_192 } });
    const text = 'a fact '.repeat(1_100);
    for (let i = 0; i < 100; i++) void emitter.audit.log('report.build', { attributes: { one: text, two: text, three: text } });
    await emitter.flush();
    expect(batches().reduce((sum, { header }) => sum + header.count, 0)).toBe(100);
    expect(batches().length).toBeGreaterThan(3);
    expect(Math.max(...log.records.map(({ value }) => value.length))).toBeLessThanOrEqual(BATCH_BYTES_MAX);
    expect(
      Math.min(
        ...batches()
          .slice(0, -1)
          .map(({ walked }) => walked.record.length),
      ),
    ).toBeGreaterThan(400_000);
  });

  it('of different tenants never share a batch', async () => {
    const { emitter, batches, log } = harness();
    for (const tenant of ['acme', 'globex', 'acme', 'initech']) void emitter.audit.log('invoice.read', {}, { tenant });
    await emitter.flush();
    expect(batches().map(({ header }) => [header.tenant, header.count])).toEqual([
      ['acme', 2],
      ['globex', 1],
      ['initech', 1],
    ]);
    expect(log.records.map(({ key, topic }) => [Buffer.from(key as Uint8Array).toString(), topic])).toEqual([
      ['acme', 'audit.events'],
      ['globex', 'audit.events'],
      ['initech', 'audit.events'],
    ]);
  });

  it('take the arguments as they are at the call', async () => {
    const { emitter, events } = harness();
    const attributes = { amount: '10' };
    const related = [{ type: 'customer', id: 'c-1' }];
    const event_id = new Uint8Array(16).fill(7);
    void emitter.audit.log('invoice.create', { attributes, related, event_id });
    attributes.amount = '9999';
    related.push({ type: 'customer', id: 'c-2' });
    event_id.fill(0);
    await emitter.flush();
    expect(events()[0]).toMatchObject({ related: [{ type: 'customer', id: 'c-1' }], event_id: new Uint8Array(16).fill(7) });
    expect(events()[0]?.attributes).toEqual(new Map([['amount', '10']]));
  });
});

describe('the room for ROUTINE events', () => {
  it('is bounded; what does not fit is shed, told, and signed in the next header', async () => {
    const { emitter, log, problems, timers, batches } = harness({ memory_bytes_max: 4_096, batch_events_max: 4 });
    log.otherwise = 'lose';
    for (let i = 0; i < 100; i++) void emitter.audit.log('invoice.read', { resource_id: String(i) });
    await settle();
    const before = emitter.stats();
    expect(before.routine_bytes).toBeLessThanOrEqual(4_096);
    expect(before.pressure).toBeGreaterThan(0.9);
    const kept = 100 - before.routine.shed_events;
    expect(before.routine.shed_events).toBeGreaterThan(50);
    expect(problems.filter(({ kind }) => kind === 'event_shed')).toHaveLength(before.routine.shed_events);
    log.otherwise = 'append';
    await timers.advance(10_000);
    await emitter.flush();
    void emitter.audit.log('invoice.read', { resource_id: 'after' });
    await emitter.flush();
    const sent = batches();
    expect(sent.flatMap(({ events }) => events.map(({ resource_id }) => resource_id))).toEqual([
      ...Array.from({ length: kept }, (_, i) => String(i)),
      'after',
    ]);
    expect(sent.at(-1)?.header.shed).toBe(before.routine.shed_events);
    expect(sequences(sent).get('acme ROUTINE')).toEqual(sent.map((_, i) => i));
    expect(emitter.stats()).toMatchObject({ routine_bytes: 0, pressure: 0, batches_waiting: 0 });
  });

  it('counts what each tenant lost apart', async () => {
    const { emitter, batches, problems } = harness({ memory_bytes_max: 600 });
    void emitter.audit.log('invoice.read', {}, { tenant: 'acme' });
    for (let i = 0; i < 5; i++) void emitter.audit.log('invoice.read', { attributes: { note: 'x'.repeat(400) } }, { tenant: 'globex' });
    await emitter.flush();
    void emitter.audit.log('invoice.read', {}, { tenant: 'globex' });
    await emitter.flush();
    expect(batches().map(({ header }) => [header.tenant, header.shed])).toEqual([
      ['acme', 0],
      ['globex', 5],
    ]);
    expect(new Set(problems.map(({ tenant }) => tenant))).toEqual(new Set(['globex']));
  });

  it('does not take room from CRITICAL events, nor their numbers', async () => {
    const { emitter, batches } = harness({ memory_bytes_max: 0 });
    void emitter.audit.log('invoice.read');
    await emitter.audit.log('invoice.delete', { delivery: 'CRITICAL' });
    await emitter.close();
    const headers = batches().map(({ header }) => [header.delivery, header.kind, header.sequence, header.shed]);
    expect(headers).toContainEqual(['CRITICAL', 'DATA', 0, 0]);
    expect(headers).toContainEqual(['ROUTINE', 'CLOSE', 0, 1]);
  });

  it('is also taken by events that wait for their request', async () => {
    const { emitter, batches } = harness({ memory_bytes_max: 3_000 });
    emitter.audit.request({ http_method: 'GET' }, (scope) => {
      for (let i = 0; i < 10; i++) void emitter.audit.log('invoice.read', { resource_id: String(i) });
      expect(emitter.stats()).toMatchObject({ deferred_events: 2 });
      expect(emitter.stats().routine_bytes).toBeLessThanOrEqual(3_000);
      scope.finish({ http_status: 200 });
    });
    await emitter.flush();
    const { routine } = emitter.stats();
    expect(routine.sent_events + routine.shed_events).toBe(10);
    expect(batches().flatMap(({ events }) => events)).toHaveLength(routine.sent_events);
    expect(emitter.stats()).toMatchObject({ routine_bytes: 0, deferred_events: 0 });
  });
});

describe('an event that cannot be recorded', () => {
  it('is told and counted in the next header, and costs the others nothing', async () => {
    const { emitter, problems, batches } = harness();
    const { audit } = emitter;
    void audit.log('invoice.read', { resource_id: 'good' });
    void audit.log('not a name !');
    void audit.log('invoice.read', { resource_id: 7 as never });
    void audit.log('invoice.read', { outcome: 'MAYBE' as never });
    void audit.log('invoice.read', { severity: 'SHRUG' as never });
    void audit.log('invoice.read', { occurred_at_ms: Number.NaN });
    void audit.log('invoice.read', { event_id: new Uint8Array(3) });
    void audit.log('invoice.read', {}, { http_status: 2 ** 40 });
    void audit.log('invoice.read', {
      get attributes(): never {
        throw new Error('hunter2');
      },
    });
    void audit.log('invoice.read', null as never);
    void audit.log('invoice.read', {}, { tenant: 'no tenant' });
    void audit.log('invoice.read', { resource_id: 'also good' });
    await emitter.flush();
    expect(batches().map(({ events }) => events.map(({ resource_id }) => resource_id))).toEqual([['good', '', 'also good']]);
    const dropped = problems.filter(({ kind }) => kind === 'event_dropped');
    expect(dropped.map(({ code }) => code)).toEqual([
      'invalid_name',
      'invalid_event',
      'invalid_event',
      'invalid_event',
      'event_not_encodable',
      'invalid_event',
      'event_not_encodable',
      'invalid_event',
      'invalid_name',
    ]);
    expect(emitter.stats().routine.dropped_events).toBe(dropped.length);
    // The one without a valid tenant belongs to no header.
    expect(batches()[0]?.header.shed).toBe(dropped.length - 1);
  });

  it('because of its token is told each time, and an event of another token is not touched', async () => {
    const { emitter, events, problems } = harness();
    const bad = { ...systemActor('night-job'), token_issued_at: 1.5 };
    for (let i = 0; i < 2; i++) await emitter.audit.log('invoice.read', {}, { actor: bad });
    await emitter.audit.log('invoice.read', {}, { actor: systemActor('day-job') });
    await emitter.flush();
    expect(events().map(({ actor_id }) => actor_id)).toEqual(['day-job']);
    const told = { kind: 'event_dropped', code: 'event_not_encodable', tenant: 'acme' };
    expect(problems).toMatchObject([told, told]);
    expect(problems.map(({ message }) => message)).toEqual(Array(2).fill(expect.stringMatching(/^token_issued_at: number where/)));
  });

  it('without a tenant is told, since no header can say so', async () => {
    const log = harness({});
    const { emitter, problems } = harness({ tenant: undefined as never, log: log.log });
    await emitter.audit.log('invoice.read');
    await expect(emitter.audit.log('invoice.read', { delivery: 'CRITICAL' })).rejects.toMatchObject({ code: 'invalid_name' });
    expect(problems).toMatchObject([{ kind: 'event_dropped', code: 'invalid_name', tenant: null }]);
  });

  it('that is too large is made smaller before it is given up', async () => {
    const { emitter, events, redacted } = harness({ redaction: { value_chars_max: 8_192 } });
    const attributes = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`fact_${i}`, 'a fact '.repeat(1_000)]));
    await emitter.audit.log('invoice.delete', { resource_id: 'i-1', attributes, severity: 'CRITICAL' });
    const [event] = events();
    expect(event?.resource_id).toBe('i-1');
    expect(event?.attributes.get('fact_9')).toMatch(/^a fact .*\[truncated:7000\]$/);
    expect(event?.redactions).toBe(10);
    expect(redacted).toContainEqual({ field: 'attributes.fact_0', rule: 'truncated' });
  });

  it('loses attributes, related, grants and chain before the act itself', async () => {
    const { emitter, events, redacted } = harness();
    const wide = '\u{1f9fe}'.repeat(256);
    const actor = {
      actor_type: 'USER',
      actor_id: 'alice',
      actor_issuer: null,
      actor_client_id: null,
      actor_roles: Array.from({ length: 20 }, () => wide),
      actor_scopes: [],
      actor_chain: Array.from({ length: 20 }, () => ({ issuer: wide, subject: wide })),
      token_status: 'ABSENT',
      token_id_hash: null,
      session_id_hash: null,
      token_key_id: null,
      token_algorithm: null,
      token_issued_at: null,
      token_expires_at: null,
    } as const;
    await emitter.audit.log('invoice.delete', { resource_id: 'i-1', delivery: 'CRITICAL' }, { actor });
    expect(events()[0]).toMatchObject({ actor_id: 'alice', resource_id: 'i-1', actor_roles: [], actor_chain: [], redactions: 1 });
    expect(events()[0]?.attributes.get('sealtrail.dropped')).toContain('actor_chain');
    expect(redacted).toContainEqual({ field: 'attributes', rule: 'too_many' });
  });
});
