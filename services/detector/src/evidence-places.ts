import type { AlertRecord } from '@sealtrail/wire';

export type EvidencePlace = AlertRecord['evidence'][number];

/** Where in a partition an event stands. */
export interface EventPlace {
  readonly offset: number;
  readonly index: number;
  /** Of all events of its batch. */
  readonly leaves: Uint8Array;
  readonly time_us: number;
  readonly received_ms: number;
}

const PLACES_MAX = 1_000_000;
const CHUNK_PLACES = 4_096;
const HASH_BYTES = 32;

/** So many places in columns: one by one they would be most of what there is to collect. */
class Chunk {
  readonly keys: string[] = [];
  readonly tenants: string[] = [];
  readonly offsets: Float64Array = new Float64Array(CHUNK_PLACES);
  readonly indexes: Uint32Array = new Uint32Array(CHUNK_PLACES);
  readonly times_us: Float64Array = new Float64Array(CHUNK_PLACES);
  readonly received_ms: Float64Array = new Float64Array(CHUNK_PLACES);
  readonly leaves: Uint8Array = new Uint8Array(CHUNK_PLACES * HASH_BYTES);
}

/**
 * Where events that matched a rule stand in the log, by (tenant, event id): an alert may rest on them later. Bounded: the
 * oldest go first, and what has gone is counted.
 */
export class EvidencePlaces {
  readonly #partition: Pick<EvidencePlace, 'topic' | 'incarnation' | 'partition'>;
  readonly #places_max: number;
  /**
   * How many were remembered before it, by event id. An id that another tenant has too stands under both: ids are random, so
   * that this is somebody's doing.
   */
  readonly #numbers = new Map<string, number>();
  /** How many stand under both. */
  #shared = 0;
  /** The first holds the oldest. */
  readonly #chunks: Chunk[] = [];
  #from = 0;
  #to = 0;
  #firstChunk = 0;
  forgotten = 0;

  constructor(partition: Pick<EvidencePlace, 'topic' | 'incarnation' | 'partition'>, places_max: number = PLACES_MAX) {
    this.#partition = partition;
    this.#places_max = places_max;
  }

  /** Takes the first place of an event; it has no other. */
  remember(tenant: string, event: string, { offset, index, leaves, time_us, received_ms }: EventPlace): void {
    if (this.#find(tenant, event) !== null) return;
    const isShared = this.#numbers.has(event);
    const key = isShared ? both(tenant, event) : event;
    if (isShared) this.#shared++;
    const number = this.#to++;
    const at = number % CHUNK_PLACES;
    if (at === 0) this.#chunks.push(new Chunk());
    const chunk = this.#chunks.at(-1) as Chunk;
    chunk.keys[at] = key;
    chunk.tenants[at] = tenant;
    chunk.offsets[at] = offset;
    chunk.indexes[at] = index;
    chunk.times_us[at] = time_us;
    chunk.received_ms[at] = received_ms;
    for (let i = 0; i < HASH_BYTES; i++) chunk.leaves[at * HASH_BYTES + i] = leaves[index * HASH_BYTES + i] as number;
    this.#numbers.set(key, number);
    if (this.size <= this.#places_max) return;
    this.#forgetFirst();
    this.forgotten++;
  }

  get(tenant: string, event: string): { readonly place: EvidencePlace; readonly received_ms: number } | null {
    const number = this.#find(tenant, event);
    if (number === null) return null;
    const chunk = this.#chunkOf(number);
    const at = number % CHUNK_PLACES;
    const leaf_hash = chunk.leaves.slice(at * HASH_BYTES, (at + 1) * HASH_BYTES);
    const [offset, index] = [chunk.offsets[at] as number, chunk.indexes[at] as number];
    const place = { event_id: Buffer.from(event, 'hex'), ...this.#partition, offset, index, leaf_hash };
    return { place, received_ms: chunk.received_ms[at] as number };
  }

  /** Forgets events before a time that no window reaches back to. They come nearly in order: it stops at the first that is not. */
  forgetBefore(time_us: number): void {
    while (this.#from < this.#to && (this.#chunkOf(this.#from).times_us[this.#from % CHUNK_PLACES] as number) < time_us)
      this.#forgetFirst();
  }

  get size(): number {
    return this.#to - this.#from;
  }

  #find(tenant: string, event: string): number | null {
    const number = this.#numbers.get(event);
    if (number !== undefined && this.#chunkOf(number).tenants[number % CHUNK_PLACES] === tenant) return number;
    return this.#shared === 0 ? null : (this.#numbers.get(both(tenant, event)) ?? null);
  }

  #chunkOf(number: number): Chunk {
    return this.#chunks[Math.floor(number / CHUNK_PLACES) - this.#firstChunk] as Chunk;
  }

  #forgetFirst(): void {
    const number = this.#from++;
    const key = this.#chunkOf(number).keys[number % CHUNK_PLACES] as string;
    this.#numbers.delete(key);
    if (key.includes('\n')) this.#shared--;
    if (this.#from % CHUNK_PLACES !== 0) return;
    this.#chunks.shift();
    this.#firstChunk++;
  }
}

/** No id of an event has a line break. */
const both = (tenant: string, event: string): string => `${tenant}\n${event}`;
