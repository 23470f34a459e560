/** The detector's process on a real broker and on ClickHouse's HTTP interface: alerts, stops, kills, and instances that stand by. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ChdbHttpProcess, forkClickHouse } from '@sealtrail/chdb-http';
import type { AlertRow } from '@sealtrail/ledger-store';
import { type ClickHouseLedgerStore, openClickHouseStore } from '@sealtrail/store-clickhouse';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { testBrokers } from '../../scripts/kafka/test-broker.ts';
import { deniedBurst } from '../fixtures/denied-burst.ts';
import { DetectedDeployment, until } from './harness/detector-process.ts';

const TIMEOUT_MS = 300_000;
const RULES = `
title: Deleted
id: 33333333-3333-4333-8333-333333333333
level: medium
logsource: { product: sealtrail, category: audit }
detection:
  deleted:
    action: invoice.delete
  condition: deleted
---
${deniedBurst(6, '10m').trimStart()}`;

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const deletions = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, n) => ({ action: 'invoice.delete', resource_id: `inv-${from + n}` }));
const denials = (count: number) =>
  Array.from({ length: count }, () => ({ action: 'invoice.read', outcome: 'DENIED' as const, actor_id: 'mallory' }));

const brokers = (await testBrokers('the detector on Kafka')) ?? [];

describe.skipIf(brokers.length === 0)('the detector on Kafka and ClickHouse', () => {
  let dir: string;
  let clickhouse: ChdbHttpProcess;
  let deployment: DetectedDeployment;
  let store: ClickHouseLedgerStore;
  /** Alerts that messages to the receiver stood for, by message: one that comes twice has the same id. */
  const told = new Map<string, number>();
  const receiver = createServer((request, response) => {
    let body = '';
    request.on('data', (data: Buffer) => (body += data.toString()));
    request.on('end', () => {
      told.set(String(request.headers['webhook-id']), (JSON.parse(body) as { data: { count: number } }).data.count);
      response.writeHead(204).end();
    });
  });

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'detector-clickhouse-'));
    clickhouse = await forkClickHouse({ dir });
    await new Promise<void>((resolve) => void receiver.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    receiver.close();
    receiver.closeAllConnections();
    await clickhouse.kill();
    await rm(dir, { recursive: true, force: true });
  });
  beforeEach(async () => {
    told.clear();
    const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
    const alerting = `notifiers: [{ type: webhook, name: receiver, url: "${url}", group_interval_s: 1 }]`;
    deployment = await DetectedDeployment.open(brokers, clickhouse.url, { rules: RULES, alerting });
    store = await openClickHouseStore({ url: clickhouse.url, username: 'default', password: '', database: deployment.database });
  });
  afterEach(async () => {
    await store.close();
    await deployment.close();
  });

  const stored = async (): Promise<readonly AlertRow[]> => store.alerts.alerts({ tenant: deployment.tenant, rows_max: 1_000 });
  it(
    'raises an alert that is in the table, in the topic and told, and ends with 0 on SIGTERM',
    async () => {
      const detector = deployment.start();
      await detector.ready();
      await deployment.emit([{ action: 'invoice.read' }, ...deletions(0, 1)]);
      await until(
        'stored',
        async () => (await stored()).length === 1,
        () => detector.told(),
      );
      await until(
        'told',
        () => told.size === 1,
        () => detector.told(),
      );
      const [row] = await stored();
      expect(row).toMatchObject({ fate: 'GROUPED', alert: { rule_title: 'Deleted', level: 'MEDIUM', events_count: 1 } });
      expect(row?.alert.evidence[0]).toMatchObject({ offset: 0, index: 1 });
      expect((await deployment.inTopic()).map(({ id }) => hex(id))).toEqual([hex(row?.alert.id ?? new Uint8Array())]);
      await until('lag known', async () => (await detector.metric('events_total')) === 2 && (await detector.metric('lag_records')) === 0);
      expect(await detector.metric('alerts_total')).toBe(1);
      expect(await detector.metric('deliveries_total')).toBe(1);
      expect(await detector.metric('active_info')).toBe(1);
      expect(await detector.metric('held_size')).toBe(2);
      expect((await detector.get('/metrics')).text).not.toContain(deployment.tenant);
      expect(await detector.stop()).toBe(0);
    },
    TIMEOUT_MS,
  );

  it(
    'that is killed in the middle and started again gives each alert once, also one whose events lie on both sides',
    async () => {
      const first = deployment.start();
      await first.ready();
      await deployment.emit(denials(3));
      const emitted = (async () => {
        for (let from = 0; from < 90; from += 3) await deployment.emit(deletions(from, from + 3));
      })();
      await until(
        'at work',
        async () => (await stored()).length > 5,
        () => first.told(),
      );
      await first.kill();
      await emitted;
      const second = deployment.start();
      await deployment.emit(denials(3));
      await until(
        'all stored',
        async () => (await stored()).length === 91,
        () => second.told(),
      );
      // Nothing more comes.
      await until('evaluated', async () => (await second.metric('lag_records')) === 0 && (await second.metric('pending_size')) === 0);
      const rows = await stored();
      expect(rows.length).toBe(91);
      const burst = rows.filter(({ alert }) => alert.rule_title === 'Denied burst');
      expect(burst.map(({ alert }) => alert.events_count)).toEqual([6]);
      const places = rows
        .flatMap(({ alert }) => (alert.rule_title === 'Deleted' ? alert.evidence : []))
        .map(({ event_id }) => hex(event_id));
      expect(new Set(places).size).toBe(90);
      // The topic may hold an alert again after a kill, the same bytes.
      expect(new Set((await deployment.inTopic()).map(({ id }) => hex(id)))).toEqual(new Set(rows.map(({ alert }) => hex(alert.id))));
      // Whatever was told before the kill: each alert is told of once at least.
      await until(
        'told of all',
        () => Array.from(told.values()).reduce((sum, count) => sum + count, 0) >= 91,
        () => second.told(),
      );
      expect(await second.stop()).toBe(0);
    },
    TIMEOUT_MS,
  );

  it(
    'stands by where another is active, and takes its place when that is killed, with its silences',
    async () => {
      const first = deployment.start();
      await first.seen('detection took up a partition');
      const second = deployment.start();
      await second.ready();
      expect(await second.metric('active_info')).toBe(0);
      expect(second.has('this instance is the active one')).toBe(false);
      const now = Date.now();
      await store.alerts.insertActions([
        {
          id: `act-${now}`,
          action: 'SILENCED',
          alert_id: null,
          silence_id: 's1',
          matchers: '[{"label":"rule","values":["33333333-*"]}]',
          silence_from: now,
          silence_until: now + 3_600_000,
          by: 'olga',
          why: 'a test of ours',
          at: now,
        },
      ]);
      await until(
        'silenced',
        async () => (await first.metric('silences_size')) === 1,
        () => first.told(),
      );
      await deployment.emit(deletions(0, 5));
      await until(
        'stored',
        async () => (await stored()).length === 5,
        () => first.told(),
      );
      await first.kill();
      await deployment.emit(deletions(5, 10));
      await second.seen('this instance is the active one');
      await until(
        'stored',
        async () => (await stored()).length === 10,
        () => second.told(),
      );
      expect((await stored()).map(({ fate, fate_detail }) => [fate, fate_detail])).toEqual(
        Array.from({ length: 10 }, () => ['SILENCED', 's1']),
      );
      expect(told.size).toBe(0);
      expect(await second.stop()).toBe(0);
    },
    TIMEOUT_MS,
  );
});
