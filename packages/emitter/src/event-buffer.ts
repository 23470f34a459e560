import type { EncodedEvents } from './batch-signer.ts';
import { ENDS_PER_EVENT } from './event-encoder.ts';

/** Two events or so: with many tenants most batches are small. */
const BYTES_FIRST = 1_024;
const EVENTS_FIRST = 4;

/** Encoded events of one tenant and delivery class that wait to be signed. Grows by doubling. */
export interface EventBuffer {
  readonly count: number;
  readonly bytes: number;
  /** Copies an encoded event. `ends` are offsets from the start of `source`. */
  append(source: Uint8Array, length: number, ends: Uint32Array): void;
  /** What was appended; valid until the next append. */
  encoded(): EncodedEvents;
}

/** How much the batch before this one held. */
export interface RoomUsed {
  readonly bytes: number;
  readonly count: number;
}

/** With room for as much as `before` and an eighth: a channel's batches are much alike, and growing copies them all over. */
export function createEventBuffer(before: RoomUsed = { bytes: 0, count: 0 }): EventBuffer {
  let store = new Uint8Array(Math.max(BYTES_FIRST, before.bytes + (before.bytes >> 3)));
  let ends = new Uint32Array(Math.max(EVENTS_FIRST, before.count) * ENDS_PER_EVENT);
  let bytes = 0;
  let count = 0;
  return {
    get count() {
      return count;
    },
    get bytes() {
      return bytes;
    },
    append(source, length, eventEnds) {
      if (bytes + length > store.length) {
        const larger = new Uint8Array(Math.max(store.length * 2, bytes + length));
        larger.set(store.subarray(0, bytes));
        store = larger;
      }
      const at = count * ENDS_PER_EVENT;
      if (at + ENDS_PER_EVENT > ends.length) {
        const longer = new Uint32Array(ends.length * 2);
        longer.set(ends);
        ends = longer;
      }
      store.set(new Uint8Array(source.buffer, source.byteOffset, length), bytes); // a Buffer's own subarray costs more
      for (let i = 0; i < ENDS_PER_EVENT; i++) ends[at + i] = bytes + (eventEnds[i] as number);
      bytes += length;
      count++;
    },
    encoded: () => ({ bytes: store.subarray(0, bytes), count, ends: ends.subarray(0, count * ENDS_PER_EVENT) }),
  };
}
