/**
 * Rows on their way to entries: one a batch, with what its events share, the events' bytes as they stand in the record, and
 * their leaves. The statement makes a row of each event.
 */
import type { WalkedBatch } from '@sealtrail/wire';
import { LONG_BYTES_MAX, putLong } from './avro-writer.ts';

const LEAF_BYTES = 32;
/** Beside shared columns and leaves: first entry, the counts of two arrays, and their ends. */
const OWN_BYTES_MAX = 3 * LONG_BYTES_MAX + 2;

export interface RowsOfBatch {
  readonly batch: Pick<WalkedBatch, 'record' | 'first_event' | 'ends' | 'leaves'>;
  /** The columns that all entries of the batch have alike, encoded. */
  readonly shared: Uint8Array;
  /** Entry number of the first event. */
  readonly first_entry: number;
}

/**
 * The rows of batches that have events, one after the other, in pieces: shared columns, first entry, the array of events,
 * the array of leaves. Nothing is decoded, and events are not copied: pieces are views of their records.
 */
export function batchRows(parts: readonly RowsOfBatch[]): readonly Uint8Array[] {
  const own = new Uint8Array(parts.reduce((sum, { batch, shared }) => sum + shared.length + batch.leaves.length + OWN_BYTES_MAX, 0));
  const pieces: Uint8Array[] = [];
  let from = 0;
  let at = 0;
  for (const { batch, shared, first_entry } of parts) {
    const count = batch.leaves.length / LEAF_BYTES;
    own.set(shared, at);
    at = putLong(first_entry, own, at + shared.length);
    at = putLong(count, own, at);
    pieces.push(own.subarray(from, at), batch.record.subarray(batch.first_event, batch.ends[batch.ends.length - 1]));
    from = at;
    own[at++] = 0;
    at = putLong(count, own, at);
    own.set(batch.leaves, at);
    at += batch.leaves.length;
    own[at++] = 0;
  }
  pieces.push(own.subarray(from, at));
  return pieces;
}
