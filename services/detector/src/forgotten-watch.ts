import type { DetectionState, PartitionPlace } from './ports.ts';

/** What a limit of detection pushed out. docs/operations/detector.md says what each means. */
export interface Forgotten {
  readonly reason: 'keys_evicted' | 'keys_crowded_out' | 'hits_truncated' | 'events_hurried' | 'places_forgotten' | 'producers_forgotten';
  /** Of a correlation; null for what belongs to none. */
  readonly rule: string | null;
  /** Since the partition was taken up. */
  readonly count: number;
}

/** Says when counts of what was forgotten deserve a line: at the first, and at each tenfold. A flood is a few lines, never one each. */
export class ForgottenWatch {
  readonly #told = new Map<string, number>();

  /** The partition's counts begin at zero again. */
  restart(place: PartitionPlace): void {
    const prefix = nameOf(place);
    for (const name of this.#told.keys()) if (name.startsWith(prefix)) this.#told.delete(name);
  }

  worthTelling(place: PartitionPlace, state: DetectionState): readonly Forgotten[] {
    return forgottenOf(state).filter(({ reason, rule, count }) => {
      const name = `${nameOf(place)}${reason}/${rule ?? ''}`;
      if (count < (this.#told.get(name) ?? 1)) return false;
      this.#told.set(name, 10 ** (Math.floor(Math.log10(count)) + 1));
      return true;
    });
  }
}

const nameOf = ({ topic, partition }: PartitionPlace): string => `${topic}/${partition}/`;

/** What was forgotten, by what it belongs to; tenants are summed, since no line names one. */
export function forgottenOf(state: DetectionState): readonly Forgotten[] {
  const evicted = new Map<string, number>();
  for (const counts of state.evicted.values()) for (const [rule, count] of counts) evicted.set(rule, (evicted.get(rule) ?? 0) + count);
  const all: readonly Forgotten[] = [
    ...Array.from(evicted, ([rule, count]) => ({ reason: 'keys_evicted', rule, count }) as const),
    ...Array.from(state.crowded_out, ([rule, count]) => ({ reason: 'keys_crowded_out', rule, count }) as const),
    ...Array.from(state.truncated, ([rule, count]) => ({ reason: 'hits_truncated', rule, count }) as const),
    { reason: 'events_hurried', rule: null, count: state.hurried },
    { reason: 'places_forgotten', rule: null, count: state.places_forgotten },
    { reason: 'producers_forgotten', rule: null, count: state.producers_forgotten },
  ];
  return all.filter(({ count }) => count > 0);
}
