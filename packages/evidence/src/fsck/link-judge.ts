import { sameBytes } from '../bytes.ts';

/** A row of a chain in which each names the hash of the one before it. */
export interface Link {
  /** Hash recomputed from the columns; null when they have no encoding. */
  readonly computed: Uint8Array | null;
  /** Hash as the row's own column has it. */
  readonly stored: Uint8Array;
  readonly previous: Uint8Array;
}

export interface Judged<T> {
  /** Place in the chain: 0, 1, 2… */
  readonly index: number;
  readonly item: T | null;
  /** The hash that belongs here; null when nothing tells. */
  readonly truth: Uint8Array | null;
  readonly state: 'sound' | 'altered' | 'missing';
}

/**
 * Tells which rows of a chain are what they were. A row is held against the `previous` of the one after it, provided that
 * this one is itself held by the one after: so a forged row that recomputes blames itself, not its neighbour. The last is
 * held against an anchor. Takes rows in order, gaps as null, and answers two rows late.
 */
export class LinkJudge<T extends Link> {
  #window: (T | null)[] = [];
  #index = 0;

  push(item: T | null): readonly Judged<T>[] {
    this.#window.push(item);
    return this.#window.length > 2 ? [this.#judge(undefined)] : [];
  }

  /** The rows that are left; `anchor` is the hash of the last, null when it is not known. */
  end(anchor: Uint8Array | null): readonly Judged<T>[] {
    const judged: Judged<T>[] = [];
    while (this.#window.length > 0) judged.push(this.#judge(anchor));
    return judged;
  }

  /** `anchor` is undefined while rows may follow. */
  #judge(anchor: Uint8Array | null | undefined): Judged<T> {
    const [item, next, after] = this.#window as [T | null, T | null | undefined, T | null | undefined];
    this.#window.shift();
    const truth = this.#truth(item, next, after, anchor);
    const sound = item?.computed != null && truth !== null && sameBytes(item.computed, truth) && sameBytes(item.stored, truth);
    return { index: this.#index++, item, truth, state: item === null ? 'missing' : sound ? 'sound' : 'altered' };
  }

  #truth(
    item: T | null,
    next: T | null | undefined,
    after: T | null | undefined,
    anchor: Uint8Array | null | undefined,
  ): Uint8Array | null {
    if (next === undefined) return anchor ?? item?.stored ?? null;
    if (next !== null) {
      const vouched = after === undefined ? (anchor ?? null) : after !== null && isConsistent(after) ? after.previous : null;
      const trusted = next.computed !== null && (vouched === null ? isConsistent(next) : sameBytes(vouched, next.computed));
      if (trusted || (item !== null && names(next, item))) return next.previous;
    }
    return item?.stored ?? null;
  }
}

const isConsistent = (item: Link): boolean => item.computed !== null && sameBytes(item.computed, item.stored);
const names = (next: Link, item: Link): boolean =>
  sameBytes(next.previous, item.stored) || (item.computed !== null && sameBytes(next.previous, item.computed));
