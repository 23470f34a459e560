/**
 * Which rows readers may see. A row of a claim is visible when
 *
 *     from <= offset < min(largest `to` of its claim, smallest `from` of any claim with a higher ordinal)
 *
 * by the commit rows of its own (topic, incarnation, partition). docs/spec/commit.md says why no simpler rule holds: a
 * fenced member's late rows lie outside for ever, whenever and in whatever order the commit rows arrive.
 */
import { compareBytes, hexOf } from '@sealtrail/merkle';
import type { CommitRow, PartitionKey } from './port.ts';

/** What one claim shows of one partition: rows with `from <= offset < to`. Nothing when `to` is not above `from`. */
export interface VisibleInterval extends PartitionKey {
  readonly claim: Uint8Array;
  readonly ordinal: number;
  readonly from: number;
  /** Excluded. */
  readonly to: number;
}

/** Equal for equal partitions only: the other parts are numbers, so the first two colons always end them. */
export const partitionText = (key: PartitionKey): string => `${key.incarnation}:${key.partition}:${key.topic}`;

/**
 * One row a claim and partition, with its largest `to` and that row's round hash and ordinal, and its smallest `from`; in
 * order of partition (topic, incarnation, partition), ordinal, claim. The order in which rows arrived does not matter.
 */
export function largestCommits(rows: Iterable<CommitRow>): readonly CommitRow[] {
  const claims = new Map<string, CommitRow>();
  for (const row of rows) {
    const key = `${hexOf(row.claim)}:${partitionText(row)}`;
    const kept = claims.get(key);
    claims.set(key, kept === undefined ? row : mergeCommits(kept, row));
  }
  return [...claims.values()].sort((a, b) => comparePartitions(a, b) || a.ordinal - b.ordinal || compareBytes(a.claim, b.claim));
}

function mergeCommits(a: CommitRow, b: CommitRow): CommitRow {
  const last = a.to > b.to || (a.to === b.to && compareBytes(a.round_hash, b.round_hash) <= 0) ? a : b;
  return { ...last, from: Math.min(a.from, b.from) };
}

export function comparePartitions(a: PartitionKey, b: PartitionKey): number {
  if (a.topic !== b.topic) return a.topic < b.topic ? -1 : 1;
  return a.incarnation - b.incarnation || a.partition - b.partition;
}

/** The interval of every claim that has a commit row, in the order of `largestCommits`; rows of any partitions. */
export function visibleIntervals(rows: Iterable<CommitRow>): readonly VisibleInterval[] {
  const claims = largestCommits(rows);
  const intervals: VisibleInterval[] = [];
  // From the highest ordinal of a partition down: `cut` is the smallest start of all claims above the present ordinal.
  let cut = Number.POSITIVE_INFINITY;
  let startOfEquals = Number.POSITIVE_INFINITY;
  for (let i = claims.length - 1; i >= 0; i--) {
    const claim = claims[i] as CommitRow;
    const above = claims[i + 1];
    if (above === undefined || comparePartitions(above, claim) !== 0) {
      cut = Number.POSITIVE_INFINITY;
      startOfEquals = Number.POSITIVE_INFINITY;
    } else if (above.ordinal !== claim.ordinal) {
      cut = Math.min(cut, startOfEquals);
      startOfEquals = Number.POSITIVE_INFINITY;
    }
    startOfEquals = Math.min(startOfEquals, claim.from);
    const { topic, incarnation, partition, ordinal, from } = claim;
    intervals.push({ topic, incarnation, partition, claim: claim.claim, ordinal, from, to: Math.min(claim.to, cut) });
  }
  return intervals.reverse();
}

/** Answers for many rows of one partition, by the partition's intervals: is the row of this claim at this offset visible? */
export function visibility(intervals: Iterable<VisibleInterval>): (claim: Uint8Array, offset: number) => boolean {
  const byClaim = new Map<string, VisibleInterval>();
  for (const interval of intervals) byClaim.set(hexOf(interval.claim), interval);
  return (claim, offset) => {
    const interval = byClaim.get(hexOf(claim));
    return interval !== undefined && interval.from <= offset && offset < interval.to;
  };
}
