import { sameBytes } from './bytes.ts';
import { HASH_BYTES, type Sha256 } from './hash.ts';

/** RFC 9162 2.1.1: SHA-256(0x00 ‖ data). */
export function leafHash(sha256: Sha256, data: Uint8Array): Uint8Array {
  const input = new Uint8Array(1 + data.length);
  input.set(data, 1);
  return sha256.digest(input);
}

/** RFC 9162 2.1.1: SHA-256(0x01 ‖ left ‖ right). */
export function nodeHash(sha256: Sha256, left: Uint8Array, right: Uint8Array): Uint8Array {
  const input = new Uint8Array(1 + 2 * HASH_BYTES);
  input[0] = 1;
  input.set(left, 1);
  input.set(right, 1 + HASH_BYTES);
  return sha256.digest(input);
}

/** Root over `count` leaf hashes that stand one after the other (32 bytes each); SHA-256("") over none. */
export function rootOfLeaves(sha256: Sha256, leaves: Uint8Array, count: number): Uint8Array {
  return rootOfRange(sha256, leaves, 0, count);
}

/**
 * Root over the leaves [from, to), level by level in one scratch buffer: a pair is hashed where it stands, behind a byte
 * of room for the prefix, and an odd last node moves up unchanged.
 */
function rootOfRange(sha256: Sha256, leaves: Uint8Array, from: number, to: number): Uint8Array {
  let nodes = to - from;
  if (nodes === 0) return sha256.digest(new Uint8Array(0));
  // Node i stands at 1 + 32 i: the byte before a pair is free for the 0x01, once the node there was used.
  const scratch = new Uint8Array(1 + nodes * HASH_BYTES);
  scratch.set(leaves.subarray(from * HASH_BYTES, to * HASH_BYTES), 1);
  while (nodes > 1) {
    const pairs = nodes >> 1;
    for (let i = 0; i < pairs; i++) {
      const at = 2 * i * HASH_BYTES;
      scratch[at] = 1;
      sha256.digestInto(scratch, at, at + 1 + 2 * HASH_BYTES, scratch, 1 + i * HASH_BYTES);
    }
    if (nodes & 1) scratch.copyWithin(1 + pairs * HASH_BYTES, 1 + (nodes - 1) * HASH_BYTES, 1 + nodes * HASH_BYTES);
    nodes = pairs + (nodes & 1);
  }
  return scratch.slice(1, 1 + HASH_BYTES);
}

/**
 * What is needed to append to a tree: the roots of its perfect subtrees, largest first, one for each set bit of size.
 * Immutable; appending gives another.
 */
export interface Frontier {
  readonly size: number;
  readonly nodes: readonly Uint8Array[];
}

export const EMPTY_FRONTIER: Frontier = Object.freeze({ size: 0, nodes: Object.freeze([]) as readonly Uint8Array[] });

export function appendLeaf(sha256: Sha256, frontier: Frontier, leaf: Uint8Array): Frontier {
  const nodes = frontier.nodes.slice();
  let node = leaf;
  // Trailing set bits of the size are subtrees that the new leaf completes.
  for (let size = frontier.size; size % 2 === 1; size = Math.floor(size / 2)) {
    node = nodeHash(sha256, nodes.pop() as Uint8Array, node);
  }
  nodes.push(node);
  return { size: frontier.size + 1, nodes };
}

export function frontierRoot(sha256: Sha256, frontier: Frontier): Uint8Array {
  let root = frontier.nodes[frontier.nodes.length - 1];
  if (root === undefined) return sha256.digest(new Uint8Array(0));
  for (let i = frontier.nodes.length - 2; i >= 0; i--) root = nodeHash(sha256, frontier.nodes[i] as Uint8Array, root);
  return root.slice();
}

/** The frontier of `count` leaves that stand one after the other. */
export function frontierOfLeaves(sha256: Sha256, leaves: Uint8Array, count: number): Frontier {
  const nodes: Uint8Array[] = [];
  let from = 0;
  while (from < count) {
    const width = largestPowerNotAbove(count - from);
    nodes.push(rootOfRange(sha256, leaves, from, from + width));
    from += width;
  }
  return { size: count, nodes };
}

/** The largest power of two that is not above n (n ≥ 1). Sizes pass 2^31, so no bit operators. */
function largestPowerNotAbove(n: number): number {
  let power = 1;
  while (power * 2 <= n) power *= 2;
  return power;
}

/** RFC 9162 2.1.1: the split point, the largest power of two below n (n ≥ 2). */
const splitOf = (n: number): number => largestPowerNotAbove(n - 1);

