/** Steps of the world: what members do in other files, and what the log, the store and the coordinator do here. */
import { type Chain, lastFrom, sizeOf } from './chain.ts';
import { isAccepted } from './invariants.ts';
import { memberSteps } from './member.ts';
import type { Rules } from './rules.ts';
import {
  addAt,
  CLAIMS_MAX,
  type Claim,
  copyState,
  countAt,
  hasBit,
  idleMember,
  type Member,
  removeAt,
  type State,
  withBit,
  withoutBit,
} from './state.ts';

/** What members and claims are called in a trace. */
export interface Names {
  member(i: number): string;
  claim(c: number): string;
}
export type Label = (names: Names) => string;

export interface Step {
  readonly state: State;
  readonly label: Label;
  readonly violation: string | null;
}

/** One state's steps being gathered. */
export interface Turn {
  readonly rules: Rules;
  readonly from: State;
  readonly steps: Step[];
  /** Steps left out because CLAIMS_MAX claims were alive. */
  left_out: number;
}

export function emit(turn: Turn, state: State, label: Label, violation: string | null = null): void {
  turn.steps.push({ state, label, violation });
}

/** Every step that can be taken from the state. */
export function stepsFrom(rules: Rules, from: State): Turn {
  const turn: Turn = { rules, from, steps: [], left_out: 0 };
  lateEffects(turn);
  lossesOfTheStore(turn);
  coordinator(turn);
  for (let i = 0; i < from.members.length; i++) memberSteps(turn, i);
  return turn;
}

export const claimAt = (state: State, c: number): Claim => state.claims[c] as Claim;
export const memberAt = (state: State, i: number): Member => state.members[i] as Member;

/** Adds a claim and returns its number, or -1 when there is no room. */
export function newClaim(turn: Turn, state: State, from: number, ordinal: number, replaces: number): number {
  if (state.claims.length >= CLAIMS_MAX) {
    turn.left_out++;
    return -1;
  }
  state.claims.push({
    chain: 0,
    rows: 0,
    rowsInFlight: 0,
    from,
    ordinal,
    replaces,
    roundRows: 0,
    roundRowsInFlight: 0,
    hasCommitRow: false,
    commitTo: 0,
    commitRowsInFlight: 0,
    covered: 0,
  });
  return state.claims.length - 1;
}

export function insertRows(rules: Rules, state: State, c: number, chain: Chain, from: number, arrival: 'stored' | 'in_flight'): void {
  const claim = claimAt(state, c);
  for (let offset = from; offset < sizeOf(chain); offset++) {
    if (!isAccepted(rules, chain, offset)) continue;
    if (arrival === 'stored') claim.rows = addAt(claim.rows, offset);
    else claim.rowsInFlight = addAt(claim.rowsInFlight, offset);
  }
}

export function landCommitRow(rules: Rules, state: State, c: number, to: number): void {
  const claim = claimAt(state, c);
  if (rules.visibility === 'last_row_wins') {
    claim.commitTo = to;
    const replaced = state.claims[claim.replaces];
    if (replaced !== undefined && replaced.commitTo > claim.from) replaced.commitTo = claim.from;
  } else if (claim.commitTo < to) {
    claim.commitTo = to;
  }
  claim.hasCommitRow = true;
}

/** The OffsetCommit takes effect. */
export function applyCommit(state: State, c: number, chain: Chain, from: number): void {
  state.committed = chain;
  state.committedClaim = c;
  const claim = claimAt(state, c);
  for (let offset = from; offset < sizeOf(chain); offset++) claim.covered = withBit(claim.covered, offset);
}

export function forgetDelayedCommit(state: State): void {
  state.delayed = 0;
  state.delayedClaim = -1;
}

export function dies(state: State, i: number): void {
  state.members[i] = idleMember();
  if (state.owner !== i) return;
  state.owner = -1;
  forgetDelayedCommit(state);
}

