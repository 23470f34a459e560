import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fragmentFinder } from '../../src/matching/fragments.ts';
import { requiredLiteral } from '../../src/matching/regex-literal.ts';
import { foldCase } from '../../src/values/fold.ts';
import { checkRegex, regexMatcher } from '../../src/values/regex.ts';

const word = (max: number): fc.Arbitrary<string> =>
  fc.array(fc.constantFrom('a', 'b', 'c', 'é', '😀'), { maxLength: max }).map((parts) => parts.join(''));

describe('the search for many fragments', () => {
  it('finds each fragment that is contained, once', () => {
    fc.assert(
      fc.property(fc.array(word(4), { maxLength: 12 }), fc.array(word(20), { minLength: 1, maxLength: 3 }), (fragments, texts) => {
        const finder = fragmentFinder(fragments);
        for (const text of texts) {
          const found: number[] = [];
          finder.find(text, (fragment) => {
            found.push(fragment);
            return false;
          });
          const expected = [...fragments.keys()].filter((i) => fragments[i] !== '' && text.includes(fragments[i] as string));
          expect(found.toSorted((a, b) => a - b)).toEqual(expected);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('stops when it is told to', () => {
    let calls = 0;
    fragmentFinder(['a', 'b']).find('abab', () => ++calls > 0);
    expect(calls).toBe(1);
  });
});

describe('the literal that an expression needs', () => {
  it.each([
    ['.+:assumed-role/aws:.+', ':assumed-role/aws:'],
    ['^C:\\\\Windows\\\\', 'C:\\Windows\\'],
    ['abc+d', 'abc'],
    ['abcd*e', 'abc'],
    ['abcd?', 'abc'],
    ['(foo|bar)bazz', 'bazz'],
    ['[xyz]+needle[^]a-z]*', 'needle'],
    ['ab{2}cde', 'cde'],
    ['needle|other', null],
    ['(?i)needle', null],
    ['\\Qneedle\\E', null],
    ['\\x41needle', null],
    ['ab', null],
    ['(needle)?', null],
  ])('of %s is %j', (source, literal) => {
    expect(requiredLiteral(source)).toBe(literal);
  });

  it('is in every text that the expression matches', () => {
    const atom = fc.constantFrom('a', 'b', 'K', '.', '\\.', '\\d', '[ab]', '[^a]', '(ab)', '(a|b)', '(?:ba)', '^', '$', '\\b', 'é', '{');
    const quantifier = fc.constantFrom('', '', '', '*', '+', '?', '{2}', '{0,1}', '*?');
    const some = (of: fc.Arbitrary<string>, maxLength: number): fc.Arbitrary<string> =>
      fc.array(of, { maxLength }).map((parts) => parts.join(''));
    const atoms = some(
      fc.tuple(atom, quantifier).map((parts) => parts.join('')),
      3,
    );
    const source = fc.tuple(atoms, fc.constantFrom('Kab', 'aÉb', 'ab.1', ''), atoms).map((parts) => parts.join(''));
    const letters = some(fc.constantFrom('a', 'b', 'k', '\u212a', '.', '1', 'É', '{', ' '), 4);
    const text = fc
      .tuple(letters, fc.constantFrom('Kab', '\u212aaB', 'aéb', 'aÉb', 'ab.1', 'abx1', ''), letters)
      .map((parts) => parts.join(''));
    let held = 0;
    fc.assert(
      fc.property(source, fc.constantFrom('', 'i'), fc.array(text, { maxLength: 20 }), (expression, flags, texts) => {
        if (checkRegex(expression, flags) !== null) return;
        const literal = requiredLiteral(expression);
        if (literal === null) return;
        const matches = regexMatcher(expression, flags);
        for (const one of texts.filter(matches)) {
          held++;
          expect(foldCase(one), `${expression} in ${one}`).toContain(foldCase(literal));
        }
      }),
      { numRuns: 3_000 },
    );
    expect(held).toBeGreaterThan(100);
  });
});
