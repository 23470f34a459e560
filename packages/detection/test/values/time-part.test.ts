import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { timePart } from '../../src/values/time-part.ts';

const UNITS = ['minute', 'hour', 'day', 'week', 'month', 'year'] as const;

/** By the calendar of the platform. */
function partsOf(date: Date): readonly number[] {
  const thursday = new Date(date);
  thursday.setUTCHours(0, 0, 0, 0);
  thursday.setUTCDate(thursday.getUTCDate() + 3 - ((thursday.getUTCDay() + 6) % 7));
  const newYear = new Date(thursday);
  newYear.setUTCMonth(0, 1);
  const week = Math.floor((thursday.getTime() - newYear.getTime()) / 604_800_000) + 1;
  return [date.getUTCMinutes(), date.getUTCHours(), date.getUTCDate(), week, date.getUTCMonth() + 1, date.getUTCFullYear()];
}

describe('parts of a date', () => {
  it('are those of the platform, from texts and from numbers of each unit', () => {
    const seconds = fc.integer({ min: 100_000_000, max: 99_000_000_000 });
    fc.assert(
      fc.property(seconds, (s) => {
        const expected = partsOf(new Date(s * 1_000));
        for (const value of [s, s * 1_000, s * 1_000_000]) expect(UNITS.map((unit) => timePart(value, unit))).toEqual(expected);
        expect(UNITS.map((unit) => timePart(new Date(s * 1_000).toISOString(), unit))).toEqual(expected);
      }),
    );
  });

  it('are those before 1970 too', () => {
    expect(UNITS.map((unit) => timePart(-1, unit))).toEqual([59, 23, 31, 1, 12, 1969]);
  });

  it.each([
    '',
    '2024',
    '2024-13-01T01:01',
    '2024-02-30T01:01',
    '2024-00-01T01:01',
    '2024-01-01T',
    '24-01-01',
    '2024-01-01T25:00Z',
    '2024-01-01T10:61',
    '2024-01-01',
    'x'.repeat(1 << 20),
  ])('are no hour of %j', (text) => {
    expect(timePart(text, 'hour')).toBeNull();
  });

  it('are none of what is no number of time', () => {
    expect([Number.NaN, Number.POSITIVE_INFINITY, 1e300, true, null].map((value) => timePart(value, 'year'))).toEqual([
      null,
      null,
      null,
      null,
      null,
    ]);
  });
});
