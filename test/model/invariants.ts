/** What must hold in every state, and what must hold when something is published. */
import { type Chain, chainText, consistent, holdsOldHead, judgedUnderGrownRegistry, sizeOf } from './chain.ts';
import type { Rules } from './rules.ts';
import { type Claim, countAt, hasBit, type State } from './state.ts';

/** Record 1 is the one that waits for the registry. */
export const WAITING_OFFSET = 1;

/** Whether the record leaves a row. */
export function isAccepted(rules: Rules, chain: Chain, offset: number): boolean {
  if (offset === rules.bounds.duplicateAt) return false;
  if (rules.bounds.registry && offset === WAITING_OFFSET) return judgedUnderGrownRegistry(chain, offset);
  return true;
}

/** What of a claim's rows readers see: [from, to), or nothing. */
export function intervalOf(rules: Rules, state: State, c: number): { readonly from: number; readonly to: number } {
  const claim = state.claims[c] as Claim;
  if (!claim.hasCommitRow) return { from: 0, to: 0 };
  let to = claim.commitTo;
  for (const other of state.claims) {
    if (other === claim || !other.hasCommitRow) continue;
    if (cuts(rules, other, claim, c) && other.from < to) to = other.from;
  }
  return { from: rules.removed.has('from_ignored') ? 0 : claim.from, to };
}

function cuts(rules: Rules, other: Claim, claim: Claim, c: number): boolean {
  switch (rules.visibility) {
    case 'ordinal':
      return other.ordinal > claim.ordinal;
    case 'replaces_one_claim':
      return other.replaces === c;
    case 'last_row_wins': // the cut was written as a commit row of the claim itself
    case 'no_cut':
      return false;
  }
}

/** How often each offset's row is visible. */
export function visibleCounts(rules: Rules, state: State): readonly number[] {
  const counts: number[] = Array.from({ length: rules.bounds.records }, () => 0);
  for (let c = 0; c < state.claims.length; c++) {
    const { from, to } = intervalOf(rules, state, c);
    const { rows } = state.claims[c] as Claim;
    if (rows === 0) continue;
    for (let offset = from; offset < to && offset < counts.length; offset++)
      counts[offset] = (counts[offset] as number) + countAt(rows, offset);
  }
  return counts;
}

/** P1: no offset is visible twice, nor from a claim that no OffsetCommit covered there. P6: accepted or rejected, not both. */
export function violationIn(rules: Rules, state: State): string | null {
  const counts = visibleCounts(rules, state);
  for (let offset = 0; offset < counts.length; offset++) {
    if ((counts[offset] as number) > 1) return `P1 offset ${offset} is visible ${counts[offset]} times`;
  }
  for (let c = 0; c < state.claims.length; c++) {
    const { from, to } = intervalOf(rules, state, c);
    const { rows, covered } = state.claims[c] as Claim;
    for (let offset = from; offset < to; offset++) {
      if (countAt(rows, offset) > 0 && !hasBit(covered, offset))
        return `P1 offset ${offset} is visible from a claim that was never committed there`;
    }
  }
  if (
    hasBit(state.rejectedTopic, WAITING_OFFSET) &&
    sizeOf(state.published) > WAITING_OFFSET &&
    isAccepted(rules, state.published, WAITING_OFFSET)
  ) {
    return `P6 offset ${WAITING_OFFSET} is published as accepted and stands in the topic of rejected records`;
  }
  return null;
}

/** Whether exactly the accepted records of [0, to) are visible, once each; else what is wrong. */
export function incompleteness(rules: Rules, state: State, chain: Chain): string | null {
  const counts = visibleCounts(rules, state);
  for (let offset = 0; offset < sizeOf(chain); offset++) {
    const wanted = isAccepted(rules, chain, offset) ? 1 : 0;
    if (counts[offset] !== wanted) return `offset ${offset} is visible ${counts[offset]} times instead of ${wanted}`;
  }
  return null;
}

/** Bit `offset`: the records of the history that go to the topic of rejected records. */
export const rejectedIn = (rules: Rules, chain: Chain): number =>
  rules.bounds.registry && sizeOf(chain) > WAITING_OFFSET && !isAccepted(rules, chain, WAITING_OFFSET) ? 1 << WAITING_OFFSET : 0;

/** Publishes a history, and then its rejected records. P2: published histories continue one another. P3: what is published is visible in full. P7: what sealing the records again gives is published. */
export function publish(rules: Rules, state: State, chain: Chain): string | null {
  if (!consistent(state.published, chain))
    return `P2 the published histories fork: ${chainText(state.published)}, then ${chainText(chain)}`;
  if (holdsOldHead(chain)) return `P7 published, but a log stands there twice from one place on: ${chainText(chain)}`;
  if (sizeOf(chain) > sizeOf(state.published)) state.published = chain;
  state.rejectedTopic |= rejectedIn(rules, chain);
  // Rows that the store lost after it acknowledged them are missing until the next recovery: not the protocol's doing.
  const missing = state.trouble === 0 ? incompleteness(rules, state, chain) : null;
  return missing === null ? null : `P3 published, but ${missing}`;
}
