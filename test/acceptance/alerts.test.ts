/** From an import to alerts: raised beside the ledger, delivered, listed, acted upon, and proven. */

import { readdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLOUDTRAIL, type Ended, hasSharedData, remove, sealtrail, temporaryFolder } from './cli.ts';
import { type Running, stop, up } from './deployment.ts';

interface ListedAlert {
  readonly id: string;
  readonly rule_id: string;
  readonly fate: string;
  readonly evidence: readonly { readonly event_id: string }[];
}

/** The actions that the shipped rule `aws_watcher_disabled` looks for, asked for here in SQL and by the import's own ids. */
const WATCHER = '34db9e01-9e0e-419a-9c61-4373d3932d3b';
const WATCHER_SQL = `SELECT lower(hex(event_id)) AS id FROM (SELECT UUIDStringToNum(toString(event_id)) AS event_id FROM audit_events
  WHERE action IN ('cloudtrail:StopLogging', 'cloudtrail:DeleteTrail', 'cloudtrail:DeleteEventDataStore', 'config:StopConfigurationRecorder',
  'config:DeleteConfigurationRecorder', 'config:DeleteDeliveryChannel', 'guardduty:DeleteDetector', 'guardduty:DisassociateFromMasterAccount',
  'ec2:DeleteFlowLogs', 'securityhub:DisableSecurityHub', 'organizations:LeaveOrganization'))`;

