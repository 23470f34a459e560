import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { commitRow, createSampleLedger, stored, storeRows } from '@sealtrail/ledger-store/samples';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ChdbLedgerStore, openChdbStore } from '../src/index.ts';

let dir: string;
let store: ChdbLedgerStore;
const ledger = createSampleLedger();
const claim = new Uint8Array(16).fill(7);

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sealtrail-select-'));
  store = await openChdbStore({ dir });
  const shown = ledger.round({ tenant: 'acme' }, { tenant: 'globex' });
  await storeRows(store, ledger.key, claim, shown);
  await stored(store.insertCommit(commitRow(ledger.key, claim, 0, 0, shown)));
  // Not committed: no analyst may see it.
  await storeRows(store, ledger.key, claim, ledger.round({ tenant: 'acme' }));
});
afterAll(async () => {
  await store.close();
  await rm(dir, { recursive: true, force: true });
});

const one = async (sql: string): Promise<unknown> => Object.values((await store.select(sql)).rows[0] ?? {})[0];
const codeOf = (sql: string, limits?: Parameters<ChdbLedgerStore['select']>[1]): Promise<string> =>
  store.select(sql, limits).then(
    () => 'answered',
    (error: unknown) => (error as { code: string }).code,
  );

const failure = async (sql: string): Promise<string> => {
  try {
    await store.select(sql);
  } catch (error) {
    expect(error).toMatchObject({ code: 'query_failed' });
    return (error as Error).message;
  }
  throw new Error('it was answered');
};

describe('what can be asked', () => {
  const questions: readonly (readonly [string, unknown])[] = [
    ['SELECT count() FROM audit_events', 6],
    ['SELECT count() FROM sealtrail.audit_events', 6],
    ["select count() from audit_events where tenant = 'acme' -- how many", 3],
    ['SELECT count() FROM entries', 9],
    ['SELECT count();', 1],
    ['(SELECT 1)', 1],
    ['FROM audit_events SELECT count()', 6],
    ['WITH a AS (SELECT * FROM audit_events) SELECT count() FROM a', 6],
    ['SELECT 1 UNION ALL SELECT 1', 1],
    ["SELECT countIf(outcome = 'SUCCESS') >= 0 FROM audit_events", 1],
    ['SELECT length(groupUniqArrayIf(tenant, 1)) FROM audit_events', 2],
    ['SELECT length(groupUniqArrayIfOrNull(tenant, 1)) FROM audit_events', 2],
    ['SELECT max(n) FROM (SELECT row_number() OVER (ORDER BY entry) AS n FROM audit_events)', 6],
    ['SELECT count() FROM audit_events WHERE tenant IN (SELECT tenant FROM manifests)', 6],
    ['SELECT count() FROM audit_events AS a JOIN manifests AS m ON a.log = m.log AND a.position = m.position', 6],
    ['SELECT sum(number) FROM numbers(4)', 6],
    ['SELECT arrayMap(x -> x + 1, [1])[1]', 2],
    ['SELECT count() FROM audit_events WHERE occurred_at > now() - INTERVAL 100 YEAR', 6],
    ['SELECT count() FROM audit_events WHERE leaf_hash = (SELECT min(leaf_hash) FROM audit_events)', 1],
    ["SELECT CASE WHEN 1 THEN 'a' ELSE 'b' END", 'a'],
    ['SELECT 1 IN (1, 2)', 1],
    ["SELECT 'x; DROP TABLE entries; --'", 'x; DROP TABLE entries; --'],
    ["SELECT ') INTO OUTFILE ''/tmp/x'' --'", ") INTO OUTFILE '/tmp/x' --"],
    ['SELECT sealtrail_long(-1) = char(1)', 1],
  ];
  for (const [sql, answer] of questions) it(sql, async () => expect(await one(sql)).toBe(answer));

  it('keeps the order that was asked for', async () => {
    const { rows } = await store.select('SELECT tenant, entry FROM audit_events ORDER BY tenant DESC, entry DESC LIMIT 4');
    expect(rows.map(({ tenant, entry }) => `${tenant} ${entry}`)).toEqual(['globex 2', 'globex 1', 'globex 0', 'acme 2']);
  });
});

