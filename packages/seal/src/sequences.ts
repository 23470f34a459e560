import type { Delivery } from '@sealtrail/wire';
import type { SequenceIntervals } from './state.ts';

export interface SealedHeaderKey {
  readonly tenant: string;
  readonly producer: string;
  readonly instance: Uint8Array;
  readonly delivery: Delivery;
  readonly sequence: number;
}

const HEX: readonly string[] = Object.freeze(Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0')));

function hex(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i++) text += HEX[bytes[i] as number] as string;
  return text;
}

/** Names a producer's life in one delivery class. A producer's name has no space. */
export const sequenceKey = (producer: string, instance: Uint8Array, delivery: Delivery): string =>
  `${producer} ${hex(instance)} ${delivery}`;

export const sealedHeaderKeyText = (key: SealedHeaderKey): string =>
  `${key.tenant} ${sequenceKey(key.producer, key.instance, key.delivery)} ${key.sequence}`;

type Interval = SequenceIntervals['intervals'][number];

/** Index of the first interval that ends after `number`. */
function find(intervals: readonly Interval[], number: number): number {
  let low = 0;
  let high = intervals.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((intervals[middle] as Interval).to > number) high = middle;
    else low = middle + 1;
  }
  return low;
}

export function isSealed(sequences: SequenceIntervals | undefined, number: number): boolean {
  const interval = sequences?.intervals[find(sequences.intervals, number)];
  return interval !== undefined && interval.from <= number;
}

/** With one number more; intervals that then touch are merged. The number must not be there yet. */
export function withSealed(intervals: readonly Interval[], number: number): readonly Interval[] {
  const at = find(intervals, number);
  const before = intervals[at - 1];
  const after = intervals[at];
  const joinsBefore = before !== undefined && before.to === number;
  const joinsAfter = after !== undefined && after.from === number + 1;
  const merged = { from: joinsBefore ? before.from : number, to: joinsAfter ? after.to : number + 1 };
  return [...intervals.slice(0, joinsBefore ? at - 1 : at), merged, ...intervals.slice(joinsAfter ? at + 1 : at)];
}
