import { nodeHash, type Sha256, sameBytes } from '@sealtrail/merkle';

/** A batch's tree, to ask which root it would have with other leaves in a few places. */
export class LeafTree {
  readonly #sha256: Sha256;
  /** Level 0 is the leaves; an odd last node moves up unchanged (RFC 9162). */
  readonly #levels: Uint8Array[][];

  constructor(sha256: Sha256, leaves: readonly Uint8Array[]) {
    this.#sha256 = sha256;
    this.#levels = [[...leaves]];
    for (let level = this.#levels[0] as Uint8Array[]; level.length > 1; level = this.#levels.at(-1) as Uint8Array[]) {
      this.#levels.push(Array.from({ length: Math.ceil(level.length / 2) }, (_, i) => this.#parent(level, i, new Map())));
    }
  }

  /** Number of leaves. */
  get count(): number {
    return (this.#levels[0] as Uint8Array[]).length;
  }

  leaf(index: number): Uint8Array {
    return (this.#levels[0] as Uint8Array[])[index] as Uint8Array;
  }

  /** Whether the tree has this root once these leaves are changed. The tree itself stays. */
  hasRoot(root: Uint8Array, changes: ReadonlyMap<number, Uint8Array> = new Map()): boolean {
    let changed = changes;
    for (let i = 0; i < this.#levels.length - 1; i++) {
      const level = this.#levels[i] as Uint8Array[];
      const above = new Map<number, Uint8Array>();
      for (const index of changed.keys()) {
        const parent = index >> 1;
        if (!above.has(parent)) above.set(parent, this.#parent(level, parent, changed));
      }
      changed = above;
    }
    return sameBytes(changed.get(0) ?? ((this.#levels.at(-1) as Uint8Array[])[0] as Uint8Array), root);
  }

  #parent(level: readonly Uint8Array[], index: number, changed: ReadonlyMap<number, Uint8Array>): Uint8Array {
    const left = changed.get(2 * index) ?? (level[2 * index] as Uint8Array);
    const right = changed.get(2 * index + 1) ?? level[2 * index + 1];
    return right === undefined ? left : nodeHash(this.#sha256, left, right);
  }
}

/** Pairs of leaves that are tried, at most: 512 leaves have 130,816. */
const SWAPS_TRIED_MAX = 131_072;

/** Two leaves of one batch that stand in each other's place; null when no exchange of two gives the root. */
export function swappedWithin(tree: LeafTree, root: Uint8Array): readonly [number, number] | null {
  if ((tree.count * (tree.count - 1)) / 2 > SWAPS_TRIED_MAX) return null;
  for (let i = 0; i < tree.count; i++) {
    for (let j = i + 1; j < tree.count; j++) {
      const changes = new Map([
        [i, tree.leaf(j)],
        [j, tree.leaf(i)],
      ]);
      if (tree.hasRoot(root, changes)) return [i, j];
    }
  }
  return null;
}

/** A leaf of one batch and a leaf of another that stand in each other's place. */
export function swappedBetween(
  a: { readonly tree: LeafTree; readonly root: Uint8Array },
  b: { readonly tree: LeafTree; readonly root: Uint8Array },
): readonly [number, number] | null {
  if (a.tree.count * b.tree.count > SWAPS_TRIED_MAX) return null;
  for (let i = 0; i < a.tree.count; i++) {
    for (let j = 0; j < b.tree.count; j++) {
      if (a.tree.hasRoot(a.root, new Map([[i, b.tree.leaf(j)]])) && b.tree.hasRoot(b.root, new Map([[j, a.tree.leaf(i)]]))) return [i, j];
    }
  }
  return null;
}
