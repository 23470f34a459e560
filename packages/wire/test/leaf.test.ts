import { createHash } from 'node:crypto';
import { sha256 as nodeSha256 } from '@sealtrail/merkle/node';
import { sha256 as portableSha256 } from '@sealtrail/merkle/portable';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EVENT_BYTES_MAX, hashEventLeaves, leafScratch } from '../src/index.ts';

const digest = (...parts: (string | Uint8Array)[]): Buffer => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

interface Lengths {
  readonly actor: number;
  readonly object: number;
  readonly rest: number;
}
/** Sections of any length, down to none: what is hashed in place must not reach into what is hashed later. */
const few = fc.oneof(fc.nat(3), fc.integer({ min: 30, max: 70 }), fc.nat(600));
const small: fc.Arbitrary<Lengths> = fc.record({ actor: few, object: few, rest: few });
const large: fc.Arbitrary<Lengths> = fc
  .record({ actor: fc.nat(EVENT_BYTES_MAX), object: fc.nat(EVENT_BYTES_MAX) })
  .map(({ actor, object }) => ({ actor: actor >> 1, object: object >> 1, rest: EVENT_BYTES_MAX - (actor >> 1) - (object >> 1) }));

describe.each([
  ['node:crypto', nodeSha256()],
  ['the portable hash', portableSha256()],
])('leaves of a batch by %s', (name, sha256) => {
  it('are those of docs/spec/event.md, whatever the sections’ lengths and however many', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof({ weight: 30, arbitrary: small }, { weight: 1, arbitrary: large }), { minLength: 1, maxLength: 120 }),
        fc.nat(100),
        fc.nat(0xff),
        (events, first, filler) => {
          const size = events.reduce((sum, { actor, object, rest }) => sum + actor + object + rest, first);
          const bytes = new Uint8Array(size);
          for (let i = 0; i < size; i++) bytes[i] = (i * 31 + (i >> 8) + filler) & 0xff;
          const before = bytes.slice();
          const ends = new Uint32Array(3 * events.length);
          const wanted: Buffer[] = [];
          let at = first;
          events.forEach(({ actor, object, rest }, i) => {
            const sections = [bytes.subarray(at, at + actor), bytes.subarray(at + actor, at + actor + object)] as const;
            ends.set([at + actor, at + actor + object, at + actor + object + rest], 3 * i);
            const restBytes = bytes.subarray(at + actor + object, at + actor + object + rest);
            wanted.push(digest('\0E\x01', digest('A', sections[0]), digest('O', sections[1]), restBytes));
            at += actor + object + rest;
          });
          const leaves = new Uint8Array(32 * events.length);
          const scratch = leafScratch().fill(filler);
          hashEventLeaves(sha256, bytes, first, events.length, ends, leaves, scratch);
          expect(Buffer.from(leaves).toString('hex')).toBe(Buffer.concat(wanted).toString('hex'));
          expect(bytes).toEqual(before);
        },
      ),
      { numRuns: name === 'node:crypto' ? 150 : 15 },
    );
  });
});
