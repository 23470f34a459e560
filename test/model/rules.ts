/** What a run of the model explores: how far the adversary may go, and which rule of the protocol is removed. */

/** Bounds of the adversary and of the world. Every number is a count over the whole run unless it says otherwise. */
export interface Bounds {
  /** Records in the partition, 4 at most. */
  readonly records: number;
  /** Ledger processes, 3 at most. */
  readonly members: number;
  /** Times that the partition is given to a member. */
  readonly assignments: number;
  /** Inserts whose outcome stays in doubt: each part of them lands later, in any order, or never. */
  readonly doubts: number;
  /** OffsetCommits that took effect without an answer. */
  readonly unknowns: number;
  /** Recoveries that read a replica where rows are missing. */
  readonly stales: number;
  /** Times that a replica which lags answers when a member reads a log in order to go on with it. */
  readonly lags: number;
  /** Acknowledged rows that a replica lost; they may come back. */
  readonly losses: number;
  /** Times that the group's committed offset is lost. */
  readonly expiries: number;
  /** Rounds that recovery walks back. */
  readonly window: number;
  /** Records of a round at most. */
  readonly roundRecords: number;
  /** Offset of a record that is a duplicate and leaves no row; null for none. */
  readonly duplicateAt: number | null;
  /** Whether record 1 is rejected until the key registry grows, which it may do at any time. */
  readonly registry: boolean;
}

export const BOUNDS: Bounds = {
  records: 2,
  members: 2,
  assignments: 3,
  doubts: 1,
  unknowns: 1,
  stales: 0,
  lags: 0,
  losses: 0,
  expiries: 0,
  window: 2,
  roundRecords: 2,
  duplicateAt: null,
  registry: false,
};

/** How readers decide what is visible. Only `ordinal` is the protocol; the others are ideas that fail. */
export type VisibilityRule = 'ordinal' | 'replaces_one_claim' | 'last_row_wins' | 'no_cut';

/** Rules of docs/spec/commit.md that a run can do without. docs/spec/commit-model.md lists what each removal gives. */
export type Mutation =
  | 'one_claim'
  | 'claim_kept_after_doubt'
  | 'ordinal_not_raised'
  | 'no_fence'
  | 'goes_on_after_unknown_commit'
  | 'work_kept_through_rebalance'
  | 'publish_before_commit_row'
  | 'next_round_before_commit_row'
  | 'recovery_skips_commit_row'
  | 'rows_not_awaited'
  | 'round_row_not_awaited'
  | 'round_row_retried'
  | 'from_ignored'
  | 'rows_not_checked'
  | 'rebuild_before_commit_row'
  | 'rebuild_under_same_claim'
  | 'rebuild_not_committed'
  | 'rebuild_with_present_registry'
  | 'claim_in_round_hash'
  | 'era_not_raised'
  | 'era_not_opened'
  | 'era_opened_without_commit'
  | 'lost_offsets_published_at_once'
  | 'era_while_ledgers_run'
  | 'commit_validated_but_late'
  | 'rejected_topic_before_commit'
  | 'head_not_held_against_size';

export interface Rules {
  readonly bounds: Bounds;
  readonly visibility: VisibilityRule;
  readonly removed: ReadonlySet<Mutation>;
}

export const protocol = (
  bounds: Partial<Bounds>,
  change: { readonly visibility?: VisibilityRule; readonly removed?: readonly Mutation[] } = {},
): Rules => ({
  bounds: { ...BOUNDS, ...bounds },
  visibility: change.visibility ?? 'ordinal',
  removed: new Set(change.removed ?? []),
});
