/**
 * Sigma's `timespan` in µs: a whole number and a unit. The standard names s, m, h and d; w, M and y are those of pySigma,
 * where a month is a twelfth of the Gregorian mean year and a year that mean year, so that every span has one length.
 */
const UNIT_S: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800, M: 2_629_746, y: 31_556_952 };

/** Longest span that is taken: state is kept for twice a correlation's span. */
export const TIMESPAN_MAX_US: number = 10 * 31_556_952 * 1_000_000;

/** Microseconds of a timespan such as `90m`; null where the text is none, is zero, or is longer than TIMESPAN_MAX_US. */
export function parseTimespan(text: string): number | null {
  const [, count, unit] = /^(\d{1,9})([smhdwMy])$/.exec(text) ?? [];
  if (count === undefined || unit === undefined) return null;
  const span_us = Number(count) * (UNIT_S[unit] ?? 0) * 1_000_000;
  return span_us > 0 && span_us <= TIMESPAN_MAX_US ? span_us : null;
}
