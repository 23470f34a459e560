/** Rows of entries: an event's bytes as they stand in the record, and behind them the columns that say where it stands. */
import type { WalkedBatch } from '@sealtrail/wire';
import { LONG_BYTES_MAX, putLong } from './avro-writer.ts';
import type { RowRoom } from './row-rooms.ts';

const LEAF_BYTES = 32;
/** What a row has beyond its event and what its batch shares: entry, index, leaf, and that neither section is erased. */
const OWN_BYTES_MAX = 2 * LONG_BYTES_MAX + LEAF_BYTES + 2;

export interface RowsOfBatch {
  readonly batch: Pick<WalkedBatch, 'record' | 'first_event' | 'ends' | 'leaves'>;
  /** The columns that all rows of the batch have alike, encoded. */
  readonly shared: Uint8Array;
  /** Entry number of the first event. */
  readonly first_entry: number;
}

/** The rows of all batches, one after the other, in a buffer of `room`. Nothing is decoded on the way in. */
export function entryRows(parts: readonly RowsOfBatch[], room: RowRoom): Uint8Array {
  const bytes_max = parts.reduce((sum, part) => sum + eventsEnd(part) - part.batch.first_event + countOf(part) * rowBytesMax(part), 0);
  const out = room.take(bytes_max);
  let at = 0;
  for (const part of parts) at = writeRows(part, out, at);
  return out.subarray(0, at);
}

const countOf = ({ batch }: RowsOfBatch): number => batch.ends.length / 3;
const eventsEnd = ({ batch }: RowsOfBatch): number => batch.ends[batch.ends.length - 1] ?? batch.first_event;
const rowBytesMax = ({ shared }: RowsOfBatch): number => shared.length + OWN_BYTES_MAX;

/** Where the rows end. */
function writeRows(part: RowsOfBatch, out: Uint8Array, start: number): number {
  const { batch, shared, first_entry } = part;
  const count = countOf(part);
  // All events at once, to the end of the room. From there each moves to its row, which never reaches those still to move.
  let eventAt = start + count * rowBytesMax(part);
  out.set(batch.record.subarray(batch.first_event, eventsEnd(part)), eventAt);
  let at = start;
  let sharedAt = -1;
  for (let index = 0; index < count; index++) {
    const size = (batch.ends[3 * index + 2] as number) - (index === 0 ? batch.first_event : (batch.ends[3 * index - 1] as number));
    out.copyWithin(at, eventAt, eventAt + size);
    eventAt += size;
    at += size;
    if (sharedAt === -1) out.set(shared, at);
    else out.copyWithin(at, sharedAt, sharedAt + shared.length);
    sharedAt = at;
    at = putLong(first_entry + index, out, at + shared.length);
    at = putLong(index, out, at);
    for (let i = 0; i < LEAF_BYTES; i++) out[at + i] = batch.leaves[index * LEAF_BYTES + i] as number;
    at += LEAF_BYTES;
    out[at++] = 0;
    out[at++] = 0;
  }
  return at;
}
