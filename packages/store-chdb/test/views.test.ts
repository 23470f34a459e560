import { commitRow, createSampleLedger, stored, storeRows } from '@sealtrail/ledger-store/samples';
import { CANARY_PRODUCER, CANARY_TENANT_PREFIX } from '@sealtrail/wire';
import { describe, expect, it } from 'vitest';
import { storeOfFile, valueOf } from './temporary.ts';

const storeNow = storeOfFile();

describe('views and functions that somebody altered', () => {
  it('are none in a store that nobody touched', async () => {
    expect(await storeNow().renewViews()).toEqual([]);
  });

  it('are named, and made again', async () => {
    const store = storeNow();
    const made = (): Promise<unknown> => valueOf(store, 'SELECT count() FROM audit_events');
    await store.alterUnguarded('CREATE OR REPLACE VIEW audit_events AS SELECT 1 AS one');
    await store.alterUnguarded('DROP VIEW verify_entries');
    await store.alterUnguarded('CREATE OR REPLACE FUNCTION sealtrail_root AS (leaves) -> 1');
    expect(Number(await made())).toBe(1);
    expect([...(await store.renewViews())].sort()).toEqual(['audit_events', 'sealtrail_root', 'verify_entries']);
    expect(Number(await made())).toBe(0);
    expect(await store.renewViews()).toEqual([]);
  });
});

describe('canaries', () => {
  it('are left out of audit_events: what has their producer and one of their tenants, and nothing else', async () => {
    const store = storeNow();
    const ledger = createSampleLedger();
    const tenant = `${CANARY_TENANT_PREFIX}0`;
    const round = ledger.round(
      { tenant, producer: CANARY_PRODUCER },
      { tenant: `${CANARY_TENANT_PREFIX}17`, producer: CANARY_PRODUCER },
      // Names that hide nothing.
      { tenant, producer: 'billing' },
      { tenant: 'acme', producer: CANARY_PRODUCER },
      { tenant: CANARY_TENANT_PREFIX.slice(0, -1), producer: CANARY_PRODUCER },
      { tenant: `x${tenant}`, producer: CANARY_PRODUCER },
      { tenant: tenant.toUpperCase(), producer: CANARY_PRODUCER },
      { tenant, producer: `${CANARY_PRODUCER}.` },
    );
    const claim = new Uint8Array(16).fill(7);
    await storeRows(store, ledger.key, claim, round);
    await stored(store.insertCommit(commitRow(ledger.key, claim, 0, 0, round)));
    const { rows } = await store.select('SELECT tenant, producer, count() AS n FROM audit_events GROUP BY tenant, producer');
    expect(rows.map((row) => `${String(row['tenant'])} ${String(row['producer'])} ${String(row['n'])}`).sort()).toEqual([
      'SEALTRAIL.CANARY.0 sealtrail.canary 3',
      'acme sealtrail.canary 3',
      'sealtrail.canary sealtrail.canary 3',
      'sealtrail.canary.0 billing 3',
      'sealtrail.canary.0 sealtrail.canary. 3',
      'xsealtrail.canary.0 sealtrail.canary 3',
    ]);
    expect(Number(await valueOf(store, 'SELECT count() FROM entries'))).toBe(24);
  });

  it('are verified like all other entries', async () => {
    const store = storeNow();
    for (const view of ['verify_entries', 'verify_batches', 'verify_chain']) {
      expect(Number(await valueOf(store, `SELECT count() FROM ${view}`)), view).toBe(0);
    }
    await store.alterUnguarded(
      `ALTER TABLE entries UPDATE action = 'invoice.delete' WHERE tenant = '${CANARY_TENANT_PREFIX}17' SETTINGS mutations_sync = 2`,
    );
    expect(Number(await valueOf(store, `SELECT count() FROM verify_entries WHERE tenant = '${CANARY_TENANT_PREFIX}17'`))).toBe(3);
  });
});
