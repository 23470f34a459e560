import type { Sha256 } from '@sealtrail/merkle';
import type { Refusal } from './errors.ts';
import type { EventSchema } from './event.ts';
import type { BatchHeader } from './values.ts';

const todo = (): never => {
  throw new Error('not written yet');
};

/** The header's part of a record, read and checked before anything else of it. */
export interface ParsedHeader {
  readonly kind: 'header';
  readonly record: Uint8Array;
  readonly header: BatchHeader;
  /** The header's bytes as they stand on the wire: what is signed. */
  readonly header_bytes: Uint8Array;
  /** SHA-256 of header_bytes: tells a duplicate from a conflict. */
  readonly header_hash: Uint8Array;
  readonly signature: Uint8Array;
  readonly schema: EventSchema;
  /** Offset in the record of the events array. */
  readonly events_at: number;
}

/** A record whose every byte was checked. */
export interface WalkedBatch extends Omit<ParsedHeader, 'kind'> {
  readonly kind: 'batch';
  /** Offset of the first event. */
  readonly first_event: number;
  /** Three offsets an event: end of actor, end of object, end of event. */
  readonly ends: Uint32Array;
  /** 32 bytes an event. */
  readonly leaves: Uint8Array;
}

/**
 * Reads framing, header and signature of a record. Refuses: malformed, not_canonical, unknown_schema, too_large,
 * not_supported (another version or suite, a confidential section by its digest).
 */
export const parseHeader = (record: Uint8Array, sha256: Sha256): ParsedHeader | Refusal => (void record, void sha256, todo());

/** Walks the events, checks their number, that nothing follows, and that their leaves give the header's root. */
export const walkBatch = (parsed: ParsedHeader, sha256: Sha256): WalkedBatch | Refusal => (void parsed, void sha256, todo());

/** Avro bytes of a header. Throws WireError `not_encodable`. */
export const encodeHeader = (header: BatchHeader): Uint8Array => (void header, todo());

/**
 * Assembles a record: framing ‖ header ‖ signature ‖ one block of events ‖ no confidential section.
 * `events` are the events' bytes, one after the other. Throws WireError `batch_too_large`.
 */
export const assembleBatch = (
  header: Uint8Array,
  signature: Uint8Array,
  count: number,
  events: Uint8Array,
  schema: EventSchema,
): Uint8Array => (void header, void signature, void count, void events, void schema, todo());
