import type { Range } from '@sealtrail/ledger-store';

/** Offsets in half-open ranges: sorted, merged where they touch. */
export class Ranges {
  readonly #ranges: { from: number; to: number }[] = [];

  add({ from, to }: Range): void {
    if (from >= to) return;
    const at = this.#firstNotBefore(from);
    const merged = { from, to };
    let count = 0;
    for (let next = this.#ranges[at]; next !== undefined && next.from <= to; next = this.#ranges[at + count]) {
      merged.from = Math.min(merged.from, next.from);
      merged.to = Math.max(merged.to, next.to);
      count++;
    }
    this.#ranges.splice(at, count, merged);
  }

  /** Whether any of [from, to) is in it. */
  overlaps(from: number, to: number): boolean {
    // A range that ends at `from` touches and does not overlap.
    const at = this.#firstNotBefore(from + 1);
    const range = this.#ranges[at];
    return range !== undefined && from < to && range.from < to && from < range.to;
  }

  /** Index of the first range that ends at or after `offset`. */
  #firstNotBefore(offset: number): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ranges[middle] as Range).to >= offset) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
