import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSealed, type SequenceIntervals, sealedHeaderKeyText, sequenceKey, withSealed } from '../src/index.ts';

const instance = new Uint8Array(16);
const life = (intervals: SequenceIntervals['intervals']): SequenceIntervals => ({
  producer: 'p',
  instance,
  delivery: 'ROUTINE',
  intervals,
});

describe('sealed numbers', () => {
  it('are what a set of them would be, in any order of arrival', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(60), { maxLength: 60 }), (numbers) => {
        let intervals: SequenceIntervals['intervals'] = [];
        const set = new Set<number>();
        for (const number of numbers) {
          const before = JSON.stringify(intervals);
          const next = withSealed(intervals, number);
          expect(JSON.stringify(intervals)).toBe(before);
          intervals = next;
          set.add(number);
        }
        for (let number = 0; number <= 62; number++) expect(isSealed(life(intervals), number)).toBe(set.has(number));
        // Ascending, not empty, not touching: as few as there can be.
        for (const [i, { from, to }] of intervals.entries()) {
          expect(from).toBeLessThan(to);
          if (i > 0) expect(from).toBeGreaterThan((intervals[i - 1] as { to: number }).to);
        }
        expect(intervals.reduce((sum, { from, to }) => sum + to - from, 0)).toBe(set.size);
      }),
      { numRuns: 500 },
    );
  });

  it('in order are one interval', () => {
    let intervals: SequenceIntervals['intervals'] = [];
    for (let number = 0; number < 1_000; number++) intervals = withSealed(intervals, number);
    expect(intervals).toEqual([{ from: 0, to: 1_000 }]);
  });

  it('reach the last number that a header can hold', () => {
    const last = Number.MAX_SAFE_INTEGER;
    const intervals = withSealed(withSealed([], last), last - 1);
    expect(intervals).toEqual([{ from: last - 1, to: last + 1 }]);
    expect([last - 2, last - 1, last].map((number) => isSealed(life(intervals), number))).toEqual([false, true, true]);
  });

  it('of nobody are none', () => expect(isSealed(undefined, 0)).toBe(false));
});

describe('the names of lives and headers', () => {
  it('differ when anything of them differs', () => {
    const name = fc.stringMatching(/^[A-Za-z0-9._:/@-]{1,8}$/);
    const part = fc.record({
      tenant: name,
      producer: name,
      instance: fc.uint8Array({ minLength: 16, maxLength: 16 }),
      delivery: fc.constantFrom('ROUTINE' as const, 'CRITICAL' as const),
      sequence: fc.nat(1_000),
    });
    fc.assert(
      fc.property(part, part, (a, b) => {
        const same = (x: typeof a): string => JSON.stringify({ ...x, instance: [...x.instance] });
        expect(sealedHeaderKeyText(a) === sealedHeaderKeyText(b)).toBe(same(a) === same(b));
        const life = (x: typeof a): string => JSON.stringify([x.producer, [...x.instance], x.delivery]);
        expect(sequenceKey(a.producer, a.instance, a.delivery) === sequenceKey(b.producer, b.instance, b.delivery)).toBe(
          life(a) === life(b),
        );
        expect(sealedHeaderKeyText(a)).toBe(sealedHeaderKeyText({ ...a }));
      }),
    );
  });
});
