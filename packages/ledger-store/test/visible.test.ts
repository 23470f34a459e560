import { hexOf } from '@sealtrail/merkle';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CommitRow, PartitionKey } from '../src/port.ts';
import { largestCommits, visibility, visibleIntervals } from '../src/visible.ts';

const claimOf = (n: number): Uint8Array => new Uint8Array(16).fill(n);
const home: PartitionKey = { topic: 'audit.events', incarnation: 1, partition: 0 };
const commit = (claim: number, ordinal: number, from: number, to: number, key: PartitionKey = home): CommitRow => ({
  ...key,
  claim: claimOf(claim),
  ordinal,
  from,
  to,
  round_hash: new Uint8Array(32).fill(to),
});
const shown = (rows: readonly CommitRow[]): string[] =>
  visibleIntervals(rows).map((i) => `${i.topic}/${i.incarnation}/${i.partition} c${i.claim[0]} [${i.from},${i.to})`);

/** The sentence of the specification, word for word and slow. */
function naive(rows: readonly CommitRow[], key: PartitionKey, claim: number, offset: number): boolean {
  const here = rows.filter((r) => r.topic === key.topic && r.incarnation === key.incarnation && r.partition === key.partition);
  const own = here.filter((r) => r.claim[0] === claim);
  const first = own[0];
  if (first === undefined) return false;
  const from = Math.min(...own.map((r) => r.from));
  const to = Math.max(...own.map((r) => r.to));
  const higher = here.filter((r) => r.ordinal > first.ordinal).map((r) => r.from);
  return from <= offset && offset < Math.min(to, ...higher);
}

const partitions = fc.constantFrom<PartitionKey>(home, { ...home, partition: 1 }, { ...home, incarnation: 2 }, { ...home, topic: 'other' });
/** Commit rows as they may stand: a claim has one ordinal and one start a partition, and any number of rows. */
const commitRows = fc
  .array(
    fc.record({
      key: partitions,
      claim: fc.nat(9),
      ordinal: fc.nat(5),
      from: fc.nat(12),
      lengths: fc.array(fc.nat(8), { minLength: 1, maxLength: 4 }),
    }),
    { maxLength: 10 },
  )
  .chain((claims) => {
    const kept = new Map(claims.map((c) => [JSON.stringify([c.key, c.claim]), c]));
    const rows = [...kept.values()].flatMap((c) => c.lengths.map((n) => commit(c.claim, c.ordinal, c.from, c.from + n, c.key)));
    return fc.shuffledSubarray(rows, { minLength: rows.length, maxLength: rows.length });
  });

describe('visible intervals', () => {
  it('are what the sentence of the specification says, for any commit rows in any order', () => {
    fc.assert(
      fc.property(commitRows, partitions, (rows, key) => {
        const intervals = visibleIntervals(rows).filter(
          (i) => i.topic === key.topic && i.incarnation === key.incarnation && i.partition === key.partition,
        );
        const sees = visibility(intervals);
        for (let claim = 0; claim < 10; claim++) {
          for (let offset = 0; offset < 22; offset++) expect(sees(claimOf(claim), offset)).toBe(naive(rows, key, claim, offset));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('do not depend on the order of arrival, nor on a row that arrives again', () => {
    fc.assert(
      fc.property(commitRows, (rows) => {
        expect(shown([...rows, ...rows].reverse())).toEqual(shown(rows));
      }),
    );
  });

  it('show no offset from two claims when ordinals are unique', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(10), fc.nat(10)), { maxLength: 8 }), (claims) => {
        const rows = claims.map(([from, length], i) => commit(i, i, from, from + length));
        const sees = visibility(visibleIntervals(rows));
        for (let offset = 0; offset < 21; offset++) {
          expect(rows.filter((r) => sees(r.claim, offset)).length).toBeLessThanOrEqual(1);
        }
      }),
    );
  });

  it('keep apart two partitions with the same ordinals', () => {
    const other = { ...home, partition: 1 };
    // The claim of partition 1 starts at 2 with a higher ordinal: it must not cut the claim of partition 0.
    const rows = [commit(1, 0, 0, 10), commit(2, 1, 2, 5, other), commit(3, 0, 0, 2, other), commit(4, 1, 7, 9)];
    expect(shown(rows)).toEqual([
      'audit.events/1/0 c1 [0,7)',
      'audit.events/1/0 c4 [7,9)',
      'audit.events/1/1 c3 [0,2)',
      'audit.events/1/1 c2 [2,5)',
    ]);
  });

  it('keep apart two incarnations of one partition, and the same claim in both', () => {
    const again = { ...home, incarnation: 2 };
    expect(shown([commit(1, 0, 0, 10), commit(1, 1, 0, 3, again)])).toEqual(['audit.events/1/0 c1 [0,10)', 'audit.events/2/0 c1 [0,3)']);
  });

  it('stay cut when a commit row of the cut claim arrives late', () => {
    const before = [commit(1, 0, 0, 4), commit(2, 1, 4, 6)];
    expect(shown([...before, commit(1, 0, 0, 9)])).toEqual(shown(before));
  });

  it('are cut by every claim above, not only by the next', () => {
    expect(shown([commit(1, 0, 0, 9), commit(2, 1, 6, 9), commit(3, 2, 3, 9)])).toEqual([
      'audit.events/1/0 c1 [0,3)',
      'audit.events/1/0 c2 [6,3)',
      'audit.events/1/0 c3 [3,9)',
    ]);
  });

  it('are not cut by a claim of the same ordinal', () => {
    expect(shown([commit(1, 3, 0, 9), commit(2, 3, 4, 6)])).toEqual(['audit.events/1/0 c1 [0,9)', 'audit.events/1/0 c2 [4,6)']);
  });

  it('let an empty opening row of a new era cut what stands above its start', () => {
    expect(shown([commit(1, 0, 0, 9), commit(2, 16, 5, 5)])).toEqual(['audit.events/1/0 c1 [0,5)', 'audit.events/1/0 c2 [5,5)']);
  });
});

describe('commit rows', () => {
  it('come as one a claim, with the largest end and its round hash', () => {
    const rows = largestCommits([commit(2, 1, 5, 6), commit(1, 0, 0, 5), commit(1, 0, 0, 3)]);
    expect(rows.map((r) => [hexOf(r.claim).slice(0, 2), r.ordinal, r.from, r.to, r.round_hash[0]])).toEqual([
      ['01', 0, 0, 5, 5],
      ['02', 1, 5, 6, 6],
    ]);
  });
});
