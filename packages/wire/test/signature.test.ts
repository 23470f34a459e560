import { createPrivateKey, createPublicKey, verify as nodeVerify } from 'node:crypto';
import { ed25519 } from '@noble/curves/ed25519.js';
import { ed25519PublicKey, ed25519Signer, ed25519Verify, sha256 as nodeSha256 } from '@sealtrail/merkle/node';
import { ed25519Verify as portableVerify } from '@sealtrail/merkle/portable';
import fc from 'fast-check';
import { calculateJwkThumbprint, FlattenedSign, flattenedVerify } from 'jose';
import { describe, expect, it } from 'vitest';
import { batchSigningInput, encodeHeader, isAcceptablePublicKey, keyThumbprint, verifyBatchSignature } from '../src/index.ts';
import { batchHeader } from './arbitraries.ts';
import { sampleHeader } from './sample.ts';

const sha256 = nodeSha256();
const verify = ed25519Verify();
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
const seed = Buffer.alloc(32, 7);
const publicKey = ed25519PublicKey(seed);
const keyId = keyThumbprint(sha256, publicKey);
const privateJwk = createPrivateKey({
  key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]),
  format: 'der',
  type: 'pkcs8',
});
const publicJwk = createPublicKey(privateJwk);
const CONTEXT = Buffer.from('sealtrail/batch/v1\0');

describe('a key id', () => {
  it('is the thumbprint of RFC 8037 A.3', () => {
    const key = Buffer.from('11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo', 'base64url');
    expect(base64url(keyThumbprint(sha256, key))).toBe('kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k');
  });
  it('is the thumbprint that jose gives', async () => {
    expect(base64url(keyId)).toBe(await calculateJwkThumbprint(publicJwk.export({ format: 'jwk' }) as { kty: string }));
  });
});

describe('a batch signature', () => {
  it('is the detached JWS of RFC 7797 that jose makes, byte for byte', async () => {
    for (const header of fc.sample(batchHeader, { numRuns: 20, seed: 5 })) {
      const headerBytes = encodeHeader(header);
      const jws = await new FlattenedSign(Buffer.concat([CONTEXT, headerBytes]))
        .setProtectedHeader({ alg: 'Ed25519', b64: false, crit: ['b64'], kid: base64url(keyId) })
        .sign(privateJwk);
      const ours = ed25519Signer(seed)(batchSigningInput(keyId, headerBytes));
      expect(base64url(ours)).toBe(jws.signature);
      expect(verifyBatchSignature(verify, publicKey, keyId, headerBytes, Buffer.from(jws.signature, 'base64url'))).toBe(true);
      expect(verifyBatchSignature(portableVerify(), publicKey, keyId, headerBytes, ours)).toBe(true);
    }
  });

  it('is one that jose verifies, from the regenerated protected header', async () => {
    const headerBytes = encodeHeader(sampleHeader());
    const signature = ed25519Signer(seed)(batchSigningInput(keyId, headerBytes));
    const input = Buffer.from(batchSigningInput(keyId, headerBytes));
    const jws = {
      protected: input.subarray(0, input.indexOf('.')).toString('latin1'),
      payload: Buffer.concat([CONTEXT, headerBytes]),
      signature: base64url(signature),
    };
    const { protectedHeader } = await flattenedVerify(jws, publicJwk, { algorithms: ['Ed25519'] });
    expect(protectedHeader).toEqual({ alg: 'Ed25519', b64: false, crit: ['b64'], kid: base64url(keyId) });
    await expect(flattenedVerify({ ...jws, payload: headerBytes }, publicJwk)).rejects.toThrow();
  });

  it('covers every bit of the header, the key id and itself', () => {
    const headerBytes = encodeHeader(sampleHeader());
    const signature = Uint8Array.from(ed25519Signer(seed)(batchSigningInput(keyId, headerBytes)));
    const flips = (bytes: Uint8Array, check: (flipped: Uint8Array) => boolean): void => {
      for (let bit = 0; bit < bytes.length * 8; bit += 3) {
        const flipped = Uint8Array.from(bytes);
        flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
        expect(check(flipped), `bit ${bit}`).toBe(false);
      }
    };
    expect(verifyBatchSignature(verify, publicKey, keyId, headerBytes, signature)).toBe(true);
    flips(headerBytes, (flipped) => verifyBatchSignature(verify, publicKey, keyId, flipped, signature));
    flips(signature, (flipped) => verifyBatchSignature(verify, publicKey, keyId, headerBytes, flipped));
    flips(keyId, (flipped) => verifyBatchSignature(verify, publicKey, flipped, headerBytes, signature));
    flips(publicKey, (flipped) => verifyBatchSignature(verify, flipped, keyId, headerBytes, signature));
  });

  const L = 2n ** 252n + 27742317777372353535851937790883648493n;
  const littleEndian = (value: bigint): Uint8Array => Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 255n));
  it('has an S below the order of the group: S + L is refused before a verifier is asked', () => {
    const headerBytes = encodeHeader(sampleHeader());
    const signature = Uint8Array.from(ed25519Signer(seed)(batchSigningInput(keyId, headerBytes)));
    const s = signature.subarray(32).reduceRight((value, byte) => value * 256n + BigInt(byte), 0n);
    for (const [value, passes] of [
      [s, true],
      [s + L, false],
      [s + 2n * L, false],
      [L - 1n, true],
      [L, false],
      [L + 1n, false],
      [2n ** 256n - 1n, false],
      [0n, true],
    ] as const) {
      const changed = Uint8Array.from([...signature.subarray(0, 32), ...littleEndian(value)]);
      // A verifier that says yes to all shows what is refused without it.
      expect(
        verifyBatchSignature(() => true, publicKey, keyId, headerBytes, changed),
        `S = ${value}`,
      ).toBe(passes);
      if (value !== s) expect(verifyBatchSignature(verify, publicKey, keyId, headerBytes, changed)).toBe(false);
    }
  });

  it('has 64 bytes', () => {
    for (const size of [0, 63, 65, 128]) {
      expect(verifyBatchSignature(() => true, publicKey, keyId, new Uint8Array(1), new Uint8Array(size))).toBe(false);
    }
  });
});

