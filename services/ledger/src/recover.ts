import type { StoredRound } from '@sealtrail/ledger-store';
import { appendLeaf, type Frontier, frontierRoot, hexOf } from '@sealtrail/merkle';
import { emptyPartition, type PartitionState } from '@sealtrail/seal';
import { RULES_VERSION, roundCodec } from '@sealtrail/wire';
import { checkRows, lastCommit } from './check-rows.ts';
import { type Claim, commitOffset, commitRow, insertCommitRow, newClaim } from './claim.ts';
import { type CommitMetadata, parseCommitMetadata } from './metadata.ts';
import { halted, type Partition, pause, persist } from './partition.ts';
import { stateAfter } from './partition-state.ts';
import { operatorOrigin } from './ports.ts';
import { publishCheckpoint, publishRejectedRows } from './publish.ts';
import { readRecords } from './read-records.ts';
import { rebuild } from './rebuild.ts';

export interface Recovered {
  readonly state: PartitionState;
  /** Has written nothing beyond `state`. */
  readonly claim: Claim;
  /** The claim stands in an OffsetCommit already: that of a rebuild, or of a new era. */
  readonly claim_committed: boolean;
}

/** An era's ordinals all lie above those of the era before. */
const ORDINALS_OF_AN_ERA = 2 ** 32;
const ORDINAL_FIRST = 0;

/**
 * Finds out where a partition stands when it is assigned, and mends what a crash left. The order is that of
 * docs/spec/commit.md: nothing is published, and no new round begins, before what was committed is visible in full.
 * Throws PartitionEnd.
 */
export async function recover(partition: Partition): Promise<Recovered> {
  const { ports, settings, key } = partition;
  const committed = await readCommitted(partition);
  if (committed === null) return beginning(partition);
  const { metadata, era } = committed;

  // First of all, also for a claim that a rebuild is about to cut: without this row everything it committed stays hidden.
  // Where the offsets were lost, the rows themselves are what is known.
  if (era === 'current') await insertCommitRow(partition, commitRow(partition, metadata));

  const last = await loadRound(partition, metadata.round_hash, 'the committed offset');
  if (last.round.to !== metadata.to) {
    throw halted(
      partition,
      'round_disagrees',
      `offset ${metadata.to} was committed with a round that ends at ${last.round.to}; restore the store from a backup`,
    );
  }
  await compareLastRecord(partition, last);
  const rounds = await walkBack(partition, last);
  await compareCheckpoint(partition, last.operator);

  const ordinal = era === 'current' ? metadata.ordinal + 1 : (Math.floor(metadata.ordinal / ORDINALS_OF_AN_ERA) + 1) * ORDINALS_OF_AN_ERA;
  const damaged = await firstDamaged(partition, rounds);
  let claim: Claim;
  if (damaged !== null) {
    // Rows that were acknowledged are gone, or a replica does not show them yet: the same rounds again, under a claim that
    // cuts the old one from there on. Its commit also opens the new era where one is due.
    const before = rounds[damaged - 1] ?? (await roundBefore(partition, last, rounds));
    claim = await rebuild(partition, { rounds: rounds.slice(damaged), before, ordinal });
  } else if (era === 'new') {
    claim = await openEra(partition, metadata, ordinal);
  } else {
    claim = newClaim(partition, ordinal, metadata.to);
  }

  // A crash between commit and publishing leaves the last round unpublished; what was published already is told by its id.
  await persist(partition, 'publishing rejected records', () => publishRejectedRows(key, last.round, ports, settings));
  await persist(partition, 'publishing the checkpoint', () => publishCheckpoint(key, last.operator, ports, settings));
  ports.events.checkpointed(key, { size: last.operator.size, to: metadata.to });
  ports.events.recovered(key, {
    offset: metadata.to,
    rounds_checked: rounds.length,
    rounds_rebuilt: damaged === null ? 0 : rounds.length - damaged,
  });
  return { state: stateAfter(last), claim, claim_committed: damaged !== null || era === 'new' };
}

