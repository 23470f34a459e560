/** Statements in a deployment's own words: each is read by the engine's parser, which knows what a cluster runs. */
import { readFile } from 'node:fs/promises';
import { createSampleLedger } from '@sealtrail/ledger-store/samples';
import { DATABASE, derivedStatements, entryInserts, manifestInserts, schemaStatements, textLiteral } from '@sealtrail/ledger-store/sql';
import { CANARY_PRODUCER, CANARY_TENANT_PREFIX } from '@sealtrail/wire';
import { describe, expect, it } from 'vitest';
import { dialectOf } from '../src/dialect.ts';
import { servedForFile } from './served.ts';

const served = servedForFile();
const parsed = async (sql: string): Promise<string> => String(await served().value(`SELECT formatQuerySingleLine(${textLiteral(sql)})`));

const statements = [...schemaStatements(true), ...derivedStatements()];
const clustered = dialectOf({ database: 'audit', replicated: { cluster: 'prod' } });

describe('a statement', () => {
  it('stays as it is where nothing is configured', () => {
    for (const sql of statements) expect(dialectOf({ database: DATABASE })(sql)).toBe(sql);
  });

  it('names another database wherever it named the usual one', () => {
    const other = dialectOf({ database: 'audit' });
    for (const sql of statements) {
      // The reserved names of producer and tenants are no names of the database.
      expect(other(sql).replaceAll(`'${CANARY_TENANT_PREFIX}'`, '').replaceAll(`'${CANARY_PRODUCER}'`, '')).not.toMatch(/\bsealtrail\b/);
      // There and back: nothing else was touched.
      expect(other(sql).replaceAll('audit.`', 'sealtrail.`').replace('EXISTS audit', 'EXISTS sealtrail')).toBe(sql);
    }
  });

  it('defines on the whole cluster, replicated, in words that the engine reads', async () => {
    for (const sql of statements) {
      const text = await parsed(clustered(sql));
      expect(text).toMatch(/ ON CLUSTER `?prod`?/);
      if (sql.startsWith('CREATE TABLE')) {
        expect(text).toMatch(
          /ENGINE = Replicated(?:Replacing)?MergeTree\('\/clickhouse\/tables\/\{shard\}\/\{database\}\/\{table\}', '\{replica\}'(?:, \w+)?\)/,
        );
      }
    }
    const commits = statements.find((sql) => sql.includes('`commits` (')) as string;
    expect(clustered(commits)).toContain(
      "ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', to)",
    );
  });

  it('changes a table on the whole cluster', async () => {
    const sql = 'ALTER TABLE sealtrail.`entries` DROP CONSTRAINT IF EXISTS `leaf_hash_recomputes`';
    expect(await parsed(clustered(sql))).toMatch(/^ALTER TABLE audit\.`?entries`? ON CLUSTER `?prod`? /);
  });

  it('that inserts or asks goes to one server', async () => {
    const ledger = createSampleLedger();
    const round = ledger.round({ tenant: 'acme' });
    const claim = new Uint8Array(16);
    for (const one of [...entryInserts(ledger.key, claim, round.batches), ...manifestInserts(claim, round.batches)]) {
      const sql = clustered(one.statement((structure) => `input(${structure})`));
      expect(sql).toMatch(new RegExp(`^INSERT INTO audit\\.\`${one.table}\` \\(`));
      expect(sql).not.toContain('ON CLUSTER');
      expect(await parsed(`${sql} FORMAT Avro`)).toMatch(/ FROM input\('[\s\S]+'\) (?:ARRAY JOIN [\s\S]+ )?SETTINGS [\s\S]+ FORMAT Avro$/);
    }
  });
});

it('the grants of the documentation are statements that the engine reads', async () => {
  const text = await readFile(new URL('../../../docs/operations/clickhouse.md', import.meta.url), 'utf8');
  const grants = text.match(/^ {4}(?:CREATE USER|GRANT) .*$/gm) ?? [];
  expect(grants.length).toBeGreaterThan(4);
  for (const sql of grants) expect(await parsed(sql.trim())).toMatch(/^(?:CREATE USER|GRANT) /);
});

describe('a replicated store', () => {
  it('asks for quorum where it writes and for order where it reads', async () => {
    // The embedded engine has no replicated tables: what matters is what it was asked.
    await expect(served().open({ replicated: {}, unreachable_wait_ms: 0 })).rejects.toMatchObject({ name: 'LedgerStoreError' });
    const seen = served().front.seen();
    const create = seen.find(({ sql }) => sql.includes('`schema_steps` (')) as (typeof seen)[number];
    expect(create.sql).toContain(") ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}') ORDER BY");
    expect(create.settings).toMatchObject({ insert_quorum: 'auto', insert_quorum_parallel: '0', insert_quorum_timeout: '30000' });
    const read = seen.find(({ sql }) => sql === 'SELECT version()') as (typeof seen)[number];
    expect(read).toMatchObject({ waits_for_end: true, settings: { select_sequential_consistency: '1' } });
  });

  it('takes no name or path that could end its quotes', async () => {
    for (const replicated of [{ cluster: "x' --" }, { path: '/a b' }, { replica: "{replica}', '" }]) {
      await expect(served().open({ replicated })).rejects.toThrow('has a character other than');
    }
  });
});
