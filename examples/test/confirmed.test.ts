import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createTokenVerifier } from '@sealtrail/identity';
import { describe, expect, it } from 'vitest';
import { fakeLog } from '../../packages/emitter/test/fixtures/fake-log.ts';
import { harness } from '../../packages/emitter/test/fixtures/harness.ts';
import { digestOfIds, withConfirmed } from '../src/confirmed.ts';
import { runLoad } from '../src/load.ts';
import { startLocalIssuer } from '../src/local-issuer.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('confirmed events', () => {
  it('are those of appends that succeeded, each once', async () => {
    const log = fakeLog();
    const confirmed: string[] = [];
    const test = harness({ log: withConfirmed(log, (ids) => confirmed.push(...ids)) });
    log.answers.push('append_unconfirmed', 'lose');
    for (let i = 0; i < 5; i++) void test.emitter.audit.log('a.b', { resource_id: String(i) });
    void test.emitter.flush();
    await test.timers.advance(40);
    expect(confirmed).toEqual([]);
    await test.timers.advance(10_000);
    expect(confirmed).toHaveLength(5);
    log.answers.push({ refuse: 'record_too_large' });
    void test.emitter.audit.log('a.b');
    await test.emitter.flush();
    expect(confirmed).toHaveLength(5);
  });

  it('have the ids that the events have', async () => {
    const confirmed: string[] = [];
    const log = fakeLog();
    const test = harness({ log: withConfirmed(log, (ids) => confirmed.push(...ids)) });
    const ids = Array.from({ length: 20 }, (_, i) => new Uint8Array(16).fill(i + 1));
    for (const event_id of ids) void test.emitter.audit.log('a.b', { event_id, attributes: { n: hex(event_id) } });
    await test.emitter.flush();
    expect(confirmed).toEqual(ids.map(hex));
  });

  it('have the digest that sort and sha256sum give', () => {
    const ids = ['ffee', '0011', '0a0b'];
    const shell = execFileSync('sh', ['-c', 'LC_ALL=C sort | sha256sum'], { input: `${ids.join('\n')}\n` });
    expect(shell.toString()).toMatch(new RegExp(`^${digestOfIds(ids)} `));
  });
});

describe('the load', () => {
  it('logs what was asked for, all of it confirmed, in many tenants and both classes', async () => {
    const log = fakeLog();
    let confirmed = 0;
    const test = harness({ log: withConfirmed(log, (ids) => (confirmed += ids.length)), clock_ms: Date.now });
    const issuer = await startLocalIssuer({ clock_ms: Date.now, newId: randomUUID });
    const identity = createTokenVerifier({ issuers: [issuer.options], clock_ms: Date.now });
    const stop = new AbortController().signal;
    const logged = await runLoad({ emitter: test.emitter, issuer, identity, clock_ms: Date.now, rate_per_s: 1_000, seconds: 1, stop });
    await test.emitter.close();
    await issuer.close();
    expect([logged, confirmed]).toEqual([1_000, 1_000]);
    expect(test.emitter.stats()).toMatchObject({ tenants: 3, critical: { sent_events: 5 }, routine: { sent_events: 995, shed_events: 0 } });
  });
});
