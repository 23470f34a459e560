import { createMatcher, type FieldValue } from '@sealtrail/detection';
import { describe, expect, it } from 'vitest';
import { eventOf, load, matcherOf, ruleText } from '../conformance/case.ts';

const MIB = 1 << 20;
/** Ends in time or the test does: nothing here takes longer than its size. */
const matches = (detection: string, record: unknown): boolean => matcherOf(ruleText(detection))(record);

describe('values of 1 MiB', () => {
  const a = 'a'.repeat(MIB);

  it.each([
    ['^(a+)+$', `${a}b`, false],
    ['^(a|aa)+$', `${a}b`, false],
    ['^(a|a)*$', `${a}b`, false],
    ['([a-zA-Z]+)*$', `${a}!`, true],
    ['(.*a){20}b', `${a}b`, true],
    ['(x+x+)+y', 'x'.repeat(MIB), false],
    ['^(([a-z])+.)+[A-Z]([a-z])+$', a, false],
    ['(a?){50}a{50}$', a, true],
    ['\\s+$', `${' '.repeat(MIB)}x`, false],
    ['(.+)+[^a]$', a, false],
  ])('against the expression %s take time linear in them', (source, value, expected) => {
    expect(matches(`sel:\n  f|re: '${source}'`, { f: value })).toBe(expected);
  });

  it.each([
    ["f: '*a*a*a*a*a*a*a*a*b'", a, false],
    ["f|contains: ['a?a?a?b', 'aaaaaaaaaaaaaaab', 'a*a*a*a*c']", a, false],
    ["f|endswith: '?????????b'", a, false],
    ['f|contains|all: [aaaa, b]', a, false],
    ["f|startswith: 'A'", a, true],
    ['f|cidr: 10.0.0.0/8', `10.0.0.${'1'.repeat(MIB)}`, false],
    ['f|gt: 5', '9'.repeat(MIB), false],
    ['f|hour: 5', `2024-01-01T05:00:00.${'0'.repeat(MIB)}Z`, false],
    ['f|fieldref|contains: g', a, false],
    ['f: null', a, false],
    ["f|base64offset|contains: 'foo bar'", a, false],
  ])('against %s too', (line, value, expected) => {
    expect(matches(`sel:\n  ${line}`, { f: value, g: `${a.slice(1)}b` })).toBe(expected);
  });

  it('of many keywords are read once', () => {
    const keywords = Array.from({ length: 2_000 }, (_, i) => `aaaaaaaa${i}`);
    expect(matches(`sel: ${JSON.stringify(keywords)}`, { f: a, g: [`x aaaaaaaa1999 y`] })).toBe(true);
    expect(matches(`sel: ${JSON.stringify(keywords)}`, { f: a })).toBe(false);
  });

  it('outside of ASCII fold in linear time', () => {
    expect(matches("sel:\n  f|endswith: 'ΣX'", { f: `${'Σ'.repeat(MIB)}x` })).toBe(true);
  });
});

