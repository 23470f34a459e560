/**
 * An alert storm as an operator meets it: `./sealtrail up` with a webhook, a service whose every event matches, few messages that
 * stand for all of it. It is emitted within a minute; `STORM_EVENTS=n` for another number of events.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, it } from 'vitest';
import { type Ended, remove, sealtrail, temporaryFolder } from './cli.ts';
import { idsIn, kill, type Running, type ServiceEnd, service, settle, stop, up } from './deployment.ts';

const EVENTS = Number(process.env['STORM_EVENTS'] ?? 100_000);
const RATE = 2_000;
const MESSAGES_A_MINUTE_MAX = 10;
const GROUP_INTERVAL_S = 30;
const POLL_MS = 500;
const RULE = `
title: Seen
id: 11111111-1111-4111-8111-111111111111
level: low
logsource: { product: sealtrail, category: audit }
detection:
  seen: { action: '*' }
  condition: seen
`;
const LIST_ROWS_MAX = 1_000;

interface Received {
  readonly at_ms: number;
  readonly count: number;
}
interface Listed {
  readonly alerts: readonly { readonly id: string; readonly events_count: number; readonly evidence: readonly unknown[] }[];
}

const folder = temporaryFolder('storm');
let running: Running | null = null;
const received: Received[] = [];
const receiver = createServer((request, response) => {
  let body = '';
  request.on('data', (chunk: Buffer) => (body += chunk.toString('utf8')));
  request.on('end', () => {
    const { data } = JSON.parse(body) as { readonly data: { readonly count: number } };
    received.push({ at_ms: Date.now(), count: data.count });
    response.writeHead(204).end();
  });
});
afterAll(async () => {
  if (running !== null) await kill(running);
  receiver.close();
  remove(folder);
});

it(`${EVENTS.toLocaleString('en')} events that match are told in a few messages which count all of them; the table has each with its evidence`, async () => {
  const data = join(folder, 'data');
  const fine = async (...args: readonly string[]): Promise<Ended> => {
    const ended = await sealtrail(...args, '--data', data);
    expect(ended.code, ended.stderr).toBe(0);
    return ended;
  };
  const asked = async (sql: string): Promise<Readonly<Record<string, number>>> => {
    const { rows } = (await fine('sql', sql, '--json')).json<{ rows: readonly Record<string, unknown>[] }>();
    return Object.fromEntries(Object.entries(rows[0] ?? {}).map(([name, value]) => [name, Number(value)]));
  };

  await new Promise<void>((resolve) => void receiver.listen(0, '127.0.0.1', resolve));
  const { port } = receiver.address() as AddressInfo;
  await fine('setup');
  const notifier = `{ name: hook, type: webhook, url: "http://127.0.0.1:${port}/alerts", group_interval_s: ${GROUP_INTERVAL_S} }`;
  writeFileSync(join(data, 'alerting.yml'), `notifiers:\n  - ${notifier}\n`);
  mkdirSync(join(folder, 'rules'));
  writeFileSync(join(folder, 'rules', 'seen.yml'), RULE);
  running = await up(data, '--rules', join(folder, 'rules'), '--no-canaries');

  const record = join(folder, 'ids.txt');
  const ended = await service({ data, producer: 'storm', rate: RATE, seconds: EVENTS / RATE, record }).ended;
  expect(ended.code, ended.stderr).toBe(0);
  const { accepted } = ended.json<ServiceEnd & Record<string, unknown>>();
  expect(accepted).toBeGreaterThan(EVENTS / 2);
  const ids = idsIn(record);
  expect(await settle(data, ids)).toEqual({ missing: 0, doubled: 0 });

  for (;;) {
    const { alerts } = await asked('SELECT uniqExact(id) AS alerts FROM alerts');
    if ((alerts ?? 0) >= accepted) break;
    await sleep(POLL_MS);
  }
  const told = (): number => received.reduce((sum, { count }) => sum + count, 0);
  while (told() < accepted) await sleep(POLL_MS);

  // Every event is what just one alert rests on.
  const rested = 'SELECT arrayJoin(evidence.event_id) AS event FROM alerts';
  expect(await asked(`SELECT count() AS n, uniqExact(event) AS events FROM (${rested})`)).toEqual({ n: accepted, events: accepted });
  const unseen = `SELECT count() AS n FROM audit_events WHERE concat(UUIDStringToNum(toString(event_id)), '') NOT IN (SELECT concat(event, '') FROM (${rested}))`;
  expect(await asked(unseen)).toEqual({ n: 0 });
  const { alerts } = (await fine('alerts', 'list', '--limit', String(LIST_ROWS_MAX), '--json')).json<Listed & Record<string, unknown>>();
  expect(new Set(alerts.map(({ id }) => id)).size).toBe(LIST_ROWS_MAX);
  expect(alerts.every(({ events_count, evidence }) => events_count === 1 && evidence.length === 1)).toBe(true);

  await sleep(POLL_MS);
  expect(told()).toBe(accepted);
  for (const { at_ms } of received) {
    const within = received.filter((one) => one.at_ms >= at_ms && one.at_ms < at_ms + 60_000);
    expect(within.length, JSON.stringify(received)).toBeLessThanOrEqual(MESSAGES_A_MINUTE_MAX);
  }
  expect((await stop(running)).code).toBe(0);
  running = null;
  if (process.env['STORM_EVENTS'] !== undefined)
    console.log(`${received.length} messages: ${received.map(({ count }) => count).join(' ')}`);
}, 600_000);
