import { type LedgerStore, LedgerStoreError } from '@sealtrail/ledger-store';

/** Copies what is read of the key registry to the store. Throws LedgerStoreError where it is not plainly stored. */
export async function copyRegistry(store: LedgerStore, records: readonly Uint8Array[], from: number): Promise<void> {
  const copied = await store.insertKeyRecords(records.map((bytes, i) => ({ index: from + i, bytes })));
  if (copied.kind === 'stored') return;
  throw new LedgerStoreError(
    'store_unavailable',
    `key records ${from} to ${from + records.length} are not plainly stored; they are inserted again`,
    { cause: copied.cause },
  );
}
