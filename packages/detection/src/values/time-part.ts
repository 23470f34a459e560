import type { TimeUnit } from '../sigma/value-test.ts';

const DATE = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::\d\d(?:[.,]\d{1,9})?)?(?: ?(?:Z|[+-]\d\d:?\d\d))?)?$/;
const DATE_CHARACTERS_MAX = 48;

/** Below: seconds; below MILLISECONDS_END: milliseconds; above: microseconds. Each reaches from 1973 to 5138. */
const SECONDS_END = 1e11;
const MILLISECONDS_END = 1e14;
const MICROSECONDS_END = 1e17;

/**
 * One part of a date. A text is read as ISO 8601 and as it is written: Sigma converts no time zones. A number is a time since
 * 1970 in UTC, in seconds, milliseconds or microseconds by its size. The week is that of ISO 8601. null where the value is
 * no date, or a date alone has no such part.
 */
export function timePart(value: string | number | boolean | null, unit: TimeUnit): number | null {
  if (typeof value === 'number') return partOfNumber(value, unit);
  if (typeof value !== 'string' || value.length > DATE_CHARACTERS_MAX) return null;
  const found = DATE.exec(value);
  if (found === null) return null;
  const [year, month, day] = [Number(found[1]), Number(found[2]), Number(found[3])];
  if (month < 1 || month > 12 || day < 1 || day > daysOf(year, month)) return null;
  if (unit === 'hour' || unit === 'minute') {
    if (found[4] === undefined) return null;
    const [hour, minute] = [Number(found[4]), Number(found[5])];
    return hour > 23 || minute > 59 ? null : unit === 'hour' ? hour : minute;
  }
  return partOfDate(year, month, day, unit);
}

function partOfNumber(value: number, unit: TimeUnit): number | null {
  const size = Math.abs(value);
  if (Number.isNaN(value) || size >= MICROSECONDS_END) return null;
  const seconds = Math.floor(size < SECONDS_END ? value : size < MILLISECONDS_END ? value / 1e3 : value / 1e6);
  if (unit === 'minute') return modulo(Math.floor(seconds / 60), 60);
  if (unit === 'hour') return modulo(Math.floor(seconds / 3_600), 24);
  const [year, month, day] = dateOf(Math.floor(seconds / 86_400));
  return partOfDate(year, month, day, unit);
}

function partOfDate(year: number, month: number, day: number, unit: Exclude<TimeUnit, 'minute' | 'hour'>): number {
  if (unit === 'year') return year;
  if (unit === 'month') return month;
  return unit === 'day' ? day : isoWeek(year, month, day);
}

/** The week belongs to the year that has its Thursday. */
function isoWeek(year: number, month: number, day: number): number {
  const today = daysSince1970(year, month, day);
  const thursday = today + 3 - modulo(today + 3, 7);
  const [yearOfWeek] = dateOf(thursday);
  return Math.floor((thursday - daysSince1970(yearOfWeek, 1, 1)) / 7) + 1;
}

const modulo = (value: number, by: number): number => ((value % by) + by) % by;
const isLeap = (year: number): boolean => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
const daysOf = (year: number, month: number): number => (month === 2 ? (isLeap(year) ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31);

/** Days in the proleptic Gregorian calendar, counted in years that begin in March. */
function daysSince1970(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  return era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719_468;
}

function dateOf(days: number): readonly [year: number, month: number, day: number] {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1_460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shiftedMonth + (shiftedMonth < 10 ? 3 : -9);
  return [yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1];
}
