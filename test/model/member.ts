/** The round protocol, step by step, as a member of the group performs it. Every insert may also end in doubt. */
import { type Chain, chainText, lastFrom, onOldHead, sizeOf, withRound } from './chain.ts';
import { publish, rejectedIn } from './invariants.ts';
import { afterCommitRow, recover } from './recovery.ts';
import type { Rules } from './rules.ts';
import { copyState, idleMember, type Member, type State, withBit } from './state.ts';
import { applyCommit, claimAt, dies, emit, insertRows, landCommitRow, memberAt, newClaim, type Turn } from './steps.ts';

/** Every step that member `i` can take. */
export function memberSteps(turn: Turn, i: number): void {
  const { rules, from } = turn;
  const member = memberAt(from, i);
  if (member.phase === 'idle' || member.phase === 'halted') return;

  const dead = copyState(from);
  dies(dead, i);
  emit(turn, dead, (n) => `${n.member(i)} crashes, or notices that it lost the partition and drops its work`);

  if (rules.removed.has('work_kept_through_rebalance') && from.owner >= 0 && from.owner !== i && !member.rejoined) {
    const state = copyState(from);
    memberAt(state, i).rejoined = true;
    emit(turn, state, (n) => `${n.member(i)} joins again without the partition and keeps its work`);
  }
  switch (member.phase) {
    case 'assigned':
      return recover(turn, i);
    case 'recovers_commit_row':
      return recoversCommitRow(turn, i);
    case 'rebuilds':
      return rebuilds(turn, i);
    case 'commits_rebuild':
      return commits(turn, i, { chain: member.base, from: member.rebuildFrom, rebuilding: true });
    case 'opens_era':
      return opensEra(turn, i);
    case 'ready':
      readsOldHead(turn, i);
      return insertsRows(turn, i);
    case 'rows_stored':
      return insertsRound(turn, i);
    case 'round_stored':
      return commits(turn, i, { chain: member.next, from: lastFrom(member.next), rebuilding: false });
    case 'committed':
      return insertsCommitRow(turn, i);
    case 'commit_row_stored':
      return publishes(turn, i);
  }
}

const mayDoubt = ({ rules, from }: Turn): boolean => from.doubts < rules.bounds.doubts;

/** What the broker looks at: the member's generation. */
const passesFence = ({ rules, from }: Turn, i: number): boolean =>
  from.owner === i || rules.removed.has('no_fence') || memberAt(from, i).rejoined;

/** A round's hash covers its content only; with the rule removed it covers the claim too. */
export const claimMark = (rules: Rules, c: number): number => (rules.removed.has('claim_in_round_hash') ? c + 1 : 0);

export function becomesReady(member: Member): void {
  Object.assign(member, { phase: 'ready', rebuildFrom: 0, rebuilding: false, next: 0, rebuildFollows: false, offsetsLost: false });
}

/** The claim ended at an insert in doubt: another takes its place, with the same ordinal unless the claim committed something. */
function replacesClaim(turn: Turn, state: State, i: number, from: number, replaces: number): boolean {
  if (turn.rules.removed.has('claim_kept_after_doubt')) return true;
  const member = memberAt(state, i);
  const c = newClaim(turn, state, from, claimAt(state, member.claim).ordinal + Number(member.claimCommitted), replaces);
  if (c < 0) return false;
  member.claim = c;
  member.claimCommitted = false;
  return true;
}

function recoversCommitRow(turn: Turn, i: number): void {
  const { rules, from } = turn;
  const { claim: c, base } = memberAt(from, i);
  const to = sizeOf(base);
  const state = copyState(from);
  landCommitRow(rules, state, c, to);
  afterCommitRow(turn, state, i, (n) => `${n.member(i)} recovers: the commit row of ${n.claim(c)} to ${to} is stored again`);
  if (!mayDoubt(turn)) return;
  const doubtful = copyState(from);
  doubtful.doubts++;
  claimAt(doubtful, c).commitRowsInFlight = withBit(claimAt(doubtful, c).commitRowsInFlight, to);
  emit(turn, doubtful, (n) => `${n.member(i)} recovers: the commit row of ${n.claim(c)} to ${to} is in doubt; it will try again`);
}

