/** A piece of a text value: literal text, or a wildcard: `*` any number of characters, `?` exactly one. */
export type PatternPart = { readonly literal: string } | { readonly wildcard: '*' | '?' };
/** A text value as the rule means it. No two literals stand side by side; the empty text has no parts. */
export type Pattern = readonly PatternPart[];

export const ANY_RUN: PatternPart = { wildcard: '*' };
const ANY_ONE: PatternPart = { wildcard: '?' };

/**
 * Reads a text value. Sigma 2.1, "Escaping": a backslash makes plain what is special behind it, a wildcard or another
 * backslash, and stands for itself before anything else and at the end.
 */
export function parsePattern(text: string): Pattern {
  const parts: PatternPart[] = [];
  let literal = '';
  for (let at = 0; at < text.length; at++) {
    const c = text[at] as string;
    const next = text[at + 1];
    if (c === '\\' && (next === '*' || next === '?' || next === '\\')) {
      literal += next;
      at++;
    } else if (c === '*' || c === '?') {
      if (literal !== '') parts.push({ literal });
      literal = '';
      parts.push(c === '*' ? ANY_RUN : ANY_ONE);
    } else literal += c;
  }
  if (literal !== '') parts.push({ literal });
  return parts;
}

/** Text that is meant as it stands. */
export const literalPattern = (text: string): Pattern => (text === '' ? [] : [{ literal: text }]);

/** Joins patterns, and literals where they meet. */
export function joinPatterns(patterns: readonly Pattern[]): Pattern {
  const parts: PatternPart[] = [];
  for (const part of patterns.flat()) {
    const before = parts.at(-1);
    if ('literal' in part && before !== undefined && 'literal' in before)
      parts[parts.length - 1] = { literal: before.literal + part.literal };
    else parts.push(part);
  }
  return parts;
}

/** The text when the pattern has no wildcard; null otherwise. */
export function plainText(pattern: Pattern): string | null {
  if (pattern.length === 0) return '';
  const only = pattern[0] as PatternPart;
  return pattern.length === 1 && 'literal' in only ? only.literal : null;
}

/** Applies a function to the literals. */
export const mapLiterals = (pattern: Pattern, change: (text: string) => string): Pattern =>
  pattern.map((part) => ('literal' in part ? { literal: change(part.literal) } : part));

const startsOpen = (pattern: Pattern): boolean => pattern[0] !== undefined && 'wildcard' in pattern[0] && pattern[0].wildcard === '*';

/** `*` in front, unless it is there. */
export const openStart = (pattern: Pattern): Pattern => (startsOpen(pattern) ? pattern : [ANY_RUN, ...pattern]);

/** `*` behind, unless it is there. */
export function openEnd(pattern: Pattern): Pattern {
  const last = pattern.at(-1);
  return last !== undefined && 'wildcard' in last && last.wildcard === '*' ? pattern : [...pattern, ANY_RUN];
}
