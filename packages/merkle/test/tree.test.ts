import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  appendLeaf,
  consistencyProof,
  EMPTY_FRONTIER,
  frontierOfLeaves,
  frontierRoot,
  inclusionProof,
  leafHash,
  rootOfLeaves,
  verifyConsistency,
  verifyInclusion,
} from '../src/index.ts';
import * as node from '../src/node.ts';
import * as portable from '../src/portable.ts';
import * as naive from './naive.ts';

const sha256 = node.sha256();
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const unhex = (text: string): Uint8Array => Buffer.from(text, 'hex');
const data = (n: number): Uint8Array[] => Array.from({ length: n }, (_, i) => Buffer.from(`data ${i * 7919}`));
const leavesOf = (d: readonly Uint8Array[]): Uint8Array => Buffer.concat(d.map((one) => leafHash(sha256, one)));

const SIZES = 70;

describe('against the definition in RFC 9162 2.1', () => {
  const all = data(SIZES);
  const leaves = leavesOf(all);
  it('gives its roots at every size, at once and by appending', () => {
    let frontier = EMPTY_FRONTIER;
    for (let n = 0; n <= SIZES; n++) {
      const root = hex(naive.mth(all.slice(0, n)));
      expect(hex(rootOfLeaves(sha256, leaves, n))).toBe(root);
      expect(hex(frontierRoot(sha256, frontier))).toBe(root);
      expect(frontierOfLeaves(sha256, leaves, n).nodes.map(hex)).toEqual(frontier.nodes.map(hex));
      expect(frontier.size).toBe(n);
      if (n < SIZES) frontier = appendLeaf(sha256, frontier, leaves.subarray(32 * n, 32 * n + 32));
    }
  });

  it('gives its proofs for every size and index, and they verify', () => {
    for (let n = 1; n <= SIZES; n++) {
      const d = all.slice(0, n);
      const root = rootOfLeaves(sha256, leaves, n);
      for (let m = 0; m < n; m++) {
        const path = inclusionProof(sha256, leaves, n, m);
        expect(path.map(hex)).toEqual(naive.path(m, d).map(hex));
        expect(verifyInclusion(sha256, path, leaves.subarray(32 * m, 32 * m + 32), m, n, root)).toBe(true);
        if (m > 0) {
          const proof = consistencyProof(sha256, leaves, n, m);
          expect(proof.map(hex)).toEqual(naive.proof(m, d).map(hex));
          expect(verifyConsistency(sha256, proof, m, rootOfLeaves(sha256, leaves, m), n, root)).toBe(true);
        }
      }
    }
  });
});

describe('verification', () => {
  const leaves = leavesOf(data(SIZES));
  const flipped = (bytes: Uint8Array, bit: number): Uint8Array => {
    const copy = Uint8Array.from(bytes);
    copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7));
    return copy;
  };
  it('refuses an inclusion proof with anything changed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: SIZES }), fc.nat(), fc.nat(255), fc.nat(), (n, index, bit, pick) => {
        const m = index % n;
        const leaf = leaves.subarray(32 * m, 32 * m + 32);
        const root = rootOfLeaves(sha256, leaves, n);
        const path = inclusionProof(sha256, leaves, n, m);
        const verify = (p: readonly Uint8Array[], l = leaf, i = m, s = n, r = root): boolean => verifyInclusion(sha256, p, l, i, s, r);
        expect(verify(path)).toBe(true);
        expect(verify(path, flipped(leaf, bit))).toBe(false);
        expect(verify(path, leaf, m, n, flipped(root, bit))).toBe(false);
        if (path.length > 0) expect(verify(path.map((one, i) => (i === pick % path.length ? flipped(one, bit) : one)))).toBe(false);
        expect(verify([...path, root])).toBe(false);
        if (path.length > 0) expect(verify(path.slice(1))).toBe(false);
        for (let other = 0; other < n; other++) if (other !== m) expect(verify(path, leaf, other)).toBe(false);
      }),
      { numRuns: 200 },
    );
  });

  it('refuses a consistency proof with anything changed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: SIZES }), fc.nat(), fc.nat(255), fc.nat(), (n, index, bit, pick) => {
        const m = 1 + (index % (n - 1));
        const [from, root] = [rootOfLeaves(sha256, leaves, m), rootOfLeaves(sha256, leaves, n)];
        const proof = consistencyProof(sha256, leaves, n, m);
        expect(verifyConsistency(sha256, proof, m, from, n, root)).toBe(true);
        expect(verifyConsistency(sha256, proof, m, flipped(from, bit), n, root)).toBe(false);
        expect(verifyConsistency(sha256, proof, m, from, n, flipped(root, bit))).toBe(false);
        expect(
          verifyConsistency(
            sha256,
            proof.map((one, i) => (i === pick % proof.length ? flipped(one, bit) : one)),
            m,
            from,
            n,
            root,
          ),
        ).toBe(false);
        expect(verifyConsistency(sha256, [...proof, root], m, from, n, root)).toBe(false);
        expect(verifyConsistency(sha256, proof.slice(1), m, from, n, root)).toBe(false);
      }),
      { numRuns: 200 },
    );
  });

  it('is false, never an exception, for what is malformed', () => {
    const root = rootOfLeaves(sha256, leaves, 4);
    const short = new Uint8Array(31);
    for (const [index, size] of [
      [-1, 4],
      [4, 4],
      [0, 0],
      [0.5, 4],
      [Number.NaN, 4],
      [0, Number.POSITIVE_INFINITY],
    ] as const) {
      expect(verifyInclusion(sha256, [root, root], root, index, size, root)).toBe(false);
      expect(verifyConsistency(sha256, [root], index, root, size, root)).toBe(false);
    }
    expect(verifyInclusion(sha256, [short, root], root, 0, 4, root)).toBe(false);
    expect(verifyInclusion(sha256, [], short, 0, 1, short)).toBe(false);
    expect(verifyConsistency(sha256, [], 3, root, 4, root)).toBe(false);
    expect(verifyConsistency(sha256, [], 0, root, 4, root)).toBe(false);
  });

  it('holds for sizes beyond 32 bits', () => {
    const size = 2 ** 40 + 3;
    const path = Array.from({ length: 2 }, (_, i) => new Uint8Array(32).fill(i));
    // The last leaf of 2^40 + 3: a lone leaf beside a pair, beside the big subtree.
    const leaf = new Uint8Array(32).fill(9);
    const inner = rootOfTwo(path[0] as Uint8Array, leaf);
    expect(verifyInclusion(sha256, path, leaf, size - 1, size, rootOfTwo(path[1] as Uint8Array, inner))).toBe(true);
  });
});

