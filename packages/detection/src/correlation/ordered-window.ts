import { compareMoments, type Moment } from '../time/order.ts';
import { type Evidence, evidenceOf, type Hit } from './hit.ts';
import { type Arrival, DUPLICATE, type Effect, FALSE, type Window } from './window.ts';

/** The hits of a sequence of members, newest first; `first_us` is when it begins. */
interface Sequence {
  readonly hit: Hit;
  readonly before: Sequence | null;
  readonly first_us: number;
}

/**
 * Ordered temporal proximity. For each member it keeps the sequence of hits up to that member that begins latest: whether
 * some sequence fits into the timespan is then whether that one does. Exact in one sequence a member.
 */
export class OrderedWindow implements Window {
  readonly #timespan_us: number;
  /** By member: the sequence up to it that begins latest. */
  readonly #sequences: (Sequence | null)[];
  /** By member: its latest hit, in a sequence or not; late hits may join them. */
  readonly #latest: (Hit | null)[];
  #last: Moment | null = null;
  #wasTrue = false;

  constructor(timespan_us: number, members: number) {
    this.#timespan_us = timespan_us;
    this.#sequences = Array.from({ length: members }, () => null);
    this.#latest = Array.from({ length: members }, () => null);
  }

  get last(): Moment | null {
    return this.#last;
  }

  get kept(): number {
    return this.#latest.length;
  }

  add(arrival: Arrival): Effect {
    const last = this.#last;
    if (last !== null && compareMoments(arrival, last) === 0) return DUPLICATE;
    // From the last member to the first, so that one event never stands twice in a sequence: it does not come before itself.
    for (const [member, hit] of hitsOf(arrival)) {
      this.#latest[member] = hit;
      this.#extend(member, hit);
    }
    const before = this.#wasTrue && last !== null && last.time_us >= arrival.time_us - this.#timespan_us;
    this.#last = { time_us: arrival.time_us, id: arrival.id };
    this.#wasTrue = this.#holds();
    return this.#wasTrue ? { kind: 'true', rises: !before, anchor: this.#last } : FALSE;
  }

  insert(arrival: Arrival): Effect {
    if (this.#latest.some((hit) => hit !== null && compareMoments(hit, arrival) === 0)) return DUPLICATE;
    const before = this.#sequences.at(-1) ?? null;
    for (const [member, hit] of hitsOf(arrival)) {
      const known = this.#latest[member] ?? null;
      if (known === null || compareMoments(known, hit) < 0) this.#latest[member] = hit;
      this.#extend(member, hit);
      // What came before this hit did may be the rest of its sequence.
      for (let next = member + 1; next < this.#latest.length; next++) {
        const after = this.#latest[next] ?? null;
        if (after === null || !this.#extend(next, after)) break;
      }
    }
    const whole = this.#sequences.at(-1) ?? null;
    const fits = whole !== null && whole !== before && whole.first_us >= whole.hit.time_us - this.#timespan_us;
    // Where the condition holds already, a sequence more is no news.
    const rises = fits && !this.#wasTrue;
    this.#wasTrue = this.#holds();
    return rises ? { kind: 'true', rises, anchor: { time_us: whole.hit.time_us, id: whole.hit.id } } : FALSE;
  }

  explain(anchor: Moment): { readonly evidence: Evidence; readonly value: null } {
    const hits: Hit[] = [];
    for (let at = this.#sequences.at(-1) ?? null; at !== null; at = at.before) hits.push(at.hit);
    // A hit at which a sequence before it still holds is part of what is told, though the sequence does without it.
    const newest = this.#latest.find((hit) => hit !== null && compareMoments(hit, anchor) === 0);
    if (newest != null && hits[0]?.id !== newest.id) hits.unshift(newest);
    return { evidence: evidenceOf(hits.reverse()), value: null };
  }

  /** Makes a hit the end of the sequence up to its member, where that begins later than the one known. */
  #extend(member: number, hit: Hit): boolean {
    const before = member === 0 ? null : (this.#sequences[member - 1] ?? null);
    if (member > 0 && (before === null || compareMoments(before.hit, hit) >= 0)) return false;
    const first_us = before?.first_us ?? hit.time_us;
    const known = this.#sequences[member] ?? null;
    if (known !== null && known.first_us >= first_us) return false;
    this.#sequences[member] = { hit, before, first_us };
    return true;
  }

  #holds(): boolean {
    const whole = this.#sequences.at(-1) ?? null;
    return whole !== null && this.#last !== null && whole.first_us >= this.#last.time_us - this.#timespan_us;
  }
}

/** By member, the last first. */
const hitsOf = ({ time_us, id, late, parts }: Arrival): (readonly [member: number, hit: Hit])[] =>
  parts.map(({ slot, rests_on }) => [Number(slot), { time_us, id, late, rests_on }] as const).sort(([a], [b]) => b - a);