/** What the group committed; where that was lost and an operator said so, what the commit rows say. null at a beginning. */
async function readCommitted(partition: Partition): Promise<{ readonly metadata: CommitMetadata; readonly era: 'current' | 'new' } | null> {
  const { assignment, ports, settings, key } = partition;
  const committed = await persist(partition, 'reading the committed offset', () => assignment.committed());
  if (committed !== null) {
    const metadata = parseCommitMetadata(committed.metadata);
    if (metadata === null || metadata.to !== committed.offset) {
      throw halted(
        partition,
        'metadata_unreadable',
        `offset ${committed.offset} of group ${settings.group} was committed by something else than a ledger; give that program a group of its own, then restore the offset`,
      );
    }
    return { metadata, era: 'current' };
  }
  const row = lastCommit(await persist(partition, 'reading the commit rows', () => ports.store.commits(key)));
  if (row === undefined) return null;
  if (settings.era === 'current') {
    throw halted(
      partition,
      'offsets_lost',
      `group ${settings.group} has no committed offset though rounds up to ${row.to} are in the store: its offsets expired or were deleted; ` +
        'make sure that every ledger is stopped, then start one with a new era',
    );
  }
  return { metadata: { claim: row.claim, ordinal: row.ordinal, from: row.from, to: row.to, round_hash: row.round_hash }, era: 'new' };
}

async function beginning(partition: Partition): Promise<Recovered> {
  const { start } = await persist(partition, 'reading the log’s bounds', () => partition.assignment.bounds());
  await compareCheckpoint(partition, emptyPartition().operator);
  // A round may have been committed, its offset lost, and its commit row be in flight still: a new era's claims cut it.
  const ordinal = (await persist(partition, 'reading the first round', () => hasRounds(partition))) ? ORDINALS_OF_AN_ERA : ORDINAL_FIRST;
  partition.ports.events.recovered(partition.key, { offset: start, rounds_checked: 0, rounds_rebuilt: 0 });
  return { state: { ...emptyPartition(), next_offset: start }, claim: newClaim(partition, ordinal, start), claim_committed: false };
}

async function hasRounds({ ports, key }: Partition): Promise<boolean> {
  for await (const page of ports.store.rounds(key, { from: 0, to: 1 })) if (page.length > 0) return true;
  return false;
}

/** A round by its hash. One that is missing is looked for again, as far as replication may lag. */
async function loadRound(partition: Partition, hash: Uint8Array, whose: string): Promise<StoredRound> {
  const { ports, settings, key } = partition;
  for (let attempt = 1; ; attempt++) {
    const found = await persist(partition, 'reading a round', () => ports.store.round(hash));
    if (found !== null) {
      checkRound(partition, found, hash);
      return found;
    }
    const cause = new Error(`round ${hexOf(hash)} is not there`);
    if (attempt >= settings.recovery_attempts) {
      throw halted(
        partition,
        'round_missing',
        `round ${hexOf(hash)}, which ${whose} names, is not in the store; restore the store from a backup`,
      );
    }
    ports.events.waiting(key, 'looking for a committed round', cause);
    await pause(partition);
  }
}

function checkRound(partition: Partition, { round, bytes }: StoredRound, hash: Uint8Array): void {
  const { sha256 } = partition.ports;
  const { topic, incarnation, partition: number } = partition.key;
  const isWhole = bytes !== null && hexOf(roundCodec().leafHash(sha256, bytes)) === hexOf(hash);
  if (!isWhole || round.topic !== topic || round.incarnation !== incarnation || round.partition !== number) {
    throw halted(
      partition,
      'round_disagrees',
      `the stored round ${hexOf(hash)} was altered: its columns do not give its hash; run fsck and restore the row`,
    );
  }
  if (round.rules_version > RULES_VERSION) {
    throw halted(
      partition,
      'round_disagrees',
      `round ${round.index} was sealed under rules ${round.rules_version}, this build knows ${RULES_VERSION}; run the newer build`,
    );
  }
}