const rootOfTwo = (left: Uint8Array, right: Uint8Array): Uint8Array => sha256.digest(Buffer.concat([Buffer.of(1), left, right]));

describe('against golang.org/x/mod/sumdb', () => {
  const vectors = JSON.parse(readFileSync(new URL('vectors/sumdb.json', import.meta.url), 'utf8')) as {
    leaves: string[];
    roots: string[];
    inclusion: { size: number; index: number; path: string[] }[];
    consistency: { size: number; index: number; path: string[] }[];
  };
  const leaves = Buffer.concat(vectors.leaves.map(unhex));
  for (const [name, adapter] of [
    ['node', node],
    ['portable', portable],
  ] as const) {
    it(`agrees on leaves, roots and proofs (${name})`, () => {
      const hash = adapter.sha256();
      expect(vectors.leaves.map((_, i) => hex(leafHash(hash, Buffer.from(`leaf ${i}`))))).toEqual(vectors.leaves);
      expect(vectors.roots.map((_, i) => hex(rootOfLeaves(hash, leaves, i + 1)))).toEqual(vectors.roots);
      for (const { size, index, path } of vectors.inclusion) expect(inclusionProof(hash, leaves, size, index).map(hex)).toEqual(path);
      for (const { size, index, path } of vectors.consistency) {
        expect(consistencyProof(hash, leaves, size, index).map(hex)).toEqual(path);
      }
    });
  }
});

describe('the reference vectors of Certificate Transparency', () => {
  // Eight leaves and the root of each size, as in RFC 6962's reference implementation (merkletree/merkle_tree_test).
  const inputs = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'].map(unhex);
  const roots = [
    '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
    'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
    'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
    'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
    '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
    'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
    '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
  ];
  it('give the published roots', () => {
    const leaves = leavesOf(inputs);
    expect(roots.map((_, i) => hex(rootOfLeaves(sha256, leaves, i + 1)))).toEqual(roots);
    expect(hex(rootOfLeaves(sha256, leaves, 0))).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  });
});

describe('the hash adapters', () => {
  it('write in place, into views, and agree', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(8), (bytes, shift) => {
        const expected = hex(naive.mth([bytes]));
        for (const hash of [node.sha256(), portable.sha256()]) {
          const room = new Uint8Array(300).subarray(shift);
          room.set(bytes, 1);
          hash.digestInto(room, 0, bytes.length + 1, room, 0);
          expect(hex(room.subarray(0, 32))).toBe(expected);
        }
      }),
    );
  });

  it('sign and verify alike (RFC 8032 7.1, test 2)', () => {
    const seed = unhex('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb');
    const publicKey = '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c';
    const signature =
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00';
    for (const adapter of [node, portable]) {
      expect(hex(adapter.ed25519PublicKey(seed))).toBe(publicKey);
      expect(hex(adapter.ed25519Signer(seed)(unhex('72')))).toBe(signature);
      const verify = adapter.ed25519Verify();
      expect(verify(unhex(publicKey), unhex('72'), unhex(signature))).toBe(true);
      expect(verify(unhex(publicKey), unhex('73'), unhex(signature))).toBe(false);
      expect(verify(unhex(publicKey).subarray(1), unhex('72'), unhex(signature))).toBe(false);
      expect(verify(unhex(publicKey), unhex('72'), unhex(signature).subarray(1))).toBe(false);
      expect(verify(new Uint8Array(32).fill(255), unhex('72'), unhex(signature))).toBe(false);
    }
  });
});
