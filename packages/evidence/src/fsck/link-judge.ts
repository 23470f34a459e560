import { sameBytes } from '@sealtrail/merkle';

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
  /** What binds the row from above tells its hash; else it is only at one with itself, as a forged row can be. */
  readonly vouched: boolean;
}

interface Place<T> {
  readonly item: T | null;
  /** The hash that something else binds here; null where nothing does. */
  readonly anchor: Uint8Array | null;
}

/**
 * Tells which rows of a chain are what they were. A row is held against the hash that is bound at its place where one is,
 * else against the `previous` of the one after it, provided that this one is itself held: so a forged row that recomputes
 * blames itself, not its neighbour. Takes rows in order, gaps as null, and answers two rows late.
 */
export class LinkJudge<T extends Link> {
  #window: Place<T>[] = [];
  #index = 0;

  push(item: T | null, anchor: Uint8Array | null = null): readonly Judged<T>[] {
    this.#window.push({ item, anchor });
    return this.#window.length > 2 ? [this.#judge()] : [];
  }

  /** The rows that are left; `anchor` is the hash of the last, null when it is not known. */
  end(anchor: Uint8Array | null): readonly Judged<T>[] {
    const last = this.#window.pop();
    if (last !== undefined) this.#window.push({ item: last.item, anchor: anchor ?? last.anchor });
    const judged: Judged<T>[] = [];
    while (this.#window.length > 0) judged.push(this.#judge());
    return judged;
  }

  #judge(): Judged<T> {
    const [place, next, after] = this.#window as [Place<T>, Place<T> | undefined, Place<T> | undefined];
    this.#window.shift();
    const { item } = place;
    const bound = place.anchor ?? boundBy(next, after);
    const truth = bound ?? namedBy(next?.item, item) ?? item?.stored ?? null;
    const sound = item?.computed != null && truth !== null && sameBytes(item.computed, truth) && sameBytes(item.stored, truth);
    return { index: this.#index++, item, truth, state: item === null ? 'missing' : sound ? 'sound' : 'altered', vouched: bound !== null };
  }
}

/** The hash that the next row names, if that row is what is bound at its own place, or at one with itself where nothing is. */
function boundBy<T extends Link>(next: Place<T> | undefined, after: Place<T> | undefined): Uint8Array | null {
  const row = next?.item ?? null;
  if (row === null || row.computed === null) return null;
  const bound = next?.anchor ?? (after?.item != null && isConsistent(after.item) ? after.item.previous : null);
  return (bound === null ? isConsistent(row) : sameBytes(bound, row.computed)) ? row.previous : null;
}

/** The hash that a row which is not what it was names, if it is still that of the row before it. */
function namedBy(next: Link | null | undefined, item: Link | null): Uint8Array | null {
  if (next == null || item === null) return null;
  const names = sameBytes(next.previous, item.stored) || (item.computed !== null && sameBytes(next.previous, item.computed));
  return names ? next.previous : null;
}

const isConsistent = (item: Link): boolean => item.computed !== null && sameBytes(item.computed, item.stored);
