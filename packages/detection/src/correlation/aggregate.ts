import { ExactSum } from './exact-sum.ts';
import type { CorrelationType } from './model.ts';

/** A value of a window, kept up as hits come and go. It depends on what is in the window alone, never on how it came about. */
export interface Aggregate {
  add(number: number, slot: string | number): void;
  remove(number: number, slot: string | number): void;
  /** The value at a hit; there is at least one. */
  value(slot: string | number): number;
}

/** Numbers beyond this are no measurements; without a bound a sum could overflow. */
export const NUMBER_MAX = 1e300;

export function aggregateOf(type: CorrelationType, percentile: number | null): Aggregate {
  switch (type) {
    case 'value_sum':
      return new Sum(false);
    case 'value_avg':
      return new Sum(true);
    case 'value_median':
      return new Sorted(null);
    default:
      return percentile === null ? new Share() : new Sorted(percentile);
  }
}

class Sum implements Aggregate {
  readonly #sum = new ExactSum();
  readonly #average: boolean;
  #count = 0;

  constructor(average: boolean) {
    this.#average = average;
  }

  add(number: number): void {
    this.#sum.add(number);
    this.#count++;
  }

  remove(number: number): void {
    this.#sum.add(-number);
    this.#count--;
  }

  value(): number {
    return this.#average ? this.#sum.value / this.#count : this.#sum.value;
  }
}

/** Percentiles by nearest rank: the smallest number that at least that share of all is not above. The median of an even count is the mean of the middle two. */
class Sorted implements Aggregate {
  readonly #numbers: number[] = [];
  readonly #percentile: number | null;

  constructor(percentile: number | null) {
    this.#percentile = percentile;
  }

  add(number: number): void {
    this.#numbers.splice(this.#at(number), 0, number);
  }

  remove(number: number): void {
    this.#numbers.splice(this.#at(number), 1);
  }

  value(): number {
    const count = this.#numbers.length;
    const rank = (at: number): number => this.#numbers[Math.min(count - 1, Math.max(0, at))] ?? 0;
    if (this.#percentile !== null) return rank(Math.ceil((this.#percentile * count) / 100) - 1);
    const middle = count >> 1;
    return count % 2 === 1 ? rank(middle) : (rank(middle - 1) + rank(middle)) / 2;
  }

  #at(number: number): number {
    let low = 0;
    let high = this.#numbers.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#numbers[middle] as number) < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** How much of the window, in percent, has the value of the hit that is looked at. */
class Share implements Aggregate {
  readonly #counts = new Map<string | number, number>();
  #count = 0;

  add(_number: number, slot: string | number): void {
    this.#counts.set(slot, (this.#counts.get(slot) ?? 0) + 1);
    this.#count++;
  }

  remove(_number: number, slot: string | number): void {
    const left = (this.#counts.get(slot) ?? 0) - 1;
    if (left > 0) this.#counts.set(slot, left);
    else this.#counts.delete(slot);
    this.#count--;
  }

  value(slot: string | number): number {
    return (100 * (this.#counts.get(slot) ?? 0)) / this.#count;
  }
}