describe('what is refused', () => {
  const refused = [
    'INSERT INTO commits SELECT * FROM commits',
    "INSERT INTO registry VALUES (1, 'x')",
    'DROP TABLE entries',
    'TRUNCATE TABLE entries',
    'ALTER TABLE entries DELETE WHERE 1',
    "ALTER TABLE entries UPDATE action = 'x' WHERE 1",
    'DELETE FROM entries WHERE 1',
    "UPDATE entries SET action = 'x' WHERE 1",
    'CREATE TABLE x (a Int8) ENGINE = Memory',
    'CREATE TEMPORARY TABLE x (a Int8)',
    'CREATE VIEW v AS SELECT 1',
    'CREATE FUNCTION f AS x -> x',
    'RENAME TABLE entries TO other',
    'DETACH TABLE entries',
    'OPTIMIZE TABLE entries FINAL',
    'SYSTEM FLUSH LOGS',
    'KILL QUERY WHERE 1',
    'SET readonly = 0',
    'USE system',
    'SHOW TABLES',
    'DESCRIBE entries',
    'EXPLAIN SELECT 1',
    'EXISTS TABLE entries',
    'CHECK TABLE entries',
    "BACKUP DATABASE sealtrail TO File('x')",
    'GRANT ALL ON *.* TO default',
    'SELECT 1; SELECT 2',
    'SELECT 1; DROP TABLE entries',
    'SELECT 1 PARALLEL WITH DROP TABLE entries',
    "SELECT 1 INTO OUTFILE '/tmp/sealtrail-out'",
    'SELECT 1 FORMAT CSV',
    'SELECT 1 SETTINGS readonly = 0',
    'SELECT 1 SETTINGS max_execution_time = 0',
    'SELECT * FROM (SELECT 1 SETTINGS max_threads = 1)',
    'SELECT count() FROM system.tables',
    'SELECT count() FROM `system`.`tables`',
    'SELECT count() FROM information_schema.tables',
    'SELECT count() FROM default.x',
    'SELECT 1 WHERE 1 IN system.one',
    'SELECT (SELECT count() FROM system.processes)',
    'SELECT count() FROM entries WHERE tenant IN (SELECT name FROM system.users)',
    "SELECT * FROM file('@file@', 'CSV', 'a String')",
    "SELECT file('@file@')",
    "SELECT count() FROM numbers(1) WHERE file('@file@') != ''",
    "SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'a String')",
    "SELECT * FROM remote('127.0.0.1', system.one)",
    "SELECT * FROM cluster('default', system.one)",
    "SELECT * FROM s3('http://127.0.0.1:1/bucket/x')",
    "SELECT * FROM mysql('127.0.0.1:1', 'a', 'b', 'c', 'd')",
    "SELECT * FROM postgresql('127.0.0.1:1', 'a', 'b', 'c', 'd')",
    "SELECT * FROM sqlite('/tmp/x', 't')",
    "SELECT * FROM executable('id', 'TSV', 'a String')",
    "SELECT * FROM merge('system', '.*')",
    "SELECT * FROM merge(REGEXP('.*'), '.*')",
    "SELECT * FROM dictionary('x')",
    "SELECT * FROM input('a Int8')",
    'SELECT * FROM view(SELECT 1)',
    "SELECT * FROM loop('system', 'one')",
    "SELECT dictGet('x', 'y', 1)",
    "SELECT joinGet('x', 'y', 1)",
    "SELECT hasColumnInTable('127.0.0.1:1', 'system', 'one', 'dummy')",
    "SELECT getServerSetting('path')",
    "SELECT getSetting('readonly')",
    "SELECT getMacro('x')",
    'SELECT hostName()',
    'SELECT filesystemAvailable()',
    'SELECT sleep(3)',
    'SELECT sleepEachRow(3) FROM numbers(10)',
    "SELECT catboostEvaluate('/tmp/x', 1)",
    "SELECT aiGenerate('x', 'y')",
    'SELECT currentUser()',
    "SELECT logTrace('x')",
  ];
  for (const sql of refused) {
    it(sql, async () => {
      const file = join(dir, 'secret.csv');
      await writeFile(file, 'secret\n');
      const asked = sql.replaceAll('@file@', file);
      await expect(store.select(asked)).rejects.toMatchObject({ name: 'LedgerStoreError', code: 'query_refused' });
      await store.select(asked).catch((error: Error) => {
        expect(error.message).toMatch(/^the query was refused: [^\n]+$/);
        expect(error.message).not.toContain('secret');
      });
    });
  }

  it('nothing of it was done', async () => {
    expect(await one('SELECT count() FROM entries')).toBe(9);
    expect(existsSync('/tmp/sealtrail-out')).toBe(false);
  });

  it('a bracket that closes the question early is a syntax error, not a way out', async () => {
    for (const sql of ["SELECT 1) INTO OUTFILE '/tmp/sealtrail-out' --", 'SELECT 1) UNION ALL (SELECT 2', 'SELECT 1) FROM system.one --']) {
      expect(['query_failed', 'query_refused']).toContain(await codeOf(sql));
    }
    expect(existsSync('/tmp/sealtrail-out')).toBe(false);
  });
});

