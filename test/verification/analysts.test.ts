/** docs/analysts.md: what follows from the schemas is fresh, and every query in it runs and finds something. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SqlResult } from '@sealtrail/ledger-store';
import { commitRow, createSampleLedger, sampleEvent, seededBytes, stored, storeRows } from '@sealtrail/ledger-store/samples';
import { auditEventsColumns, verifyProblems } from '@sealtrail/ledger-store/sql';
import { sha256 as nodeSha256 } from '@sealtrail/merkle/node';
import { type ChdbLedgerStore, openChdbStore } from '@sealtrail/store-chdb';
import type { AuditEvent } from '@sealtrail/wire';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withGeneratedSections } from '../../packages/ledger-store/generate/analysts-page.ts';
import { findingsOf } from './altered-store.ts';

const page = await readFile(new URL('../../docs/analysts.md', import.meta.url), 'utf8');
const queries = [...page.matchAll(/```sql\n([\s\S]*?)```/g)].map(([, sql = '']) => sql.trim());

const mapped = (...address: number[]): Uint8Array => Uint8Array.from([...Array.from({ length: 10 }, () => 0), 255, 255, ...address]);

/** An event that every question of the page is about. */
const asked = (random: (bytes: number) => Uint8Array): AuditEvent => ({
  ...sampleEvent(random),
  actor_id: 'ada',
  actor_roles: ['clerk', 'admin'],
  actor_chain: [{ issuer: null, subject: 'robot' }],
  token_status: 'INVALID',
  token_id_hash: nodeSha256().digest(new TextEncoder().encode('9f3c1a77')),
  source_ip: mapped(10, 0, 0, 7),
  resource_type: 'invoice',
  resource_id: 'inv_1001',
  outcome: 'DENIED',
  severity: 'HIGH',
  trace_id: Uint8Array.from(Buffer.from('4bf92f3577b34da6a3ce929d0e0e4736', 'hex')),
});

/** Rows of the page's query that begins so. */
async function answerTo(store: ChdbLedgerStore, start: string): Promise<SqlResult['rows']> {
  const sql = queries.find((query) => query.startsWith(start));
  if (sql === undefined) throw new Error(`the page has no query that begins with ${start}`);
  return (await store.select(sql)).rows;
}

describe('the page for analysts', () => {
  let dir: string;
  let store: ChdbLedgerStore;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'sealtrail-analysts-'));
    store = await openChdbStore({ dir });
  });
  afterAll(async () => {
    await store.close();
    await rm(dir, { recursive: true });
  });

  it('has the columns and problems of this build: npm run generate', () => {
    expect(withGeneratedSections(page)).toBe(page);
    for (const { problem } of verifyProblems()) expect(page).toContain(`\`${problem}\``);
  });

  it('its views answer on an empty store', async () => {
    expect(await findingsOf(store)).toEqual([]);
    expect((await store.select('SELECT * FROM audit_events')).rows).toEqual([]);
  });

  it('audit_events has the columns that the page lists, with their types', async () => {
    const { columns } = await store.select('SELECT * FROM audit_events LIMIT 0');
    expect(columns).toEqual(auditEventsColumns().map(({ name, type }) => ({ name, type: type.replaceAll('`', '') })));
  });

  describe('queries', () => {
    beforeAll(async () => {
      const random = seededBytes('analysts');
      const ledger = createSampleLedger();
      const round = ledger.seal([
        ledger.sign({ tenant: 'acme', events: [asked(random), ...Array.from({ length: 20 }, () => sampleEvent(random))] }),
        // Number 1 never came.
        ledger.sign({ tenant: 'acme', sequence: 2, shed: 3 }),
        ledger.sign({ tenant: 'globex', producer: 'shop' }),
        { key: new Uint8Array(1), value: new Uint8Array(9) },
      ]);
      const claim = new Uint8Array(16).fill(1);
      await storeRows(store, ledger.key, claim, round);
      // Rows that no commit row covers: no query may count them.
      await storeRows(store, ledger.key, new Uint8Array(16).fill(2), round);
      await stored(store.insertCommit(commitRow(ledger.key, claim, 0, 0, round)));
    });

    it('are as many as the page says', () => expect(queries.length).toBe(15));

    for (const sql of queries) {
      const title = sql.split('\n').slice(0, 2).join(' ');
      const empty = sql.startsWith('SELECT * FROM verify_');
      it(`${title}: ${empty ? 'finds nothing' : 'finds something'}`, async () => {
        const { rows } = await store.select(sql);
        expect(rows.length > 0).toBe(!empty);
      });
    }

    it('count committed rows once', async () => {
      expect(await answerTo(store, 'SELECT tenant, producer')).toMatchObject([{ tenant: 'acme', batches_missing: 1, events_shed: 3 }]);
      expect(await answerTo(store, 'SELECT reason')).toMatchObject([{ reason: 'malformed', records: 1 }]);
      expect((await answerTo(store, 'SELECT producer')).map(({ producer, events }) => [producer, events]).sort()).toEqual([
        ['billing', 24],
        ['shop', 3],
      ]);
      expect(await answerTo(store, 'SELECT actor_id AS subject')).toContainEqual({ subject: 'ada', through: 'robot', events: 1 });
    });
  });
});
