import { alertCodec } from '@sealtrail/wire';
import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import type { Alert } from '../src/alert.ts';
import type { Message } from '../src/message.ts';
import { alertmanagerBody } from '../src/payloads/alertmanager.ts';
import { ocsfBody } from '../src/payloads/ocsf.ts';
import { PAGERDUTY_BYTES_MAX, pagerdutyBody, withRoutingKey } from '../src/payloads/pagerduty.ts';
import { slackBody } from '../src/payloads/slack.ts';
import { signatureHeaders, webhookKey } from '../src/payloads/standard-webhooks.ts';
import { cut, isoMicros, outgoing } from '../src/payloads/text.ts';
import { DISCLOSURE_DEFAULTS, type Disclosure, WITHHELD } from '../src/payloads/view.ts';
import { cloudEventsBody, WEBHOOK_BYTES_MAX, webhookBody } from '../src/payloads/webhook.ts';
import * as receivers from './receivers.ts';
import { evidenceOf, MINUTE, NOW, sampleAlert, sampleHygiene } from './sample.ts';

const SOURCE = 'https://audit.example.com/';
const ROUTING_KEY = 'R0123456789abcdefghijklmnopqrstu';
const ALL = { shown_fields: ['*'] };

/** The message that stands for these alerts, and a digest where they are of many groups. */
function messageOf(alerts: readonly Alert[], burst = 1): Message {
  const hygiene = sampleHygiene({ routes: [{ notifier: 'slack', rate_limit: { burst, interval_ms: 1_000 } }] });
  for (const alert of alerts) hygiene.admit(alert, NOW);
  return hygiene.messages(NOW + MINUTE)[0] as Message;
}
const bodies = (message: Message, disclosure: Disclosure = ALL): Readonly<Record<string, string>> => ({
  slack: slackBody(message, disclosure),
  alertmanager: alertmanagerBody(message, disclosure, SOURCE),
  pagerduty: withRoutingKey(pagerdutyBody(message, disclosure, SOURCE), ROUTING_KEY),
  ocsf: ocsfBody(message, disclosure),
  cloudevents: cloudEventsBody(message, disclosure, SOURCE),
  webhook: webhookBody(message, disclosure),
});
const bytes = (body: string | undefined): number => Buffer.byteLength(body ?? '');

function checkAll(all: Readonly<Record<string, string>>): void {
  const json = Object.fromEntries(Object.entries(all).map(([name, body]) => [name, JSON.parse(body) as unknown]));
  receivers.slackMessage.parse(json['slack']);
  receivers.alertmanagerMessage.parse(json['alertmanager']);
  receivers.pagerdutyEvent.parse(json['pagerduty']);
  receivers.ocsfFindings.parse(json['ocsf']);
  receivers.cloudEvent.parse(json['cloudevents']);
  expect(bytes(all['pagerduty'])).toBeLessThanOrEqual(PAGERDUTY_BYTES_MAX);
  for (const name of ['webhook', 'cloudevents', 'ocsf', 'alertmanager'])
    expect(bytes(all[name]), name).toBeLessThanOrEqual(WEBHOOK_BYTES_MAX);
}