describe('nesting of 10,000', () => {
  const nested = (depth: number, inner: FieldValue): FieldValue => {
    let value = inner;
    for (let i = 0; i < depth; i++) value = [value];
    return value;
  };

  it('in lists is read, to the innermost value', () => {
    expect(matches('sel: {f: deep}', { f: nested(10_000, 'deep') })).toBe(true);
    expect(matches('sel: [deep]', { f: nested(10_000, 'deep') })).toBe(true);
    expect(matches('sel: {f.x: deep}', { f: nested(10_000, { x: 'deep' } as never) })).toBe(true);
  });

  it('in objects is read, by keywords and as text', () => {
    let value: unknown = 'deep';
    for (let i = 0; i < 10_000; i++) value = { k: value };
    expect(matches('sel: [deep]', { f: value })).toBe(true);
    expect(matches('sel: {f|contains: \'{"k":"deep"}}\'}', { f: value })).toBe(true);
  });

  it('of conditions is refused', () => {
    const nestings = [65, 4_000, 10_000].flatMap((depth) => [`${'('.repeat(depth)}sel${')'.repeat(depth)}`, `${'not '.repeat(depth)}sel`]);
    for (const condition of nestings) {
      const { rules, errors } = load(ruleText(`sel: {f: 1}\ncondition: ${condition}`));
      expect(rules).toEqual([]);
      expect(errors.map(({ code }) => code)).toEqual(['limit_exceeded']);
    }
  });

  it('of conditions up to 64 deep is read', () => {
    expect(matches(`sel: {f: 1}\ncondition: ${'not ('.repeat(32)}sel${')'.repeat(32)}`, { f: 1 })).toBe(true);
  });

  it('of long chains is not nesting', () => {
    expect(matches(`sel: {f: 1}\ncondition: ${Array(4_000).fill('sel').join(' and ')}`, { f: 1 })).toBe(true);
  });
});

describe('lists of thousands of values', () => {
  const list = (from: string): readonly string[] => Array.from({ length: 20_000 }, (_, i) => `${from}${i}`);

  it.each(['', '|startswith', '|endswith', '|contains'])(
    'are held against each other by fieldref%s without meeting pair by pair',
    (place) => {
      const detection = `sel:\n  f|fieldref${place}: g`;
      expect(matches(detection, { f: list('a'), g: list('b') })).toBe(false);
      expect(matches(detection, { f: [...list('a'), 'b777'], g: list('b') })).toBe(true);
      // The empty text begins, ends and is part of every text.
      expect(matches(detection, { f: list('a'), g: [...list('b'), ''] })).toBe(place !== '');
      expect(matches(detection, { f: [...list('a'), ''], g: [...list('b'), ''] })).toBe(true);
    },
  );
});

describe('lone surrogates', () => {
  it('are characters like others', () => {
    expect(matches('sel:\n  f|contains: x', { f: '\ud800X\udfff' })).toBe(true);
    expect(matches("sel:\n  f: '???'", { f: '\udfff\ud800a' })).toBe(true);
    expect(matches("sel:\n  f|re: '^..$'", { f: '\udfff\ud800' })).toBe(true);
    expect(matches("sel:\n  f: '?'", { f: '\ud83d\ude00' })).toBe(true);
  });

  it('have no place in a rule', () => {
    for (const detection of ['sel:\n  f: "\\ud800"', 'sel:\n  "\\udc00": x']) {
      const { rules, errors } = load(ruleText(detection));
      expect(rules).toEqual([]);
      expect(errors.map(({ code, reason }) => `${code} ${reason}`)).toEqual([
        expect.stringMatching(/^yaml_malformed a text is not well-formed/),
      ]);
    }
  });
});

describe('names of the prototype', () => {
  it('are fields like others, and absent where the event has none', () => {
    const detection = "sel:\n  __proto__: 1\nothers:\n  constructor|exists: true\nthird:\n  a.toString: '*'\ncondition: 1 of them";
    expect(matches(detection, { a: {} })).toBe(false);
    expect(matches(detection, JSON.parse('{"__proto__": 1}'))).toBe(true);
  });
});

describe('an event whose fields cannot be read', () => {
  it('leaves nothing behind for the next', () => {
    const matcher = createMatcher(load(`${ruleText('sel: {f: 1}', 'a')}---\n${ruleText('sel: {f: 1, g|contains: x}', 'b')}`).rules);
    const broken = {
      ...eventOf({}),
      field: (name: string): FieldValue => {
        if (name === 'g') throw new Error('unreadable');
        return 1;
      },
    };
    expect(() => matcher.matches(broken)).toThrow('unreadable');
    expect(matcher.matches(eventOf({ f: 2 }))).toEqual([]);
    expect(matcher.matches(eventOf({ f: 1 })).map(({ rule }) => rule.id)).toEqual(['a']);
  });
});
