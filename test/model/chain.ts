/**
 * A history of rounds of one partition, as one number: a byte for each record boundary 1…4, lowest first. 0x80 says that
 * a round ends at the boundary, 0x40 that it was judged under the grown registry, 0x20 that it was sealed on a log of which
 * the newest head was not seen; the low bits hold the claim + 1, only when round hashes cover the claim (removed rules). Two histories are the same when the numbers are: no collisions.
 */
export type Chain = number;

export const EMPTY_CHAIN: Chain = 0;
/** Boundaries that fit. */
export const RECORDS_MAX = 4;

const ROUND_ENDS = 0x80;
const REGISTRY_GROWN = 0x40;
const SEALED_ON_OLD_HEAD = 0x20;

const byteAt = (chain: Chain, to: number): number => (chain >>> (8 * (to - 1))) & 0xff;

export const endsRoundAt = (chain: Chain, to: number): boolean => (byteAt(chain, to) & ROUND_ENDS) !== 0;

/** The history with a round ending at `to`. `claimMark` is 0 or claim + 1. */
export function withRound(chain: Chain, to: number, registryGrown: boolean, claimMark: number): Chain {
  const shift = 8 * (to - 1);
  const cleared = chain & ~(0xff << shift);
  return (cleared | ((ROUND_ENDS | (registryGrown ? REGISTRY_GROWN : 0) | claimMark) << shift)) >>> 0;
}

/** The same, its last round sealed on a head that a later one has overtaken: its positions stand in the log already. */
export const onOldHead = (chain: Chain): Chain => (chain | (SEALED_ON_OLD_HEAD << (8 * (sizeOf(chain) - 1)))) >>> 0;

/** Whether a round of the history was. */
export function holdsOldHead(chain: Chain): boolean {
  for (let to = 1; to <= RECORDS_MAX; to++) if ((byteAt(chain, to) & SEALED_ON_OLD_HEAD) !== 0) return true;
  return false;
}

/** Records that the history covers: the next offset. */
export function sizeOf(chain: Chain): number {
  for (let to = RECORDS_MAX; to >= 1; to--) if (endsRoundAt(chain, to)) return to;
  return 0;
}

/** What of the history lies at or before `to`. */
export const upTo = (chain: Chain, to: number): Chain => (to >= RECORDS_MAX ? chain : (chain & ((1 << (8 * to)) - 1)) >>> 0);

/** Start of the last round. */
export const lastFrom = (chain: Chain): number => sizeOf(upTo(chain, sizeOf(chain) - 1));

/** Whether one of the two continues the other. */
export function consistent(a: Chain, b: Chain): boolean {
  const [shorter, longer] = sizeOf(a) <= sizeOf(b) ? [a, b] : [b, a];
  return upTo(longer, sizeOf(shorter)) === shorter;
}

/** Whether the round that holds the record was judged under the grown registry. */
export function judgedUnderGrownRegistry(chain: Chain, offset: number): boolean {
  for (let to = offset + 1; to <= RECORDS_MAX; to++) if (endsRoundAt(chain, to)) return (byteAt(chain, to) & REGISTRY_GROWN) !== 0;
  return false;
}

/** For traces: rounds as [from,to), with * where the registry had grown. */
export function chainText(chain: Chain): string {
  let from = 0;
  let text = '';
  for (let to = 1; to <= RECORDS_MAX; to++) {
    if (!endsRoundAt(chain, to)) continue;
    text += `[${from},${to})${(byteAt(chain, to) & REGISTRY_GROWN) === 0 ? '' : '*'}`;
    from = to;
  }
  return text === '' ? 'nothing' : text;
}
