/**
 * States as bytes: what the explorer keeps and compares. Members are interchangeable and claims that can never show a
 * row any more are dropped, so states that differ by names alone are one.
 */
import { CLAIMS_MAX, type Claim, holdsClaim, MEMBERS_MAX, type Member, PHASES, type State } from './state.ts';

const MEMBER_BYTES = 12;
const CLAIM_BYTES = 15;
const WORLD_BYTES = 23;
export const PACKED_BYTES_MAX: number = WORLD_BYTES + MEMBERS_MAX * MEMBER_BYTES + CLAIMS_MAX * CLAIM_BYTES;

const PHASE_NUMBERS = new Map(PHASES.map((phase, i) => [phase, i]));

/** How the canonical state's members and claims were called before: position → former index. */
export interface Renaming {
  readonly members: readonly number[];
  readonly claims: readonly number[];
}

/** Brings the state into canonical form, in place. */
export function canonicalize(state: State): Renaming {
  const claims = dropDeadClaims(state);
  const order = state.members.map((_, i) => i).sort((a, b) => compareMembers(state, a, b));
  if (order.some((former, i) => former !== i)) {
    const { members, owner } = state;
    state.members = order.map((former) => members[former] as Member);
    state.owner = owner < 0 ? owner : order.indexOf(owner);
  }
  return { members: order, claims };
}

/** Any total order serves, so long as members that are alike in everything are equal. */
function compareMembers(state: State, i: number, j: number): number {
  const a = state.members[i] as Member;
  const b = state.members[j] as Member;
  return (
    phaseNumber(a) - phaseNumber(b) ||
    a.base - b.base ||
    a.next - b.next ||
    a.claim - b.claim ||
    a.rebuildFrom - b.rebuildFrom ||
    flagsOf(a) - flagsOf(b) ||
    Number(state.owner === i) - Number(state.owner === j)
  );
}

function dropDeadClaims(state: State): readonly number[] {
  const alive: number[] = [];
  for (let c = 0; c < state.claims.length; c++) if (isAlive(state, c)) alive.push(c);
  if (alive.length === state.claims.length) return alive;
  const renamed = (former: number): number => (former < 0 ? former : alive.indexOf(former));
  state.claims = alive.map((former) => {
    const claim = state.claims[former] as Claim;
    return { ...claim, replaces: renamed(claim.replaces) };
  });
  for (const member of state.members) if (holdsClaim(member)) member.claim = renamed(member.claim);
  state.committedClaim = renamed(state.committedClaim);
  state.delayedClaim = renamed(state.delayedClaim);
  return alive;
}

/** Held by a member, covered by an OffsetCommit once, or with a commit row that stands or may land. */
function isAlive(state: State, c: number): boolean {
  const claim = state.claims[c] as Claim;
  return (
    claim.hasCommitRow ||
    claim.commitRowsInFlight !== 0 ||
    claim.covered !== 0 ||
    state.committedClaim === c ||
    state.delayedClaim === c ||
    state.members.some((member) => holdsClaim(member) && member.claim === c)
  );
}

const phaseNumber = (member: Member): number => PHASE_NUMBERS.get(member.phase) as number;
const flagsOf = (member: Member): number =>
  Number(member.rebuilding) |
  (Number(member.claimCommitted) << 1) |
  (Number(member.rebuildFollows) << 2) |
  (Number(member.rejoined) << 3) |
  (Number(member.offsetsLost) << 4);

/** Writes the state to `out` and returns its length. */
export function pack(state: State, out: Uint8Array): number {
  let at = 0;
  const byte = (value: number): void => {
    out[at++] = value;
  };
  const word = (value: number): void => {
    byte(value);
    byte(value >>> 8);
    byte(value >>> 16);
    byte(value >>> 24);
  };
  byte(state.members.length);
  byte(state.claims.length);
  byte(state.owner + 1);
  word(state.committed);
  byte(state.committedClaim + 1);
  word(state.delayed);
  byte(state.delayedClaim + 1);
  word(state.published);
  byte(Number(state.registryGrown) | (state.lags << 1));
  byte(state.rejectedTopic);
  byte(state.assignments);
  byte(state.doubts | (state.unknowns << 4));
  byte(state.stales | (state.losses << 4));
  byte(state.expiries | (state.trouble << 4));
  for (const member of state.members) {
    byte(phaseNumber(member));
    byte(member.claim);
    word(member.base);
    word(member.next);
    byte(member.rebuildFrom);
    byte(flagsOf(member));
  }
  for (const claim of state.claims) {
    word(claim.chain);
    byte(claim.rows);
    byte(claim.rowsInFlight);
    byte(claim.from);
    byte(claim.ordinal);
    byte(claim.replaces + 1);
    byte(claim.roundRows);
    byte(claim.roundRowsInFlight);
    byte(Number(claim.hasCommitRow));
    byte(claim.commitTo);
    byte(claim.commitRowsInFlight);
    byte(claim.covered);
  }
  return at;
}

/** The state that stands at `at`. */
export function unpack(bytes: Uint8Array, start: number): State {
  let at = start;
  const byte = (): number => bytes[at++] as number;
  const word = (): number => (byte() | (byte() << 8) | (byte() << 16) | (byte() << 24)) >>> 0;
  const memberCount = byte();
  const claimCount = byte();
  const owner = byte() - 1;
  const committed = word();
  const committedClaim = byte() - 1;
  const delayed = word();
  const delayedClaim = byte() - 1;
  const published = word();
  const grownLags = byte();
  const rejectedTopic = byte();
  const assignments = byte();
  const doubtsUnknowns = byte();
  const stalesLosses = byte();
  const expiriesTrouble = byte();
  const members = Array.from({ length: memberCount }, (): Member => {
    const phase = PHASES[byte()] as Member['phase'];
    const claim = byte();
    const base = word();
    const next = word();
    const rebuildFrom = byte();
    const flags = byte();
    return {
      phase,
      claim,
      base,
      next,
      rebuildFrom,
      rebuilding: (flags & 1) !== 0,
      claimCommitted: (flags & 2) !== 0,
      rebuildFollows: (flags & 4) !== 0,
      rejoined: (flags & 8) !== 0,
      offsetsLost: (flags & 16) !== 0,
    };
  });
  const claims = Array.from(
    { length: claimCount },
    (): Claim => ({
      chain: word(),
      rows: byte(),
      rowsInFlight: byte(),
      from: byte(),
      ordinal: byte(),
      replaces: byte() - 1,
      roundRows: byte(),
      roundRowsInFlight: byte(),
      hasCommitRow: byte() === 1,
      commitTo: byte(),
      commitRowsInFlight: byte(),
      covered: byte(),
    }),
  );
  return {
    members,
    claims,
    owner,
    committed,
    committedClaim,
    delayed,
    delayedClaim,
    published,
    registryGrown: (grownLags & 1) === 1,
    lags: grownLags >> 1,
    rejectedTopic,
    assignments,
    doubts: doubtsUnknowns & 15,
    unknowns: doubtsUnknowns >> 4,
    stales: stalesLosses & 15,
    losses: stalesLosses >> 4,
    expiries: expiriesTrouble & 15,
    trouble: expiriesTrouble >> 4,
  };
}
