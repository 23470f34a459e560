import type { PartitionState, SealedRound } from '@sealtrail/seal';
import { type Claim, commitRow, insertCommitRow, newClaim } from './claim.ts';
import { commitRound } from './commit-round.ts';
import { type JudgedRecords, readAndJudgeAll, topUp } from './judge-records.ts';
import { accountFor } from './log-sizes.ts';
import { fatal, halted, lost, type Partition, pause, persist } from './partition.ts';
import { publishCheckpoint, publishRejected } from './publish.ts';
import { recover } from './recover.ts';
import { type SealedBefore, sealRecords } from './seal-records.ts';
import { loadSealedHeader, loadTenant, TenantStates } from './tenant-states.ts';

/**
 * The ledger's walk, for as long as the partition is held: recover, then round after round read, judge, seal, commit,
 * publish. Ends by throwing PartitionEnd, never otherwise but for a bug.
 */
export async function sealPartition(partition: Partition): Promise<never> {
  const { key, ports, settings } = partition;
  await partition.topic.check(partition);
  let { state, claim, claim_committed } = await recover(partition);
  const sizes = await accountFor(partition, state);
  const tenants = new TenantStates((tenant) => loadTenant(partition, sizes, tenant), settings.tenants_cached_max);
  const before: SealedBefore = {
    tenants: (names) => tenants.get(names),
    header: (number) => loadSealedHeader(partition, number),
  };
  const checkpoints = new CheckpointPace(partition, state.operator.size);
  let topicChecked_ms = ports.clock_ms();

  // One round ahead is read and judged while the store takes the one before: neither needs what the other writes.
  let ahead = readAhead(partition, state, settings.read_wait_ms);
  for (;;) {
    if (ports.clock_ms() - topicChecked_ms >= settings.topic_check_ms) {
      await partition.topic.check(partition);
      topicChecked_ms = ports.clock_ms();
    }
    const judged = await topUp(partition, await ahead);
    if (judged.examined.length === 0) {
      await checkpoints.publishWhenDue(state);
      ahead = readAhead(partition, state, checkpoints.waitAtMost(settings.read_wait_ms));
      continue;
    }
    const started_ms = ports.clock_ms();
    const sealed = await sealRecords(partition, state, judged, before);
    ahead = readAhead(partition, sealed.next.partition, checkpoints.waitAtMost(settings.read_wait_ms));
    claim = await commitNext(partition, { claim, committed: claim_committed }, sealed);
    claim_committed = true;

    // Until the commit row is acknowledged the round's rows are hidden: nothing is published, no round follows.
    await insertCommitRow(partition, commitRow(partition, commitOf(claim, sealed)));
    state = sealed.next.partition;
    sizes.set(sealed.next.tenants);
    tenants.set(sealed.next.tenants);
    await persist(partition, 'publishing rejected records', () => publishRejected(key, sealed.rejected, ports, settings));
    ports.events.sealed(key, factsOf(sealed, ports.clock_ms() - started_ms));
    await checkpoints.publishWhenDue(state);
  }
}

/** Reads and judges the round after `state`. How that ends is told when the round's turn comes, or never is. */
function readAhead(partition: Partition, state: PartitionState, wait_ms: number): Promise<JudgedRecords> {
  const { round_records_max: records_max, round_bytes_max: bytes_max } = partition.settings;
  const judged = readAndJudgeAll(partition, state, { records_max, bytes_max, wait_ms });
  judged.catch(untold);
  return judged;
}
const untold = (): void => undefined;

/** Commits the round, under another claim after each doubt. Returns the claim that it was committed under. */
async function commitNext(
  partition: Partition,
  held: { readonly claim: Claim; readonly committed: boolean },
  sealed: SealedRound,
): Promise<Claim> {
  const { key, assignment, ports } = partition;
  // Two claims with commit rows never share an ordinal: the one after a claim that has committed takes the next.
  const replacement = held.claim.ordinal + (held.committed ? 1 : 0);
  let current = held.claim;
  for (;;) {
    if (partition.lost.aborted) throw lost();
    const outcome = await commitRound(key, current, sealed, assignment, ports);
    switch (outcome.kind) {
      case 'committed':
        return current;
      case 'lost_partition':
        throw lost();
      case 'fatal':
        throw fatal(outcome.cause);
      case 'refused':
        throw halted(
          partition,
          'rows_refused',
          `${outcome.cause.message}; run fsck, and report it with its output: the rows were made by this build`,
        );
      case 'claim_ended': {
        ports.events.claimEnded(key, outcome.cause);
        await pause(partition);
        current = newClaim(partition, replacement, sealed.round.from);
      }
    }
  }
}

const commitOf = (claim: Claim, { round, hash }: SealedRound) => ({
  claim: claim.id,
  ordinal: claim.ordinal,
  from: claim.from,
  to: round.to,
  round_hash: hash,
});

const factsOf = ({ round, batches, duplicates, rejected }: SealedRound, duration_ms: number) => ({
  from: round.from,
  to: round.to,
  batches: batches.length,
  entries: batches.reduce((sum, { batch }) => sum + batch.header.count, 0),
  duplicates: duplicates.length,
  rejected: rejected.map(({ rejection }) => rejection.reason),
  recorded_at: round.recorded_at,
  duration_ms,
});

/** Signs a checkpoint at most once an interval while the log grows, and once it rests. */
class CheckpointPace {
  readonly #partition: Partition;
  #published_size: number;
  #published_ms = Number.NEGATIVE_INFINITY;
  #waiting = false;

  /** Recovery has published what it found: `published_size` rounds. */
  constructor(partition: Partition, published_size: number) {
    this.#partition = partition;
    this.#published_size = published_size;
  }

  /** A read must not outlast a checkpoint that is due. */
  waitAtMost(wait_ms: number): number {
    if (!this.#waiting) return wait_ms;
    const due_ms = this.#published_ms + this.#partition.settings.checkpoint_interval_ms - this.#partition.ports.clock_ms();
    return Math.max(0, Math.min(wait_ms, due_ms));
  }

  async publishWhenDue({ operator, next_offset }: PartitionState): Promise<void> {
    const { key, ports, settings } = this.#partition;
    if (operator.size === this.#published_size) return;
    this.#waiting = true;
    const now_ms = ports.clock_ms();
    if (now_ms - this.#published_ms < settings.checkpoint_interval_ms) return;
    await persist(this.#partition, 'publishing the checkpoint', () => publishCheckpoint(key, operator, ports, settings));
    ports.events.checkpointed(key, { size: operator.size, to: next_offset });
    this.#published_size = operator.size;
    this.#published_ms = now_ms;
    this.#waiting = false;
  }
}
