import type { AlertRecord } from '@sealtrail/wire';

export type EvidencePlace = AlertRecord['evidence'][number];

/** Where in a partition an event stands. */
export interface EventPlace {
  readonly offset: number;
  readonly index: number;
  readonly leaf_hash: Uint8Array;
}

interface Kept {
  readonly offset: number;
  readonly index: number;
  /** A character a byte: a text takes a quarter of what an array of bytes does, and there may be a million. */
  readonly leaf_hash: string;
  readonly time_us: number;
  readonly received_ms: number;
}

const PLACES_MAX = 1_000_000;

/**
 * Where events that matched a rule stand in the log, by (tenant, event id): an alert may rest on them later. Bounded: the
 * oldest go first, and what has gone is counted.
 */
export class EvidencePlaces {
  readonly #partition: Pick<EvidencePlace, 'topic' | 'incarnation' | 'partition'>;
  readonly #places = new Map<string, Kept>();
  forgotten = 0;

  constructor(partition: Pick<EvidencePlace, 'topic' | 'incarnation' | 'partition'>) {
    this.#partition = partition;
  }

  remember(tenant: string, event: string, { offset, index, leaf_hash }: EventPlace, time_us: number, received_ms: number): void {
    const key = `${tenant}\n${event}`;
    if (this.#places.has(key)) return;
    this.#places.set(key, { offset, index, leaf_hash: latin1(leaf_hash), time_us, received_ms });
    if (this.#places.size <= PLACES_MAX) return;
    this.#places.delete(this.#places.keys().next().value as string);
    this.forgotten++;
  }

  get(tenant: string, event: string): { readonly place: EvidencePlace; readonly received_ms: number } | null {
    const kept = this.#places.get(`${tenant}\n${event}`);
    if (kept === undefined) return null;
    const { offset, index, leaf_hash, received_ms } = kept;
    // Bytes are made for the few that an alert rests on.
    const place = { event_id: Buffer.from(event, 'hex'), ...this.#partition, offset, index, leaf_hash: Buffer.from(leaf_hash, 'latin1') };
    return { place, received_ms };
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

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
