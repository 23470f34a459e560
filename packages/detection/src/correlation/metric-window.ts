import { compareMoments, type Moment } from '../time/order.ts';
import { type Aggregate, aggregateOf } from './aggregate.ts';
import { type Evidence, evidenceOf, type Hit } from './hit.ts';
import { type Comparison, type CorrelationType, holds } from './model.ts';
import { type Arrival, countUpTo, DUPLICATE, type Effect, FALSE, UNPLACED, type Window } from './window.ts';

export interface MetricPlan {
  readonly type: CorrelationType;
  readonly timespan_us: number;
  readonly comparisons: readonly Comparison[];
  readonly percentile: number | null;
  /** How many hits a key may keep; beyond it the oldest goes, and `truncated` is called. */
  readonly hits_max: number;
  readonly truncated: () => void;
}

interface Measured extends Hit {
  readonly slot: string | number;
  readonly number: number;
  /** Whether the condition held at this hit. */
  was_true: boolean;
}

/** Sums, averages, percentiles and shares: the whole window is kept. */
export class MetricWindow implements Window {
  readonly #plan: MetricPlan;
  readonly #aggregate: Aggregate;
  /** In order; those before #from are out of the window, and are cut off now and then. */
  #hits: Measured[] = [];
  #from = 0;
  /** The latest hit of each value, where hits are looked at by value; null where they are not. */
  readonly #latest: Map<string | number, Measured> | null;

  constructor(plan: MetricPlan) {
    this.#plan = plan;
    // A share is that of one value, so there the hit before is the one before of the same value.
    this.#latest = plan.type === 'value_percentile' && plan.percentile === null ? new Map() : null;
    this.#aggregate = aggregateOf(plan.type, plan.percentile);
  }

  get last(): Measured | null {
    return this.#hits.at(-1) ?? null;
  }

  get kept(): number {
    return this.#hits.length;
  }

  add(arrival: Arrival): Effect {
    const last = this.last;
    if (last !== null && compareMoments(arrival, last) === 0) return DUPLICATE;
    const hit = measured(arrival);
    const before = this.#latest === null ? last : (this.#latest.get(hit.slot) ?? null);
    this.#hits.push(hit);
    this.#latest?.set(hit.slot, hit);
    this.#aggregate.add(hit.number, hit.slot);
    const from_us = hit.time_us - this.#plan.timespan_us;
    while ((this.#hits[this.#from] as Measured).time_us < from_us) this.#dropOldest();
    if (this.#hits.length - this.#from > this.#plan.hits_max) {
      this.#dropOldest();
      this.#plan.truncated();
    }
    this.#cut();
    hit.was_true = this.#holdsAt(hit);
    if (!hit.was_true) return FALSE;
    return { kind: 'true', rises: before === null || !before.was_true || before.time_us < from_us, anchor: hit };
  }

  insert(arrival: Arrival): Effect {
    const at = countUpTo(this.#hits, arrival);
    if (at > 0 && compareMoments(this.#hits[at - 1] as Moment, arrival) === 0) return DUPLICATE;
    const last = this.last;
    if (last === null || at < this.#from || this.#hits.length - this.#from >= this.#plan.hits_max) return UNPLACED;
    if (arrival.time_us < last.time_us - this.#plan.timespan_us) return UNPLACED;
    const hit = measured(arrival);
    this.#hits.splice(at, 0, hit);
    this.#aggregate.add(hit.number, hit.slot);
    // Looked at where all of the window is known: at the newest hit.
    const rises = !last.was_true && this.#holdsAt(last);
    last.was_true = this.#holdsAt(last);
    return rises ? { kind: 'true', rises, anchor: last } : FALSE;
  }

  explain(anchor: Moment): { readonly evidence: Evidence; readonly value: number | null } {
    const window = this.#hits.slice(this.#from, countUpTo(this.#hits, anchor));
    return { evidence: evidenceOf(window), value: this.#aggregate.value(window.at(-1)?.slot ?? '') };
  }

  #holdsAt(hit: Measured): boolean {
    return holds(this.#plan.comparisons, this.#aggregate.value(hit.slot));
  }

  #dropOldest(): void {
    const oldest = this.#hits[this.#from++] as Measured;
    this.#aggregate.remove(oldest.number, oldest.slot);
    if (this.#latest?.get(oldest.slot) === oldest) this.#latest.delete(oldest.slot);
  }

  #cut(): void {
    if (this.#from < 16 || this.#from * 2 < this.#hits.length) return;
    this.#hits.splice(0, this.#from);
    this.#from = 0;
  }
}

const measured = ({ time_us, id, late, parts: [part], number }: Arrival): Measured => ({
  time_us,
  id,
  late,
  rests_on: part?.rests_on ?? null,
  slot: part?.slot ?? '',
  number,
  was_true: false,
});
