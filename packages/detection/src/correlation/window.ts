import { compareMoments, type Moment } from '../time/order.ts';
import type { Evidence, Witness } from './hit.ts';

/** One event as it comes to a window. */
export interface Arrival extends Witness {
  /** At least one. An event may come as several members at once. */
  readonly parts: readonly Part[];
  /** The field's number, for types that compute. */
  readonly number: number;
}

export interface Part {
  /** What hits are distinct by: members for temporal types, values for value types; nothing for counts of events. */
  readonly slot: string | number;
  /** See Hit. */
  readonly rests_on: Evidence | null;
}

/** What one hit did. */
export type Effect =
  /** The same event has been taken already. */
  | { readonly kind: 'duplicate' }
  /** It is older than what is kept, so that its window is not known any more. */
  | { readonly kind: 'unplaced' }
  /** The condition does not hold, at no hit at which it did not hold before. */
  | { readonly kind: 'false' }
  /** The condition holds at `anchor`; `rises` where it did not hold at the hit before, or that one is out of the window. */
  | { readonly kind: 'true'; readonly rises: boolean; readonly anchor: Moment };

/**
 * What one key of one correlation keeps. The window of a hit is all hits of the key from a timespan before it (that moment
 * included) up to it, in the order of (time, id).
 */
export interface Window {
  /** The newest hit; null before the first. */
  readonly last: Moment | null;
  /** How many hits are kept. */
  readonly kept: number;
  /** Takes a hit that is not before the newest. */
  add(arrival: Arrival): Effect;
  /** Takes a hit that is before the newest, and at most a timespan before it. */
  insert(arrival: Arrival): Effect;
  /** What the condition at `anchor` rests on, and the value that was compared. */
  explain(anchor: Moment): { readonly evidence: Evidence; readonly value: number | null };
}

export const DUPLICATE: Effect = { kind: 'duplicate' };
export const UNPLACED: Effect = { kind: 'unplaced' };
export const FALSE: Effect = { kind: 'false' };

/** How many of the hits, which are in order, are before a time. */
export function countBefore(hits: readonly Moment[], time_us: number): number {
  let low = 0;
  let high = hits.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((hits[middle] as Moment).time_us < time_us) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** How many of the hits, which are in order, are not after a moment. */
export function countUpTo(hits: readonly Moment[], moment: Moment): number {
  let low = 0;
  let high = hits.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareMoments(hits[middle] as Moment, moment) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
