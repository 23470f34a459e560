import { compareMoments, type Moment } from '../time/order.ts';
import { type Evidence, evidenceOf, type Hit } from './hit.ts';
import { type Comparison, type Expression, holds, satisfied } from './model.ts';
import { type Arrival, countBefore, countUpTo, DUPLICATE, type Effect, FALSE, type Part, UNPLACED, type Window } from './window.ts';

/** What a correlation's windows of this kind have in common. */
export interface SlotPlan {
  readonly timespan_us: number;
  readonly comparisons: readonly Comparison[];
  /** For a condition over members; null where the count is compared. */
  readonly expression: Expression | null;
  /** Whether a new hit takes the place of the one before of the same slot. */
  readonly distinct: boolean;
  /** No condition tells counts from here on apart, so that no more hits are needed. */
  readonly count_max: number;
  /** Whether more hits never make the condition false: `gte` and `gt` alone. */
  readonly monotone: boolean;
  /** Whether the count is given with an alert. */
  readonly counts: boolean;
}

/** Whether the condition holds at a hit. */
interface Truth {
  readonly holds: boolean;
  readonly anchor: Moment;
}

interface Slotted extends Hit {
  readonly slot: string | number;
}

/**
 * Event counts (the latest hits), distinct counts (the latest hit of each of the latest values), and temporal proximity (the
 * latest hit of each member). Exact in as many hits as the largest count that the condition can tell apart.
 */
export class SlotWindow implements Window {
  readonly #plan: SlotPlan;
  #hits: Slotted[] = [];
  #last: Moment | null = null;
  #wasTrue = false;

  constructor(plan: SlotPlan) {
    this.#plan = plan;
  }

  get last(): Moment | null {
    return this.#last;
  }

  get kept(): number {
    return this.#hits.length;
  }

  add(arrival: Arrival): Effect {
    const { timespan_us } = this.#plan;
    const last = this.#last;
    if (last !== null && compareMoments(arrival, last) === 0) return DUPLICATE;
    this.#forget(arrival.time_us - timespan_us);
    for (const part of arrival.parts) this.#push(slotted(arrival, part));
    const before = this.#wasTrue && last !== null && last.time_us >= arrival.time_us - timespan_us;
    const newest = this.#hits.at(-1) as Slotted;
    this.#last = newest;
    this.#wasTrue = this.#holdsAt(this.#hits.length - 1);
    return this.#wasTrue ? { kind: 'true', rises: !before, anchor: newest } : FALSE;
  }

  insert(arrival: Arrival): Effect {
    const hits = this.#hits;
    const at = countUpTo(hits, arrival);
    if (at > 0 && compareMoments(hits[at - 1] as Moment, arrival) === 0) return DUPLICATE;
    // Hits that more recent ones have pushed out are not known any more, and this one is older than those.
    if (at === 0 && hits.length >= this.#plan.count_max) return UNPLACED;
    const { distinct } = this.#plan;
    const newer = (part: Part): boolean => distinct && hits.some((hit) => hit.slot === part.slot && compareMoments(hit, arrival) > 0);
    const added = arrival.parts.filter((part) => !newer(part)).map((part) => slotted(arrival, part));
    if (added.length === 0) return FALSE;
    const before = this.#truths(arrival);
    this.#hits = [
      ...hits.slice(0, at).filter((hit) => !distinct || !added.some(({ slot }) => slot === hit.slot)),
      ...added,
      ...hits.slice(at),
    ];
    const after = [...this.#truths(arrival).values()];
    this.#wasTrue = after.at(-1)?.holds ?? false;
    const first = after.findIndex(({ holds, anchor }) => holds && before.get(anchor.id)?.holds !== true);
    if (first === -1) return FALSE;
    // Where the condition goes on to hold at a hit at which it was known to hold, the alert has been given.
    for (let next = first + 1; next < after.length && after[next]?.holds === true; next++)
      if (before.get(after[next]?.anchor.id ?? '')?.holds === true) return FALSE;
    return { kind: 'true', rises: true, anchor: (after[first] as Truth).anchor };
  }

  explain(anchor: Moment): { readonly evidence: Evidence; readonly value: number | null } {
    const upTo = countUpTo(this.#hits, anchor);
    const from = countBefore(this.#hits, anchor.time_us - this.#plan.timespan_us);
    const window = this.#hits.slice(Math.max(from, upTo - this.#plan.count_max), upTo);
    return { evidence: evidenceOf(window), value: this.#plan.counts ? window.length : null };
  }

  /** Whether the condition holds at each hit from a moment on; conditions that more hits can make false are looked at where all is known. */
  #truths(from: Moment): Map<string, Truth> {
    const truths = new Map<string, Truth>();
    const start = this.#plan.monotone ? Math.max(0, countUpTo(this.#hits, from) - 1) : this.#hits.length - 1;
    for (let at = start; at < this.#hits.length; at++) {
      const { time_us, id } = this.#hits[at] as Slotted;
      truths.set(id, { holds: this.#holdsAt(at), anchor: { time_us, id } });
    }
    return truths;
  }

  #holdsAt(at: number): boolean {
    const { timespan_us, expression, comparisons } = this.#plan;
    const newest = this.#hits[at];
    if (newest === undefined) return false;
    const from = countBefore(this.#hits, newest.time_us - timespan_us);
    if (expression === null) return holds(comparisons, at + 1 - from);
    const present = new Set<string | number>();
    for (let i = from; i <= at; i++) present.add((this.#hits[i] as Slotted).slot);
    return satisfied(expression, (member) => present.has(member));
  }

  /** Windows only move forward: what is out of this one is out of all that come. */
  #forget(before_us: number): void {
    const old = countBefore(this.#hits, before_us);
    if (old > 0) this.#hits.splice(0, old);
  }

  #push(added: Slotted): void {
    const hits = this.#hits;
    const { distinct, count_max } = this.#plan;
    if (distinct && hits.at(-1)?.slot === added.slot) {
      hits[hits.length - 1] = added; // what somebody does is mostly what they did just before
      return;
    }
    if (distinct) {
      const known = hits.findLastIndex((hit) => hit.slot === added.slot);
      if (known !== -1) hits.splice(known, 1);
    }
    if (hits.length === 0)
      this.#hits = [added]; // an array of just one: most keys have no second hit
    else hits.push(added);
    // Twice what is needed, so that cutting costs O(1) a hit.
    if (this.#hits.length > 2 * count_max) this.#hits.splice(0, this.#hits.length - count_max);
  }
}

const slotted = ({ time_us, id, late }: Arrival, { slot, rests_on }: Part): Slotted => ({ time_us, id, late, rests_on, slot });
