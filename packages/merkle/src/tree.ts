import type { Sha256 } from './hash.ts';

const todo = (): never => {
  throw new Error('not written yet');
};

/** RFC 9162 2.1.1: SHA-256(0x00 ‖ data). */
export const leafHash = (sha256: Sha256, data: Uint8Array): Uint8Array => (void sha256, void data, todo());
/** RFC 9162 2.1.1: SHA-256(0x01 ‖ left ‖ right). */
export const nodeHash = (sha256: Sha256, left: Uint8Array, right: Uint8Array): Uint8Array => (void sha256, void left, void right, todo());

/** Root over `count` leaf hashes that stand one after the other (32 bytes each); SHA-256("") over none. */
export const rootOfLeaves = (sha256: Sha256, leaves: Uint8Array, count: number): Uint8Array => (
  void sha256, void leaves, void count, todo()
);

/**
 * What is needed to append to a tree: the roots of its perfect subtrees, largest first, one for each set bit of size.
 * Immutable; appending gives another.
 */
export interface Frontier {
  readonly size: number;
  readonly nodes: readonly Uint8Array[];
}
export const EMPTY_FRONTIER: Frontier = Object.freeze({ size: 0, nodes: Object.freeze([]) as readonly Uint8Array[] });
export const appendLeaf = (sha256: Sha256, frontier: Frontier, leaf: Uint8Array): Frontier => (
  void sha256, void frontier, void leaf, todo()
);
export const frontierRoot = (sha256: Sha256, frontier: Frontier): Uint8Array => (void sha256, void frontier, todo());

/** RFC 9162 2.1.3.1, from all leaf hashes; leaf's sibling first. Throws RangeError when index is outside. */
export const inclusionProof = (sha256: Sha256, leaves: Uint8Array, count: number, index: number): Uint8Array[] => (
  void sha256, void leaves, void count, void index, todo()
);
/** RFC 9162 2.1.3.2. False for anything malformed; never throws. */
export const verifyInclusion = (
  sha256: Sha256,
  proof: readonly Uint8Array[],
  leaf: Uint8Array,
  index: number,
  size: number,
  root: Uint8Array,
): boolean => (void sha256, void proof, void leaf, void index, void size, void root, todo());
/** RFC 9162 2.1.4.1. */
export const consistencyProof = (sha256: Sha256, leaves: Uint8Array, count: number, from: number): Uint8Array[] => (
  void sha256, void leaves, void count, void from, todo()
);
/** RFC 9162 2.1.4.2. False for anything malformed; never throws. */
export const verifyConsistency = (
  sha256: Sha256,
  proof: readonly Uint8Array[],
  fromSize: number,
  fromRoot: Uint8Array,
  size: number,
  root: Uint8Array,
): boolean => (void sha256, void proof, void fromSize, void fromRoot, void size, void root, todo());