/** RFC 9162 2.1.3.1, from all leaf hashes; the leaf's sibling first. Throws RangeError when index is outside. */
export function inclusionProof(sha256: Sha256, leaves: Uint8Array, count: number, index: number): Uint8Array[] {
  if (!(Number.isSafeInteger(index) && index >= 0 && index < count)) throw new RangeError(`leaf ${index} is outside of a tree of ${count}`);
  const path: Uint8Array[] = [];
  let from = 0;
  let to = count;
  while (to - from > 1) {
    const split = from + splitOf(to - from);
    if (index < split) {
      path.push(rootOfRange(sha256, leaves, split, to));
      to = split;
    } else {
      path.push(rootOfRange(sha256, leaves, from, split));
      from = split;
    }
  }
  return path.reverse();
}

/** RFC 9162 2.1.3.2. False for anything malformed; never throws. */
export function verifyInclusion(
  sha256: Sha256,
  proof: readonly Uint8Array[],
  leaf: Uint8Array,
  index: number,
  size: number,
  root: Uint8Array,
): boolean {
  if (!isSize(index) || !isSize(size) || index >= size || !isHash(leaf) || !isHash(root) || !proof.every(isHash)) return false;
  let fn = index;
  let sn = size - 1;
  let node = leaf;
  for (const sibling of proof) {
    if (sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      node = nodeHash(sha256, sibling, node);
      while (fn % 2 === 0 && fn !== 0) {
        fn /= 2;
        sn = Math.floor(sn / 2);
      }
    } else {
      node = nodeHash(sha256, node, sibling);
    }
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  return sn === 0 && sameBytes(node, root);
}

/** RFC 9162 2.1.4.1. Empty when from is 0 or count. Throws RangeError when from is above count. */
export function consistencyProof(sha256: Sha256, leaves: Uint8Array, count: number, from: number): Uint8Array[] {
  if (!(Number.isSafeInteger(from) && from >= 0 && from <= count)) throw new RangeError(`size ${from} is outside of a tree of ${count}`);
  if (from === 0 || from === count) return [];
  const path: Uint8Array[] = [];
  let low = 0;
  let high = count;
  let wanted = from; // size of the old tree inside [low, high)
  let whole = true; // the old tree's part is the old tree itself
  while (wanted !== high - low) {
    const split = splitOf(high - low);
    if (wanted <= split) {
      path.push(rootOfRange(sha256, leaves, low + split, high));
      high = low + split;
    } else {
      path.push(rootOfRange(sha256, leaves, low, low + split));
      low += split;
      wanted -= split;
      whole = false;
    }
  }
  if (!whole) path.push(rootOfRange(sha256, leaves, low, high));
  return path.reverse();
}

/** RFC 9162 2.1.4.2. False for anything malformed; never throws. From size 0 only the empty root and an empty proof hold. */
export function verifyConsistency(
  sha256: Sha256,
  proof: readonly Uint8Array[],
  fromSize: number,
  fromRoot: Uint8Array,
  size: number,
  root: Uint8Array,
): boolean {
  if (!isSize(fromSize) || !isSize(size) || fromSize > size || !isHash(fromRoot) || !isHash(root) || !proof.every(isHash)) return false;
  if (fromSize === size) return proof.length === 0 && sameBytes(fromRoot, root);
  if (fromSize === 0) return proof.length === 0 && sameBytes(fromRoot, sha256.digest(new Uint8Array(0)));
  const path = isPowerOfTwo(fromSize) ? [fromRoot, ...proof] : proof;
  const first = path[0];
  if (first === undefined) return false;
  let fn = fromSize - 1;
  let sn = size - 1;
  while (fn % 2 === 1) {
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  let oldNode = first;
  let newNode = first;
  for (const node of path.slice(1)) {
    if (sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      oldNode = nodeHash(sha256, node, oldNode);
      newNode = nodeHash(sha256, node, newNode);
      while (fn % 2 === 0 && fn !== 0) {
        fn /= 2;
        sn = Math.floor(sn / 2);
      }
    } else {
      newNode = nodeHash(sha256, newNode, node);
    }
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  return sn === 0 && sameBytes(oldNode, fromRoot) && sameBytes(newNode, root);
}

const isSize = (n: number): boolean => Number.isSafeInteger(n) && n >= 0;
const isHash = (bytes: Uint8Array): boolean => bytes.length === HASH_BYTES;
const isPowerOfTwo = (n: number): boolean => largestPowerNotAbove(n) === n;
