import { RE2JS, RE2JSException } from 're2js';

/** A pattern this long or a program this large is refused: each costs its size at every character of a value. */
export const REGEX_CHARACTERS_MAX = 4_096;
export const REGEX_PROGRAM_MAX = 2_000;

/** What perl-like engines know and RE2 does not, for a reason that says more than the parser does. */
const UNSUPPORTED: readonly (readonly [RegExp, string])[] = [
  [/\(\?(?:=|!|<=|<!)/, 'lookaround'],
  [/\(\?>/, 'an atomic group'],
  [/\\[1-9]|\\k[<{']|\(\?P=/, 'a backreference'],
  [/[*+?}]\+/, 'a possessive quantifier'],
];

const flagsOf = (flags: string): number =>
  (flags.includes('i') ? RE2JS.CASE_INSENSITIVE : 0) |
  (flags.includes('m') ? RE2JS.MULTILINE : 0) |
  (flags.includes('s') ? RE2JS.DOTALL : 0);

function compile(source: string, flags: string): RE2JS | string {
  if (source.length > REGEX_CHARACTERS_MAX) return `the pattern has more than ${REGEX_CHARACTERS_MAX} characters`;
  try {
    const regex = RE2JS.compile(source, flagsOf(flags));
    return regex.programSize() > REGEX_PROGRAM_MAX ? `the pattern repeats too much: more than ${REGEX_PROGRAM_MAX} steps` : regex;
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    const known = UNSUPPORTED.find(([form]) => form.test(source));
    const detail = error.message.replace(/^error parsing regexp: /, '').slice(0, 200);
    return known === undefined
      ? `no regular expression: ${detail}`
      : `the pattern uses ${known[1]}, which cannot be matched in linear time: ${detail}`;
  }
}

/** Why a pattern is refused; null where it is not. RE2's syntax, as re2js reads it. */
export function checkRegex(source: string, flags: string): string | null {
  const regex = compile(source, flags);
  return typeof regex === 'string' ? regex : null;
}

/** Whether the pattern, which `checkRegex` has passed, is found anywhere in a text, in time linear in the text. */
export function regexMatcher(source: string, flags: string): (text: string) => boolean {
  const regex = compile(source, flags);
  if (typeof regex === 'string') return () => false;
  return (text) => regex.test(text);
}

/** A text as a pattern that matches it alone. */
export const quoteRegex = (text: string): string => RE2JS.quote(text);
