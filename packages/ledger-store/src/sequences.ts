import { compareBytes, hexOf } from '@sealtrail/merkle';
import type { SequenceIntervals } from '@sealtrail/seal';
import type { BatchHeader } from '@sealtrail/wire';
import { copyOf } from './copy.ts';

/** Sealed numbers of each (producer, instance, delivery): half-open, ascending, not touching; in that order. */
export function sequenceIntervals(
  headers: Iterable<Pick<BatchHeader, 'producer' | 'instance' | 'delivery' | 'sequence'>>,
): readonly SequenceIntervals[] {
  const sources = new Map<string, Pick<BatchHeader, 'producer' | 'instance' | 'delivery'> & { numbers: number[] }>();
  for (const { producer, instance, delivery, sequence } of headers) {
    const key = `${delivery}:${hexOf(instance)}:${producer}`;
    const source = sources.get(key);
    if (source === undefined) sources.set(key, { producer, instance: copyOf(instance), delivery, numbers: [sequence] });
    else source.numbers.push(sequence);
  }
  return [...sources.values()]
    .sort((a, b) => compareText(a.producer, b.producer) || compareBytes(a.instance, b.instance) || compareText(a.delivery, b.delivery))
    .map(({ producer, instance, delivery, numbers }) => ({ producer, instance, delivery, intervals: intervalsOf(numbers) }));
}

function intervalsOf(numbers: number[]): readonly { readonly from: number; readonly to: number }[] {
  const intervals: { from: number; to: number }[] = [];
  for (const number of numbers.sort((a, b) => a - b)) {
    const last = intervals[intervals.length - 1];
    if (last !== undefined && number <= last.to) last.to = Math.max(last.to, number + 1);
    else intervals.push({ from: number, to: number + 1 });
  }
  return intervals;
}

/** Order of names: they are ASCII, so this is the order of their bytes too. */
export const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