function lateEffects(turn: Turn): void {
  const { rules, from } = turn;
  for (let c = 0; c < from.claims.length; c++) {
    const claim = claimAt(from, c);
    for (let offset = 0; offset < rules.bounds.records; offset++) {
      if (countAt(claim.rowsInFlight, offset) === 0) continue;
      const state = copyState(from);
      const landed = claimAt(state, c);
      landed.rowsInFlight = removeAt(landed.rowsInFlight, offset);
      landed.rows = addAt(landed.rows, offset);
      emit(turn, state, (n) => `late: the row of offset ${offset} under ${n.claim(c)} lands`);
    }
    for (let to = 1; to <= rules.bounds.records; to++) {
      if (hasBit(claim.roundRowsInFlight, to)) {
        const state = copyState(from);
        const landed = claimAt(state, c);
        landed.roundRowsInFlight = withoutBit(landed.roundRowsInFlight, to);
        landed.roundRows = withBit(landed.roundRows, to);
        emit(turn, state, (n) => `late: the round row to ${to} of ${n.claim(c)} lands`);
      }
      if (hasBit(claim.commitRowsInFlight, to)) {
        const state = copyState(from);
        const landed = claimAt(state, c);
        landed.commitRowsInFlight = withoutBit(landed.commitRowsInFlight, to);
        landCommitRow(rules, state, c, to);
        emit(turn, state, (n) => `late: the commit row of ${n.claim(c)} to ${to} lands`);
      }
    }
  }
  if (from.delayedClaim >= 0) {
    const state = copyState(from);
    const { delayed, delayedClaim } = from;
    forgetDelayedCommit(state);
    applyCommit(state, delayedClaim, delayed, lastFrom(delayed));
    emit(turn, state, (n) => `late: the OffsetCommit of ${n.claim(delayedClaim)} to ${sizeOf(delayed)} is applied`);
  }
  if (rules.bounds.registry && !from.registryGrown) {
    emit(turn, { ...copyState(from), registryGrown: true }, () => 'the key registry grows');
  }
}

function lossesOfTheStore(turn: Turn): void {
  const { rules, from } = turn;
  if (from.losses < rules.bounds.losses) {
    for (let c = 0; c < from.claims.length; c++) {
      for (let offset = 0; offset < rules.bounds.records; offset++) {
        const { rows, covered } = claimAt(from, c);
        if (countAt(rows, offset) === 0 || !hasBit(covered, offset)) continue;
        const state = copyState(from);
        const claim = claimAt(state, c);
        state.losses++;
        claim.rows = removeAt(claim.rows, offset);
        claim.rowsInFlight = addAt(claim.rowsInFlight, offset);
        state.trouble = 1;
        emit(turn, state, (n) => `the store no longer shows the acknowledged row of offset ${offset} under ${n.claim(c)}`);
      }
    }
  }
  const allStopped = from.members.every((member) => member.phase === 'idle');
  if (
    from.owner < 0 &&
    from.committedClaim >= 0 &&
    from.expiries < rules.bounds.expiries &&
    (allStopped || rules.removed.has('era_while_ledgers_run'))
  ) {
    const state = copyState(from);
    state.expiries++;
    state.committed = 0;
    state.committedClaim = -1;
    emit(turn, state, () => "the group's offsets are lost");
  }
}

function coordinator(turn: Turn): void {
  const { rules, from } = turn;
  if (from.owner >= 0) {
    const i = from.owner;
    if (memberAt(from, i).phase === 'idle') return;
    const state = copyState(from);
    state.owner = -1;
    if (!rules.removed.has('commit_validated_but_late')) forgetDelayedCommit(state);
    emit(turn, state, (n) => `the session of ${n.member(i)} expires while it is paused`);
  } else if (from.assignments < rules.bounds.assignments) {
    for (let i = 0; i < from.members.length; i++) {
      if (memberAt(from, i).phase !== 'idle') continue;
      const state = copyState(from);
      state.owner = i;
      state.assignments++;
      state.members[i] = { ...idleMember(), phase: 'assigned' };
      emit(turn, state, (n) => `${n.member(i)} joins and gets the partition`);
    }
  }
}
