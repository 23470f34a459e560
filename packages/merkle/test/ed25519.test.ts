import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as node from '../src/node.ts';
import * as portable from '../src/portable.ts';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));
const { cases } = JSON.parse(readFileSync(new URL('vectors/ed25519-speccheck.json', import.meta.url), 'utf8')) as {
  readonly cases: readonly {
    readonly name: string;
    readonly message: string;
    readonly public_key: string;
    readonly signature: string;
    readonly small_order_key: boolean;
    readonly verifies: boolean;
  }[];
};
const verifiers = [
  ['node:crypto', node.ed25519Verify()],
  ['portable', portable.ed25519Verify()],
] as const;

describe.each(verifiers)('Ed25519 by %s', (_, verify) => {
  // RFC 8032 7.1, tests 1 and 2.
  it.each([
    [
      'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
      '',
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    ],
    [
      '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
      '72',
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    ],
  ])('accepts the signatures of RFC 8032 by %s', (key, message, signature) => {
    expect(verify(hex(key), hex(message), hex(signature))).toBe(true);
    for (let bit = 0; bit < 512; bit += 7) {
      const flipped = hex(signature);
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(verify(hex(key), hex(message), flipped), `bit ${bit}`).toBe(false);
    }
  });

  // Keys of small order are refused before a verifier is asked (isAcceptablePublicKey), so verifiers may differ about them.
  it.each(cases.filter((one) => !one.small_order_key))('$name: $verifies', ({ public_key, message, signature, verifies }) =>
    expect(verify(hex(public_key), hex(message), hex(signature))).toBe(verifies),
  );

  it('answers false to anything malformed', () => {
    const key = hex('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a');
    const none = new Uint8Array(0);
    expect(verify(key, none, new Uint8Array(63))).toBe(false);
    expect(verify(key, none, new Uint8Array(65))).toBe(false);
    expect(verify(key.subarray(1), none, new Uint8Array(64))).toBe(false);
    expect(verify(new Uint8Array(32).fill(0xff), none, new Uint8Array(64))).toBe(false);
    expect(verify(hex(`02${'00'.repeat(31)}`), none, new Uint8Array(64))).toBe(false); // no point has this y
  });
});

describe('the two ways to Ed25519', () => {
  const bytes = (size: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: size, maxLength: size });
  it('give the same keys and signatures, and take each other’s', () => {
    fc.assert(
      fc.property(bytes(32), fc.uint8Array({ maxLength: 100 }), (seed, message) => {
        const key = node.ed25519PublicKey(seed);
        expect(portable.ed25519PublicKey(seed)).toEqual(key);
        const signature = Uint8Array.from(node.ed25519Signer(seed)(message));
        expect(portable.ed25519Signer(seed)(message)).toEqual(signature);
        for (const [, verify] of verifiers) expect(verify(key, message, signature)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });
});

describe('SHA-256', () => {
  it('is the same both ways, in place and at any offset', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 40, maxLength: 300 }), fc.nat(200), fc.nat(8), (input, cut, to) => {
        const from = Math.min(cut, input.length);
        const expected = node.sha256().digest(input.subarray(from));
        expect(portable.sha256().digest(input.subarray(from))).toEqual(expected);
        for (const sha256 of [node.sha256(), portable.sha256()]) {
          const work = input.slice();
          sha256.digestInto(work, from, work.length, work, to);
          expect(work.slice(to, to + 32)).toEqual(expected);
          expect(work.subarray(0, to)).toEqual(input.subarray(0, to));
          expect(work.subarray(to + 32)).toEqual(input.subarray(to + 32));
        }
      }),
    );
  });
});
