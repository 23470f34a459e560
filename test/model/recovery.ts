/** What a member does when it gets the partition. */
import { type Chain, EMPTY_CHAIN, endsRoundAt, judgedUnderGrownRegistry, lastFrom, sizeOf, upTo, withRound } from './chain.ts';
import { incompleteness, isAccepted, publish, visibleCounts } from './invariants.ts';
import { claimMark } from './member.ts';
import { copyState, hasBit, idleMember, type State, withBit } from './state.ts';
import { claimAt, emit, type Label, landCommitRow, memberAt, newClaim, type Turn } from './steps.ts';

const ORDINALS_OF_AN_ERA = 16;
const FIRST_ORDINAL = 1;

/** Reads the committed offset and its metadata, then the round, then whether the rows are there in full. */
export function recover(turn: Turn, i: number): void {
  const { rules, from } = turn;
  const known = committedHistory(from);
  if (known === null) {
    const state = copyState(from);
    const newEra = from.expiries > 0 && !rules.removed.has('era_not_raised');
    return starts(turn, state, i, {
      base: EMPTY_CHAIN,
      ordinal: newEra ? ORDINALS_OF_AN_ERA : FIRST_ORDINAL,
      follows: -1,
      opens: from.expiries > 0,
      label: (n) => `${n.member(i)} recovers: nothing was committed`,
    });
  }
  const { chain, claim, offsetsLost } = known;
  const to = sizeOf(chain);
  const halts = (violation: string): void => {
    const state = copyState(from);
    state.members[i] = { ...idleMember(), phase: 'halted' };
    emit(turn, state, (n) => `${n.member(i)} recovers at ${to} and halts`, violation);
  };
  if (to > 0 && !hasRound(from, chain)) return halts("P5 a needless halt: the committed round's row is missing");

  const complete = firstIncompleteRound(turn, chain, offsetsLost ? null : claim);
  if (complete === 'doubled') return halts('P5 recovery finds a row twice: the recomputed roots differ');

  const goesOn = (rebuildFrom: number, staleRead: boolean): void => {
    const state = copyState(from);
    if (staleRead) state.stales++;
    if (state.trouble === 1 && state.owner === i) state.trouble = 2;
    const rebuildFollows = rebuildFrom < to;
    state.members[i] = { ...idleMember(), phase: 'recovers_commit_row', claim, base: chain, rebuildFrom, rebuildFollows, offsetsLost };
    const missing = rebuildFollows ? `; rows are missing from ${rebuildFrom}${staleRead ? ' (a stale read)' : ''}` : '';
    const label: Label = (n) => `${n.member(i)} recovers at ${to}, committed by ${n.claim(claim)}${missing}`;
    const skipsCommitRow =
      offsetsLost || rules.removed.has('recovery_skips_commit_row') || (rebuildFollows && rules.removed.has('rebuild_before_commit_row'));
    if (skipsCommitRow) afterCommitRow(turn, state, i, (n) => `${label(n)}; the commit row is not written again`);
    else emit(turn, state, label);
  };
  const rebuildFrom = rules.removed.has('rows_not_checked') ? to : complete;
  goesOn(rebuildFrom, false);
  if (from.stales >= rules.bounds.stales) return;
  let seenFrom = rebuildFrom;
  for (let round = 0; round < rules.bounds.window && seenFrom > 0; round++) {
    seenFrom = lastFrom(upTo(chain, seenFrom));
    goesOn(seenFrom, true);
  }
}

/** By the group's offset, or, where that was lost, by the commit rows. */
function committedHistory(state: State): { readonly chain: Chain; readonly claim: number; readonly offsetsLost: boolean } | null {
  if (state.committedClaim >= 0) return { chain: state.committed, claim: state.committedClaim, offsetsLost: false };
  let highest = -1;
  state.claims.forEach((claim, c) => {
    if (claim.hasCommitRow && (highest < 0 || claim.ordinal > claimAt(state, highest).ordinal)) highest = c;
  });
  if (highest < 0) return null;
  return { chain: visibleHistory(state, claimAt(state, highest).commitTo), claim: highest, offsetsLost: true };
}

/** The history up to `to` of the highest claim that shows it: an empty opening row has the history of what it follows. */
function visibleHistory(state: State, to: number): Chain {
  let highest = -1;
  state.claims.forEach((claim, c) => {
    const reaches = claim.hasCommitRow && claim.commitTo >= to && sizeOf(upTo(claim.chain, to)) === to && (claim.from < to || to === 0);
    if (reaches && (highest < 0 || claim.ordinal > claimAt(state, highest).ordinal)) highest = c;
  });
  return highest < 0 ? EMPTY_CHAIN : upTo(claimAt(state, highest).chain, to);
}

function hasRound(state: State, chain: Chain): boolean {
  const to = sizeOf(chain);
  return state.claims.some((claim) => hasBit(claim.roundRows, to) && upTo(claim.chain, to) === chain);
}