describe('every body', () => {
  it('is what its receiver accepts, of one alert, of many, of a digest, of a repeated message', () => {
    const one = messageOf([sampleAlert('1')]);
    const many = messageOf(Array.from({ length: 500 }, (_, i) => sampleAlert(`${i}`)));
    const digest = messageOf(Array.from({ length: 300 }, (_, i) => sampleAlert(`${i}`, { tenant: `t${i}` })));
    expect([one.kind, many.count, digest.kind, digest.groups_count]).toEqual(['group', 500, 'digest', 300]);
    for (const message of [one, many, digest, { ...one, repeated: true }]) checkAll(bodies(message));
    // Each says how many alerts it stands for.
    for (const [name, body] of Object.entries(bodies(many))) expect(body, name).toMatch(/\b500\b/);
    for (const [name, body] of Object.entries(bodies(digest))) if (name !== 'ocsf') expect(body, name).toMatch(/\b300\b/);
  });

  it('is what its receiver accepts whatever the texts are', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 80 }),
      fc.constantFrom(
        '<!channel>',
        '&lt;',
        '`',
        '*_~',
        '\ud800',
        '\u202e',
        '__proto__',
        'constructor',
        '',
        '😀'.repeat(300),
        '&'.repeat(5_000),
        'x'.repeat(40_000),
      ),
    );
    const alert = fc.record({
      rule_id: text,
      rule_title: text,
      tenant: text,
      tags: fc.array(text, { maxLength: 40 }),
      level: fc.constantFrom('INFORMATIONAL', 'LOW', 'MEDIUM', 'HIGH', 'CRITICAL'),
      group: fc.array(fc.tuple(text, text), { maxLength: 50 }).map((pairs) => Object.fromEntries(pairs) as Record<string, string>),
      value: fc.option(fc.double({ noNaN: true, noDefaultInfinity: true }), { nil: null }),
    });
    fc.assert(
      fc.property(fc.array(alert, { minLength: 1, maxLength: 25 }), (parts) => {
        checkAll(bodies(messageOf(parts.map((part, i) => sampleAlert(`${i}`, part as Parameters<typeof sampleAlert>[1])))));
      }),
      { numRuns: 150 },
    );
  });

  it('shrinks to its limit, and counts what it left out', () => {
    const evidence = Array.from({ length: 1_000 }, (_, i) => ({ ...evidenceOf(i), topic: `audit.${'x'.repeat(240)}` }));
    const group = Object.fromEntries(Array.from({ length: 32 }, (_, i) => [`field ${i}`, 'é'.repeat(256)]));
    const alerts = Array.from({ length: 200 }, (_, i) => sampleAlert(`${i}`, { evidence, events_count: 1_000, group }));
    const hygiene = sampleHygiene({ routes: [{ notifier: 'slack', grouping: { listed_max: 200 } }] });
    for (const alert of alerts) hygiene.admit(alert, NOW);
    const all = bodies(hygiene.messages(NOW + MINUTE)[0] as Message);
    checkAll(all);
    const own = JSON.parse(all['webhook'] ?? '') as {
      readonly data: { readonly count: number; readonly groups: readonly { readonly listed: number }[] };
    };
    expect(own.data.count).toBe(200);
    expect(own.data.groups[0]?.listed).toBeLessThan(200);
    expect(JSON.parse(all['alertmanager'] ?? '')).toMatchObject({
      truncatedAlerts: 200 - (JSON.parse(all['alertmanager'] ?? '') as { alerts: unknown[] }).alerts.length,
    });
  });
});

describe('what may leave', () => {
  const TOKENS = [
    'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl',
    'eyJhbGciOiJFUzI1NiJ9.eyJzdW',
    'Bearer abcdef0123456789',
    'xoxb-123456789012-abcdefghij',
    'AKIAABCDEFGHIJKLMNOP',
    'ghp_abcdefghijklmnopqrstuvwxyz0123456789',
    'https://alice:hunter22@example.com/',
    'password=hunter22',
    'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    'https://hooks.slack.com/services/T00/B00/XXXXXXXX',
  ];
  it('is no token, wherever one stands', () => {
    for (const token of TOKENS) {
      const secret = /[\w.-]{8,}$/.exec(token.replace('@example.com/', ''))?.[0] ?? token;
      for (const text of [token, `user ${token} did`]) {
        const alert = sampleAlert('1', {
          rule_title: text,
          rule_id: text,
          tags: [text],
          tenant: text,
          group: { [text]: text, reason: text },
        });
        for (const [name, body] of Object.entries(bodies(messageOf([alert])))) {
          expect(body.includes(secret), `${secret} in ${name}`).toBe(false);
          expect(body, name).toContain('[masked]');
        }
      }
    }
  });

  it('is the value of no field that was not named: it may be personal', () => {
    const alert = sampleAlert('1', { group: { actor_id: 'alice@example.com', source_ip: '192.0.2.7', action: 'invoice.delete' } });
    const grouped = sampleHygiene({ routes: [{ notifier: 'slack', grouping: { by: ['group.actor_id', 'rule'] } }] });
    grouped.admit(alert, NOW);
    for (const message of [messageOf([alert]), grouped.messages(NOW + MINUTE)[0] as Message]) {
      for (const [name, body] of Object.entries(bodies(message, DISCLOSURE_DEFAULTS))) {
        expect(body.includes('alice') || body.includes('192.0.2.7'), name).toBe(false);
        expect(body, name).toContain(WITHHELD);
        expect(body, name).toContain('invoice.delete');
      }
      for (const body of Object.values(bodies(message, { shown_fields: ['actor_id'] }))) expect(body).toContain('alice@example.com');
    }
  });

  it('calls nobody in a chat, and turns no text around', () => {
    const body = slackBody(messageOf([sampleAlert('1', { rule_title: '<!channel> `*x*` \u202e a\nb' })]), ALL);
    expect(body).not.toContain('<!');
    expect(body).not.toContain('\u202e');
    expect(body).toContain('&lt;!channel&gt;');
  });

  it.each([
    ['abc', 3, 'abc'],
    ['abcd', 3, 'ab…'],
    ['a😀b', 3, 'a…'],
    ['😀😀', 3, '😀…'],
  ])('%s in %i characters is %s', (text, max, wanted) => expect(cut(text, max)).toBe(wanted));

  it('has its times with all their digits', () => {
    expect(isoMicros(1_735_689_600_123_456)).toBe('2025-01-01T00:00:00.123456Z');
    expect(isoMicros(0)).toBe('1970-01-01T00:00:00.000000Z');
    expect(outgoing(' a\r\n\0b ', 10)).toBe('a b');
  });
});

