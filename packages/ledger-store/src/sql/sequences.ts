import { compareBytes, hexOf } from '@sealtrail/merkle';
import type { SequenceIntervals } from '@sealtrail/seal';
import type { Delivery } from '@sealtrail/wire';
import { compareText } from '../sequences.ts';

/** A run of numbers, as the engine found it. */
export interface SequenceRun {
  readonly producer: string;
  readonly instance: Uint8Array;
  readonly delivery: Delivery;
  readonly first: number;
  readonly last: number;
}

/** Runs, ascending within each life, gathered by (producer, instance, delivery) and in that order. */
export function sequencesOf(runs: readonly SequenceRun[]): readonly SequenceIntervals[] {
  const lives = new Map<string, SequenceRun[]>();
  for (const run of runs) {
    const life = `${run.delivery}:${hexOf(run.instance)}:${run.producer}`;
    const found = lives.get(life);
    if (found === undefined) lives.set(life, [run]);
    else found.push(run);
  }
  return [...lives.values()]
    .map((found) => {
      const { producer, instance, delivery } = found[0] as SequenceRun;
      return { producer, instance, delivery, intervals: found.map(({ first, last }) => ({ from: first, to: last + 1 })) };
    })
    .sort((a, b) => compareText(a.producer, b.producer) || compareBytes(a.instance, b.instance) || compareText(a.delivery, b.delivery));
}
