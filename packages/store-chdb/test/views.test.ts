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