describe('what fails', () => {
  it('says the engine’s words in one line, without its stack, its version and the statement', async () => {
    for (const sql of [
      'SELECT nothing FROM audit_events',
      'SELECT count( FROM audit_events',
      'SELECT * FROM no_such_table',
      "SELECT toUInt8('x')",
    ]) {
      const message = await failure(sql);
      expect(message).toMatch(/^[^\n]{5,420}$/);
      expect(message).not.toMatch(/version|DB::|Code:|SELECT \* FROM \(|26\.\d/);
    }
    expect(await failure('SELECT nothing FROM audit_events')).toContain('nothing');
  });

  it('an answer with too many rows, rather than part of it', async () => {
    expect(await codeOf('SELECT * FROM numbers(5)', { rows_max: 5 })).toBe('answered');
    expect(await codeOf('SELECT * FROM numbers(6)', { rows_max: 5 })).toBe('query_failed');
    await expect(store.select('SELECT * FROM numbers(6)', { rows_max: 5 })).rejects.toThrow('more than 5 rows');
  });

  it('what takes too long, and what needs too much memory', async () => {
    await expect(store.select('SELECT sum(cityHash64(number)) FROM numbers(1000000000000)', { time_ms_max: 300 })).rejects.toThrow(
      '300 ms',
    );
    expect(await codeOf('SELECT groupArray(number) FROM numbers(1000000000)')).toBe('query_failed');
    expect(await one('SELECT 1')).toBe(1);
  });

  it('leaves nothing of a broken answer in the next one', async () => {
    expect(await codeOf("SELECT throwIf(number = 300000, 'boom'), number FROM numbers(400000)", { rows_max: 500_000 })).toBe(
      'query_failed',
    );
    expect((await store.select('SELECT 7 AS n')).rows).toEqual([{ n: 7 }]);
  });
});

describe('values', () => {
  const values: readonly (readonly [string, unknown])[] = [
    ['toUInt64(9007199254740991)', 9_007_199_254_740_991],
    ['toUInt64(9007199254740992)', '9007199254740992'],
    ['toInt64(-9007199254740991)', -9_007_199_254_740_991],
    ['toInt64(-9223372036854775808)', '-9223372036854775808'],
    ['toInt8(-1)', -1],
    ['toUInt256(2)', 2],
    ['toFloat64(0.5)', 0.5],
    ['1 / 0', 'Infinity'],
    ['0 / 0', 'NaN'],
    ['true', true],
    ["toDecimal64('-1.50', 2)", '-1.50'],
    ["toDecimal128('0.05', 3)", '0.050'],
    ["toFixedString('ab', 3)", '616200'],
    ['NULL', null],
    ["toUUID('0190c5a4-1234-7abc-8def-0123456789ab')", '0190c5a4-1234-7abc-8def-0123456789ab'],
    ["toDate('2026-02-03')", '2026-02-03'],
    ["toDate32('1901-02-03')", '1901-02-03'],
    ["toDateTime('2026-02-03 04:05:06', 'UTC')", '2026-02-03T04:05:06Z'],
    ["toDateTime64('2026-02-03 04:05:06.000001', 6, 'UTC')", '2026-02-03T04:05:06.000001Z'],
    ["toDateTime64('1969-12-31 23:59:59.250', 3, 'UTC')", '1969-12-31T23:59:59.250Z'],
    ["CAST('b', 'Enum8(\\'a\\' = -1, \\'b\\' = 2)')", 'b'],
    ["toIPv4('192.0.2.1')", '192.0.2.1'],
    ["toIPv6('::ffff:192.0.2.1')", '::ffff:192.0.2.1'],
    ["toIPv6('2001:db8:0:0:1:0:0:1')", '2001:db8::1:0:0:1'],
    ["toIPv6('::')", '::'],
    ["map('k', [1, 2])", { k: [1, 2] }],
    ["CAST(('a', 1), 'Tuple(name String, n Nullable(UInt8))')", { name: 'a', n: 1 }],
    ["('a', 1)", ['a', 1]],
    ["toLowCardinality('x')", 'x'],
    ["CAST(NULL, 'LowCardinality(Nullable(String))')", null],
    ["'\\0 😀'", '\0 😀'],
    ['[]', []],
    ['INTERVAL 3 DAY', 3],
  ];
  for (const [sql, value] of values) it(sql, async () => expect(await one(`SELECT ${sql}`)).toEqual(value));

  it('of audit_events can be read by people, and are what JSON can carry', async () => {
    const { columns, rows } = await store.select("SELECT * FROM audit_events WHERE tenant = 'acme' ORDER BY entry");
    expect(columns.slice(0, 3)).toEqual([
      { name: 'tenant', type: 'LowCardinality(String)' },
      { name: 'entry', type: 'Int64' },
      { name: 'occurred_at', type: "DateTime64(6, 'UTC')" },
    ]);
    expect(JSON.parse(JSON.stringify(rows))).toEqual(rows);
    const [first] = rows;
    expect(first?.['event_id']).toMatch(/^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/);
    expect(first?.['leaf_hash']).toMatch(/^[0-9a-f]{64}$/);
    expect(first?.['trace_id'] ?? 'f'.repeat(32)).toMatch(/^[0-9a-f]{32}$/);
    expect(first).toMatchObject({ actor_erased: 0, object_erased: 0 });
    for (const hidden of ['actor_salt', 'object_salt', 'claim']) expect(first).not.toHaveProperty(hidden);
  });

  it('of a type that JSON has nothing for are refused by name', async () => {
    await expect(store.select('SELECT sumState(1) AS s')).rejects.toThrow('column s has type AggregateFunction');
  });
});
