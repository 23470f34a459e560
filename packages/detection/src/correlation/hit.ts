import { EVIDENCE_MAX } from '../model.ts';
import { compareMoments, type Moment } from '../time/order.ts';

/** An event that something rests on. */
export interface Witness extends Moment {
  /** It came after the watermark had passed it. */
  readonly late: boolean;
}

/**
 * What a hit rests on: events, oldest first, at most EVIDENCE_MAX of them, and what is true of all of them. Witnesses are the
 * hits themselves where they are events of rules: these rest on nothing else, so that no chain of them is kept.
 */
export interface Evidence {
  readonly witnesses: readonly Witness[];
  readonly count: number;
  readonly first_us: number;
  readonly late: boolean;
}

/** One event that counts for one key of one correlation, as it is kept; the event itself is not. */
export interface Hit extends Witness {
  /** What it rests on where a correlation gave it; null for an event of a rule, which rests on itself. */
  readonly rests_on: Evidence | null;
}

/** Joins the evidence of hits that are in the order of their moments. */
export function evidenceOf(hits: readonly Hit[]): Evidence {
  const plain = hits.every(({ rests_on }, i) => rests_on === null && hits[i - 1]?.id !== hits[i]?.id);
  if (plain) return bounded(hits, 0, hits[0]?.time_us ?? 0);
  const byId = new Map<string, Witness>();
  let unnamed = 0;
  let first_us = Number.POSITIVE_INFINITY;
  for (const hit of hits) {
    first_us = Math.min(first_us, hit.rests_on?.first_us ?? hit.time_us);
    if (hit.rests_on === null) byId.set(hit.id, hit);
    else {
      unnamed += hit.rests_on.count - hit.rests_on.witnesses.length;
      for (const witness of hit.rests_on.witnesses) byId.set(witness.id, witness);
    }
  }
  return bounded([...byId.values()].sort(compareMoments), unnamed, first_us);
}

/** Where there are too many, the newest stay: they are what made the condition true. */
function bounded(witnesses: readonly Witness[], unnamed: number, first_us: number): Evidence {
  return {
    witnesses: witnesses.length > EVIDENCE_MAX ? witnesses.slice(-EVIDENCE_MAX) : witnesses,
    count: witnesses.length + unnamed,
    first_us,
    late: witnesses.some(({ late }) => late),
  };
}
