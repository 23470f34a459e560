import type { Sha256 } from '@sealtrail/merkle';
import type { Refusal } from './errors.ts';
import type { AuditEvent } from './values.ts';

const todo = (): never => {
  throw new Error('not written yet');
};

/** What is known of one published version of schemas/audit-event.avsc. */
export interface EventSchema {
  /** SHA-256 of the published file's bytes: `event_schema` in headers and rows. */
  readonly sha256: Uint8Array;
  /** The published file's text. */
  readonly text: string;
  /** Writes the canonical encoding at `offset` and returns the end. Throws WireError `not_encodable`, `event_too_large`. */
  encode(event: AuditEvent, out: Uint8Array, offset: number): number;
  /**
   * Walks one event at `offset` without decoding it. Writes the ends of the actor and the object section to
   * ends[at] and ends[at + 1] and returns the event's end; on a fault returns -1 - position with the reason in `fault`.
   */
  walk(bytes: Uint8Array, offset: number, limit: number, ends: Uint32Array, at: number, fault: WalkFault): number;
  /** Decodes one event that was walked before. */
  decode(bytes: Uint8Array, offset: number, end: number): AuditEvent;
}

/** Filled by a walk that refuses; allocated once by the caller. */
export interface WalkFault {
  reason: Refusal['reason'];
  detail: string;
}

/** The current schema, which new events are written in. */
export const currentEventSchema = (): EventSchema => todo();
/** Every published schema that this build knows. */
export const knownEventSchemas = (): readonly EventSchema[] => todo();

/** The three parts of a leaf: SHA-256(0x00 ‖ "E" ‖ 0x01 ‖ A ‖ O ‖ rest). docs/spec/event.md */
export interface LeafParts {
  readonly actor_digest: Uint8Array;
  readonly object_digest: Uint8Array;
  readonly rest: Uint8Array;
}

/** A = SHA-256("A" ‖ actor section with its salt). */
export const actorDigest = (sha256: Sha256, section: Uint8Array): Uint8Array => (void sha256, void section, todo());
/** O = SHA-256("O" ‖ object section with its salt). */
export const objectDigest = (sha256: Sha256, section: Uint8Array): Uint8Array => (void sha256, void section, todo());
export const eventLeafFromParts = (sha256: Sha256, parts: LeafParts): Uint8Array => (void sha256, void parts, todo());

/**
 * Writes the leaves of the events bytes[starts…) to out, 32 bytes each. `ends` as written by walks: three numbers an
 * event (end of actor, end of object, end of event). This is on the hot path: three hash calls an event, no allocation.
 */
export const hashEventLeaves = (
  sha256: Sha256,
  bytes: Uint8Array,
  firstEvent: number,
  count: number,
  ends: Uint32Array,
  out: Uint8Array,
): void => (void sha256, void bytes, void firstEvent, void count, void ends, void out, todo());
