import { type Frontier, nodeHash, type Sha256 } from '@sealtrail/merkle';

/** A subtree that stands beside the way from a leaf to the root: its leaves are [from, to). */
export interface Sibling {
  readonly from: number;
  readonly to: number;
}

/** The siblings of a leaf's way up, the leaf's own first (RFC 9162 2.1.3.1). */
export function siblingsOf(index: number, count: number): readonly Sibling[] {
  const siblings: Sibling[] = [];
  let from = 0;
  let to = count;
  while (to - from > 1) {
    const split = from + largestPowerBelow(to - from);
    if (index < split) {
      siblings.push({ from: split, to });
      to = split;
    } else {
      siblings.push({ from, to: split });
      from = split;
    }
  }
  return siblings.reverse();
}

/** Whether a subtree of so many leaves is perfect: a power of two. */
export const isPerfect = (count: number): boolean => largestPowerBelow(count + 1) === count;

/** Sizes pass 2^31, so no bit operators. */
function largestPowerBelow(n: number): number {
  let power = 1;
  while (power * 2 < n) power *= 2;
  return power;
}

/**
 * The root over the leaves [from, frontier.size), or over one leaf more when `leaf` is given: the frontier's nodes from
 * `from` on, folded from the right. `from` must be where one of its nodes begins.
 */
export function rootFrom(sha256: Sha256, frontier: Frontier, from: number, leaf: Uint8Array | null): Uint8Array | null {
  const nodes: Uint8Array[] = [];
  let start = 0;
  let width = largestPowerBelow(frontier.size * 2 + 1);
  for (const node of frontier.nodes) {
    while (width > frontier.size - start) width /= 2;
    if (start >= from) nodes.push(node);
    start += width;
  }
  if (leaf !== null) nodes.push(leaf);
  let root = nodes.pop();
  for (let node = nodes.pop(); node !== undefined && root !== undefined; node = nodes.pop()) root = nodeHash(sha256, node, root);
  return root ?? null;
}
