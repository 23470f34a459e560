/** An import while nothing runs raises the alerts that it raises beside `up`, once; each rests on just the events that satisfy its rule. */

import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { alertingHeads, compileShipped } from '../detection/shipped-rules.ts';
import { CLI, CLOUDTRAIL, type Ended, end, hasSharedData, lineFrom, remove, sealtrail, start, temporaryFolder } from './cli.ts';
import { kill, stop, up } from './deployment.ts';
import { BURSTS, type BurstAlert, burstAlerts, CORRELATION_RULES, type StoredEvent } from './import-correlations.ts';
import { anchors, STORED_EVENTS } from './rule-sql.ts';
import { STATEMENTS } from './rule-statements.ts';

interface ListedAlert {
  readonly id: string;
  readonly rule_id: string;
  readonly rule_title: string;
  readonly tenant: string;
  readonly events_count: number;
  readonly evidence: readonly { readonly event_id: string }[];
}
interface Imported {
  readonly accepted: number;
  readonly skipped: number;
  readonly alerts?: readonly { readonly title: string; readonly level: string; readonly tenant: string; readonly count: number }[];
}

/** One more act that a shipped rule looks for, after all others. */
const ONE_MORE = JSON.stringify({
  eventID: '00000001-0000-4000-8000-000000000000',
  eventTime: '2023-07-10T13:00:00Z',
  eventSource: 'cloudtrail.amazonaws.com',
  eventName: 'DeleteTrail',
  userIdentity: { type: 'IAMUser', arn: 'arn:aws:iam::111122223333:user/eve' },
});
/** A statement of all rules is more than one argument of a program may hold. */
const STATEMENTS_A_QUERY = 27;

