import type { CommitRow, LedgerStore, PartitionKey, StoredRound } from '@sealtrail/ledger-store';
import { type Sha256, sameBytes } from '@sealtrail/merkle';
import { duplicatesRoot, headsRoot, rejectionsRoot } from '@sealtrail/seal';
import { type Round, roundCodec, WireError } from '@sealtrail/wire';
import type { Link } from './link-judge.ts';
import { PageReader } from './page-reader.ts';

/** A stored round with what links it. */
export interface RoundLink extends Link {
  readonly row: StoredRound;
}

export function roundLink(sha256: Sha256, row: StoredRound): RoundLink {
  return {
    row,
    computed: row.bytes === null ? null : roundCodec().leafHash(sha256, row.bytes),
    stored: row.hash,
    previous: row.round.previous,
  };
}

/** Which of the stored rounds are the committed ones. */
export interface ChainScan {
  /** Index of the last committed round, whether it is there or not; -1 when nothing was committed. */
  readonly tip_index: number;
  /** Hash of the last committed round. */
  readonly tip_hash: Uint8Array | null;
  /** Where it ends, by its own content; null when it is not there or not what it was. */
  readonly tip_to: number | null;
  /** No stored round can be the last committed one. */
  readonly tip_missing: boolean;
  /** The committed one of the stored rounds of one index; null when there is none. */
  choose(index: number, rows: readonly StoredRound[]): StoredRound | null;
}

const ALL = { from: 0, to: Number.MAX_SAFE_INTEGER };

/** What a partition's rounds are read with. */
export interface RoundsSource {
  readonly store: LedgerStore;
  readonly sha256: Sha256;
  readonly key: PartitionKey;
}

/**
 * Reads all rounds once. A round that was built and never committed leaves another content at its index; which is the
 * committed one is told by the round after it, or, where that cannot tell, by the rows that it binds. Keeps those indexes only.
 */
export async function scanRounds(source: RoundsSource, last: CommitRow | undefined): Promise<ChainScan> {
  if (last === undefined) return { tip_index: -1, tip_hash: null, tip_to: null, tip_missing: false, choose: () => null };
  const { sha256 } = source;
  const forks = new Map<number, readonly RoundLink[]>();
  let named: RoundLink | null = null;
  const ends: RoundLink[] = [];
  /** The contents of the last index that can stand before the last round, or at its place. */
  let before: RoundLink[] = [];
  let previousForked = false;
  for await (const [index, rows] of byIndex(source)) {
    if (rows.length > 1 || previousForked)
      forks.set(
        index,
        rows.map((row) => roundLink(sha256, row)),
      );
    previousForked = rows.length > 1;
    for (const row of rows) {
      const isNamed = sameBytes(row.hash, last.round_hash);
      if (!isNamed && row.round.to > last.to) continue;
      const link = roundLink(sha256, row);
      if (isNamed || (row.round.to === last.to && isOf(link, last.round_hash))) named = isNamed ? link : (named ?? link);
      else {
        if (row.round.to === last.to) ends.push(link);
        before = before[0]?.row.round.index === index ? [...before, link] : [link];
      }
    }
  }
  // A round that only ends where the commit row says is the last one if the rows that are seen are those that it binds.
  let tip = named;
  for (const link of ends) if (tip === null && isConsistent(link) && (await bindsSeenRows(source, link.row.round))) tip = link;
  const tipIndex = tip !== null && isConsistent(tip) ? tip.row.round.index : await placeOfTip(source, tip, before);
  const tipHash = tip !== null && isConsistent(tip) ? tip.stored : last.round_hash;
  const chosen = await chooseForks(source, forks, tipIndex, tip?.stored ?? tipHash);
  return {
    tip_index: tipIndex,
    tip_hash: tipHash,
    tip_to: tip !== null && isConsistent(tip) ? tip.row.round.to : null,
    tip_missing: tip === null,
    choose: (index, rows) => {
      const hash = chosen.get(index);
      if (hash === undefined) return rows[0] ?? null;
      return rows.find((row) => hash !== null && sameBytes(row.hash, hash)) ?? null;
    },
  };
}

/** Where the last round belongs when it is missing, or altered so that its own index is in doubt. */
async function placeOfTip(source: RoundsSource, tip: RoundLink | null, before: readonly RoundLink[]): Promise<number> {
  const [first] = before;
  if (first === undefined) return 0;
  const { index } = first.row.round;
  // What stands before it may be a round of its own index that was never committed.
  for (const { row } of before) {
    if ((tip !== null && follows(tip, row)) || (await bindsSeenRows(source, row.round))) return index + 1;
  }
  return index;
}

