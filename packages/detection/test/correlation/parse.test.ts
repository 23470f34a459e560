import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCorrelation } from '../../src/correlation/parse.ts';
import { parseYaml } from '../../src/sigma/yaml.ts';
import { head, load } from './fixtures.ts';

/** A correlation over rule a, with lines of its section replaced or added. */
function parse(lines: Record<string, string | null>): ReturnType<typeof parseCorrelation> {
  const section = { type: 'event_count', rules: '[a]', 'group-by': '[u]', timespan: '5m', condition: '{ gte: 3 }', ...lines };
  const text = `title: t\nid: c\ncorrelation:\n${Object.entries(section)
    .filter(([, value]) => value !== null)
    .map(([key, value]) => `  ${key}: ${value}\n`)
    .join('')}`;
  const [document] = parseYaml('c.yml', text).documents;
  if (document === undefined) throw new Error(`no document in ${text}`);
  return parseCorrelation(document, head('c'));
}
const reasons = (lines: Record<string, string | null>): string =>
  parse(lines)
    .errors.map(({ message }) => message)
    .join('\n');

describe('a correlation', () => {
  it('is read with all its parts', () => {
    const { rule } = parse({
      type: 'value_count',
      rules: '[a, b]',
      'group-by': '[user, ip]',
      timespan: '2h',
      condition: '{ gt: 100, lte: 200, field: [x, y] }',
      aliases: '{ ip: { a: src, b: dst } }',
      generate: 'true',
    });
    expect(rule).toMatchObject({
      type: 'value_count',
      rules: ['a', 'b'],
      rules_place: { file: 'c.yml', line: 5 },
      group_by: ['user', 'ip'],
      timespan_us: 7_200_000_000,
      comparisons: [
        { operator: 'gt', threshold: 100 },
        { operator: 'lte', threshold: 200 },
      ],
      fields: ['x', 'y'],
      generate: true,
      percentile: null,
      expression: null,
    });
    expect(rule?.aliases.get('ip')?.get('b')).toBe('dst');
  });

  it('takes a single rule and a single group without a list, and no group at all', () => {
    expect(parse({ rules: 'a', 'group-by': 'u' }).rule).toMatchObject({ rules: ['a'], group_by: ['u'] });
    expect(parse({ 'group-by': null }).rule).toMatchObject({ group_by: [] });
  });

  it('of a temporal type asks for every rule where it has no condition', () => {
    expect(parse({ type: 'temporal', rules: '[a, b]', condition: null }).rule?.comparisons).toEqual([{ operator: 'gte', threshold: 2 }]);
    expect(parse({ type: 'temporal', rules: '[a, b]', condition: '{ gte: 1 }' }).rule?.comparisons).toEqual([
      { operator: 'gte', threshold: 1 },
    ]);
    expect(parse({ type: 'temporal_ordered', rules: '[a, b]', condition: 'a AND b' }).rule).toMatchObject({ expression: null });
  });

  it('of the temporal type may have a condition over rules, which may stand for the list of them', () => {
    expect(parse({ type: 'temporal', rules: '[a, b, c]', condition: 'a or b and not (c)' }).rule?.expression).toEqual({
      kind: 'or',
      of: [
        { kind: 'member', member: 0 },
        {
          kind: 'and',
          of: [
            { kind: 'member', member: 1 },
            { kind: 'not', of: { kind: 'member', member: 2 } },
          ],
        },
      ],
    });
    expect(parse({ type: 'temporal', rules: null, condition: 'b and not a' }).rule?.rules).toEqual(['b', 'a']);
    expect(parse({ type: 'temporal', rules: '[a, b]', condition: 'b and not a' }).rule?.expression).toEqual({
      kind: 'and',
      of: [
        { kind: 'member', member: 1 },
        { kind: 'not', of: { kind: 'member', member: 0 } },
      ],
    });
  });

  it.each<[string, Record<string, string | null>, RegExp]>([
    [
      'a type that the standard does not have',
      { type: 'value_max' },
      /^c\.yml:4: c: type "value_max" is not supported: use one of event_count/,
    ],
    ['no type', { type: null }, /type \(missing\) is not supported/],
    ['no rules', { rules: null }, /rules is missing/],
    ['an empty list of rules', { rules: '[]' }, /rules is missing/],
    ['a rule twice', { rules: '[a, a]' }, /^c\.yml:5: c: rules names something twice/],
    ['rules that are no texts', { rules: '[1]' }, /rules must be a list of texts/],
    ['a group of no texts', { 'group-by': '[{}]' }, /^c\.yml:6: c: group-by must be a list of texts/],
    ['no timespan', { timespan: null }, /timespan \(missing\) is not supported/],
    ['a timespan without unit', { timespan: '5' }, /^c\.yml:7: c: timespan 5 is not supported/],
    ['a timespan in upper case', { timespan: '5H' }, /timespan "5H" is not supported/],
    ['no condition', { condition: null }, /condition of event_count must be a map/],
    ['an empty condition', { condition: '{}' }, /has no comparison/],
    ['an unknown operator', { condition: '{ ge: 3 }' }, /"ge" is not part of a condition/],
    ['a threshold in quotes', { condition: '{ gte: "3" }' }, /gte must be a number/],
    ['half an event', { condition: '{ gte: 2.5 }' }, /gte must be a whole number/],
    ['more than a key may keep', { condition: '{ gte: 1000000 }' }, /gte must be at most 100000/],
    ['absence', { condition: '{ eq: 0 }' }, /absence cannot be detected/],
    ['less than one', { condition: '{ lt: 1 }' }, /can never be true/],
    ['an empty range', { condition: '{ gt: 5, lt: 6 }' }, /can never be true/],
    ['a field for a count of events', { condition: '{ gte: 3, field: x }' }, /condition of event_count has no field/],
    ['no field for a value', { type: 'value_sum' }, /condition of value_sum needs "field"/],
    ['two fields to sum', { type: 'value_sum', condition: '{ gte: 3, field: [x, y] }' }, /computes with one field/],
    ['a percentile of a sum', { type: 'value_sum', condition: '{ gte: 3, field: x, percentile: 9 }' }, /has no percentile/],
    ['the 101st percentile', { type: 'value_percentile', condition: '{ gte: 3, field: x, percentile: 101 }' }, /from 0 to 100/],
    ['more rules than there are', { type: 'temporal', rules: '[a, b]', condition: '{ gte: 3 }' }, /can never be true/],
    ['a part of a sequence', { type: 'temporal_ordered', rules: '[a, b]', condition: '{ gte: 1 }' }, /must ask for all of its rules/],
    ['a sequence with a choice', { type: 'temporal_ordered', rules: '[a, b]', condition: 'a or b' }, /can only join all rules/],
    ['a sequence in another order', { type: 'temporal_ordered', rules: '[a, b]', condition: 'b and a' }, /in the order in which they come/],
    ['words for a count', { condition: 'a and b' }, /must be a map/],
    ['a rule that the condition forgets', { type: 'temporal', rules: '[a, b]', condition: 'a' }, /must name the same rules: b/],
    ['a rule that the list forgets', { type: 'temporal', rules: '[a]', condition: 'a and b' }, /must name the same rules: b/],
    ['nothing present', { type: 'temporal', rules: '[a]', condition: 'not a' }, /can never be true when one of its rules/],
    ['a condition that stops', { type: 'temporal', rules: '[a]', condition: 'a and' }, /ends where a rule is expected/],
    ['a condition that goes on', { type: 'temporal', rules: '[a, b]', condition: 'a b' }, /goes on with "b"/],
    ['an open parenthesis', { type: 'temporal', rules: '[a]', condition: '(a' }, /lacks a closing parenthesis/],
    ['a deep condition', { type: 'temporal', rules: '[a]', condition: `${'('.repeat(60)}a${')'.repeat(60)}` }, /nested more than 50 deep/],
    ['an unknown attribute', { window: '5m' }, /"window" is not an attribute/],
    ['an alias that is no map', { aliases: '{ x: f }' }, /alias x must be a map/],
    ['generate in words', { generate: '"yes"' }, /generate "yes" is not supported/],
  ])('is refused for %s', (_what, lines, reason) => {
    expect(parse(lines).rule).toBeNull();
    expect(reasons(lines)).toMatch(reason);
  });

  it('is refused with every reason, not the first', () => {
    expect(parse({ timespan: '0s', condition: '{ gte: "x" }', generate: '1' }).errors.length).toBeGreaterThanOrEqual(3);
  });

  it('is read or refused, whatever stands there', () => {
    const value = fc
      .jsonValue({ maxDepth: 3 })
      .map((json) => JSON.stringify(json))
      .filter((json) => !/\d{16}/.test(json));
    const keys = fc.constantFrom('type', 'rules', 'group-by', 'timespan', 'condition', 'aliases', 'generate', 'x');
    const types = fc.constantFrom('event_count', 'value_count', 'temporal', 'temporal_ordered', 'value_avg', 'value_percentile');
    fc.assert(
      fc.property(types, fc.dictionary(keys, value, { maxKeys: 3 }), (type, lines) => {
        const { rule, errors } = parse({ type, ...lines });
        expect(rule === null).toBe(errors.length > 0);
      }),
    );
  });
});