function rebuilds(turn: Turn, i: number): void {
  const { rules, from } = turn;
  const { claim: c, base, rebuildFrom } = memberAt(from, i);
  const rows = `rows [${rebuildFrom},${sizeOf(base)})`;
  const state = copyState(from);
  insertRows(rules, state, c, base, rebuildFrom, 'stored');
  const member = memberAt(state, i);
  member.phase = 'commits_rebuild';
  if (rules.removed.has('rebuild_not_committed')) {
    Object.assign(member, { phase: 'committed', rebuilding: true, next: base });
    const claim = claimAt(state, c);
    for (let offset = rebuildFrom; offset < sizeOf(base); offset++) claim.covered = withBit(claim.covered, offset);
  }
  emit(turn, state, (n) => `${n.member(i)} rebuilds: ${rows} under ${n.claim(c)} are stored`);
  if (!mayDoubt(turn)) return;
  const doubtful = copyState(from);
  doubtful.doubts++;
  insertRows(rules, doubtful, c, base, rebuildFrom, 'in_flight');
  if (!replacesClaim(turn, doubtful, i, rebuildFrom, claimAt(doubtful, c).replaces)) return;
  emit(
    turn,
    doubtful,
    (n) => `${n.member(i)} rebuilds: ${rows} under ${n.claim(c)} are in doubt; it goes on as ${n.claim(memberAt(doubtful, i).claim)}`,
  );
}

/** After the group's offsets were lost: OffsetCommit first, then an empty commit row that cuts whatever stands above. */
function opensEra(turn: Turn, i: number): void {
  const { rules, from } = turn;
  const { claim: c, base, rebuilding: offsetCommitted } = memberAt(from, i);
  const state = copyState(from);
  const member = memberAt(state, i);
  if (!offsetCommitted && !rules.removed.has('era_opened_without_commit')) {
    if (!passesFence(turn, i)) return;
    applyCommit(state, c, base, sizeOf(base));
    claimAt(state, c).chain = base;
    member.claimCommitted = true;
    member.rebuilding = true;
    return emit(turn, state, (n) => `${n.member(i)} opens an era: OffsetCommit(${sizeOf(base)}) by ${n.claim(c)}`);
  }
  const start = claimAt(state, c).from;
  landCommitRow(rules, state, c, start);
  becomesReady(member);
  emit(turn, state, (n) => `${n.member(i)} opens an era: the empty commit row of ${n.claim(c)} at ${start} is stored`);
}

/** A log is read when one of its records comes. The member knows its size: an older head is one that it waits for. */
function readsOldHead(turn: Turn, i: number): void {
  const { rules, from } = turn;
  const { claim: c, base } = memberAt(from, i);
  const start = sizeOf(base);
  if (from.lags >= rules.bounds.lags || start === 0) return;
  const lagged = (): State => {
    const state = copyState(from);
    state.lags++;
    return state;
  };
  if (!rules.removed.has('head_not_held_against_size')) {
    return emit(turn, lagged(), (n) => `${n.member(i)} reads a head that a later one has overtaken, and reads again`);
  }
  for (let to = start + 1; to <= Math.min(rules.bounds.records, start + rules.bounds.roundRecords); to++) {
    const state = lagged();
    const chain = onOldHead(withRound(base, to, from.registryGrown, claimMark(rules, c)));
    insertRows(rules, state, c, chain, start, 'stored');
    Object.assign(memberAt(state, i), { phase: 'rows_stored', next: chain });
    emit(
      turn,
      state,
      (n) => `${n.member(i)} reads a head that a later one has overtaken: rows [${start},${to}) on it under ${n.claim(c)} are stored`,
    );
  }
}

