import type { CommitRow, LedgerStore, PartitionKey, StoredRound } from '@sealtrail/ledger-store';
import type { Sha256 } from '@sealtrail/merkle';
import { roundCodec } from '@sealtrail/wire';
import { sameBytes } from '../bytes.ts';
import type { Link } from './link-judge.ts';

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
  /** No stored round can be the last committed one. */
  readonly tip_missing: boolean;
  /** The committed one of the stored rounds of one index; null when there is none. */
  choose(index: number, rows: readonly StoredRound[]): StoredRound | null;
}

/** Contents of one index that are kept to tell which is committed. */
interface Fork {
  readonly rows: readonly { readonly stored: Uint8Array; readonly computed: Uint8Array | null; readonly previous: Uint8Array }[];
}

const ALL = { from: 0, to: Number.MAX_SAFE_INTEGER };

/**
 * Reads all rounds once. A round that was built and never committed leaves another content at its index; which is the
 * committed one is told by the round after it. Keeps those indexes only.
 */
export async function scanRounds(store: LedgerStore, sha256: Sha256, key: PartitionKey, last: CommitRow | undefined): Promise<ChainScan> {
  const forks = new Map<number, Fork>();
  let tip: RoundLink | null = null;
  let tipRank = 0;
  /** Largest index of a round that ends before the last one does, and is not the one that the commit names. */
  let below = -1;
  let previousForked = false;
  for await (const [index, rows] of byIndex(store, key)) {
    if (rows.length > 1 || previousForked) {
      forks.set(index, {
        rows: rows.map((row) => roundLink(sha256, row)).map(({ stored, computed, previous }) => ({ stored, computed, previous })),
      });
    }
    previousForked = rows.length > 1;
    if (last === undefined) continue;
    for (const row of rows) {
      const named = sameBytes(row.hash, last.round_hash);
      if (row.round.to < last.to && !named) below = index;
      if (!named && row.round.to !== last.to) continue;
      const link = roundLink(sha256, row);
      const rank = rankOf(link, last.round_hash);
      if (rank >= tipRank) [tip, tipRank] = [link, rank];
    }
  }
  if (last === undefined) return { tip_index: -1, tip_hash: null, tip_missing: false, choose: () => null };
  const consistent = tip !== null && tip.computed !== null && sameBytes(tip.computed, tip.stored);
  const tipIndex = tip !== null && consistent ? tip.row.round.index : below + 1;
  const chosen = chooseForks(forks, tipIndex, tip?.stored ?? null);
  return {
    tip_index: tipIndex,
    // Where only the commit row was altered, the round itself says who it is.
    tip_hash: tip !== null && consistent ? tip.stored : last.round_hash,
    tip_missing: tip === null,
    choose: (index, rows) => (rows.length === 1 ? rows[0] : rows.find((row) => sameBytes(row.hash, chosen.get(index) ?? row.hash))) ?? null,
  };
}

/** How well a round fits what the last commit row names: by its hash column, by what it recomputes to, by its end alone. */
function rankOf({ stored, computed }: RoundLink, committed: Uint8Array): number {
  if (sameBytes(stored, committed)) return 3;
  if (computed === null) return 0;
  return sameBytes(computed, committed) ? 2 : sameBytes(computed, stored) ? 1 : 0;
}

/** Whether a committed round beyond the last is proven by one that was built on it: nothing is built on what was not committed. */
export async function goesOnBeyond(store: LedgerStore, key: PartitionKey, tipIndex: number, tipHash: Uint8Array | null): Promise<boolean> {
  const beyond: StoredRound[] = [];
  for await (const page of store.rounds(key, { from: tipIndex + 1, to: tipIndex + 3 })) beyond.push(...page);
  return beyond.some(
    (first) =>
      first.round.index === tipIndex + 1 &&
      (tipHash === null || sameBytes(first.round.previous, tipHash)) &&
      beyond.some((second) => second.round.index === tipIndex + 2 && sameBytes(second.round.previous, first.hash)),
  );
}

/** From the tip down: the committed content of each forked index, by its own hash column. */
function chooseForks(forks: ReadonlyMap<number, Fork>, tipIndex: number, tipHash: Uint8Array | null): ReadonlyMap<number, Uint8Array> {
  const chosen = new Map<number, Uint8Array>();
  const indexes = [...forks.keys()].filter((index) => index <= tipIndex).sort((a, b) => b - a);
  for (const index of indexes) {
    const { rows } = forks.get(index) as Fork;
    const above = forks.get(index + 1)?.rows;
    const next = above?.find(({ stored }) => above.length === 1 || sameBytes(stored, chosen.get(index + 1) ?? stored));
    const wanted = index === tipIndex ? tipHash : (next?.previous ?? null);
    const named =
      rows.find(({ stored }) => wanted !== null && sameBytes(stored, wanted)) ??
      rows.find(({ computed }) => wanted !== null && computed !== null && sameBytes(computed, wanted)) ??
      rows[0];
    if (named !== undefined) chosen.set(index, named.stored);
  }
  return chosen;
}

/** The stored rounds of each index that has any. */
export async function* byIndex(store: LedgerStore, key: PartitionKey): AsyncGenerator<readonly [number, readonly StoredRound[]]> {
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
