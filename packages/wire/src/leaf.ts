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

/** What stands before the rest of an event in its leaf's input. */
const BEFORE_REST_BYTES = PREFIX_BYTES + 2 * HASH_BYTES;

/** Room that `hashEventLeaves` works in; one a caller, so that nothing is allocated an event. */
export const leafScratch = (): Uint8Array => new Uint8Array(BEFORE_REST_BYTES + EVENT_BYTES_MAX);

/**
 * Writes the leaves of `count` events to out, 32 bytes each. The first event begins at `firstEvent`; `ends` has three
 * numbers an event (end of actor, end of object, end of event). Three hash calls an event; events are copied many at a time.
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
  const room = scratch.length - BEFORE_REST_BYTES;
  let start = firstEvent;
  let i = 0;
  while (i < count) {
    let next = i + 1;
    while (next < count && (ends[3 * next + 2] as number) - start <= room) next++;
    scratch.set(bytes.subarray(start, ends[3 * next - 1]), BEFORE_REST_BYTES);
    const shift = BEFORE_REST_BYTES - start;
    for (; i < next; i++) {
      const end = ends[3 * i + 2] as number;
      hashLeafInPlace(
        sha256,
        scratch,
        start + shift,
        (ends[3 * i] as number) + shift,
        (ends[3 * i + 1] as number) + shift,
        end + shift,
        out,
        i,
      );
      start = end;
    }
  }
}

/**
 * Each section is hashed where it stands. What its input has before it is written over what stands there: an earlier event,
 * or a section of this one that was hashed already.
 */
function hashLeafInPlace(
  sha256: Sha256,
  scratch: Uint8Array,
  start: number,
  actorEnd: number,
  objectEnd: number,
  end: number,
  out: Uint8Array,
  index: number,
): void {
  const outAt = index * HASH_BYTES;
  scratch[start - 1] = A;
  sha256.digestInto(scratch, start - 1, actorEnd, out, outAt); // kept there: its place may still be the object's
  scratch[actorEnd - 1] = O;
  sha256.digestInto(scratch, actorEnd - 1, objectEnd, scratch, objectEnd - HASH_BYTES);
  const from = objectEnd - BEFORE_REST_BYTES;
  scratch[from] = 0;
  scratch[from + 1] = E;
  scratch[from + 2] = EVENT_LEAF_VERSION;
  for (let i = 0; i < HASH_BYTES; i++) scratch[from + PREFIX_BYTES + i] = out[outAt + i] as number;
  sha256.digestInto(scratch, from, end, out, outAt);
}