describe.runIf(hasSharedData)('an import with detection', () => {
  const folder = temporaryFolder('import-detection');
  const alone = join(folder, 'alone');
  const beside = join(folder, 'beside');
  const fine = async (...args: readonly string[]): Promise<Ended> => {
    const ended = await sealtrail(...args);
    expect(ended.code, ended.stderr).toBe(0);
    return ended;
  };
  const imported = async (data: string, file: string, ...more: readonly string[]): Promise<Imported> =>
    (await fine('import', file, '--format', 'cloudtrail', '--tenant', 'acme', '--data', data, '--json', ...more)).json<Imported>();
  const listed = async (data: string): Promise<readonly ListedAlert[]> =>
    (await fine('alerts', 'list', '--limit', '1000', '--data', data, '--json')).json<{ alerts: readonly ListedAlert[] }>().alerts;
  const rows = async <T>(data: string, sql: string): Promise<readonly T[]> =>
    (await fine('sql', sql, '--rows-max', '100000', '--data', data, '--json')).json<{ rows: readonly T[] }>().rows;
  const ids = (alerts: readonly ListedAlert[]): readonly string[] => alerts.map(({ id }) => id).sort();
  let first: Imported;
  let raised: readonly ListedAlert[];

  beforeAll(async () => {
    first = await imported(alone, CLOUDTRAIL);
    raised = await listed(alone);
  }, 300_000);
  afterAll(() => remove(folder));

  it('says how many alerts of which rule were new, and none when it is imported again', async () => {
    expect(first).toMatchObject({ accepted: 2_900, alerts: [{ title: 'AWS watcher switched off', level: 'HIGH', tenant: 'acme' }] });
    expect(first.alerts?.[0]?.count).toBe(raised.length);
    expect(await imported(alone, CLOUDTRAIL)).toMatchObject({ accepted: 0, skipped: 2_900, alerts: [] });
    expect(ids(await listed(alone))).toEqual(ids(raised));
  });

  it.each(chunked(Object.keys(STATEMENTS), STATEMENTS_A_QUERY))(
    'raises what SQL over the stored events finds, and nothing else: $names',
    async ({ names }) => {
      const heads = alertingHeads(compileShipped());
      const asked = names.map(
        (name) => `SELECT '${name}' AS rule, tenant, replaceAll(id, '-', '') AS id FROM (${anchors(statement(name))})`,
      );
      const found = await rows<{ rule: string; tenant: string; id: string }>(
        alone,
        `WITH events AS (${STORED_EVENTS}) ${asked.join(' UNION ALL ')}`,
      );
      const told = raised.flatMap(({ rule_id, tenant, evidence }) => {
        const name = heads.find(({ id }) => id === rule_id)?.name ?? rule_id;
        // The anchor, which is the latest; of the rules that alert here each event is one alert.
        return names.includes(name) ? [`${name} ${tenant} ${evidence.at(-1)?.event_id}`] : [];
      });
      expect(told.sort()).toEqual(found.map(({ rule, tenant, id }) => `${rule} ${tenant} ${id}`).sort());
      if (names.includes('aws_watcher_disabled')) expect(told).toHaveLength(8);
    },
  );

  it('raises nothing about the pipeline itself, where SQL finds no record refused, no number missing, no producer left open', async () => {
    expect(await rows(alone, 'SELECT reason FROM rejected')).toEqual([]);
    const sequences = await rows<Record<string, unknown>>(
      alone,
      `SELECT producer, max(sequence) + 1 - count() AS missing, max(shed) AS shed, toString(argMax(kind, sequence)) AS ended
      FROM manifests GROUP BY tenant, producer, instance, delivery`,
    );
    expect(sequences.map((one) => ({ ...one, missing: Number(one['missing']), shed: Number(one['shed']) }))).toEqual([
      { producer: 'importer', missing: 0, shed: 0, ended: 'CLOSE' },
    ]);
    const names = new Set(Object.keys(STATEMENTS));
    const heads = alertingHeads(compileShipped()).filter(({ name }) => !names.has(name ?? ''));
    expect(raised.filter(({ rule_id }) => heads.some(({ id }) => id === rule_id))).toEqual([]);
  });

  it('raises the same beside `up`, by the same ids', async () => {
    const running = await up(beside);
    try {
      const refused = await sealtrail('import', CLOUDTRAIL, '--format', 'cloudtrail', '--tenant', 'acme', '--data', beside, '--rules', 'x');
      expect([refused.code, refused.stdout]).toEqual([2, '']);
      const outcome = await imported(beside, CLOUDTRAIL);
      expect(outcome, 'the deployment that runs detects, not the import').not.toHaveProperty('alerts');
      let alerts = await listed(beside);
      while (alerts.length < raised.length) alerts = await listed(beside);
      expect(ids(alerts)).toEqual(ids(raised));
    } finally {
      await stop(running);
    }
  }, 120_000);

  it('raises nothing twice when `up` starts later, which goes on from there', async () => {
    const file = join(folder, 'one-more.jsonl');
    writeFileSync(file, `${ONE_MORE}\n`);
    const running = await up(alone);
    try {
      await imported(alone, file);
      let alerts = await listed(alone);
      // The new event is evaluated after all that came before.
      while (alerts.length <= raised.length) alerts = await listed(alone);
      expect(alerts.filter(({ id }) => !ids(raised).includes(id)).flatMap(({ evidence }) => evidence)).toMatchObject([
        { event_id: '00000001000040008000000000000000' },
      ]);
      expect(alerts).toHaveLength(raised.length + 1);
    } finally {
      await stop(running);
    }
  }, 120_000);

  it('leaves the events to the next detector with --no-detection', async () => {
    const data = join(folder, 'later');
    expect(await imported(data, CLOUDTRAIL, '--no-detection')).not.toHaveProperty('alerts');
    expect(await listed(data)).toEqual([]);
    expect((await imported(data, CLOUDTRAIL)).alerts).toEqual(first.alerts);
    expect(ids(await listed(data))).toEqual(ids(raised));
  }, 120_000);

  it('goes on where it ended by force while it detected', async () => {
    const data = join(folder, 'killed');
    const child = start(CLI, ['import', CLOUDTRAIL, '--format', 'cloudtrail', '--tenant', 'acme', '--data', data]);
    const ended = end(child);
    await lineFrom(child, /detection took up a partition/);
    await kill({ child, ended });
    expect(await imported(data, CLOUDTRAIL)).toMatchObject({ accepted: 0, skipped: 2_900 });
    expect(ids(await listed(data))).toEqual(ids(raised));
  }, 120_000);

  it('tells of each alert once, by itself or by the next `up`', async () => {
    const data = join(folder, 'told');
    const received: { readonly data: { readonly count: number } }[] = [];
    const receiver = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString('utf8')));
      request.on('end', () => {
        received.push(JSON.parse(body) as (typeof received)[number]);
        response.writeHead(204).end();
      });
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    try {
      await fine('setup', '--data', data);
      const { port } = receiver.address() as AddressInfo;
      writeFileSync(join(data, 'alerting.yml'), `notifiers:\n  - { name: hook, type: webhook, url: "http://127.0.0.1:${port}/alerts" }\n`);
      await imported(data, CLOUDTRAIL);
      const running = await up(data);
      const told = (): number => received.reduce((sum, message) => sum + message.data.count, 0);
      while (told() < raised.length) await new Promise((resolve) => setTimeout(resolve, 200));
      await stop(running);
      expect(told()).toBe(raised.length);
    } finally {
      receiver.close();
    }
  }, 120_000);

  it('counts, over real events, just what a plain loop over the rows counts: correlations of a user’s own', async () => {
    const data = join(folder, 'own');
    const rules = join(folder, 'own.yml');
    writeFileSync(rules, CORRELATION_RULES);
    const outcome = await imported(data, CLOUDTRAIL, '--rules', rules);
    const events = await rows<StoredEvent>(
      data,
      `SELECT replaceAll(toString(event_id), '-', '') AS id, toUnixTimestamp64Milli(occurred_at) AS ms, action, toString(outcome) AS outcome,
        actor_id, resource_type FROM audit_events WHERE tenant = 'acme'`,
    );
    const alerts = await listed(data);
    for (const { title } of BURSTS) {
      const wanted = burstAlerts(
        title,
        events.map((event) => ({ ...event, ms: Number(event.ms) })),
      );
      const got = alerts
        .filter(({ rule_title }) => rule_title === title)
        .map(({ evidence, events_count }): BurstAlert => ({ events_count, events: evidence.map(({ event_id }) => event_id) }));
      expect(wanted.length, title).toBeGreaterThan(1);
      expect(sorted(got), title).toEqual(sorted(wanted));
      expect(outcome.alerts?.find((one) => one.title === title)?.count, title).toBe(wanted.length);
    }
    expect(alerts.every(({ rule_title }) => BURSTS.some(({ title }) => title === rule_title))).toBe(true);
  }, 120_000);

  it.each([
    [['--rules', 'x', '--no-detection'], /--no-detection leaves no use/],
    [['--rules', '/nowhere'], /cannot read \/nowhere/],
    [['--overrides', '/nowhere'], /cannot read \/nowhere/],
  ])('refuses %j before it imports anything', async (more, says) => {
    const data = join(folder, 'refused');
    const ended = await sealtrail('import', CLOUDTRAIL, '--format', 'cloudtrail', '--tenant', 'acme', '--data', data, ...more);
    expect([ended.code, ended.stdout]).toEqual([2, '']);
    expect(ended.stderr).toMatch(says);
    expect(() => readFileSync(data), 'nothing was made').toThrow(/ENOENT/);
  });
});

const sorted = (alerts: readonly BurstAlert[]): readonly string[] => alerts.map((alert) => JSON.stringify(alert)).sort();

function statement(name: string): (typeof STATEMENTS)[string] {
  const found = STATEMENTS[name];
  if (found === undefined) throw new Error(`no statement is called ${name}`);
  return found;
}

function chunked(names: readonly string[], size: number): readonly { readonly names: readonly string[] }[] {
  return Array.from({ length: Math.ceil(names.length / size) }, (_, i) => ({ names: names.slice(i * size, (i + 1) * size) }));
}