/** Walks back as many rounds as the window holds: where the first round starts whose rows are not all visible, else the end. */
function firstIncompleteRound(turn: Turn, chain: Chain, commitRowOf: number | null): number | 'doubled' {
  const { rules, from } = turn;
  const written = copyState(from);
  if (commitRowOf !== null) landCommitRow(rules, written, commitRowOf, sizeOf(chain));
  const counts = visibleCounts(rules, written);
  let incomplete = sizeOf(chain);
  let end = sizeOf(chain);
  for (let round = 0; round < rules.bounds.window && end > 0; round++) {
    const start = lastFrom(upTo(chain, end));
    for (let offset = start; offset < end; offset++) {
      const wanted = isAccepted(rules, chain, offset) ? 1 : 0;
      const found = counts[offset] as number;
      if (found > wanted) return 'doubled';
      if (found < wanted) incomplete = start;
    }
    end = start;
  }
  return incomplete;
}

/** The committed claim's commit row stands again: rebuild what is missing, else publish what was not and go on. */
export function afterCommitRow(turn: Turn, state: State, i: number, label: Label): void {
  const { rules } = turn;
  const { claim: committed, base, rebuildFrom, rebuildFollows, offsetsLost } = memberAt(state, i);
  const { ordinal } = claimAt(state, committed);
  const raised = (Math.floor(ordinal / ORDINALS_OF_AN_ERA) + 1) * ORDINALS_OF_AN_ERA;
  const next = rules.removed.has('ordinal_not_raised') ? ordinal : ordinal + 1;
  const nextOrdinal = offsetsLost && !rules.removed.has('era_not_raised') ? raised : next;

  if (rebuildFollows) {
    const same = rules.removed.has('rebuild_under_same_claim');
    const c = same ? committed : newClaim(turn, state, rebuildFrom, nextOrdinal, committed);
    if (c < 0) return;
    const rebuilt = rebuiltHistory(turn, state, base, rebuildFrom, c);
    state.members[i] = { ...idleMember(), phase: 'rebuilds', claim: c, base: rebuilt, rebuildFrom };
    claimAt(state, c).chain = rebuilt;
    claimAt(state, c).roundRows = withBit(claimAt(state, c).roundRows, sizeOf(rebuilt));
    return emit(turn, state, (n) => `${label(n)}; it will rebuild from ${rebuildFrom} under ${n.claim(c)}`);
  }
  if (state.trouble === 2 && state.owner === i) state.trouble = 0;
  // What the store alone says is published only after the OffsetCommit stands again.
  let violation = !offsetsLost || rules.removed.has('lost_offsets_published_at_once') ? publish(rules, state, base) : null;
  if (violation === null && state.trouble === 0 && !offsetsLost) {
    const missing = incompleteness(rules, state, base);
    if (missing !== null) violation = `P3 recovery ended, but ${missing}`;
  }
  if (violation !== null) return emit(turn, state, (n) => `${label(n)}; it publishes`, violation);
  starts(turn, state, i, { base, ordinal: nextOrdinal, follows: committed, opens: offsetsLost, label });
}

/** The same rounds: registry and rules are those that the rounds record. With a rule removed they become other rounds. */
function rebuiltHistory(turn: Turn, state: State, base: Chain, rebuildFrom: number, c: number): Chain {
  const { removed } = turn.rules;
  const presentRegistry = removed.has('rebuild_with_present_registry');
  if (!presentRegistry && !removed.has('claim_in_round_hash')) return base;
  let rebuilt = base;
  for (let to = rebuildFrom + 1; to <= sizeOf(base); to++) {
    if (!endsRoundAt(base, to)) continue;
    const grown = presentRegistry ? state.registryGrown : judgedUnderGrownRegistry(base, to - 1);
    rebuilt = withRound(rebuilt, to, grown, claimMark(turn.rules, c));
  }
  return rebuilt;
}

interface Start {
  readonly base: Chain;
  readonly ordinal: number;
  /** The claim before, -1 for none. */
  readonly follows: number;
  /** The group's offsets were lost: a new era opens first. */
  readonly opens: boolean;
  readonly label: Label;
}

function starts(turn: Turn, state: State, i: number, start: Start): void {
  const { removed } = turn.rules;
  const at = sizeOf(start.base);
  const c = removed.has('one_claim') && state.claims.length > 0 ? Math.max(start.follows, 0) : newClaim(turn, state, at, start.ordinal, -1);
  if (c < 0) return;
  const phase = start.opens && !removed.has('era_not_opened') ? 'opens_era' : 'ready';
  state.members[i] = { ...idleMember(), phase, claim: c, base: start.base };
  emit(turn, state, (n) => `${start.label(n)}; it starts ${n.claim(c)} (ordinal ${start.ordinal}) at ${at}`);
}