/** Whether a round says that it comes after another; one of its columns may say otherwise. */
function follows({ previous, row: { round } }: RoundLink, before: StoredRound): boolean {
  const says = [round.index === before.round.index + 1, round.from === before.round.to, sameBytes(previous, before.hash)];
  return says.filter(Boolean).length > 1;
}

/** From the tip down: the hash column of the committed content of each forked index; null where it is none of them. */
async function chooseForks(
  source: RoundsSource,
  forks: ReadonlyMap<number, readonly RoundLink[]>,
  tipIndex: number,
  tipHash: Uint8Array,
): Promise<ReadonlyMap<number, Uint8Array | null>> {
  const chosen = new Map<number, Uint8Array | null>();
  const indexes = [...forks.keys()].filter((index) => index <= tipIndex).sort((a, b) => b - a);
  for (const index of indexes) {
    const rows = forks.get(index) as readonly RoundLink[];
    const above = chosen.get(index + 1);
    const next = above == null ? undefined : forks.get(index + 1)?.find(({ stored }) => sameBytes(stored, above));
    const wanted = index === tipIndex ? tipHash : (next?.previous ?? null);
    let found =
      wanted === null ? undefined : (rows.find(({ stored }) => sameBytes(stored, wanted)) ?? rows.find((row) => isOf(row, wanted)));
    if (found === undefined && index < tipIndex) {
      for (const row of rows) if (found === undefined && isConsistent(row) && (await bindsSeenRows(source, row.row.round))) found = row;
      found ??= rows.find((row) => !isConsistent(row)) ?? rows[0];
    }
    chosen.set(index, found?.stored ?? null);
  }
  return chosen;
}

const isConsistent = ({ computed, stored }: RoundLink): boolean => computed !== null && sameBytes(computed, stored);
const isOf = ({ computed }: RoundLink, hash: Uint8Array): boolean => computed !== null && sameBytes(computed, hash);

/** Whether the rows that readers see at a round's offsets are those that it binds: it is committed, then. */
async function bindsSeenRows({ store, sha256, key }: RoundsSource, round: Round): Promise<boolean> {
  const query = { partition: key, offsets: { from: round.from, to: round.to } };
  const heads = await taken(store.heads(query), round.heads + 1);
  const rejected = await taken(store.rejected(query), round.rejected + 1);
  const duplicates = await taken(store.duplicates(query), round.duplicates + 1);
  const counted = heads.length === round.heads && rejected.length === round.rejected && duplicates.length === round.duplicates;
  try {
    return (
      counted &&
      sameBytes(
        headsRoot(
          sha256,
          heads.map(({ head }) => head),
        ),
        round.heads_root,
      ) &&
      sameBytes(rejectionsRoot(sha256, rejected), round.rejected_root) &&
      sameBytes(
        duplicatesRoot(
          sha256,
          duplicates.map(({ duplicate }) => duplicate),
        ),
        round.duplicates_root,
      )
    );
  } catch (error) {
    if (error instanceof WireError) return false;
    throw error;
  }
}

async function taken<Row>(pages: AsyncIterable<readonly Row[]>, max: number): Promise<Row[]> {
  const reader = new PageReader(pages);
  const rows = await reader.takeWhile(() => true, max);
  await reader.close();
  return rows;
}

/** Whether a committed round beyond the last is proven by one that was built on it: nothing is built on what was not committed. */
export async function goesOnBeyond({ store, key }: RoundsSource, tipIndex: number, tipHash: Uint8Array | null): Promise<boolean> {
  const beyond: StoredRound[] = [];
  for await (const page of store.rounds(key, { from: tipIndex + 1, to: tipIndex + 3 })) beyond.push(...page);
  return beyond.some(
    (first) =>
      first.round.index === tipIndex + 1 &&
      (tipHash === null || sameBytes(first.round.previous, tipHash)) &&
      beyond.some((second) => second.round.index === tipIndex + 2 && sameBytes(second.round.previous, first.hash)),
  );
}

/** The stored rounds of each index that has any. */
export async function* byIndex({ store, key }: RoundsSource): AsyncGenerator<readonly [number, readonly StoredRound[]]> {
  let index = -1;
  let rows: StoredRound[] = [];
  for await (const page of store.rounds(key, ALL)) {
    for (const row of page) {
      if (row.round.index !== index && rows.length > 0) {
        yield [index, rows];
        rows = [];
      }
      index = row.round.index;
      rows.push(row);
    }
  }
  if (rows.length > 0) yield [index, rows];
}
