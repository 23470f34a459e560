/** What must hold at every moment, however much is under way: looked at after each effect. */
import { parseCommitMetadata } from '@sealtrail/ledger';
import type { RoundColumns } from '@sealtrail/ledger-store/memory';
import { type VisibleRows, visibleRows } from './visible-rows.ts';
import { latin1, TOPIC, Violation, type World } from './world.ts';

/**
 * No offset is visible twice, nor from a claim that no OffsetCommit covered there (P1); what a checkpoint covers is
 * committed and visible in full (P3), save where the store lost rows and no recovery has ended since.
 */
export function watch(world: World): void {
  for (let partition = 0; partition < world.options.partitions; partition++) {
    const rows = visibleRows(world.store.tables, world.key(partition));
    const verdicts = verdictCounts(rows);
    for (const [offset, count] of verdicts)
      if (count > 1) throw new Violation(`P1 offset ${offset} of ${partition} is visible ${count} times`);
    const entries = new Map<string, number>();
    for (const { offset, batch_index } of rows.entries) bump(entries, `${offset}, event ${batch_index}`);
    for (const [place, count] of entries) if (count > 1) throw new Violation(`P1 entry ${place} of ${partition} is visible ${count} times`);
    for (const [claim, offset] of claimedOffsets(rows)) {
      if ((world.covered.get(latin1(claim)) ?? 0) <= offset) {
        throw new Violation(`P1 offset ${offset} of ${partition} is visible from a claim that was never committed there`);
      }
    }
    if (world.troubled.has(partition)) continue;
    const published = publishedTo(world, partition);
    const start = world.log.records(TOPIC, partition)[0]?.offset ?? 0;
    const events = new Map<number, number>();
    for (const { offset } of rows.entries) bump(events, offset);
    for (let offset = start; offset < published; offset++) {
      if (verdicts.get(offset) !== 1) throw new Violation(`P3 a checkpoint covers offset ${offset} of ${partition}, which is not visible`);
    }
    for (const { manifest } of rows.manifests) {
      if (manifest.offset < published && (events.get(manifest.offset) ?? 0) !== manifest.header.count) {
        throw new Violation(`P3 a checkpoint covers offset ${manifest.offset} of ${partition}, and not all of its entries are visible`);
      }
    }
  }
}

/** How many verdicts each offset has. */
export function verdictCounts(rows: VisibleRows): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  for (const { manifest } of rows.manifests) bump(counts, manifest.offset);
  for (const { offset } of rows.rejected) bump(counts, offset);
  for (const { duplicate } of rows.duplicates) bump(counts, duplicate.offset);
  return counts;
}

function* claimedOffsets(rows: VisibleRows): Iterable<readonly [Uint8Array, number]> {
  for (const { claim, manifest } of rows.manifests) yield [claim, manifest.offset];
  for (const { claim, duplicate } of rows.duplicates) yield [claim, duplicate.offset];
  for (const { claim, offset } of [...rows.entries, ...rows.heads, ...rows.rejected]) yield [claim, offset];
}

/** Committed rounds from the first to the last, by the metadata of the last OffsetCommit. */
export function committedRounds(world: World, partition: number): readonly RoundColumns[] {
  const committed = world.log.committed(partition) ?? world.lastCommitted.get(partition) ?? null;
  const metadata = committed === null ? null : parseCommitMetadata(committed.metadata);
  const rounds: RoundColumns[] = [];
  let hash = metadata === null ? null : latin1(metadata.round_hash);
  while (hash !== null) {
    const wanted: string = hash;
    const row = world.store.tables.rounds.find((candidate) => latin1(candidate.hash) === wanted);
    if (row === undefined) throw new Violation(`P5 a committed round of ${partition} is not in the store`);
    rounds.unshift(row);
    hash = row.round.index === 0 ? null : latin1(row.round.previous);
  }
  return rounds;
}

/** The offset up to which the largest stored checkpoint reaches. */
function publishedTo(world: World, partition: number): number {
  const origin = `${world.settings.audience}/operator/${world.settings.incarnation}/${partition}`;
  let size = 0;
  for (const row of world.store.tables.checkpoints) if (row.origin === origin) size = Math.max(size, row.size);
  if (size === 0) return 0;
  const round = committedRounds(world, partition)[size - 1];
  if (round === undefined) throw new Violation(`P2 a checkpoint of ${size} rounds of ${partition} is published, more than are committed`);
  return round.round.to;
}

function bump<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** Where the rounds begin that a recovery would look at now; null when nothing is committed. */
export function windowStart(world: World, partition: number): number | null {
  const rounds = committedRounds(world, partition);
  return rounds[Math.max(0, rounds.length - world.settings.recovery_rounds)]?.round.from ?? null;
}
