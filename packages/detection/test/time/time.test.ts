import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventClock } from '../../src/time/event-clock.ts';
import { compareMoments } from '../../src/time/order.ts';
import { ReorderHeap } from '../../src/time/reorder-heap.ts';
import { parseTimespan, TIMESPAN_MAX_US } from '../../src/time/timespan.ts';

describe('a timespan', () => {
  it('is a whole number and a unit', () => {
    const day_us = 86_400_000_000;
    expect(['10s', '90m', '1h', '30d', '2w', '1M', '1y'].map(parseTimespan)).toEqual([
      10_000_000,
      5_400_000_000,
      3_600_000_000,
      30 * day_us,
      14 * day_us,
      (365.2425 * day_us) / 12,
      365.2425 * day_us,
    ]);
  });

  it('is refused where it is none, is zero or is too long', () => {
    for (const text of ['', '5', 'm', '5 m', '-5m', '1.5h', '5S', '5H', '5ms', '0s', '00m', '11y', '9999999999s', '٥m', '5m\n'])
      expect(parseTimespan(text), text).toBeNull();
    expect(parseTimespan('10y')).toBe(TIMESPAN_MAX_US);
  });
});

describe('the reorder heap', () => {
  it('gives what it was given in the order of time and id, also while it is being filled', () => {
    const moment = fc.record({ time_us: fc.integer({ min: 0, max: 20 }), id: fc.string({ maxLength: 2, unit: 'binary' }) });
    fc.assert(
      fc.property(fc.array(fc.tuple(moment, fc.boolean())), (steps) => {
        const heap = new ReorderHeap<{ time_us: number; id: string }>();
        let inside: { time_us: number; id: string }[] = [];
        for (const [item, take] of steps) {
          heap.push(item);
          inside.push(item);
          expect(heap.size).toBe(inside.length);
          if (!take) continue;
          inside = inside.sort(compareMoments);
          expect(heap.first).toEqual(inside[0]);
          expect(heap.take()).toEqual(inside.shift());
        }
        expect(Array.from({ length: inside.length }, () => heap.take())).toEqual(inside.sort(compareMoments));
        expect(heap.take()).toBeUndefined();
      }),
    );
  });
});

describe('the event clock', () => {
  it('stands the allowance behind the latest event and never goes back', () => {
    const clock = new EventClock(10, 5);
    expect(clock.watermark_us).toBe(Number.NEGATIVE_INFINITY);
    clock.observe(100);
    clock.observe(40);
    expect(clock.watermark_us).toBe(90);
  });

  it('caps what lies too far beyond the time at which the log took it, and takes only whole microseconds', () => {
    const clock = new EventClock(10, 5);
    expect(clock.timeOf({ time_us: 1_000, received_us: 500 })).toBe(505);
    expect(clock.timeOf({ time_us: 505, received_us: 500 })).toBe(505);
    expect(clock.timeOf({ time_us: 1_000 })).toBe(1_000);
    expect(clock.timeOf({ time_us: 1_000, received_us: Number.NaN })).toBe(1_000);
    for (const time_us of [Number.NaN, Number.POSITIVE_INFINITY, 0.5, 2 ** 53])
      expect(clock.timeOf({ time_us, received_us: 1 })).toBeNull();
  });
});