describe('keys of small order', () => {
  // The eight points of the torsion subgroup in all their encodings: y below p, y + p where it fits, either sign.
  const ENCODINGS = [
    '0100000000000000000000000000000000000000000000000000000000000000',
    '0100000000000000000000000000000000000000000000000000000000000080',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
    '0000000000000000000000000000000000000000000000000000000000000000',
    '0000000000000000000000000000000000000000000000000000000000000080',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
    'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
    'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  ].map((text) => Uint8Array.from(Buffer.from(text, 'hex')));

  it('are these, as another implementation finds them', () => {
    const found = new Set<string>();
    for (const encoding of ENCODINGS) {
      const point = ed25519.Point.fromBytes(encoding, true);
      expect(point.isSmallOrder(), hex(encoding)).toBe(true);
      found.add(hex(point.toBytes()));
    }
    expect(found.size).toBe(8);
    // Nothing is missing: both signs of every canonical y, and y + p where it is below 2^255, that is y < 19.
    const p = 2n ** 255n - 19n;
    const all = new Set(ENCODINGS.map(hex));
    for (const canonical of found) {
      const y = BigInt(`0x${hex(Buffer.from(canonical, 'hex').reverse())}`) & (2n ** 255n - 1n);
      for (const value of y < 19n ? [y, y + p] : [y]) {
        for (const sign of [0n, 1n]) {
          const encoding = Buffer.from((value + sign * 2n ** 255n).toString(16).padStart(64, '0'), 'hex').reverse();
          expect(all.has(hex(encoding)), hex(encoding)).toBe(true);
        }
      }
    }
  });

  it.each(ENCODINGS.map((encoding) => [hex(encoding), encoding] as const))('%s cannot be registered and verifies nothing', (_, key) => {
    expect(isAcceptablePublicKey(key)).toBe(false);
    expect(verifyBatchSignature(() => true, key, keyId, new Uint8Array(1), new Uint8Array(64))).toBe(false);
  });

  it('would let one signature stand for every message', () => {
    const identity = ENCODINGS[0] as Uint8Array;
    const forged = Uint8Array.from([...identity, ...new Uint8Array(32)]);
    const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), identity]);
    const key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
    for (const message of ['a', 'b', 'anything']) expect(nodeVerify(null, Buffer.from(message), key, forged)).toBe(true);
  });

  it('are the only refusals beside encodings that are not canonical', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (anySeed) => {
        expect(isAcceptablePublicKey(ed25519PublicKey(anySeed))).toBe(true);
      }),
      { numRuns: 50 },
    );
    for (const size of [0, 31, 33]) expect(isAcceptablePublicKey(new Uint8Array(size).fill(9))).toBe(false);
    // p + 3: the y of a point in a second encoding.
    expect(isAcceptablePublicKey(Uint8Array.from([0xf0, ...Array.from({ length: 30 }, () => 0xff), 0x7f]))).toBe(false);
    expect(isAcceptablePublicKey(Uint8Array.from([0x03, ...Array.from({ length: 31 }, () => 0)]))).toBe(true);
  });
});
