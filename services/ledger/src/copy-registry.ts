import { type LedgerStore, LedgerStoreError } from '@sealtrail/ledger-store';
import { reasonOf } from './partition.ts';

/** Copies what is read of the key registry to the store. Throws LedgerStoreError where it is not plainly stored. */
export async function copyRegistry(store: LedgerStore, records: readonly Uint8Array[], from: number): Promise<void> {
  const copied = await store.insertKeyRecords(records.map((bytes, i) => ({ index: from + i, bytes })));
  if (copied.kind === 'stored') return;
  throw new LedgerStoreError(
    'store_unavailable',
    `key records ${from} to ${from + records.length} are inserted again: ${reasonOf(copied.cause)}`,
    { cause: copied.cause },
  );
}
