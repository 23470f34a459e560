import { type Chain, EMPTY_CHAIN } from './chain.ts';

/** Claims alive at once; a step that would need one more is not explored, and counted. */
export const CLAIMS_MAX = 8;
export const MEMBERS_MAX = 3;

/** Where a member stands. Each step of the round protocol that can be interrupted lies between two phases. */
export const PHASES = [
  'idle',
  /** Has the partition; nothing read yet. */
  'assigned',
  /** Recovery: writes the committed claim's commit row again. */
  'recovers_commit_row',
  /** Recovery: inserts rows that were missing, under a new claim. */
  'rebuilds',
  /** Recovery: commits the rebuild. */
  'commits_rebuild',
  /** A new era: OffsetCommit, then an empty commit row. */
  'opens_era',
  'ready',
  'rows_stored',
  'round_stored',
  'committed',
  'commit_row_stored',
  'halted',
] as const;
export type Phase = (typeof PHASES)[number];

export interface Member {
  phase: Phase;
  claim: number;
  /** The last committed history that the member knows. */
  base: Chain;
  /** The history that it is building or about to publish. */
  next: Chain;
  rebuildFrom: number;
  /** The commit under way is that of a rebuild; in `opens_era`: the OffsetCommit was made. */
  rebuilding: boolean;
  /** The claim has committed something: the one after it takes the next ordinal. */
  claimCommitted: boolean;
  /** A rebuild follows the commit row. */
  rebuildFollows: boolean;
  /** Went back into the group without the partition and kept its work (a removed rule). */
  rejoined: boolean;
  /** Recovers from the commit rows alone: the group's offsets were lost. */
  offsetsLost: boolean;
}

export interface Claim {
  chain: Chain;
  /** Two bits an offset: how often the row stands in the store. */
  rows: number;
  /** The same of rows in flight, which land at any time or never. */
  rowsInFlight: number;
  from: number;
  ordinal: number;
  /** The claim that it replaces, -1 for none (used by ideas that fail). */
  replaces: number;
  /** Bit `to`: the round row. */
  roundRows: number;
  roundRowsInFlight: number;
  hasCommitRow: boolean;
  commitTo: number;
  /** Bit `to`: commit rows in flight. */
  commitRowsInFlight: number;
  /** What only the model knows. Bit `offset`: an OffsetCommit of the claim covered it. */
  covered: number;
}

export interface State {
  members: Member[];
  claims: Claim[];
  /** Member that the coordinator gave the partition to, -1 for none. */
  owner: number;
  /** The group's committed offset with its metadata: the history and the claim, -1 for none. */
  committed: Chain;
  committedClaim: number;
  /** An OffsetCommit that the broker has validated and not yet applied; claim -1 for none. */
  delayed: Chain;
  delayedClaim: number;
  published: Chain;
  registryGrown: boolean;
  /** Bit `offset`: stands in the topic of rejected records. */
  rejectedTopic: number;
  assignments: number;
  doubts: number;
  unknowns: number;
  stales: number;
  lags: number;
  losses: number;
  expiries: number;
  /** 1: an acknowledged row was lost and rows may be missing until a recovery ends; 2: that recovery is under way. */
  trouble: number;
}

export const idleMember = (): Member => ({
  phase: 'idle',
  claim: 0,
  base: EMPTY_CHAIN,
  next: EMPTY_CHAIN,
  rebuildFrom: 0,
  rebuilding: false,
  claimCommitted: false,
  rebuildFollows: false,
  rejoined: false,
  offsetsLost: false,
});

export const initialState = (members: number): State => ({
  members: Array.from({ length: members }, idleMember),
  claims: [],
  owner: -1,
  committed: EMPTY_CHAIN,
  committedClaim: -1,
  delayed: EMPTY_CHAIN,
  delayedClaim: -1,
  published: EMPTY_CHAIN,
  registryGrown: false,
  rejectedTopic: 0,
  assignments: 0,
  doubts: 0,
  unknowns: 0,
  stales: 0,
  lags: 0,
  losses: 0,
  expiries: 0,
  trouble: 0,
});

export const copyState = (state: State): State => ({
  ...state,
  members: state.members.map((member) => ({ ...member })),
  claims: state.claims.map((claim) => ({ ...claim })),
});

/** A member that uses its claim; the others' claim number means nothing. */
export const holdsClaim = (member: Member): boolean => member.phase !== 'idle' && member.phase !== 'assigned' && member.phase !== 'halted';

const twoBitsAt = (counts: number, offset: number): number => (counts >> (2 * offset)) & 3;
export const countAt = twoBitsAt;
/** Counts saturate at 2: twice is already a violation. */
export const addAt = (counts: number, offset: number): number => (twoBitsAt(counts, offset) < 2 ? counts + (1 << (2 * offset)) : counts);
export const removeAt = (counts: number, offset: number): number => counts - (1 << (2 * offset));
export const hasBit = (bits: number, n: number): boolean => ((bits >> n) & 1) !== 0;
export const withBit = (bits: number, n: number): number => bits | (1 << n);
export const withoutBit = (bits: number, n: number): number => bits & ~(1 << n);
