/** Opening: who asks, what is there, what is made, and one clear line where it cannot be. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { createSampleLedger } from '@sealtrail/ledger-store/samples';
import { SCHEMA_VERSION, tableDefinitions } from '@sealtrail/ledger-store/sql';
import type { SealedBatch } from '@sealtrail/seal';
import { describe, expect, it } from 'vitest';
import { type ClickHouseStoreOptions, openClickHouseStore } from '../src/index.ts';
import { ADMIN, databaseOf, servedForFile } from './served.ts';

const PASSWORD = 'correct horse battery staple';
const served = servedForFile({
  users: [{ ...ADMIN }, { username: 'ledger', password: PASSWORD }, { username: 'guest', password: 'g', settings: { allow_ddl: '0' } }],
});
const claim = new Uint8Array(16).fill(7);

async function refusal(options: Partial<ClickHouseStoreOptions>): Promise<Error> {
  try {
    await served().open(options);
  } catch (error) {
    expect(error).toMatchObject({ name: 'LedgerStoreError' });
    expect((error as Error).message).toMatch(/^[^\n]{10,220}$/);
    return error as Error;
  }
  throw new Error('it was opened');
}
const definitions = (): readonly string[] =>
  served()
    .front.seen()
    .map(({ sql }) => sql)
    .filter((sql) => /^(?:CREATE|ALTER|DROP|INSERT)/.test(sql));

describe('who asks', () => {
  it('with a wrong password gets one clear line, at once, that shows no password', async () => {
    const before = served().front.seen().length;
    const error = await refusal({ username: 'ledger', password: 'wrong-secret' });
    expect(error).toMatchObject({ code: 'store_unavailable' });
    expect(error.message).toMatch(/: the server does not accept user ledger with this password: check both$/);
    for (const secret of ['wrong-secret', PASSWORD, Buffer.from('ledger:wrong-secret').toString('base64')]) {
      expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(secret);
    }
    // Who is not accepted is told so by the first request, and asks no second time.
    expect(served().front.seen().length).toBe(before);
  });

  it('with the right one is let in, whatever is in it', async () => {
    expect((await served().open({ username: 'ledger', password: PASSWORD })).name).toMatch(/^127\.0\.0\.1:\d+\/store_\d+$/);
  });

  it('has no user or password in the url, nor parameters', async () => {
    for (const url of [
      'http://ledger:top-secret@127.0.0.1:1',
      'http://127.0.0.1:1/?password=top-secret',
      'http://127.0.0.1:1/#top-secret',
    ]) {
      const error = await refusal({ url });
      expect(error.message).toContain('must have no user, password or parameters in it');
      expect(inspect(error)).not.toContain('top-secret');
    }
    for (const url of ['clickhouse.example:8123', 'tcp://127.0.0.1:9000', ''])
      expect((await refusal({ url })).message).toMatch(/http:\/\//);
  });
});

describe('a database', () => {
  it('that is not there, and is not made, is said to be so', async () => {
    const database = 'absent';
    const name = `${new URL(served().front.url).host}/absent`;
    expect((await refusal({ database, create_database: false })).message).toBe(
      `${name}: there is no database absent, and none is made by configuration: create it`,
    );
    expect((await refusal({ database, username: 'guest', password: 'g' })).message).toBe(
      `${name}: there is no database absent, and it cannot be made: create it, or grant CREATE DATABASE`,
    );
    served().front.fault(
      { kind: 'exception', code: 497, type: 'ACCESS_DENIED', message: 'Not enough privileges' },
      { matching: /^CREATE DATABASE/ },
    );
    expect((await refusal({ database })).message).toBe(
      `${name}: there is no database absent, and it cannot be made: create it, or grant CREATE DATABASE`,
    );
    expect(Number(await served().value("SELECT count() FROM system.databases WHERE name = 'absent'"))).toBe(0);
  });

  it('that is there and empty is filled; tables that may not be made are said to be so', async () => {
    await served().alter('CREATE DATABASE given');
    const error = await refusal({ database: 'given', username: 'guest', password: 'g' });
    expect(error.message).toMatch(/user guest may not do what the ledger needs \(QUERY_IS_PROHIBITED\): grant it$/);
    await served().open({ database: 'given', create_database: false });
  });

  it('must have a plain name', async () => {
    for (const database of ['', 'a b', 'a`b', "a'; DROP DATABASE x; --", '1a']) {
      await expect(openClickHouseStore({ url: served().front.url, ...ADMIN, database })).rejects.toThrow('letters, digits and _ alone');
    }
  });
});

describe('the schema', () => {
  it('is made once: opening it again runs no definition', async () => {
    const store = await served().open();
    const before = definitions().length;
    await served().open({ database: databaseOf(store) });
    expect(definitions().slice(before)).toEqual([]);
  });

  it('is made by several at once', async () => {
    const database = served().newDatabase();
    await Promise.all(Array.from({ length: 3 }, () => served().open({ database })));
    expect(await served().value(`SELECT groupUniqArray(version) FROM ${database}.schema_version`)).toEqual([SCHEMA_VERSION]);
  });

  it('that a crash left half made is made whole, wherever it was', async () => {
    for (const after of [2, 9, 14, 20, 26]) {
      const database = served().newDatabase();
      served().front.fault(
        { kind: 'exception', code: 236, type: 'ABORTED', message: 'x' },
        { matching: /^(?:CREATE|INSERT)/, after, times: 99 },
      );
      await refusal({ database, unreachable_wait_ms: 0 });
      served().front.clearFaults();
      const store = await served().open({ database });
      expect(await store.keyRecords()).toEqual([]);
      expect((await store.select('SELECT count() AS n FROM audit_events')).rows).toEqual([{ n: 0 }]);
      const tables = await served().value(`SELECT count() FROM system.tables WHERE database = '${database}' AND engine LIKE '%MergeTree'`);
      expect(Number(tables)).toBe(tableDefinitions().length + 2);
    }
  });

  it('of another version is a mismatch, said in one line', async () => {
    const store = await served().open();
    const database = databaseOf(store);
    await served().alter(`INSERT INTO ${database}.schema_version VALUES (${SCHEMA_VERSION + 1})`);
    const error = await refusal({ database });
    expect(error).toMatchObject({ code: 'schema_mismatch' });
    expect(error.message).toMatch(/: the store has schema version 1 and 2, this build reads 1; /);
  });

  it('takes and drops its checks as it is opened', async () => {
    const database = served().newDatabase();
    const ledger = createSampleLedger();
    const [{ batch, ...rest }] = ledger.round({ tenant: 'acme' }).batches as [SealedBatch];
    const forged = { ...rest, batch: { ...batch, leaves: new Uint8Array(batch.leaves).fill(1, 0, 1) } };
    const insert = async (check_leaves: boolean): Promise<string> => {
      const store = await served().open({ database, check_leaves });
      return (await store.insertEntries(ledger.key, claim, [forged])).kind;
    };
    expect(await insert(true)).toBe('refused');
    expect(await insert(false)).toBe('stored');
    expect(await insert(true)).toBe('refused');
    expect(Number(await served().value(`SELECT count() FROM ${database}.entries`))).toBe(3);
  });

  it('of which a table was dropped has it again, with its checks and empty; of which a column lacks, too', async () => {
    const store = await served().open();
    const database = databaseOf(store);
    await served().alter(`DROP TABLE ${database}.manifests SYNC`);
    await served().open({ database });
    const forged = `INSERT INTO ${database}.manifests (tenant, manifest_hash) VALUES ('acme', toFixedString('', 32))`;
    await expect(served().alter(forged)).rejects.toMatchObject({ code: '469' });
    await served().alter(`DROP TABLE ${database}.heads SYNC`);
    await served().alter(`CREATE TABLE ${database}.heads (topic String) ENGINE = MergeTree ORDER BY topic`);
    await served().alter(`ALTER TABLE ${database}.schema_steps DELETE WHERE step = 'table heads'`);
    await served().open({ database });
    const wanted = tableDefinitions().find(({ name }) => name === 'heads')?.columns.length;
    expect(Number(await served().value(`SELECT count() FROM system.columns WHERE database = '${database}' AND table = 'heads'`))).toBe(
      wanted,
    );
  });

  it('names the views that somebody altered or dropped, and makes them again', async () => {
    const store = await served().open();
    const database = databaseOf(store);
    expect(await store.renewViews()).toEqual([]);
    await served().alter(`CREATE OR REPLACE VIEW ${database}.audit_events AS SELECT 1 AS tenant`);
    await served().alter(`DROP VIEW ${database}.verify_chain`);
    expect([...(await store.renewViews())].sort()).toEqual(['audit_events', 'verify_chain']);
    expect((await store.select('SELECT count() AS n FROM audit_events')).rows).toEqual([{ n: 0 }]);
  });

  it('that is not replicated as configured is a mismatch', async () => {
    const store = await served().open();
    const error = await refusal({ database: databaseOf(store), replicated: {} });
    expect(error).toMatchObject({ code: 'schema_mismatch' });
    expect(error.message).toMatch(/: table entries is a MergeTree, and configuration says replicated; /);
  });

  it('is not made on a server that is too old', async () => {
    const old = createServer((_, response) => response.end('["24.8.4.13"]\n'));
    await new Promise<void>((resolve) => old.listen(0, '127.0.0.1', resolve));
    const error = await refusal({ url: `http://127.0.0.1:${(old.address() as AddressInfo).port}` });
    expect(error.message).toMatch(/: the server is ClickHouse 24\.8\.4\.13: 25\.8 or later is needed$/);
    old.closeAllConnections();
    await new Promise((resolve) => old.close(resolve));
  });
});
