import type { Labels } from '../alert.ts';
import { AlertingError } from '../errors.ts';
import { checkMatchers, type Matcher, matchesAll } from '../matchers.ts';

/** Somebody's decision that alerts of a kind tell nobody for a while. They are kept and shown all the same. */
export interface Silence {
  readonly id: string;
  readonly matchers: readonly Matcher[];
  readonly from_ms: number;
  /** Excluded. */
  readonly until_ms: number;
  readonly by: string;
  readonly why: string;
}

const WHY_CHARACTERS_MAX = 1_000;
/** A silence that never ends is a rule that should be changed. */
const SILENCE_MS_MAX = 90 * 86_400_000;

/** Throws AlertingError `settings_invalid` for a silence without matchers, reason, name or end. */
export function checkSilence(silence: Silence): void {
  const where = `silence ${silence.id}`;
  if (silence.matchers.length === 0) throw new AlertingError('settings_invalid', `${where}: it has no matchers; name what it is about`);
  checkMatchers(silence.matchers, where);
  if (silence.by === '' || silence.why.trim() === '' || silence.why.length > WHY_CHARACTERS_MAX)
    throw new AlertingError('settings_invalid', `${where}: say who silences and why, in at most ${WHY_CHARACTERS_MAX} characters`);
  const length_ms = silence.until_ms - silence.from_ms;
  if (!(length_ms > 0 && length_ms <= SILENCE_MS_MAX))
    throw new AlertingError('settings_invalid', `${where}: it must end after it begins, within ${SILENCE_MS_MAX / 86_400_000} days`);
}

/** The silence that holds an alert with these labels now: the one that ends last. */
export function silenceOf(silences: readonly Silence[], labels: Labels, now_ms: number): Silence | null {
  let found: Silence | null = null;
  for (const silence of silences) {
    if (silence.from_ms > now_ms || silence.until_ms <= now_ms || (found !== null && found.until_ms >= silence.until_ms)) continue;
    if (matchesAll(silence.matchers, labels)) found = silence;
  }
  return found;
}
