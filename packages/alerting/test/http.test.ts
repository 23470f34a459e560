import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { afterEach, describe, expect, it } from 'vitest';
import type { HttpAccess, HttpFetch } from '../src/delivery/http.ts';
import type { Notifier } from '../src/delivery/notifier.ts';
import { alertmanagerNotifier, pagerdutyNotifier, slackNotifier, webhookNotifier } from '../src/delivery/receivers.ts';
import type { Message } from '../src/message.ts';
import { pagerdutyEvent, slackMessage } from './receivers.ts';
import { MINUTE, NOW, sampleAlert, sampleHygiene } from './sample.ts';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const PATH_SECRET = 'T0SECRET/B0SECRET';
const SOURCE = 'https://audit.example.com/';
const ROUTING_KEY = 'R0123456789abcdefghijklmnopqrstu';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

interface Seen {
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}
/** A receiver on this machine, real HTTP. */
async function receiver(answer: (response: ServerResponse, seen: Seen) => void): Promise<{ readonly url: string; readonly seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => {
      body += chunk;
    });
    request.on('end', () => {
      const one = { url: request.url ?? '', headers: request.headers, body };
      seen.push(one);
      answer(response, one);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(
    () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  );
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/services/${PATH_SECRET}`, seen };
}
const status =
  (code: number, headers: Readonly<Record<string, string>> = {}) =>
  (response: ServerResponse): void => {
    response.writeHead(code, headers).end('secret answer');
  };

const access = (parts: Partial<HttpAccess> = {}): HttpAccess => ({
  fetch: globalThis.fetch as HttpFetch,
  clock_ms: Date.now,
  timers: {
    after(delay_ms, run) {
      const timer = setTimeout(run, delay_ms);
      return () => clearTimeout(timer);
    },
  },
  ...parts,
});
const message = (): Message => {
  const hygiene = sampleHygiene({ routes: [{ notifier: 'n' }] });
  hygiene.admit(sampleAlert('1'), NOW);
  return hygiene.messages(NOW + MINUTE)[0] as Message;
};
const deliver = (notifier: Notifier, stop = new AbortController().signal) => notifier.deliver('msg_1', notifier.body(message()), stop);
const webhook = (url: string, parts: Partial<HttpAccess> = {}): Notifier =>
  webhookNotifier(access(parts), { name: 'n', url, secrets: [SECRET], format: 'sealtrail', source: SOURCE });

describe('a webhook', () => {
  it('arrives with a signature that the reference library accepts, and with the body as it was kept', async () => {
    const { url, seen } = await receiver(status(204));
    for (const format of ['sealtrail', 'cloudevents', 'ocsf'] as const) {
      const notifier = webhookNotifier(access(), { name: 'n', url, secrets: [SECRET], format, source: SOURCE });
      expect(await deliver(notifier)).toEqual({ kind: 'delivered', status: 204 });
      const { headers, body } = seen.at(-1) as Seen;
      expect(body).toBe(notifier.body(message()));
      expect(new Webhook(SECRET).verify(body, headers as Record<string, string>)).toEqual(JSON.parse(body));
      expect(headers['content-type']).toBe(format === 'cloudevents' ? 'application/cloudevents+json' : 'application/json');
    }
  });

  it.each([
    [200, { kind: 'delivered', status: 200 }],
    [202, { kind: 'delivered', status: 202 }],
    [400, { kind: 'refused', reason: 'http_status', status: 400 }],
    [401, { kind: 'refused', reason: 'http_status', status: 401 }],
    [404, { kind: 'refused', reason: 'http_status', status: 404 }],
    [410, { kind: 'refused', reason: 'http_status', status: 410 }],
    [408, { kind: 'failed', reason: 'http_status', status: 408, retry_after_ms: 7_000 }],
    [429, { kind: 'failed', reason: 'http_status', status: 429, retry_after_ms: 7_000 }],
    [500, { kind: 'failed', reason: 'http_status', status: 500, retry_after_ms: 7_000 }],
    [503, { kind: 'failed', reason: 'http_status', status: 503, retry_after_ms: 7_000 }],
  ])('answered with %i is judged', async (code, wanted) => {
    const { url } = await receiver(status(code, { 'retry-after': '7' }));
    expect(await deliver(webhook(url))).toEqual(wanted);
  });

  it.each([301, 302, 303, 307, 308])('that is redirected (%i) goes nowhere else, on no host', async (code) => {
    const elsewhere = await receiver(status(200));
    const { url, seen } = await receiver(status(code, { location: elsewhere.url }));
    expect(await deliver(webhook(url))).toEqual({ kind: 'refused', reason: 'redirected', status: code });
    expect([seen.length, elsewhere.seen.length]).toEqual([1, 0]);
  });

  it('whose receiver is silent ends by its timeout, or when it is stopped', async () => {
    const { url } = await receiver(() => undefined);
    expect(await deliver(webhook(url, { timeout_ms: 50 }))).toMatchObject({ kind: 'failed', reason: 'timeout', status: null });
    const stop = new AbortController();
    const pending = deliver(webhook(url), stop.signal);
    stop.abort();
    expect(await pending).toEqual({ kind: 'stopped' });
    expect(await deliver(webhook(url), stop.signal)).toEqual({ kind: 'stopped' });
  });

  it('whose receiver is not there, or hangs up, may be tried again', async () => {
    const { url } = await receiver((response) => response.socket?.destroy());
    const wanted = { kind: 'failed', reason: 'unreachable', status: null, retry_after_ms: null };
    expect(await deliver(webhook(url))).toEqual(wanted);
    for (const close of closing.splice(0)) await close();
    expect(await deliver(webhook(url))).toEqual(wanted);
  });

  it('tells nothing of its URL, its secret or the answer, whatever happens', async () => {
    const throwing: HttpFetch = async (url) => {
      throw new TypeError(`cannot reach ${url} with ${SECRET}`);
    };
    const { url } = await receiver(status(500));
    for (const outcome of [await deliver(webhook(url)), await deliver(webhook(url, { fetch: throwing }))])
      expect(JSON.stringify(outcome)).not.toMatch(/SECRET|secret|whsec|127\.0/);
  });
});

describe('receivers', () => {
  it('get what they take, and their secrets stand in nothing that is kept', async () => {
    const { url, seen } = await receiver(status(200));
    const slack = slackNotifier(access(), { name: 'n', url });
    const pagerduty = pagerdutyNotifier(access(), { name: 'n', url, routing_key: ROUTING_KEY, source: SOURCE });
    const alertmanager = alertmanagerNotifier(access(), { name: 'n', url, source: SOURCE, authorization: 'Bearer abcdefgh' });
    for (const notifier of [slack, pagerduty, alertmanager]) {
      expect((await deliver(notifier)).kind).toBe('delivered');
      expect(notifier.body(message())).not.toMatch(/SECRET|R0123456789|abcdefgh/);
    }
    slackMessage.parse(JSON.parse(seen[0]?.body ?? ''));
    pagerdutyEvent.parse(JSON.parse(seen[1]?.body ?? ''));
    expect(JSON.parse(seen[1]?.body ?? '')).toMatchObject({ routing_key: ROUTING_KEY });
    expect(seen[2]?.headers['authorization']).toBe('Bearer abcdefgh');
  });

  it.each([
    ['no URL', 'services/T0SECRET'],
    ['plain http to another machine', 'http://example.com/T0SECRET'],
    ['a file', 'file:///T0SECRET'],
    ['a password', 'https://user:T0SECRET@example.com/'],
  ])('with %s are refused, and the message does not have it', (_, url) => {
    try {
      webhook(url);
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ code: 'settings_invalid' });
      expect(String(error)).not.toContain('SECRET');
    }
  });

  it('may be given plain http where that is meant', () => {
    expect(() => slackNotifier(access(), { name: 'n', url: 'http://example.com/', plain_http: true })).not.toThrow();
    for (const key of ['', 'short', `${ROUTING_KEY}x`, ' '.repeat(32)])
      expect(() => pagerdutyNotifier(access(), { name: 'n', routing_key: key, source: SOURCE })).toThrowError(
        expect.objectContaining({ code: 'settings_invalid' }),
      );
    expect(() =>
      alertmanagerNotifier(access(), { name: 'n', url: 'https://a.example/', source: SOURCE, authorization: 'a\r\nb: c' }),
    ).toThrow();
  });
});
