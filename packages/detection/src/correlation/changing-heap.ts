/** What a heap orders. It keeps the place of each item, so that one can be taken out or put right: one heap an item. */
export interface Placed {
  /** -1 where it is in no heap. */
  place: number;
}

/** A binary heap whose items change: O(log n) a push, a take and a change. */
export class ChangingHeap<T extends Placed> {
  readonly #items: T[] = [];
  readonly #isBefore: (a: T, b: T) => boolean;

  /** @param isBefore a strict order in which no two items are alike, so that the first one follows from what is held alone */
  constructor(isBefore: (a: T, b: T) => boolean) {
    this.#isBefore = isBefore;
  }

  /** undefined where it is empty. */
  get first(): T | undefined {
    return this.#items[0];
  }

  push(item: T): void {
    this.#rise(item, this.#items.length);
  }

  remove(item: T): void {
    const items = this.#items;
    const { place } = item;
    const last = items.pop() as T;
    item.place = -1;
    if (last === item) return;
    this.#put(last, place);
    this.changed(last);
  }

  /** Puts an item where it belongs after what it is ordered by has changed. */
  changed(item: T): void {
    const { place } = item;
    const above = this.#items[(place - 1) >> 1];
    if (place > 0 && above !== undefined && this.#isBefore(item, above)) this.#rise(item, place);
    else this.#sink(item, place);
  }

  #rise(item: T, from: number): void {
    let place = from;
    while (place > 0) {
      const above = this.#items[(place - 1) >> 1] as T;
      if (!this.#isBefore(item, above)) break;
      const next = above.place;
      this.#put(above, place);
      place = next;
    }
    this.#put(item, place);
  }

  #sink(item: T, from: number): void {
    const items = this.#items;
    let place = from;
    for (;;) {
      let below = 2 * place + 1;
      if (below >= items.length) break;
      if (below + 1 < items.length && this.#isBefore(items[below + 1] as T, items[below] as T)) below++;
      const child = items[below] as T;
      if (!this.#isBefore(child, item)) break;
      this.#put(child, place);
      place = below;
    }
    this.#put(item, place);
  }

  #put(item: T, place: number): void {
    this.#items[place] = item;
    item.place = place;
  }
}
