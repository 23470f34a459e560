/** A replica that commit rows have reached and other rows not yet. */
import type { LedgerStore } from '@sealtrail/ledger-store';
import { createMemoryLedgerStore, type MemoryLedgerStore } from '@sealtrail/ledger-store/memory';

/** Reads that a ledger makes once it has recovered, and one that it makes last of all before. */
export const READS_OF_LOGS: ReadonlySet<keyof LedgerStore> = new Set(['head', 'sequences', 'sealedHeader', 'logSizes', 'unsealedCount']);

/** The store as it is now, without the heads, manifests, rejections and duplicates from this offset on. */
export function laggingReplica({ tables }: MemoryLedgerStore, from: number): LedgerStore {
  const replica = createMemoryLedgerStore();
  replica.tables.commits.push(...tables.commits);
  replica.tables.heads.push(...tables.heads.filter(({ offset }) => offset < from));
  replica.tables.manifests.push(...tables.manifests.filter(({ manifest }) => manifest.offset < from));
  replica.tables.rejected.push(...tables.rejected.filter(({ offset }) => offset < from));
  replica.tables.duplicates.push(...tables.duplicates.filter(({ duplicate }) => duplicate.offset < from));
  return replica;
}
