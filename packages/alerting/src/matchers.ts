import type { Labels } from './alert.ts';
import { AlertingError } from './errors.ts';

/** Holds where the label has one of the values; with `not`, where it has none of them. `*` in a value stands for any text. */
export interface Matcher {
  readonly label: string;
  readonly values: readonly string[];
  readonly not?: boolean;
}

/** Whether all matchers hold. No matchers hold always. */
export const matchesAll = (matchers: readonly Matcher[], labels: Labels): boolean =>
  matchers.every(({ label, values, not }) => values.some((value) => matchesText(value, labels.get(label) ?? '')) !== (not ?? false));

/** `*` stands for any text. Linear in both: after a mismatch only the last star moves on. */
export function matchesText(pattern: string, text: string): boolean {
  let at = 0;
  let read = 0;
  let star = -1;
  let resume = 0;
  while (read < text.length) {
    if (pattern[at] === '*') {
      star = at++;
      resume = read;
    } else if (at < pattern.length && pattern[at] === text[read]) {
      at++;
      read++;
    } else if (star >= 0) {
      at = star + 1;
      read = ++resume;
    } else return false;
  }
  while (pattern[at] === '*') at++;
  return at === pattern.length;
}

const LABEL = /^(?:rule|level|tenant|group\..+)$/;

/** Throws AlertingError `settings_invalid` for matchers that would never hold as meant. `where` names them in the message. */
export function checkMatchers(matchers: readonly Matcher[], where: string): void {
  for (const { label, values } of matchers) {
    if (!LABEL.test(label))
      throw new AlertingError(
        'settings_invalid',
        `${where}: an alert has no label ${JSON.stringify(label)}; use rule, level, tenant or group.NAME`,
      );
    if (values.length === 0) throw new AlertingError('settings_invalid', `${where}: ${label} has no values; name at least one`);
  }
}