describe('correlations', () => {
  const count = (name: string, rules: string, more = ''): string =>
    `---\nid: id-${name}\nname: ${name}\ncorrelation: { type: event_count, rules: [${rules}], timespan: 1m, condition: { gte: 1 }${more} }\n`;
  const said = (text: string): readonly string[] => load(text).refused.map(({ code, message }) => `${code} ${message}`);

  it('refer to rules and to each other by id or name, in whatever order they stand', () => {
    const loaded = load(`${count('outer', 'inner, id-a')}${count('inner', 'b')}---\nid: id-a\nname: a\n---\nid: id-b\nname: b\n`);
    expect(loaded.refused).toEqual([]);
    expect(loaded.linked.map(({ rule, silent }) => [rule.head.name, silent])).toEqual([
      ['inner', true],
      ['outer', false],
    ]);
    expect([...loaded.silent_rules].sort()).toEqual(['id-a', 'id-b']);
  });

  it('let rules alert by themselves where one that uses them generates', () => {
    const loaded = load(`${count('x', 'a')}${count('y', 'a', ', generate: true')}${count('z', 'b')}---\nid: a\n---\nid: b\n`);
    expect([...loaded.silent_rules]).toEqual(['b']);
  });

  it('are refused where they refer to what is not there, is called alike, or was refused', () => {
    expect(said(count('x', 'nowhere'))).toEqual([
      expect.stringMatching(/^rule_unknown rules\.yml:4: id-x: refers to nowhere, which is not loaded/),
    ]);
    expect(said(`${count('x', 'a')}---\nid: 1a\nname: a\n---\nid: 2a\nname: a\n`)).toEqual([
      expect.stringMatching(/^id_duplicate .*which 2 rules/),
    ]);
    expect(said(`${count('x', 'y')}${count('y', 'nowhere')}`)).toEqual([
      expect.stringMatching(/^rule_unknown .* id-y:/),
      expect.stringMatching(/^correlation_invalid .* id-x: refers to y, which was refused/),
    ]);
    expect(said(`${count('x', 'a', ', aliases: { w: { a: f, id-a: f, b: f } }')}---\nid: id-a\nname: a\n---\nid: b\n`)).toEqual([
      expect.stringMatching(/^correlation_invalid .* id-x: alias w names b, which is none of its rules/),
    ]);
    expect(said(`${count('x', 'a, id-a')}---\nid: id-a\nname: a\n`)).toEqual([expect.stringMatching(/by two names/)]);
  });

  it('are refused in a circle, of whatever length, and those that rest on it too', () => {
    expect(said(count('x', 'x'))).toEqual([expect.stringMatching(/^correlation_cycle .* id-x: refers to x, which rests on it in turn/)]);
    const ring = Array.from({ length: 2_000 }, (_, i) => count(`c${i}`, `c${(i + 1) % 2_000}`)).join('');
    const loaded = load(ring);
    expect(loaded.linked).toEqual([]);
    expect(new Set(loaded.refused.map(({ rule }) => rule)).size).toBe(2_000);
  });

  it('are refused beyond eight in a chain, or where an event could come in too many ways', () => {
    const chain = (length: number): string =>
      `${Array.from({ length }, (_, i) => count(`c${i}`, i === 0 ? 'a' : `c${i - 1}`)).join('')}---\nid: a\n`;
    expect(said(chain(8))).toEqual([]);
    expect(said(chain(9))).toEqual([expect.stringMatching(/^limit_exceeded .* id-c8: more than 8 correlations/)]);
    const layers = Array.from({ length: 6 }, (_, layer) =>
      Array.from({ length: 8 }, (_, i) =>
        count(`l${layer}x${i}`, layer === 0 ? 'a' : Array.from({ length: 8 }, (_, j) => `l${layer - 1}x${j}`).join()),
      ),
    );
    expect(said(`${layers.flat().join('')}---\nid: a\n`)).toContainEqual(
      expect.stringMatching(/^limit_exceeded .* in more than 10000 ways/),
    );
  });
});
