/** Canaries as an operator meets them: alerts that come by themselves, that nobody sees who does not ask, and health that tells. */

import { cpSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeCloudTrail } from '../fixtures/cloudtrail.ts';
import { type Ended, lineFrom, remove, root, sealtrail, temporaryFolder } from './cli.ts';
import { type Running, stop, up } from './deployment.ts';

const CANARY_RULE = '628f3c20-3477-4be7-84c7-3a260bcef00e';
interface Listed {
  readonly alerts: readonly { readonly id: string; readonly rule_id: string; readonly tenant: string; readonly fate: string }[];
  readonly detection: {
    readonly running: boolean;
    readonly canaries: { readonly ok: boolean; readonly reason: string | null; readonly seen: number } | null;
  };
}

const folder = temporaryFolder('canary');
afterAll(() => remove(folder));

const OFTEN = ['--canary-interval', '1'];
async function fine(data: string, ...args: readonly string[]): Promise<Ended> {
  const ended = await sealtrail(...args, '--data', data);
  expect(ended.code, ended.stderr).toBe(0);
  return ended;
}
const listed = async (data: string, ...args: readonly string[]): Promise<Listed> =>
  (await fine(data, 'alerts', 'list', '--json', ...args)).json<Listed>();
async function until<T>(look: () => Promise<T>, holds: (value: T) => boolean): Promise<T> {
  for (;;) {
    const value = await look();
    if (holds(value)) return value;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
async function rowsOf(data: string, sql: string): Promise<readonly Record<string, unknown>[]> {
  return (await fine(data, 'sql', sql, '--json')).json<{ rows: readonly Record<string, unknown>[] }>().rows;
}

describe('a deployment with canaries', () => {
  const data = join(folder, 'shown');
  const received: string[] = [];
  let receiver: Server;
  let running: Running;

  beforeAll(async () => {
    receiver = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString('utf8')));
      request.on('end', () => {
        received.push(body);
        response.writeHead(204).end();
      });
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    await fine(data, 'setup');
    const { port } = receiver.address() as AddressInfo;
    writeFileSync(join(data, 'alerting.yml'), `notifiers:\n  - { name: hook, type: webhook, url: "http://127.0.0.1:${port}/alerts" }\n`);
    running = await up(data, ...OFTEN);
    const file = join(folder, 'cloudtrail.jsonl');
    writeCloudTrail(file, 25);
    await fine(data, 'import', '--format', 'cloudtrail', file, '--tenant', 'acme');
  }, 120_000);
  afterAll(async () => {
    await stop(running);
    receiver.close();
  });

  it('raises their alerts, which are listed for who asks, and says that detection works', async () => {
    const { alerts } = await until(
      () => listed(data, '--canaries', '--rule', CANARY_RULE),
      (found) => found.alerts.length >= 3,
    );
    for (const alert of alerts) expect(alert).toMatchObject({ tenant: 'sealtrail.canary.0', fate: 'UNROUTED' });
    const { detection } = await listed(data);
    expect(detection).toMatchObject({ running: true, canaries: { ok: true, reason: null } });
    expect(detection.canaries?.seen).toBeGreaterThanOrEqual(3);
  });

  it('shows analysts none of them, neither as events nor as alerts, and tells nobody', async () => {
    expect((await listed(data)).alerts.filter(({ rule_id }) => rule_id === CANARY_RULE)).toEqual([]);
    expect(await rowsOf(data, 'SELECT tenant, count() AS n FROM audit_events GROUP BY tenant')).toMatchObject([{ tenant: 'acme' }]);
    const { alerts } = (await fine(data, 'backtest', '--json')).json<{ alerts: readonly { rule_id: string }[] }>();
    expect(alerts.filter(({ rule_id }) => rule_id === CANARY_RULE)).toEqual([]);
    expect(received.filter((body) => body.includes('canary'))).toEqual([]);
  });

  it('seals and proves them like all entries: fsck counts them', async () => {
    // The oldest: no checkpoint may cover the newest yet when the ledger is stopped.
    const id = (await listed(data, '--canaries', '--rule', CANARY_RULE)).alerts.map((alert) => alert.id).at(-1);
    // An alert may come before its event is sealed and a checkpoint covers it.
    await until(
      () => sealtrail('prove', '--alert', id ?? '', '--out', join(folder, 'while-up'), '--data', data),
      ({ code }) => code === 0,
    );
    await stop(running);
    const [counted] = await rowsOf(
      data,
      "SELECT count() AS entries, countIf(tenant LIKE 'sealtrail.canary.%') AS canaries, countIf(tenant = 'acme') AS others FROM entries AS e INNER JOIN intervals AS i ON e.claim = i.claim WHERE e.offset >= i.`from` AND e.offset < i.`to`",
    );
    const fsck = (await fine(data, 'fsck', '--json')).json<{ ok: boolean; entries: number }>();
    expect(fsck).toMatchObject({ ok: true, entries: Number(counted?.['entries']) });
    expect(Number(counted?.['canaries'])).toBeGreaterThanOrEqual(3);
    expect(Number(counted?.['canaries']) + Number(counted?.['others'])).toBe(fsck.entries);
    const proofs = join(folder, 'proofs');
    await fine(data, 'prove', '--alert', id ?? '', '--out', proofs);
    await fine(data, 'keys', 'export', '--out', join(folder, 'key'));
    const [proof] = readdirSync(proofs);
    expect((await sealtrail('verify', join(proofs, proof ?? ''), '--key', join(folder, 'key'), '--json')).json()).toMatchObject({
      ok: true,
    });
  });

  it('is not red after a restart for what was out before', async () => {
    running = await up(data, ...OFTEN);
    const { detection } = await until(
      () => listed(data),
      (found) => (found.detection.canaries?.seen ?? 0) >= 2,
    );
    expect(detection.canaries).toMatchObject({ ok: true });
  });

  it('goes red when canaries are refused, and says so at the next start', async () => {
    await fine(data, 'keys', 'revoke', 'sealtrail.canary');
    const line = await lineFrom(running.child, /detection is red/);
    expect(line).toMatch(/partition 0: the canary's alert did not come within 10 s/);
    const list = await sealtrail('alerts', 'list', '--data', data);
    expect(list.stdout).toMatch(/^detection is red, alerts may be missing: partition 0/);
    await stop(running);
    running = await up(data, ...OFTEN);
    await lineFrom(running.child, /no canaries are sent: the key of sealtrail\.canary was revoked/);
    expect((await listed(data)).detection).toEqual({ running: true, canaries: null });
  });
}, 180_000);

describe('a deployment whose rules lack that of the canaries', () => {
  it('turns red and says why; with no canaries asked for it says nothing', async () => {
    const data = join(folder, 'without');
    const rules = join(folder, 'rules');
    cpSync(join(root, 'rules', 'audit_tampering.yml'), join(rules, 'audit_tampering.yml'));
    const running = await up(data, ...OFTEN, '--rules', rules);
    const line = await lineFrom(running.child, /detection is red/);
    expect(line).toMatch(/did not come within 10 s; the rules that run lack canary_seen: add rules\/canary\.yml/);
    expect((await listed(data)).detection.canaries).toMatchObject({ ok: false, seen: 0 });
    await stop(running);
    const silent = await up(data, '--rules', rules, '--no-canaries');
    expect((await listed(data)).detection).toEqual({ running: true, canaries: null });
    expect((await stop(silent)).stderr).not.toMatch(/red|canar/);
  }, 120_000);

  it('is not started with an interval that is none', async () => {
    const ended = await sealtrail('up', '--data', join(folder, 'never'), '--canary-interval', '0');
    expect(ended.code).toBe(2);
    expect(ended.stderr.trim()).toBe('sealtrail: --canary-interval 0: give 1 to 3600 seconds');
  });
});
