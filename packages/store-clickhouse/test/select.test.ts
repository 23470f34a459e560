/** Questions of analysts: read-only whoever asks. What may be asked is the same as of the embedded engine. */
import { commitRow, createSampleLedger, stored, storeRows } from '@sealtrail/ledger-store/samples';
import { beforeAll, describe, expect, it } from 'vitest';
import { type ClickHouseLedgerStore, openClickHouseQueries } from '../src/index.ts';
import { ADMIN, databaseOf, servedForFile } from './served.ts';

const served = servedForFile({
  users: [
    { ...ADMIN },
    { username: 'reader', password: 'r', settings: { readonly: '1' } },
    { username: 'analyst', password: 'a', settings: { readonly: '2' } },
  ],
});
const ledger = createSampleLedger();
const claim = new Uint8Array(16).fill(7);
let store: ClickHouseLedgerStore;

beforeAll(async () => {
  store = await served().open();
  const shown = ledger.round({ tenant: 'acme' }, { tenant: 'globex' });
  await storeRows(store, ledger.key, claim, shown);
  await stored(store.insertCommit(commitRow(ledger.key, claim, 0, 0, shown)));
  // Not committed: no analyst may see it.
  await storeRows(store, ledger.key, claim, ledger.round({ tenant: 'acme' }));
  await served().alter('CREATE DATABASE IF NOT EXISTS elsewhere');
  await served().alter('CREATE TABLE IF NOT EXISTS elsewhere.secrets (name String) ENGINE = MergeTree ORDER BY name');
});

const one = async (sql: string): Promise<unknown> => Object.values((await store.select(sql)).rows[0] ?? {})[0];
const codeOf = (sql: string, limits?: Parameters<ClickHouseLedgerStore['select']>[1]): Promise<string> =>
  store.select(sql, limits).then(
    () => 'answered',
    (error: unknown) => (error as { code: string }).code,
  );

