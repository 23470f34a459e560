import { rootOfLeaves } from '@sealtrail/merkle';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomOf, sha256 } from '../../verify/test/sealed-world.ts';
import { LeafTree, swappedBetween, swappedWithin } from '../src/fsck/leaf-tree.ts';
import { type Link, LinkJudge } from '../src/fsck/link-judge.ts';
import { OffsetTally } from '../src/fsck/offset-tally.ts';
import { PageReader } from '../src/fsck/page-reader.ts';
import { Ranges } from '../src/fsck/ranges.ts';
import { joined } from '../src/joined-hashes.ts';

describe('Ranges', () => {
  it('overlap what a set of all offsets would', () => {
    const range = fc.tuple(fc.nat(60), fc.nat(12)).map(([from, length]) => ({ from, to: from + length }));
    fc.assert(
      fc.property(fc.array(range, { maxLength: 12 }), fc.array(range, { maxLength: 20 }), (added, asked) => {
        const ranges = new Ranges();
        const all = new Set<number>();
        for (const one of added) {
          ranges.add(one);
          for (let i = one.from; i < one.to; i++) all.add(i);
        }
        for (const { from, to } of asked) {
          let expected = false;
          for (let i = from; i < to; i++) expected ||= all.has(i);
          expect(ranges.overlaps(from, to)).toBe(expected);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('OffsetTally', () => {
  it('holds for a range in any order, and for nothing else', () => {
    fc.assert(
      fc.property(
        fc.nat(2 ** 48),
        fc.integer({ min: 1, max: 60 }),
        fc.nat(),
        fc.integer({ min: -3, max: 60 }),
        (from, count, at, other) => {
          const offsets = Array.from({ length: count }, (_, i) => from + ((i * 7 + at) % count));
          fc.pre(new Set(offsets).size === count);
          const tally = new OffsetTally();
          for (const offset of offsets) tally.add(offset);
          expect(tally.isExactly(from, from + count)).toBe(true);
          const wrong = new OffsetTally();
          const place = at % count;
          fc.pre(from + other !== offsets[place] && from + other >= 0);
          offsets.forEach((offset, i) => wrong.add(i === place ? from + other : offset));
          expect(wrong.isExactly(from, from + count)).toBe(false);
          tally.add(from);
          expect(tally.isExactly(from, from + count)).toBe(false);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

describe('LeafTree', () => {
  const leaves = (seed: number, count: number): Uint8Array[] => {
    const { bytes } = randomOf(seed);
    return Array.from({ length: count }, () => bytes(32));
  };
  const rootOf = (list: readonly Uint8Array[]): Uint8Array => rootOfLeaves(sha256, joined(list), list.length);

  it('has the root of RFC 9162, with any leaves changed', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 40 }), fc.array(fc.nat(39), { maxLength: 5 }), (seed, count, places) => {
        const list = leaves(seed, count);
        const tree = new LeafTree(sha256, list);
        expect(tree.hasRoot(rootOf(list))).toBe(true);
        const changes = new Map(places.filter((place) => place < count).map((place, i) => [place, new Uint8Array(32).fill(i)]));
        const changed = list.map((leaf, i) => changes.get(i) ?? leaf);
        expect(tree.hasRoot(rootOf(changed), changes)).toBe(true);
        if (changes.size > 0) expect(tree.hasRoot(rootOf(changed))).toBe(false);
      }),
      { numRuns: 300 },
    );
  });

  it('tells two leaves that were exchanged, in one batch and between two', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 2, max: 20 }), fc.nat(), fc.nat(), (seed, count, a, b) => {
        const [i, j] = [a % count, b % count].sort((x, y) => x - y) as [number, number];
        const list = leaves(seed, count);
        const other = leaves(seed + 1, count + 3);
        if (i !== j) {
          const swapped = [...list];
          [swapped[i], swapped[j]] = [list[j] as Uint8Array, list[i] as Uint8Array];
          expect(swappedWithin(new LeafTree(sha256, swapped), rootOf(list))).toEqual([i, j]);
        }
        const [mine, theirs] = [[...list], [...other]];
        [mine[i], theirs[j]] = [other[j] as Uint8Array, list[i] as Uint8Array];
        const [one, two] = [
          { tree: new LeafTree(sha256, mine), root: rootOf(list) },
          { tree: new LeafTree(sha256, theirs), root: rootOf(other) },
        ];
        expect(swappedBetween(one, two)).toEqual([i, j]);
        expect(swappedWithin(one.tree, one.root)).toBeNull();
      }),
      { numRuns: 100 },
    );
  });
});

describe('LinkJudge', () => {
  const hash = (n: number): Uint8Array => new Uint8Array(32).fill(n + 1);
  const chain = (count: number): Link[] =>
    Array.from({ length: count }, (_, i) => ({ computed: hash(i), stored: hash(i), previous: hash(i - 1) }));
  const judge = (items: readonly (Link | null)[], anchor: Uint8Array | null): readonly string[] => {
    const one = new LinkJudge<Link>();
    return [...items.flatMap((item) => one.push(item)), ...one.end(anchor)].map(({ state }) => state);
  };

  it.each([1, 2, 3, 6])('finds a sound chain of %i sound, with and without an anchor', (count) => {
    expect(judge(chain(count), hash(count - 1))).toEqual(chain(count).map(() => 'sound'));
    expect(judge(chain(count), null)).toEqual(chain(count).map(() => 'sound'));
    expect(judge([], null)).toEqual([]);
  });

  it('blames the one row that is forged, whatever was forged in it', () => {
    for (let count = 1; count <= 6; count++) {
      for (let at = 0; at < count; at++) {
        for (const forged of [
          { computed: hash(99) },
          { computed: null },
          { stored: hash(99) },
          { computed: hash(99), stored: hash(99) },
          { computed: hash(99), stored: hash(99), previous: hash(98) },
          { computed: hash(99), previous: hash(98) },
        ]) {
          const items = chain(count).map((link, i) => (i === at ? { ...link, ...forged } : link));
          const expected = items.map((_, i) => (i === at ? 'altered' : 'sound'));
          expect(judge(items, hash(count - 1)), `${at} of ${count}: ${Object.keys(forged).join()}`).toEqual(expected);
        }
        const gap = chain(count).map((link, i) => (i === at ? null : link));
        expect(judge(gap, hash(count - 1))).toEqual(gap.map((link) => (link === null ? 'missing' : 'sound')));
      }
    }
  });

  it('holds a row against what is bound at its place, before the row after it', () => {
    const [zero, , two] = chain(3) as [Link, Link, Link];
    const forged = { computed: hash(99), stored: hash(99), previous: hash(0) };
    const relinked = { ...two, computed: hash(98), stored: hash(98), previous: hash(99) };
    const one = new LinkJudge<Link>();
    const judged = [...one.push(zero), ...one.push(forged, hash(1)), ...one.push(relinked), ...one.end(hash(2))];
    expect(judged.map(({ state, vouched }) => [state, vouched])).toEqual([
      ['sound', false],
      ['altered', true],
      ['altered', true],
    ]);
    const missing = new LinkJudge<Link>();
    expect([...missing.push(null, hash(0)), ...missing.end(null)]).toEqual([
      { index: 0, item: null, truth: hash(0), state: 'missing', vouched: true },
    ]);
  });

  it('says of a row behind a forged one, or at an open end, that nothing vouches for it', () => {
    const one = new LinkJudge<Link>();
    expect(chain(3).flatMap((link) => one.push(link))).toMatchObject([{ state: 'sound', vouched: true }]);
    expect(one.end(null)).toMatchObject([
      { state: 'sound', vouched: true },
      { state: 'sound', vouched: false },
    ]);
  });
});

describe('PageReader', () => {
  it('gives the rows of any pages in order, piece by piece', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.nat(9), { maxLength: 4 }), { maxLength: 6 }),
        fc.integer({ min: 1, max: 3 }),
        async (pages, max) => {
          async function* given(): AsyncGenerator<readonly number[]> {
            yield* pages;
          }
          const reader = new PageReader(given());
          const all: number[] = [];
          for (let next = await reader.peek(); next !== undefined; next = await reader.peek()) {
            const same = next;
            const rows = await reader.takeWhile((row) => row === same, max);
            expect(rows.length).toBeGreaterThan(0);
            expect(rows.length).toBeLessThanOrEqual(max);
            all.push(...rows);
          }
          expect(all).toEqual(pages.flat());
          expect(await new PageReader(given()).drop(() => true)).toBe(pages.flat().length);
        },
      ),
    );
  });
});
