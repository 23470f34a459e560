import { type Assignment, EventLogError } from '@sealtrail/event-log';
import type { HeadRow, InsertOutcome, PartitionKey, RejectedRow } from '@sealtrail/ledger-store';
import type { RejectedRecord, SealedRound } from '@sealtrail/seal';
import { BATCH_BYTES_MAX } from '@sealtrail/wire';
import type { Claim } from './claim.ts';
import { formatCommitMetadata } from './metadata.ts';
import type { LedgerPorts } from './ports.ts';

export type RoundOutcome =
  | { readonly kind: 'committed' }
  /** An insert is in doubt. Nothing was committed: the round may be tried again under a new claim. */
  | { readonly kind: 'claim_ended'; readonly cause: Error }
  /** The engine refused the rows themselves: trying again cannot help. */
  | { readonly kind: 'refused'; readonly cause: Error }
  | { readonly kind: 'lost_partition' }
  /** The log may or may not have taken the commit. Nothing more may be done: leave the group and exit. */
  | { readonly kind: 'fatal'; readonly cause: Error };

type CommitPorts = Pick<LedgerPorts, 'store' | 'sealBytes'>;

/** Seals one round. The order below is what survives a crash; docs/spec/commit.md says why each step stands where it does. */
export async function commitRound(
  partition: PartitionKey,
  claim: Claim,
  sealed: SealedRound,
  assignment: Assignment,
  ports: CommitPorts,
): Promise<RoundOutcome> {
  // Rows go first: beyond the claim's committed offset nobody sees them, so a crash here leaves nothing to undo. Rejected
  // records are among them: once the offset has moved past them, the log's retention would take their bytes.
  const rows = await insertRows(partition, claim, sealed, ports);
  if (rows.kind === 'in_doubt') return { kind: 'claim_ended', cause: rows.cause };
  if (rows.kind === 'refused') return { kind: 'refused', cause: rows.cause };

  // Cheap, and it spares the store a round row of a member that has lost the partition. The commit below is what fences.
  try {
    if (!(await assignment.holds())) return { kind: 'lost_partition' };
  } catch (error) {
    if (error instanceof EventLogError) return { kind: 'claim_ended', cause: error };
    throw error;
  }

  // The round must be there before anything points to it: recovery loads it by the hash in the commit's metadata.
  const round = await ports.store.insertRound({
    round: sealed.round,
    bytes: sealed.bytes,
    hash: sealed.hash,
    operator: sealed.next.partition.operator,
  });
  if (round.kind === 'in_doubt') return { kind: 'claim_ended', cause: round.cause };
  if (round.kind === 'refused') return { kind: 'refused', cause: round.cause };

  // The commit point. The log refuses it from a member that has lost the partition.
  const metadata = { claim: claim.id, ordinal: claim.ordinal, from: claim.from, to: sealed.round.to, round_hash: sealed.hash };
  const committed = await assignment.commit(sealed.round.to, formatCommitMetadata(metadata));
  switch (committed.kind) {
    case 'committed':
      return { kind: 'committed' };
    case 'fenced':
      return { kind: 'lost_partition' };
    case 'unknown':
      // Trying again inside the same generation can fork: the first commit may land after a second one.
      return { kind: 'fatal', cause: committed.cause };
  }
}

/** Each kind of row on its own, all awaited. The first doubt is the round's. */
export async function insertRows(partition: PartitionKey, claim: Claim, sealed: SealedRound, ports: CommitPorts): Promise<InsertOutcome> {
  const { store } = ports;
  const withEntries = sealed.batches.filter(({ batch }) => batch.header.count > 0);
  const rejected = await Promise.all(sealed.rejected.map((one) => rejectedRow(partition, one, ports)));
  const heads: HeadRow[] = sealed.heads.map((head) => ({ ...head, offset: sealed.round.to - 1 }));
  const outcomes = await Promise.all([
    ...(withEntries.length > 0 ? [store.insertEntries(partition, claim.id, withEntries)] : []),
    ...(sealed.batches.length > 0 ? [store.insertManifests(partition, claim.id, sealed.batches)] : []),
    ...(heads.length > 0 ? [store.insertHeads(partition, claim.id, heads)] : []),
    ...(rejected.length > 0 ? [store.insertRejected(partition, claim.id, rejected)] : []),
    ...(sealed.duplicates.length > 0 ? [store.insertDuplicates(partition, claim.id, sealed.duplicates)] : []),
  ]);
  return outcomes.find(({ kind }) => kind === 'refused') ?? outcomes.find(({ kind }) => kind === 'in_doubt') ?? { kind: 'stored' };
}

/** Of a record that is over the limit only the beginning is kept. */
const OVERSIZE_BYTES_KEPT = 65_536;

async function rejectedRow(partition: PartitionKey, rejected: RejectedRecord, ports: CommitPorts): Promise<RejectedRow> {
  const value = rejected.record.value ?? new Uint8Array(0);
  const kept = value.length > BATCH_BYTES_MAX ? value.subarray(0, OVERSIZE_BYTES_KEPT) : value;
  const { offset, reason, length, digest } = rejected.rejection;
  return {
    ...partition,
    offset,
    reason,
    detail: rejected.detail,
    length,
    digest,
    recorded_at: rejected.recorded_at,
    sealed_bytes: await ports.sealBytes(kept),
  };
}
