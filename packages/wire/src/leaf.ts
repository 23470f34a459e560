import { HASH_BYTES, type Sha256 } from '@sealtrail/merkle';
import { EVENT_BYTES_MAX } from './limits.ts';

const A = 0x41;
const O = 0x4f;
const E = 0x45;
const EVENT_LEAF_VERSION = 1;
const PREFIX_BYTES = 3;

/** The three parts of a leaf: SHA-256(0x00 ‖ "E" ‖ 0x01 ‖ A ‖ O ‖ rest). docs/spec/event.md */
export interface LeafParts {
  readonly actor_digest: Uint8Array;
  readonly object_digest: Uint8Array;
  readonly rest: Uint8Array;
}

/** A = SHA-256("A" ‖ actor section with its salt). */
export const actorDigest = (sha256: Sha256, section: Uint8Array): Uint8Array => sectionDigest(sha256, A, section);
/** O = SHA-256("O" ‖ object section with its salt). */
export const objectDigest = (sha256: Sha256, section: Uint8Array): Uint8Array => sectionDigest(sha256, O, section);

function sectionDigest(sha256: Sha256, letter: number, section: Uint8Array): Uint8Array {
  const input = new Uint8Array(1 + section.length);
  input[0] = letter;
  input.set(section, 1);
  return sha256.digest(input);
}

export function eventLeafFromParts(sha256: Sha256, parts: LeafParts): Uint8Array {
  const input = new Uint8Array(PREFIX_BYTES + 2 * HASH_BYTES + parts.rest.length);
  input.set([0, E, EVENT_LEAF_VERSION]);
  input.set(parts.actor_digest, PREFIX_BYTES);
  input.set(parts.object_digest, PREFIX_BYTES + HASH_BYTES);
  input.set(parts.rest, PREFIX_BYTES + 2 * HASH_BYTES);
  return sha256.digest(input);
}

/** Room that `hashEventLeaves` works in; one a caller, so that nothing is allocated an event. */
export const leafScratch = (): Uint8Array => new Uint8Array(PREFIX_BYTES + 2 * HASH_BYTES + EVENT_BYTES_MAX);

/**
 * Writes the leaves of `count` events to out, 32 bytes each. The first event begins at `firstEvent`; `ends` has three
 * numbers an event (end of actor, end of object, end of event). Three hash calls an event, no allocation.
 */
export function hashEventLeaves(
  sha256: Sha256,
  bytes: Uint8Array,
  firstEvent: number,
  count: number,
  ends: Uint32Array,
  out: Uint8Array,
  scratch: Uint8Array = leafScratch(),
): void {
  let start = firstEvent;
  for (let i = 0; i < count; i++) {
    const actorEnd = ends[3 * i] as number;
    const objectEnd = ends[3 * i + 1] as number;
    const end = ends[3 * i + 2] as number;
    scratch[0] = A;
    copy(bytes, start, actorEnd, scratch, 1);
    sha256.digestInto(scratch, 0, 1 + actorEnd - start, scratch, PREFIX_BYTES);
    // The digest of the actor stands where the leaf wants it; the object's input goes behind it.
    const objectAt = PREFIX_BYTES + HASH_BYTES;
    scratch[objectAt] = O;
    copy(bytes, actorEnd, objectEnd, scratch, objectAt + 1);
    sha256.digestInto(scratch, objectAt, objectAt + 1 + objectEnd - actorEnd, scratch, objectAt);
    const restAt = objectAt + HASH_BYTES;
    copy(bytes, objectEnd, end, scratch, restAt);
    scratch[0] = 0;
    scratch[1] = E;
    scratch[2] = EVENT_LEAF_VERSION;
    sha256.digestInto(scratch, 0, restAt + end - objectEnd, out, i * HASH_BYTES);
    start = end;
  }
}

function copy(from: Uint8Array, start: number, end: number, to: Uint8Array, at: number): void {
  to.set(from.subarray(start, end), at);
}
