/** The run begins on Monday, 29 December 2025: two thin days, New Year, a thin Friday, and everybody back on 5 January. */
export const FIRST_MIDNIGHT_S = 1_766_966_400;
export const DAY_S = 86_400;

export interface Day {
  readonly index: number;
  readonly midnight_s: number;
  readonly weekend: boolean;
  /** Share of those who would work on an ordinary day. */
  readonly attendance: number;
  /** First days back after the holidays: passwords are forgotten, tabs are old. */
  readonly return: boolean;
  /** Books are closed. */
  readonly month_end: boolean;
}

const HOLIDAYS = new Set([3]); // 1 January
const THIN = new Map([
  [0, 0.25],
  [1, 0.25],
  [2, 0.1],
  [4, 0.2],
]);

export function dayAt(index: number): Day {
  const weekday = index % 7;
  const weekend = weekday >= 5;
  return {
    index,
    midnight_s: FIRST_MIDNIGHT_S + index * DAY_S,
    weekend,
    attendance: HOLIDAYS.has(index) || weekend ? 0.03 : (THIN.get(index) ?? 0.93),
    return: index >= 7 && index <= 9,
    month_end: index <= 2 || (index >= 7 && index <= 9) || index % 30 >= 28,
  };
}
