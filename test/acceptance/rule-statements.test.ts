/** The SQL that says what each shipped rule says, held against the rules' own tests: it finds what they want found, and no more. */

import { type DetectionEvent, eventsOf, parseRuleTests, type RuleTest } from '@sealtrail/detection';
import { Session } from 'chdb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { alertingHeads, compileShipped, ruleTestFiles } from '../detection/shipped-rules.ts';
import { remove, temporaryFolder } from './cli.ts';
import { anchors } from './rule-sql.ts';
import { STATEMENTS, WITHOUT_STATEMENT } from './rule-statements.ts';

const ATTRIBUTES = [
  'access',
  'account_type',
  'last_seen_days',
  'owner_tenant',
  'role',
  'source_country',
  'source_kind',
  'support_case',
  'transport',
];
const TABLE = `CREATE TABLE events (test UInt32, tenant String, id String, t Int64, ms Int64 DEFAULT intDiv(t, 1000), action Nullable(String), outcome Nullable(String),
  reason Nullable(String), actor_type Nullable(String), actor_id Nullable(String), actor_roles Array(String), actor_issuer Nullable(String),
  resource_id Nullable(String), token_status Nullable(String), token_id Nullable(String), token_algorithm Nullable(String),
  issued_ms Nullable(Int64), expires_ms Nullable(Int64), ip Nullable(String), agent Nullable(String), http_status Nullable(Int32),
  trace Nullable(String), attr Map(String, String)) ENGINE = MergeTree ORDER BY (test, t)`;

const lower = (value: unknown): unknown => (typeof value === 'string' ? value.toLowerCase() : (value ?? null));

function rowOf(event: DetectionEvent, test: number): string {
  const { field } = event;
  return JSON.stringify({
    test,
    tenant: event.tenant,
    id: event.id,
    t: event.time_us,
    action: lower(field('action')),
    outcome: field('outcome') ?? null,
    reason: lower(field('reason')),
    actor_type: field('actor_type') ?? null,
    actor_id: field('actor_id') ?? null,
    actor_roles: field('actor_roles') ?? [],
    actor_issuer: field('actor_issuer') ?? null,
    resource_id: field('resource_id') ?? null,
    token_status: field('token_status') ?? null,
    token_id: field('token_id_hash') ?? null,
    token_algorithm: field('token_algorithm') ?? null,
    issued_ms: field('token_issued_at') ?? null,
    expires_ms: field('token_expires_at') ?? null,
    ip: field('source_ip') ?? null,
    agent: field('user_agent') ?? null,
    http_status: field('http_status') ?? null,
    trace: field('trace_id') ?? null,
    attr: Object.fromEntries(
      ATTRIBUTES.flatMap((name) => {
        const value = field(`attributes.${name}`);
        return value === undefined || value === null ? [] : [[name, String(value)]];
      }),
    ),
  });
}

interface Numbered {
  readonly file: string;
  readonly rules: readonly string[];
  readonly test: RuleTest;
}

const tests: readonly Numbered[] = ruleTestFiles().flatMap(({ file, text }) => {
  const parsed = parseRuleTests(file, text).tests;
  return (parsed?.tests ?? []).map((test) => ({ file, rules: parsed?.rules ?? [], test }));
});

describe('the SQL for each shipped rule', () => {
  const folder = temporaryFolder('rule-statements');
  let session: Session;
  const ask = async (sql: string): Promise<readonly { readonly test: number }[]> =>
    (await session.queryAsync(`${sql} FORMAT JSONEachRow`))
      .text()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { readonly test: number });

  beforeAll(async () => {
    session = new Session(folder);
    await session.queryAsync('CREATE DATABASE tests');
    await session.queryAsync('USE tests');
    await session.queryAsync(TABLE);
    for (const [n, { test }] of tests.entries()) {
      const rows = eventsOf(test)
        .filter((event) => event.field('finding') === undefined)
        .map((event) => rowOf(event, n));
      if (rows.length > 0) await session.queryAsync(`INSERT INTO events FORMAT JSONEachRow ${rows.join('\n')}`);
    }
  }, 120_000);
  afterAll(() => {
    session.close();
    remove(folder);
  });

  it('is there for every rule that alerts, but for those about the pipeline itself', () => {
    const names = alertingHeads(compileShipped()).map(({ name }) => name ?? '');
    expect([...Object.keys(STATEMENTS), ...WITHOUT_STATEMENT].sort()).toEqual([...names].sort());
  });

  it.each(Object.keys(STATEMENTS))('%s finds what the rule’s tests want found', async (name) => {
    const found = await ask(anchors(STATEMENTS[name] as (typeof STATEMENTS)[string]));
    const about = tests.map((one, n) => ({ ...one, n })).filter(({ rules }) => rules.includes(name));
    const wanted = about.map(({ file, test }) => `${file}:${test.line} ${test.alerts.filter(({ rule }) => rule === name).length}`);
    const got = about.map(({ file, test, n }) => `${file}:${test.line} ${found.filter((row) => row.test === n).length}`);
    expect(about.length).toBeGreaterThan(1);
    expect(got).toEqual(wanted);
  });
});