/** Steps 1 and 2: entries, manifests, heads and rejected rows of one round. */
function insertsRows(turn: Turn, i: number): void {
  const { rules, from } = turn;
  const { claim: c, base } = memberAt(from, i);
  const start = sizeOf(base);
  for (let to = start + 1; to <= Math.min(rules.bounds.records, start + rules.bounds.roundRecords); to++) {
    const chain = withRound(base, to, from.registryGrown, claimMark(rules, c));
    const rows = `rows [${start},${to})${from.registryGrown ? ' (grown registry)' : ''}`;
    const inserted = (arrival: 'stored' | 'in_flight'): State => {
      const state = copyState(from);
      insertRows(rules, state, c, chain, start, arrival);
      memberAt(state, i).phase = 'rows_stored';
      memberAt(state, i).next = chain;
      return state;
    };
    const state = inserted('stored');
    if (rules.removed.has('rejected_topic_before_commit')) state.rejectedTopic |= rejectedIn(rules, chain);
    emit(turn, state, (n) => `${n.member(i)} ${rows} under ${n.claim(c)} are stored`);
    if (rules.removed.has('rows_not_awaited')) {
      emit(turn, inserted('in_flight'), (n) => `${n.member(i)} ${rows} under ${n.claim(c)} are sent and not awaited`);
    }
    if (!mayDoubt(turn)) continue;
    const doubtful = copyState(from);
    doubtful.doubts++;
    insertRows(rules, doubtful, c, chain, start, 'in_flight');
    if (!replacesClaim(turn, doubtful, i, start, -1)) continue;
    emit(
      turn,
      doubtful,
      (n) => `${n.member(i)} ${rows} under ${n.claim(c)} are in doubt; it goes on as ${n.claim(memberAt(doubtful, i).claim)}`,
    );
  }
}

/** Step 4. Whether the claim still holds the partition (step 3) is only worth asking: the commit asks again. */
function insertsRound(turn: Turn, i: number): void {
  const { rules, from } = turn;
  const { claim: c, base, next } = memberAt(from, i);
  const to = sizeOf(next);
  const round = `the round row [${lastFrom(next)},${to})`;
  const inserted = (arrival: 'stored' | 'in_flight'): State => {
    const state = copyState(from);
    const claim = claimAt(state, c);
    claim.chain = next;
    if (arrival === 'stored') claim.roundRows = withBit(claim.roundRows, to);
    else claim.roundRowsInFlight = withBit(claim.roundRowsInFlight, to);
    return state;
  };
  const state = inserted('stored');
  memberAt(state, i).phase = 'round_stored';
  emit(turn, state, (n) => `${n.member(i)} ${round} is stored`);
  if (rules.removed.has('round_row_not_awaited')) {
    const sent = inserted('in_flight');
    memberAt(sent, i).phase = 'round_stored';
    emit(turn, sent, (n) => `${n.member(i)} ${round} is sent and not awaited`);
  }
  if (!mayDoubt(turn)) return;
  const doubtful = inserted('in_flight');
  doubtful.doubts++;
  if (rules.removed.has('round_row_retried')) {
    return emit(turn, doubtful, (n) => `${n.member(i)} ${round} is in doubt; it will insert it again under the same claim`);
  }
  if (!replacesClaim(turn, doubtful, i, sizeOf(base), -1)) return;
  memberAt(doubtful, i).phase = 'ready';
  memberAt(doubtful, i).next = 0;
  emit(turn, doubtful, (n) => `${n.member(i)} ${round} is in doubt; it goes on as ${n.claim(memberAt(doubtful, i).claim)}`);
}

