import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { foldCase } from '../../src/values/fold.ts';

const LAST = 0x10ffff;
const isSurrogate = (code: number): boolean => code >= 0xd800 && code <= 0xdfff;

describe('folding case', () => {
  it('puts exactly those code points together that regular expressions with i and u put together', () => {
    // One text per fold, and the classes that the regular expression engine finds in the text of all cased code points.
    const cased: string[] = [];
    for (let code = 0; code <= LAST; code++) {
      const c = isSurrogate(code) ? '' : String.fromCodePoint(code);
      if (c !== '' && (foldCase(c) !== c || c.toUpperCase() !== c || c.toLowerCase() !== c)) cased.push(c);
    }
    expect(cased.length).toBeGreaterThan(2_500);
    const text = cased.join('');
    const byFold = new Map<string, string[]>();
    for (const c of cased) byFold.set(foldCase(c), [...(byFold.get(foldCase(c)) ?? []), c]);
    const wrong: string[] = [];
    for (const c of cased) {
      const equal = text.match(new RegExp(`\\u{${(c.codePointAt(0) as number).toString(16)}}`, 'giu')) ?? [];
      const folded = byFold.get(foldCase(c)) ?? [];
      if (equal.join('') !== folded.join('')) wrong.push(`${c}: ${equal.join('')} against ${folded.join('')}`);
    }
    expect(wrong).toEqual([]);
  });

  it('changes no code point that has no case', () => {
    const changed: number[] = [];
    for (let code = 0; code <= LAST; code++)
      if (
        !isSurrogate(code) &&
        foldCase(String.fromCodePoint(code)) !== String.fromCodePoint(code) &&
        !/\p{Cased}|\p{Changes_When_Casefolded}|\p{Changes_When_Lowercased}|\p{Changes_When_Uppercased}/u.test(String.fromCodePoint(code))
      )
        changed.push(code);
    expect(changed).toEqual([]);
  });

  it('is settled after one time, works character by character, and leaves lone surrogates alone', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
        expect(foldCase(foldCase(a))).toBe(foldCase(a));
        expect(foldCase(`${a} ${b}`)).toBe(`${foldCase(a)} ${foldCase(b)}`);
      }),
    );
    expect(foldCase('\ud800A\udc00')).toBe('\ud800a\udc00');
  });
});
