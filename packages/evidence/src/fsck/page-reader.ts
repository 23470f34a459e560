const DROPPED_AT_ONCE = 1_000;

/** Reads rows that come page by page as one sequence with a look at the next. Holds one page. */
export class PageReader<T> {
  readonly #pages: AsyncIterator<readonly T[]>;
  #page: readonly T[] = [];
  #at = 0;
  #ended = false;

  constructor(pages: AsyncIterable<readonly T[]>) {
    this.#pages = pages[Symbol.asyncIterator]();
  }

  /** The next row, which stays next; undefined at the end. */
  async peek(): Promise<T | undefined> {
    while (this.#at >= this.#page.length && !this.#ended) {
      const { done, value } = await this.#pages.next();
      this.#ended = done === true;
      this.#page = done === true ? [] : value;
      this.#at = 0;
    }
    return this.#page[this.#at];
  }

  /** The rows from here on of which `wanted` is true, at most `max`. */
  async takeWhile(wanted: (row: T) => boolean, max: number = Number.POSITIVE_INFINITY): Promise<T[]> {
    const rows: T[] = [];
    for (let row: T | undefined = await this.peek(); row !== undefined; row = await this.peek()) {
      // Within a page no waiting is needed.
      while (rows.length < max && row !== undefined && wanted(row)) {
        rows.push(row);
        row = this.#page[++this.#at];
      }
      if (rows.length >= max || row !== undefined) break;
    }
    return rows;
  }

  /** Passes by the rows from here on of which `unwanted` is true, in constant memory; gives how many they were. */
  async drop(unwanted: (row: T) => boolean, each?: (row: T) => void): Promise<number> {
    let count = 0;
    for (
      let rows = await this.takeWhile(unwanted, DROPPED_AT_ONCE);
      rows.length > 0;
      rows = await this.takeWhile(unwanted, DROPPED_AT_ONCE)
    ) {
      count += rows.length;
      if (each !== undefined) rows.forEach(each);
    }
    return count;
  }

  /** Ends the reading before its end. */
  async close(): Promise<void> {
    this.#ended = true;
    this.#page = [];
    await this.#pages.return?.();
  }
}