/** Step 5, the commit point. That it was not applied and nobody heard of it is the same as a crash before it. */
function commits(turn: Turn, i: number, commit: { readonly chain: Chain; readonly from: number; readonly rebuilding: boolean }): void {
  const { rules, from } = turn;
  const { chain } = commit;
  const c = memberAt(from, i).claim;
  const name = `OffsetCommit(${sizeOf(chain)})`;
  if (!passesFence(turn, i)) {
    const fenced = copyState(from);
    dies(fenced, i);
    return emit(turn, fenced, (n) => `${n.member(i)} ${name} by ${n.claim(c)} is refused: fenced`);
  }
  const applied = (): State => {
    const state = copyState(from);
    applyCommit(state, c, chain, commit.from);
    claimAt(state, c).chain = chain;
    return state;
  };
  const state = applied();
  Object.assign(memberAt(state, i), { phase: 'committed', claimCommitted: true, next: chain, rebuilding: commit.rebuilding });
  emit(turn, state, (n) => `${n.member(i)} ${name} by ${n.claim(c)} is applied`);

  if (from.unknowns >= rules.bounds.unknowns) return;
  const delayed = (): State => {
    const late = copyState(from);
    late.unknowns++;
    claimAt(late, c).chain = chain;
    return late;
  };
  if (rules.removed.has('goes_on_after_unknown_commit') && from.owner === i) {
    const late = delayed();
    Object.assign(late, { delayed: chain, delayedClaim: c });
    late.members[i] = { ...idleMember(), phase: 'assigned' };
    emit(turn, late, (n) => `${n.member(i)} ${name} by ${n.claim(c)}: outcome unknown; it reads the offset again in the same generation`);
  }
  if (rules.removed.has('commit_validated_but_late') && from.owner === i) {
    const late = delayed();
    dies(late, i);
    Object.assign(late, { delayed: chain, delayedClaim: c });
    emit(turn, late, (n) => `${n.member(i)} ${name} by ${n.claim(c)} is validated and not yet applied; the member dies`);
  }
  const unanswered = applied();
  unanswered.unknowns++;
  dies(unanswered, i);
  emit(turn, unanswered, (n) => `${n.member(i)} ${name} by ${n.claim(c)} is applied, its answer lost: it leaves and exits`);
}

/** Step 6. */
function insertsCommitRow(turn: Turn, i: number): void {
  const { rules, from } = turn;
  const { claim: c, next } = memberAt(from, i);
  const to = sizeOf(next);
  const state = copyState(from);
  landCommitRow(rules, state, c, to);
  memberAt(state, i).phase = 'commit_row_stored';
  emit(turn, state, (n) => `${n.member(i)} the commit row of ${n.claim(c)} to ${to} is stored`);

  const inFlight = (): State => {
    const sent = copyState(from);
    const claim = claimAt(sent, c);
    claim.commitRowsInFlight = withBit(claim.commitRowsInFlight, to);
    return sent;
  };
  const publishesEarly = rules.removed.has('publish_before_commit_row');
  if (publishesEarly || rules.removed.has('next_round_before_commit_row')) {
    const sent = inFlight();
    const violation = publishesEarly ? publish(rules, sent, next) : null;
    const member = memberAt(sent, i);
    member.base = next;
    becomesReady(member);
    emit(turn, sent, (n) => `${n.member(i)} the commit row of ${n.claim(c)} to ${to} is sent and not awaited; it goes on`, violation);
  }
  if (!mayDoubt(turn)) return;
  const doubtful = inFlight();
  doubtful.doubts++;
  emit(turn, doubtful, (n) => `${n.member(i)} the commit row of ${n.claim(c)} to ${to} is in doubt; it will try again`);
}

/** Step 7. */
function publishes(turn: Turn, i: number): void {
  const { rules, from } = turn;
  const { next, rebuilding } = memberAt(from, i);
  const state = copyState(from);
  if (rebuilding && state.trouble === 2 && state.owner === i) state.trouble = 0;
  const violation = publish(rules, state, next);
  const member = memberAt(state, i);
  member.base = next;
  becomesReady(member);
  emit(turn, state, (n) => `${n.member(i)} publishes ${chainText(next)}`, violation);
}