describe('the mappings', () => {
  it('of urgency are those of the receivers', () => {
    const levels = ['INFORMATIONAL', 'LOW', 'MEDIUM', 'HIGH', 'CRITICAL'] as const;
    const of = levels.map((level) => messageOf([sampleAlert('1', { level })]));
    expect(
      of.map((message) => (JSON.parse(pagerdutyBody(message, ALL, SOURCE)) as { payload: { severity: string } }).payload.severity),
    ).toEqual(['info', 'info', 'warning', 'error', 'critical']);
    expect(of.map((message) => (JSON.parse(ocsfBody(message, ALL)) as [{ severity_id: number }])[0].severity_id)).toEqual([1, 2, 3, 4, 5]);
  });

  it('of a group are the same incident each time, and of a finding a creation and then updates', () => {
    const hygiene = sampleHygiene();
    hygiene.admit(sampleAlert('1', { tags: ['attack.t1078.004', 'attack.t1110', 'attack.initial-access'] }), NOW);
    const first = hygiene.messages(NOW + MINUTE)[0] as Message;
    hygiene.admit(sampleAlert('2'), NOW + MINUTE);
    const second = hygiene.messages(NOW + 10 * MINUTE)[0] as Message;
    const keys = [first, second].map((message) => (JSON.parse(pagerdutyBody(message, ALL, SOURCE)) as { dedup_key: string }).dedup_key);
    expect(keys[0]).toBe(keys[1]);
    const findings = [first, second].map((message) => (JSON.parse(ocsfBody(message, ALL)) as [Record<string, unknown>])[0]);
    expect(findings.map((finding) => finding['type_uid'])).toEqual([200_401, 200_402]);
    expect(findings[0]?.['finding_info']).toMatchObject({
      uid: keys[0],
      attacks: [{ technique: { uid: 'T1078' }, sub_technique: { uid: 'T1078.004' } }, { technique: { uid: 'T1110' } }],
    });
  });

  it('of evidence name record, place and leaf', () => {
    const alert = sampleAlert('1');
    const own = JSON.parse(webhookBody(messageOf([alert]), ALL)) as {
      data: { groups: [{ alerts: [{ evidence: unknown[]; id: string }] }] };
    };
    const [shown] = own.data.groups[0].alerts;
    expect(shown.id).toBe(Buffer.from(alertCodec().encode(alert).subarray(0, 16)).toString('hex'));
    expect(shown.evidence).toEqual(
      alert.evidence.map((one) => ({
        ...one,
        event_id: Buffer.from(one.event_id).toString('hex'),
        leaf_hash: Buffer.from(one.leaf_hash).toString('hex'),
      })),
    );
  });
});

describe('the signature of a webhook', () => {
  const secrets = ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', `whsec_${Buffer.alloc(32, 7).toString('base64')}`] as const;
  it('is accepted by the reference library, of each secret', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (text) => {
        const body = JSON.stringify({ text });
        // The library compares with its own clock.
        const headers = signatureHeaders(secrets.map(webhookKey), 'msg_1', Date.now(), body);
        for (const secret of secrets) expect(new Webhook(secret).verify(body, { ...headers })).toEqual({ text });
        expect(() => new Webhook(secrets[0]).verify(`${body} `, { ...headers })).toThrow();
        expect(() => new Webhook(`whsec_${Buffer.alloc(32, 8).toString('base64')}`).verify(body, { ...headers })).toThrow();
      }),
      { numRuns: 50 },
    );
  });

  it('is that of the specification', () => {
    const body = '{"test": 2432232314}';
    const headers = signatureHeaders([webhookKey(secrets[0])], 'msg_p5jXN8AQM9LWM0D4loKWxJek', 1_614_265_330_000, body);
    // As published with the reference implementations.
    expect(headers['webhook-signature']).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
    expect(headers['webhook-timestamp']).toBe('1614265330');
  });

  it.each(['', 'whsec_', 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'whsec_c2hvcnQ=', `whsec_${'A'.repeat(100)}`, 'whsec_!!!!'])(
    'has no key %j, and says so without it',
    (secret) => {
      try {
        webhookKey(secret);
        expect.unreachable();
      } catch (error) {
        expect(error).toMatchObject({ code: 'settings_invalid' });
        if (secret.length > 8) expect(String(error)).not.toContain(secret.slice(6));
      }
    },
  );
  it('is not made for an id with a dot', () => expect(() => signatureHeaders([], 'a.b', NOW, '')).toThrow());
});
