/** The runs that docs/spec/commit-model.md lists: the protocol under several adversaries, and each rule removed. */
import type { Bounds, Mutation, VisibilityRule } from './rules.ts';

export interface ExhaustiveCase {
  readonly name: string;
  readonly bounds: Partial<Bounds>;
  /** A model that silently explores less would still find nothing, so the size is part of the test. */
  readonly states: number;
}

/** Stale reads at recovery; the answers of OffsetCommits arrive, to keep it small. */
const LAG: Partial<Bounds> = { unknowns: 0, stales: 2, window: 4 };
const LOSS: Partial<Bounds> = { doubts: 0, stales: 1, losses: 1, window: 4 };
const ERA: Partial<Bounds> = { expiries: 1 };

export const EXHAUSTIVE: readonly ExhaustiveCase[] = [
  { name: 'three records', bounds: { records: 3 }, states: 168_599 },
  { name: 'three members', bounds: { members: 3 }, states: 0 },
  { name: 'two inserts in doubt, a duplicate', bounds: { doubts: 2, duplicateAt: 0 }, states: 44_722 },
  { name: 'a stale read at recovery', bounds: { stales: 1, window: 4 }, states: 99_817 },
  { name: 'a lost row and a stale read', bounds: LOSS, states: 142_744 },
  { name: "the group's offsets are lost", bounds: ERA, states: 110_484 },
  { name: 'a registry that grows', bounds: { registry: true }, states: 94_004 },
];

/** Run by `SOAK=1`: minutes, and up to 1 GB. */
export const EXHAUSTIVE_SOAK: readonly ExhaustiveCase[] = [
  { name: 'three records, three members', bounds: { records: 3, members: 3 }, states: 546_278 },
  { name: 'four records', bounds: { records: 4 }, states: 962_025 },
  { name: 'three records, two inserts in doubt, a duplicate', bounds: { records: 3, doubts: 2, duplicateAt: 1 }, states: 503_363 },
  { name: 'three records, three members, a stale read', bounds: { records: 3, members: 3, stales: 1, window: 4 }, states: 2_846_444 },
  { name: 'a lost row, a stale read, an insert in doubt', bounds: { stales: 1, losses: 1, window: 4 }, states: 1_195_500 },
  { name: 'four assignments, two stale reads', bounds: { stales: 2, assignments: 4, window: 4 }, states: 1_198_860 },
  {
    name: 'three records, a lost row, a stale read',
    bounds: { records: 3, doubts: 0, stales: 1, losses: 1, window: 4 },
    states: 1_017_756,
  },
  { name: "three records, the group's offsets are lost", bounds: { records: 3, expiries: 1 }, states: 767_811 },
  { name: "the group's offsets are lost twice", bounds: { expiries: 2, assignments: 4 }, states: 1_610_605 },
  { name: 'offsets lost and a stale read', bounds: { stales: 1, expiries: 1, window: 4 }, states: 319_915 },
  { name: 'three records, a registry that grows', bounds: { records: 3, registry: true }, states: 0 },
];

export interface RemovalCase {
  readonly name: Mutation | VisibilityRule;
  readonly bounds: Partial<Bounds>;
  /** Property that is violated; null for a rule that is redundant within these bounds. */
  readonly violates: 'P1' | 'P2' | 'P3' | 'P5' | 'P6' | null;
}

export const REMOVALS: readonly RemovalCase[] = [
  { name: 'one_claim', bounds: {}, violates: 'P1' },
  { name: 'claim_kept_after_doubt', bounds: {}, violates: 'P1' },
  { name: 'ordinal_not_raised', bounds: LAG, violates: 'P1' },
  { name: 'no_fence', bounds: {}, violates: 'P1' },
  { name: 'commit_validated_but_late', bounds: {}, violates: 'P5' },
  { name: 'goes_on_after_unknown_commit', bounds: {}, violates: 'P5' },
  { name: 'work_kept_through_rebalance', bounds: {}, violates: 'P1' },
  { name: 'rows_not_awaited', bounds: {}, violates: 'P3' },
  { name: 'round_row_not_awaited', bounds: {}, violates: 'P5' },
  { name: 'round_row_retried', bounds: {}, violates: null },
  { name: 'publish_before_commit_row', bounds: {}, violates: 'P3' },
  { name: 'next_round_before_commit_row', bounds: {}, violates: 'P3' },
  { name: 'recovery_skips_commit_row', bounds: {}, violates: 'P3' },
  { name: 'rows_not_checked', bounds: LOSS, violates: 'P3' },
  { name: 'rebuild_before_commit_row', bounds: LOSS, violates: 'P3' },
  { name: 'rebuild_under_same_claim', bounds: LAG, violates: 'P1' },
  { name: 'rebuild_not_committed', bounds: LAG, violates: 'P1' },
  { name: 'rebuild_with_present_registry', bounds: { ...LAG, registry: true }, violates: 'P3' },
  { name: 'claim_in_round_hash', bounds: LAG, violates: 'P5' },
  { name: 'era_not_raised', bounds: ERA, violates: 'P1' },
  { name: 'era_not_opened', bounds: ERA, violates: null },
  { name: 'era_opened_without_commit', bounds: ERA, violates: 'P3' },
  { name: 'lost_offsets_published_at_once', bounds: ERA, violates: 'P2' },
  { name: 'era_while_ledgers_run', bounds: ERA, violates: 'P3' },
  { name: 'rejected_topic_before_commit', bounds: { registry: true }, violates: 'P6' },
  { name: 'from_ignored', bounds: LAG, violates: null },
  { name: 'replaces_one_claim', bounds: LAG, violates: 'P1' },
  { name: 'last_row_wins', bounds: LAG, violates: 'P1' },
  { name: 'no_cut', bounds: LAG, violates: 'P1' },
];
