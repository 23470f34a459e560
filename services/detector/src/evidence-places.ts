import type { AlertRecord } from '@sealtrail/wire';

export type EvidencePlace = AlertRecord['evidence'][number];

interface Kept {
  readonly place: EvidencePlace;
  readonly time_us: number;
  readonly received_ms: number;
}

const PLACES_MAX = 1_000_000;

/**
 * Where events that matched a rule stand in the log, by (tenant, event id): an alert may rest on them later. Bounded: the
 * oldest go first, and what has gone is counted.
 */
export class EvidencePlaces {
  readonly #places = new Map<string, Kept>();
  forgotten = 0;

  remember(tenant: string, event: string, place: EvidencePlace, time_us: number, received_ms: number): void {
    const key = `${tenant}\n${event}`;
    if (this.#places.has(key)) return;
    this.#places.set(key, { place, time_us, received_ms });
    if (this.#places.size <= PLACES_MAX) return;
    this.#places.delete(this.#places.keys().next().value as string);
    this.forgotten++;
  }

  get(tenant: string, event: string): { readonly place: EvidencePlace; readonly received_ms: number } | null {
    return this.#places.get(`${tenant}\n${event}`) ?? null;
  }

  /** Forgets events before a time that no window reaches back to. They come nearly in order: it stops at the first that is not. */
  forgetBefore(time_us: number): void {
    for (const [key, { time_us: own_us }] of this.#places) {
      if (own_us >= time_us) return;
      this.#places.delete(key);
    }
  }

  get size(): number {
    return this.#places.size;
  }
}