describe.runIf(hasSharedData)('alerts over real CloudTrail events', () => {
  const folder = temporaryFolder('alerts');
  const data = join(folder, 'data');
  const received: { readonly count: number }[] = [];
  let receiver: Server;
  let running: Running;
  const fine = async (...args: readonly string[]): Promise<Ended> => {
    const ended = await sealtrail(...args, '--data', data);
    expect(ended.code, ended.stderr).toBe(0);
    return ended;
  };
  const listed = async (): Promise<readonly ListedAlert[]> =>
    (await fine('alerts', 'list', '--limit', '1000', '--json')).json<{ alerts: readonly ListedAlert[] }>().alerts;

  beforeAll(async () => {
    receiver = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString('utf8')));
      request.on('end', () => {
        received.push((JSON.parse(body) as { data: { count: number } }).data);
        response.writeHead(204).end();
      });
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    await fine('setup');
    const { port } = receiver.address() as AddressInfo;
    writeFileSync(join(data, 'alerting.yml'), `notifiers:\n  - { name: hook, type: webhook, url: "http://127.0.0.1:${port}/alerts" }\n`);
    running = await up(data);
    await fine('import', '--format', 'cloudtrail', CLOUDTRAIL, '--tenant', 'acme');
    while ((await listed()).length === 0) await new Promise((resolve) => setTimeout(resolve, 200));
  }, 300_000);
  afterAll(async () => {
    await stop(running);
    receiver.close();
    remove(folder);
  });

  it('are those that a backtest over what is stored gives, and rest on the events that SQL finds', async () => {
    const wanted = (await fine('backtest', '--json')).json<{ alerts: readonly { id: string }[] }>().alerts.map(({ id }) => id);
    let alerts = await listed();
    while (alerts.length < wanted.length) alerts = await listed();
    expect(alerts.map(({ id }) => id).sort()).toEqual([...wanted].sort());
    const rows = (await fine('sql', WATCHER_SQL, '--json')).json<{ rows: readonly { id: string }[] }>().rows;
    const rests = alerts.filter(({ rule_id }) => rule_id === WATCHER).flatMap(({ evidence }) => evidence.map(({ event_id }) => event_id));
    expect(rows.length).toBeGreaterThan(0);
    expect(rests.sort()).toEqual(rows.map(({ id }) => id).sort());
  });

  it('reach the receiver, which is told how many they are', async () => {
    const alerts = await listed();
    expect(alerts.every(({ fate }) => fate === 'GROUPED')).toBe(true);
    expect(received.length).toBeGreaterThan(0);
    expect(received.length).toBeLessThanOrEqual(10);
  });

  it('are proven to anyone, event by event', async () => {
    const [alert] = await listed();
    const proofs = join(folder, 'proofs');
    await fine('prove', '--alert', alert?.id ?? '', '--out', proofs);
    await fine('keys', 'export', '--out', join(folder, 'key'));
    expect(readdirSync(proofs)).toEqual(alert?.evidence.map(({ event_id }) => `${event_id}.txt`));
    for (const file of readdirSync(proofs)) {
      const verified = await sealtrail('verify', join(proofs, file), '--key', join(folder, 'key'), '--json');
      expect(verified.json()).toMatchObject({ ok: true });
    }
  });

  it('are listed with ids in one piece, and say when there may be more or none', async () => {
    const [alert] = await listed();
    const list = (await fine('alerts', 'list', '--limit', '1')).stdout;
    expect(list).toContain(alert?.id);
    expect(list).toMatch(/the latest 1 alert, there may be more: ask with --limit or a filter$/m);
    expect((await fine('alerts', 'list', '--tenant', 'nobody')).stdout).toMatch(/^no alerts of that kind; /);
    expect((await fine('alerts', 'list', '--rule', 'brute_force')).stdout).toMatch(/--rule takes a rule's id/);
  });

  it('are shown with a statement that gives their events', async () => {
    const [alert] = await listed();
    const [, sql] = /look +\.\/sealtrail sql "(.*)" --data/.exec((await fine('alerts', 'explain', alert?.id ?? '')).stdout) ?? [];
    const { rows } = (await fine('sql', sql ?? '', '--json')).json<{ rows: readonly unknown[] }>();
    expect(rows).toHaveLength(alert?.evidence.length ?? 0);
  });

  it('are acknowledged and silenced by name and reason, also when nothing runs', async () => {
    const [alert] = await listed();
    await fine('alerts', 'ack', alert?.id ?? '', '--why', 'looking at it', '--by', 'ann');
    // Alerts have their levels in capitals: a matcher that is written otherwise means them too.
    await fine('alerts', 'silence', 'tenant=acme', 'level=low', '--for', '8h', '--why', 'a migration', '--by', 'ann');
    await stop(running);
    const { silences } = (await fine('alerts', 'silences', '--json')).json<{
      silences: readonly { id: string; by: string; why: string }[];
    }>();
    expect(silences).toMatchObject([{ by: 'ann', why: 'a migration' }]);
    const shown = (await fine('alerts', 'silences')).stdout.trimEnd().split('\n');
    expect(shown).toHaveLength(3);
    for (const part of ['tenant=acme level=LOW', 'ann', 'a migration', silences[0]?.id ?? '']) expect(shown[2]).toContain(part);
    await fine('alerts', 'unsilence', silences[0]?.id ?? '', '--why', 'done', '--by', 'bob');
    expect((await fine('alerts', 'silences', '--json')).json()).toEqual({ silences: [] });
    const actions = (await fine('sql', 'SELECT action, `by` FROM alert_actions ORDER BY at', '--json')).json<{ rows: readonly unknown[] }>()
      .rows;
    expect(actions).toEqual([
      { action: 'ACKNOWLEDGED', by: 'ann' },
      { action: 'SILENCED', by: 'ann' },
      { action: 'UNSILENCED', by: 'bob' },
    ]);
  });

  it.each([
    [['alerts', 'show', 'x'], /not an alert's id/],
    [['alerts', 'show', '0'.repeat(32)], /no alert has the id/],
    [['alerts', 'silence', 'tenant', '--for', '1h', '--why', 'x'], /not LABEL=VALUE/],
    [['alerts', 'silence', 'tenant=a', '--for', 'soon', '--why', 'x'], /--for soon/],
    [['alerts', 'silence', 'color=red', '--for', '1h', '--why', 'x'], /no label "color"/],
    [['alerts', 'silence', 'level=loud', '--for', '1h', '--why', 'x'], /"loud" is no level; known are informational, low,/],
    [['alerts', 'silence', 'tenant=a', '--for', '91d', '--why', 'x'], /up to 90d/],
    [['alerts', 'list', '--level', 'loud'], /"loud" is no level/],
  ])('refuse %j in one line', async (args, says) => {
    const ended = await sealtrail(...args, '--data', data);
    expect(ended.code).toBe(2);
    expect(ended.stderr.trim().split('\n')).toHaveLength(1);
    expect(ended.stderr).toMatch(says);
  });
});