describe('a question', () => {
  it('sees what is committed, by plain names and by those of the database', async () => {
    expect(await one('SELECT count() FROM audit_events')).toBe(6);
    expect(await one(`SELECT count() FROM ${databaseOf(store)}.audit_events`)).toBe(6);
    expect(await one('WITH a AS (SELECT * FROM audit_events) SELECT count() FROM a -- all')).toBe(6);
    expect(await one('SELECT count() FROM audit_events AS a JOIN manifests AS m ON a.log = m.log AND a.position = m.position')).toBe(6);
    expect(await one("SELECT 'x; DROP TABLE entries; --'")).toBe('x; DROP TABLE entries; --');
    const { columns, rows } = await store.select("SELECT * FROM audit_events WHERE tenant = 'acme' ORDER BY entry");
    expect(columns[0]).toEqual({ name: 'tenant', type: 'LowCardinality(String)' });
    expect(JSON.parse(JSON.stringify(rows))).toEqual(rows);
    expect(rows[0]?.['leaf_hash']).toMatch(/^[0-9a-f]{64}$/);
  });

  const refused = [
    'INSERT INTO commits SELECT * FROM commits',
    'DROP TABLE entries',
    'ALTER TABLE entries DELETE WHERE 1',
    'CREATE TABLE x (a Int8) ENGINE = Memory',
    'SYSTEM FLUSH LOGS',
    'SET readonly = 0',
    'SELECT 1; DROP TABLE entries',
    "SELECT 1 INTO OUTFILE 'x'",
    'SELECT 1 FORMAT CSV',
    'SELECT 1 SETTINGS readonly = 0',
    'SELECT count() FROM system.users',
    'SELECT count() FROM elsewhere.secrets',
    'SELECT 1 WHERE 1 IN elsewhere.secrets',
    'SELECT count() FROM entries WHERE tenant IN (SELECT name FROM elsewhere.secrets)',
    "SELECT * FROM file('x', 'CSV', 'a String')",
    "SELECT * FROM remote('127.0.0.1', system.one)",
    "SELECT * FROM cluster('default', system.one)",
    "SELECT getSetting('readonly')",
    'SELECT hostName()',
    'SELECT sleep(3)',
  ];
  for (const sql of refused) it(`cannot be ${sql}`, async () => expect(await codeOf(sql)).toBe('query_refused'));

  it('is asked readonly: past the rules the server itself would refuse to write', async () => {
    await store.select('SELECT 1');
    const asked = served()
      .front.seen()
      .filter(({ sql }) => sql.startsWith('SELECT * FROM ('));
    expect(asked.length).toBeGreaterThan(0);
    expect(asked.every(({ settings }) => settings['readonly'] === '1')).toBe(true);
    expect(Number(await served().value(`SELECT count() FROM ${databaseOf(store)}.entries`))).toBe(9);
  });

  it('of a user whose profile is readonly is answered, with what limits that user may set', async () => {
    const options = { url: served().front.url, database: databaseOf(store) };
    for (const [username, password] of [
      ['reader', 'r'],
      ['analyst', 'a'],
      ['default', ''],
    ] as const) {
      const queries = openClickHouseQueries({ ...options, username, password });
      const definitions = served().front.seen().length;
      expect((await queries.select('SELECT count() AS n FROM audit_events')).rows).toEqual([{ n: 6 }]);
      // Nothing but questions: the rules, the databases, the parse, the answer.
      expect(
        served()
          .front.seen()
          .slice(definitions)
          .every(({ sql }) => /^(?:SELECT|EXPLAIN AST SELECT) /.test(sql)),
      ).toBe(true);
      await expect(queries.select('DROP TABLE entries')).rejects.toMatchObject({ code: 'query_refused' });
      await queries.close();
      await expect(queries.select('SELECT 1')).rejects.toMatchObject({ code: 'store_closed' });
    }
    const wrong = openClickHouseQueries({ ...options, username: 'reader', password: 'x' });
    await expect(wrong.select('SELECT 1')).rejects.toThrow('does not accept user reader with this password');
    await wrong.close();
  });

  it('is all that a readonly user has: the ledger’s own store stays closed to a reader, and takes no rows from an analyst', async () => {
    const database = databaseOf(store);
    await expect(served().open({ database, username: 'reader', password: 'r' })).rejects.toMatchObject({ code: 'store_unavailable' });
    const asAnalyst = await served().open({ database, username: 'analyst', password: 'a' });
    const round = ledger.round({ tenant: 'acme' });
    expect(await asAnalyst.insertEntries(ledger.key, claim, round.batches)).toMatchObject({
      kind: 'in_doubt',
      cause: { message: expect.stringMatching(/user analyst may not do what the ledger needs \(READONLY\): grant it$/) },
    });
  });

  it('that fails says the server’s words in one line, without the statement and the version', async () => {
    for (const [sql, word] of [
      ['SELECT nothing FROM audit_events', 'nothing'],
      ['SELECT * FROM no_such_table', 'no_such_table'],
      ["SELECT toUInt8('x')", 'Cannot parse'],
      ['SELECT count( FROM audit_events', 'Syntax error'],
    ] as const) {
      const error: Error = await store.select(sql).then(
        () => new Error('it was answered'),
        (failure: Error) => failure,
      );
      expect(error).toMatchObject({ code: 'query_failed' });
      expect(error.message).toMatch(/^[^\n]{5,420}$/);
      expect(error.message).toContain(word);
      expect(error.message).not.toMatch(/version|DB::|Code:|SELECT \* FROM \(|26\.\d/);
    }
  });

  it('has limits: rows, time, memory', async () => {
    expect(await codeOf('SELECT * FROM numbers(5)', { rows_max: 5 })).toBe('answered');
    await expect(store.select('SELECT * FROM numbers(6)', { rows_max: 5 })).rejects.toThrow('more than 5 rows');
    await expect(store.select('SELECT sum(cityHash64(number)) FROM numbers(1000000000000)', { time_ms_max: 300 })).rejects.toThrow(
      '300 ms',
    );
    expect(await codeOf('SELECT groupArray(number) FROM numbers(1000000000)')).toBe('query_failed');
    expect(await one('SELECT 1')).toBe(1);
  });

  it('that the server cannot be asked says so, and the next one asks again', async () => {
    const fresh = await served().open({ database: databaseOf(store) });
    served().front.fault({ kind: 'cut_before' }, { matching: /getSetting/ });
    await expect(fresh.select('SELECT 1')).rejects.toMatchObject({ code: 'store_unavailable' });
    served().front.fault({ kind: 'cut_before' }, { matching: /EXPLAIN AST/ });
    await expect(fresh.select('SELECT 1')).rejects.toMatchObject({ code: 'store_unavailable' });
    expect((await fresh.select('SELECT 1 AS n')).rows).toEqual([{ n: 1 }]);
    await fresh.close();
    await expect(fresh.select('SELECT 1')).rejects.toMatchObject({ code: 'store_closed' });
  });
});
