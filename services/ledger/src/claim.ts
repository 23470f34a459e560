import type { CommitRow } from '@sealtrail/ledger-store';
import { type CommitMetadata, formatCommitMetadata } from './metadata.ts';
import { fatal, halted, lost, type Partition, pause } from './partition.ts';

/**
 * The right to write rows of one partition from one offset on. Every row carries it. It ends with the assignment, and at
 * the first insert that does not plainly succeed: so inside a claim every row was inserted once.
 */
export interface Claim {
  /** 16 random bytes. */
  readonly id: Uint8Array;
  /** One more than that of the claim that was committed before it. */
  readonly ordinal: number;
  readonly from: number;
}

const CLAIM_BYTES = 16;

export const newClaim = (partition: Partition, ordinal: number, from: number): Claim => ({
  id: partition.ports.random(CLAIM_BYTES),
  ordinal,
  from,
});

export const commitRow = (partition: Partition, metadata: CommitMetadata): CommitRow => ({ ...partition.key, ...metadata });

/**
 * Immutable and idempotent: it is written until the store acknowledges it. Once also when the partition was lost since the
 * commit: the row is true whoever holds it, and hides what was committed for as long as it is not there.
 */
export async function insertCommitRow(partition: Partition, row: CommitRow): Promise<void> {
  const { ports, key } = partition;
  for (;;) {
    const outcome = await ports.store.insertCommit(row);
    if (outcome.kind === 'stored') return;
    if (outcome.kind === 'refused') throw halted(partition, 'rows_refused', `the store refuses the commit row: ${outcome.cause.message}`);
    ports.events.waiting(key, 'writing the commit row', outcome.cause);
    await pause(partition);
  }
}

/** Throws PartitionEnd unless the log plainly took it. */
export async function commitOffset(partition: Partition, metadata: CommitMetadata): Promise<void> {
  const outcome = await partition.assignment.commit(metadata.to, formatCommitMetadata(metadata));
  if (outcome.kind === 'fenced') throw lost();
  if (outcome.kind === 'unknown') throw fatal(outcome.cause);
}
