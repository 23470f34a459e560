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
  { name: 'three members', bounds: { members: 3 }, states: 57_075 },
  { name: 'two inserts in doubt, a duplicate', bounds: { doubts: 2, duplicateAt: 0 }, states: 44_722 },
  { name: 'a stale read at recovery', bounds: { stales: 1, window: 4 }, states: 99_817 },
  { name: 'a lost row and a stale read', bounds: LOSS, states: 142_744 },
  { name: "the group's offsets are lost", bounds: ERA, states: 110_484 },
  { name: 'a registry that grows', bounds: { registry: true }, states: 94_004 },
  { name: 'a log is read from a replica that lags', bounds: { lags: 2 }, states: 50_357 },
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
  { name: 'three records, a registry that grows', bounds: { records: 3, registry: true }, states: 1_081_877 },
];

export type Property = 'P1' | 'P2' | 'P3' | 'P5' | 'P6' | 'P7';

export interface RemovalCase {
  readonly name: Mutation | Exclude<VisibilityRule, 'ordinal'>;
  /** What the ledger, or whoever reads, then does. */
  readonly does: string;
  readonly bounds: Partial<Bounds>;
  /** What is violated; of a rule that is redundant within these bounds, why it is kept. */
  readonly found: Property | { readonly redundant: string };
}

export const REMOVALS: readonly RemovalCase[] = [
  { name: 'one_claim', does: 'a member goes on under the claim of the member before it', bounds: {}, found: 'P1' },
  { name: 'claim_kept_after_doubt', does: 'rows are inserted again under the same claim after a doubt', bounds: {}, found: 'P1' },
  { name: 'ordinal_not_raised', does: 'a claim takes the ordinal of the committed claim before it', bounds: LAG, found: 'P1' },
  { name: 'no_fence', does: 'an OffsetCommit of a member of an old generation is accepted', bounds: {}, found: 'P1' },
  {
    name: 'commit_validated_but_late',
    does: 'the log applies an OffsetCommit, which it had checked, after its member has lost the partition',
    bounds: {},
    found: 'P5',
  },
  {
    name: 'goes_on_after_unknown_commit',
    does: 'after an OffsetCommit without an answer the member reads the offset again and goes on',
    bounds: {},
    found: 'P5',
  },
  { name: 'work_kept_through_rebalance', does: 'a member joins again and finishes the round that it had begun', bounds: {}, found: 'P1' },
  { name: 'rows_not_awaited', does: 'the OffsetCommit does not wait for the rows', bounds: {}, found: 'P3' },
  { name: 'round_row_not_awaited', does: 'the OffsetCommit does not wait for the round row', bounds: {}, found: 'P5' },
  {
    name: 'round_row_retried',
    does: 'a round row in doubt is inserted again under the same claim',
    bounds: {},
    found: { redundant: 'a round row carries no claim and is loaded by its hash: twice is once. One rule for every insert is simpler' },
  },
  { name: 'publish_before_commit_row', does: 'publishing does not wait for the commit row', bounds: {}, found: 'P3' },
  { name: 'next_round_before_commit_row', does: 'the next round does not wait for the commit row', bounds: {}, found: 'P3' },
  { name: 'recovery_skips_commit_row', does: 'recovery does not write the commit row again', bounds: {}, found: 'P3' },
  { name: 'rows_not_checked', does: 'recovery does not look whether the committed rows are there', bounds: LOSS, found: 'P3' },
  {
    name: 'rebuild_before_commit_row',
    does: 'recovery does not write the commit row of a claim that it is about to replace',
    bounds: LOSS,
    found: 'P3',
  },
  { name: 'rebuild_under_same_claim', does: 'missing rows are inserted again under their own claim', bounds: LAG, found: 'P1' },
  { name: 'rebuild_not_committed', does: 'a rebuild writes its commit row without an OffsetCommit', bounds: LAG, found: 'P1' },
  {
    name: 'rebuild_with_present_registry',
    does: 'a rebuild judges by the key registry as it is now',
    bounds: { ...LAG, registry: true },
    found: 'P3',
  },
  { name: 'claim_in_round_hash', does: 'the hash of a round covers the claim', bounds: LAG, found: 'P5' },
  { name: 'era_not_raised', does: 'after lost offsets the ordinals go on as before', bounds: ERA, found: 'P1' },
  {
    name: 'era_not_opened',
    does: 'a new era begins with its first round, without an empty commit row',
    bounds: ERA,
    found: {
      redundant:
        'the first round of the era cuts what the empty row would have cut. Kept, so that the cut and the offset stand before anything is published',
    },
  },
  { name: 'era_opened_without_commit', does: 'the empty commit row is written without an OffsetCommit', bounds: ERA, found: 'P3' },
  {
    name: 'lost_offsets_published_at_once',
    does: 'what the store alone says is published before the OffsetCommit',
    bounds: ERA,
    found: 'P2',
  },
  {
    name: 'era_while_ledgers_run',
    does: 'offsets are lost, and an era begins, while a ledger of the old era still runs',
    bounds: ERA,
    found: 'P3',
  },
  {
    name: 'rejected_topic_before_commit',
    does: 'rejected records are sent to their topic before the OffsetCommit',
    bounds: { registry: true },
    found: 'P6',
  },
  {
    name: 'head_not_held_against_size',
    does: 'the newest head that the store shows is taken for the last of its log',
    bounds: { lags: 1 },
    found: 'P7',
  },
  {
    name: 'from_ignored',
    does: 'readers do not compare an offset with the start of its claim',
    bounds: LAG,
    found: {
      redundant:
        'a correct ledger never inserts below the start of its claim. Kept: it bounds what a faulty one can show, and costs nothing',
    },
  },
  { name: 'replaces_one_claim', does: 'a claim cuts the one claim that it names, not all below its ordinal', bounds: LAG, found: 'P1' },
  { name: 'last_row_wins', does: 'the commit row that arrived last decides, a cut being such a row', bounds: LAG, found: 'P1' },
  { name: 'no_cut', does: 'a claim shows its rows up to its own largest `to`', bounds: LAG, found: 'P1' },
];
