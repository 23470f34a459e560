/** The rows that a sealed round becomes in the store, and how they are put there. */
import type { SealedBatch, SealedRound } from '@sealtrail/seal';
import type {
  BatchLeaves,
  CommitRow,
  HeadRow,
  InsertOutcome,
  LedgerStore,
  PartitionKey,
  RejectedRow,
  RoundRow,
  StoredEntry,
  StoredManifest,
} from './port.ts';

export const headRows = ({ heads, round }: SealedRound): HeadRow[] => heads.map((head) => ({ ...head, offset: round.to - 1 }));

export const roundRow = ({ round, bytes, hash, next }: SealedRound): RoundRow => ({
  round,
  bytes,
  hash,
  operator: next.partition.operator,
});

export const rejectedRows = (key: PartitionKey, { rejected }: SealedRound): RejectedRow[] =>
  rejected.map(({ rejection, detail, recorded_at }) => ({
    ...key,
    ...rejection,
    detail,
    recorded_at,
    sealed_bytes: `eyJhbGciOiJFQ0RILUVTIn0..${rejection.offset}`,
  }));

/** The commit row of a claim that began at `from` and committed up to the end of this round. */
export const commitRow = (key: PartitionKey, claim: Uint8Array, ordinal: number, from: number, sealed: SealedRound): CommitRow => ({
  ...key,
  claim,
  ordinal,
  from,
  to: sealed.round.to,
  round_hash: sealed.hash,
});

/** All rows of a round but its commit row, in the order of the protocol. Throws when one is not stored. */
export async function storeRows(store: LedgerStore, key: PartitionKey, claim: Uint8Array, sealed: SealedRound): Promise<void> {
  await stored(store.insertEntries(key, claim, sealed.batches));
  await stored(store.insertManifests(key, claim, sealed.batches));
  await stored(store.insertHeads(key, claim, headRows(sealed)));
  await stored(store.insertRejected(key, claim, rejectedRows(key, sealed)));
  await stored(store.insertDuplicates(key, claim, sealed.duplicates));
  await stored(store.insertRound(roundRow(sealed)));
}

export async function stored(insert: Promise<InsertOutcome>): Promise<void> {
  const outcome = await insert;
  if (outcome.kind !== 'stored') throw outcome.cause;
}

/** What the entries of a batch must come back as; the bytes are those of the record itself. */
export function entriesOf(key: PartitionKey, claim: Uint8Array, { batch, manifest }: SealedBatch): StoredEntry[] {
  return Array.from({ length: manifest.header.count }, (_, index) => ({
    ...key,
    tenant: manifest.header.tenant,
    log: manifest.log,
    producer: manifest.header.producer,
    delivery: manifest.header.delivery,
    entry: manifest.first_entry + index,
    position: manifest.position,
    batch_index: index,
    batch_size: manifest.header.count,
    event_schema: manifest.header.event_schema,
    recorded_at: manifest.recorded_at,
    offset: manifest.offset,
    claim,
    leaf_hash: batch.leaves.slice(32 * index, 32 * index + 32),
    actor_digest: null,
    object_digest: null,
    bytes: batch.record.slice(index === 0 ? batch.first_event : batch.ends[3 * index - 1], batch.ends[3 * index + 2]),
  }));
}

export const manifestOf = (claim: Uint8Array, { manifest, manifest_bytes, manifest_hash }: SealedBatch): StoredManifest => ({
  manifest,
  bytes: manifest_bytes,
  tenant: manifest.header.tenant,
  manifest_hash,
  claim,
});

export const leavesOf = ({ batch, manifest: { offset, log, position } }: SealedBatch): BatchLeaves => ({
  offset,
  log,
  position,
  leaves: batch.leaves,
});
