import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePattern } from '../../src/sigma/pattern.ts';
import { patternMatcher } from '../../src/values/pattern-matcher.ts';

/** Character by character, by dynamic programming. */
function fits(pattern: string, text: string): boolean {
  const characters = [...text];
  let reached = new Set([0]);
  const parts = parsePattern(pattern).flatMap((piece): readonly (string | { readonly wildcard: '*' | '?' })[] =>
    'literal' in piece ? [...piece.literal] : [piece],
  );
  for (const part of parts) {
    const next = new Set<number>();
    for (const at of reached) {
      if (typeof part === 'string') {
        if (characters[at] === part) next.add(at + 1);
      } else if (part.wildcard === '?') {
        if (at < characters.length) next.add(at + 1);
      } else for (let to = at; to <= characters.length; to++) next.add(to);
    }
    reached = next;
  }
  return reached.has(characters.length);
}

describe('patterns', () => {
  it('fit what a character by character reading fits', () => {
    const pattern = fc.array(fc.constantFrom('a', 'b', '*', '?', '😀', '*', '?'), { maxLength: 9 }).map((parts) => parts.join(''));
    const text = fc.array(fc.constantFrom('a', 'b', '😀', '\ud800'), { maxLength: 12 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(pattern, text, (wildcards, value) => {
        expect(patternMatcher(parsePattern(wildcards))(value)).toBe(fits(wildcards, value));
      }),
      { numRuns: 5_000 },
    );
  });
});