/** The topic is still the one that was sealed: the record before the committed offset has the hash that the round has. */
async function compareLastRecord(partition: Partition, { round }: StoredRound): Promise<void> {
  const { assignment, ports } = partition;
  const bounds = await persist(partition, 'reading the log’s bounds', () => assignment.bounds());
  // Nothing but retention up to exactly there excuses not reading it; less or more is what readRecords halts on.
  if (bounds.start === round.to) return;
  const [record] = await readRecords(partition, round.to - 1, { records_max: 1, bytes_max: 0, wait_ms: 0 });
  if (record !== undefined && hexOf(ports.sha256.digest(record.value ?? new Uint8Array(0))) === hexOf(round.record_hash)) return;
  throw halted(
    partition,
    'topic_replaced',
    `the record at offset ${round.to - 1} is not the one that was sealed: the topic was deleted and created again, or lost records; restore it, or raise the incarnation`,
  );
}

/** The last rounds, oldest first, as far back as replication may lag; each is the one that its successor names. */
async function walkBack(partition: Partition, last: StoredRound): Promise<readonly StoredRound[]> {
  const { settings, ports } = partition;
  const rounds = [last];
  for (let next = last; next.round.index > 0 && rounds.length < settings.recovery_rounds; ) {
    const before = await loadRound(partition, next.round.previous, `round ${next.round.index}`);
    const follows = before.round.index === next.round.index - 1 && before.round.to === next.round.from;
    const operator = appendLeaf(ports.sha256, before.operator, next.hash);
    if (!follows || hexOf(frontierRoot(ports.sha256, operator)) !== hexOf(frontierRoot(ports.sha256, next.operator))) {
      throw halted(
        partition,
        'round_disagrees',
        `round ${next.round.index} does not follow the round that it names; run fsck and restore the row`,
      );
    }
    rounds.unshift(before);
    next = before;
  }
  if (last.operator.size !== last.round.index + 1) {
    throw halted(
      partition,
      'round_disagrees',
      `round ${last.round.index} has an operator log of ${last.operator.size} rounds; run fsck and restore the row`,
    );
  }
  return rounds;
}

/** The round before the oldest of those that were walked back to; null when they begin the partition. */
function roundBefore(partition: Partition, last: StoredRound, rounds: readonly StoredRound[]): Promise<StoredRound | null> {
  const { index, previous } = (rounds[0] ?? last).round;
  return index === 0 ? Promise.resolve(null) : loadRound(partition, previous, `round ${index}`);
}

/** What was signed and shown must still hold: a checkpoint beyond the committed round says that offset or store went back. */
async function compareCheckpoint(partition: Partition, operator: Frontier): Promise<void> {
  const { ports, settings, key } = partition;
  const latest = await persist(partition, 'reading the newest checkpoint', () =>
    ports.store.latestCheckpoint(operatorOrigin(settings, key.partition)),
  );
  if (latest === null || latest.size < operator.size) return;
  if (latest.size === operator.size && hexOf(latest.root) === hexOf(frontierRoot(ports.sha256, operator))) return;
  throw halted(
    partition,
    'checkpoint_ahead',
    `a checkpoint of ${latest.size} rounds was published, and ${operator.size} are committed, or others: the group’s offset or the store was set back; ` +
      'restore both to the same moment, or raise the incarnation',
  );
}

/** Index in `rounds` of the first whose rows are not all there; null when all are. */
async function firstDamaged(partition: Partition, rounds: readonly StoredRound[]): Promise<number | null> {
  for (let i = 0; i < rounds.length; i++) {
    const one = rounds[i] as StoredRound;
    const found = await persist(partition, 'reading committed rows', () => checkRows(partition, one));
    if (found.kind === 'disagrees') {
      throw halted(
        partition,
        'rows_disagree',
        `round ${one.round.index} (offsets ${one.round.from} to ${one.round.to}): ${found.what}; run fsck and restore the rows`,
      );
    }
    if (found.kind === 'missing') return i;
  }
  return null;
}

/** OffsetCommit first, then an empty commit row that cuts whatever claims of the era before may still write. */
async function openEra(partition: Partition, metadata: CommitMetadata, ordinal: number): Promise<Claim> {
  const claim = newClaim(partition, ordinal, metadata.to);
  const opening = { claim: claim.id, ordinal, from: metadata.to, to: metadata.to, round_hash: metadata.round_hash };
  await commitOffset(partition, opening);
  await insertCommitRow(partition, commitRow(partition, opening));
  partition.ports.events.eraStarted(partition.key, ordinal);
  return claim;
}
