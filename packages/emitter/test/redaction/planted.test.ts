import { inspect } from 'node:util';
import { ABSENT_IDENTITY } from '@sealtrail/identity';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { AuditContext, AuditDetails } from '../../src/index.ts';
import { type Harness, harness } from '../fixtures/harness.ts';
import { PLANTED_SECRETS, type PlantedSecret } from '../fixtures/planted-secrets.ts';

/** Every place of an event that a caller can put a text into. */
const PLACES: Readonly<Record<string, (text: string) => readonly [AuditDetails, AuditContext?]>> = {
  'attribute value': (text) => [{ attributes: { note: text } }],
  'attribute name': (text) => [{ attributes: { [text]: 'x' } }],
  'value of an id attribute': (text) => [{ attributes: { object_id: text } }],
  resource_id: (text) => [{ resource_id: text }],
  resource_type: (text) => [{ resource_type: text }],
  'related id': (text) => [{ related: [{ type: 'thing', id: text }] }],
  'related type': (text) => [{ related: [{ type: text, id: '1' }] }],
  reason: (text) => [{ reason: text }],
  user_agent: (text) => [{}, { user_agent: text }],
  http_route: (text) => [{}, { http_route: text }],
  http_method: (text) => [{}, { http_method: text }],
  source_ip: (text) => [{}, { source_ip: text }],
  trace_id: (text) => [{}, { trace_id: text }],
  actor: (text) => [
    {},
    {
      actor: {
        ...ABSENT_IDENTITY.actor,
        actor_id: text,
        actor_issuer: text,
        actor_client_id: text,
        actor_roles: [text],
        actor_scopes: [text],
        actor_chain: [{ issuer: text, subject: text }],
        token_key_id: text,
        token_algorithm: text,
      },
    },
  ],
};

const written = ({ log }: Harness): string => log.records.map(({ value }) => Buffer.from(value).toString('latin1')).join('\n');

describe.each(PLANTED_SECRETS)('a planted $name', ({ text, secret }: PlantedSecret) => {
  it.each(Object.entries(PLACES))('in %s is not readable in the log, nor in a report', async (place, of) => {
    // Without a prefix or a name beside it, this one looks like an id, and the actor columns keep ids.
    const looksLikeAnId = place === 'actor' && text === secret && /^[A-Za-z0-9/+]{40}$/.test(text);
    const test = harness();
    void test.emitter.audit.log('thing.happen', ...of(text));
    await test.emitter.flush();
    expect(test.events()).toHaveLength(1);
    if (looksLikeAnId) return;
    expect(written(test)).not.toContain(secret);
    expect(inspect([test.redacted, test.problems, test.emitter.stats()], { depth: 9 })).not.toContain(secret);
  });
});

describe('no message repeats a value', () => {
  afterEach(() => vi.restoreAllMocks());

  it('of an event that is dropped, shed or refused, of a tenant, or of an action', async () => {
    for (const { text, secret } of PLANTED_SECRETS) {
      const test = harness({ memory_bytes_max: 2_000 });
      const { audit } = test.emitter;
      void audit.log(text);
      void audit.log('a.b', { resource_id: { toString: () => text } as never });
      void audit.log('a.b', { outcome: text as never });
      void audit.log('a.b', { severity: text as never });
      void audit.log('a.b', { event_id: Buffer.from(text) });
      void audit.log('a.b', { related: text as never });
      void audit.log('a.b', { related: [text as never] });
      void audit.log('a.b', { attributes: text as never });
      // What may name a tenant is a tenant's name to the emitter, and problems name tenants.
      if (!/^[\w.:/@-]{1,128}$/.test(text)) void audit.log('a.b', {}, { tenant: text });
      void audit.log('a.b', {}, { http_status: text as never });
      void audit.log('a.b', {}, { actor: text as never });
      void audit.log('a.b', {}, text as never);
      const rejected = await audit.log(text, { delivery: 'CRITICAL' }).catch((error: Error) => error.message);
      test.log.answers.push('throw', { refuse: 'record_too_large' });
      for (let i = 0; i < 40; i++) void audit.log('a.b', { resource_id: text });
      void test.emitter.flush();
      await test.timers.advance(1_000);
      test.log.answers.push({ refuse: 'record_too_large' });
      void audit.log('a.b', { resource_id: text });
      void test.emitter.flush();
      await test.timers.advance(1_000);
      expect(new Set(test.problems.map(({ kind }) => kind))).toEqual(
        new Set(['event_dropped', 'event_shed', 'append_retried', 'batch_refused', 'batch_unconfirmed']),
      );
      for (const { message } of test.problems) expect(message).not.toContain(secret);
      expect(String(rejected)).not.toContain(secret);
    }
  });

  it('on standard error, where problems go when nobody listens: one line of each kind a minute', async () => {
    const lines: string[] = [];
    vi.spyOn(process.stderr, 'write').mockImplementation((line) => lines.push(String(line)) > 0);
    const test = harness({ onProblem: undefined as never });
    for (const { text } of PLANTED_SECRETS) void test.emitter.audit.log(text);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^sealtrail emitter: event_dropped \(invalid_name\): [^\n]*\n$/);
    for (const { secret } of PLANTED_SECRETS) expect(lines[0]).not.toContain(secret);
  });
});
