import { createMatcher, type LoadOptions, loadRules } from '@sealtrail/detection';
import { describe, expect, it } from 'vitest';
import { eventOf, ruleText, sha256 } from '../conformance/case.ts';

const load = (text: string, options: Partial<LoadOptions> = {}) => loadRules([{ file: 'dir/rules.yml', text }], { sha256, ...options });
const reasonsOf = (text: string, options: Partial<LoadOptions> = {}): readonly string[] =>
  load(text, options).errors.map(({ code, message }) => `${code} ${message}`);
const matchedBy = (loaded: ReturnType<typeof load>, record: unknown): readonly string[] =>
  createMatcher(loaded.rules)
    .matches(eventOf(record))
    .map(({ rule }) => rule.id);

const rule = (id: string, more = '', detection = 'sel: {f: 1}'): string => ruleText(detection, id, more);
const filter = (rules: string, more = 'condition: not sel', source = 'category: test'): string =>
  `title: Filter\nid: filter-1\nlogsource:\n  ${source}\nfilter:\n  rules: ${rules}\n  sel: {user: adm}\n  ${more}\n`;

describe('loading', () => {
  it('reads what a rule says of itself', () => {
    const more = 'name: one\nlevel: high\ndescription: Why\nstatus: test\ntags: [attack.t1078]\nfalsepositives: Admins\nmine: {x: 1}\n';
    const { rules, errors } = load(`---\n${rule('r1', more)}`);
    expect(errors).toEqual([]);
    expect(rules[0]?.head).toEqual({
      place: { file: 'dir/rules.yml', line: 2 },
      id: 'r1',
      name: 'one',
      title: 'Test',
      description: 'Why',
      level: 'high',
      tags: ['attack.t1078'],
      false_positives: ['Admins'],
      version: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(load(rule('r1')).rules[0]?.head).toMatchObject({ name: null, level: 'medium', tags: [], false_positives: [] });
  });

  it('tells file, line, id and reason of everything that it refuses, and loads the rest', () => {
    const text = [
      rule('good'),
      rule('bad', 'level: urgent\n', 'sel:\n  f|contains: x\n  g|nope: 1\ncondition: sel and other'),
      rule('dup'),
      rule('dup'),
      'title: No id\nlogsource: {category: test}\ndetection: {sel: {f: 1}, condition: sel}\n',
    ].join('---\n');
    const { rules, errors } = load(text);
    expect(rules.map(({ head }) => head.id)).toEqual(['good', 'dup']);
    expect(errors.map(({ code, message }) => [code, message.slice(0, 64)])).toEqual([
      ['field_invalid', 'dir/rules.yml:13: bad: level "urgent" is not one of informationa'],
      ['modifier_unknown', 'dir/rules.yml:17: bad: g|nope: the modifier "nope" is not one of'],
      ['id_duplicate', 'dir/rules.yml:29: dup: dup is the id or name of another document'],
      ['id_missing', 'dir/rules.yml:36: the document has no id: give it a UUID'],
    ]);
  });

  it.each([
    ['title: x\nid: a\nlogsource: {category: test}\n', 'document_unknown'],
    ['- a\n- b\n', 'document_unknown'],
    ['action: global\ndetection: {}\n', 'document_unknown'],
    [`${rule('a')}filter: {}\n`, 'document_unknown'],
    ['id: a\nlogsource: {category: test}\ndetection: {sel: {f: 1}, condition: sel}\n', 'field_missing'],
    ['title: ""\nid: a\nlogsource: {category: test}\ndetection: {sel: {f: 1}, condition: sel}\n', 'field_invalid'],
    ['title: x\nid: a\ndetection: {sel: {f: 1}, condition: sel}\n', 'field_missing'],
    ['title: x\nid: a\nlogsource: {definition: y}\ndetection: {sel: {f: 1}, condition: sel}\n', 'field_invalid'],
    ['title: x\nid: a\nlogsource: {category: [y]}\ndetection: {sel: {f: 1}, condition: sel}\n', 'field_invalid'],
    ['title: x\nid: a\nlogsource: {category: y}\ndetection: [sel]\n', 'field_invalid'],
    ['title: x\nid: a\nlogsource: {category: y}\ndetection: {sel: {f: 1}}\n', 'field_missing'],
    ['title: x\nid: a\nlogsource: {category: y}\ndetection: {sel: {f: 1}, condition: []}\n', 'field_invalid'],
    ['title: x\nid: a\nlogsource: {category: y}\ndetection: {sel: {f: 1}, condition: [[sel]]}\n', 'field_invalid'],
    [rule('a', 'status: unsupported\n'), 'field_invalid'],
    [rule('a', 'status: brandnew\n'), 'field_invalid'],
    [rule('a', 'taxonomy: ecs\n'), 'field_invalid'],
    [rule('a', 'tags: [1]\n'), 'field_invalid'],
    ['title: x\nid: 5\nlogsource: {category: y}\ndetection: {sel: {f: 1}, condition: sel}\n', 'id_missing'],
    ['a: [', 'yaml_malformed'],
  ])('refuses %j', (text, code) => {
    const { rules, errors } = load(text);
    expect(rules).toEqual([]);
    expect(errors.map((error) => error.code)).toEqual([code]);
  });

  it('takes a taxonomy that it is told of', () => {
    expect(reasonsOf(rule('a', 'taxonomy: ecs\n'), { taxonomies: ['ecs'] })).toEqual([]);
  });

  it('takes ids and names for one space', () => {
    expect(reasonsOf(`${rule('a', 'name: b\n')}---\n${rule('b')}`)).toEqual([
      expect.stringMatching(/^id_duplicate .*b is the id or name of another document, at dir\/rules.yml:1/),
    ]);
    expect(reasonsOf(rule('a', 'name: a\n'))).toEqual([]);
  });

  it('hands correlations over, with their own errors', () => {
    const correlation = 'title: C\nid: c\ncorrelation:\n  type: event_count\n  rules: [a]\n  timespan: 5m\n  condition: {gte: 2}\n';
    expect(load(`${rule('a')}---\n${correlation}`)).toMatchObject({ errors: [], correlations: [{ head: { id: 'c' }, rules: ['a'] }] });
    expect(reasonsOf(correlation.replace('5m', '5 parsecs'))).toEqual([
      expect.stringMatching(/^correlation_invalid dir\/rules.yml:6: c: /),
    ]);
    expect(load(correlation.replace('title: C\n', '')).correlations).toEqual([]);
  });

  it('gives another text another version, and the same text the same', () => {
    const version = (text: string): string | undefined => load(text).rules[0]?.head.version;
    expect(version(rule('a'))).toBe(version(rule('a').replace('title: Test\nid: a\n', 'id: a\ntitle: Test # so\n')));
    expect(
      new Set([rule('a'), rule('a', 'level: low\n'), rule('a', '', 'sel: {f: 2}'), rule('a', '', "sel: {f: '1'}")].map(version)).size,
    ).toBe(4);
  });
});

describe('filters', () => {
  it('are added to the rules that they name, by id or name, or to all of the log source', () => {
    const rules = `${rule('a')}---\n${rule('b', 'name: bee\n')}---\n`;
    const event = { f: 1, user: 'adm' };
    expect(matchedBy(load(rules), event)).toEqual(['a', 'b']);
    expect(matchedBy(load(rules + filter('[a]')), event)).toEqual(['b']);
    expect(matchedBy(load(rules + filter('bee')), event)).toEqual(['a']);
    expect(matchedBy(load(rules + filter('any')), event)).toEqual([]);
    expect(matchedBy(load(rules + filter('any')), { f: 1 })).toEqual(['a', 'b']);
    expect(matchedBy(load(rules + filter('any')), { f: 2 })).toEqual([]);
    expect(matchedBy(load(rules + filter('any', 'condition: not sel', 'product: windows')), event)).toEqual(['a', 'b']);
  });

  it('have selections of their own, whatever the rule calls its own', () => {
    const one = rule('a', '', 'sel: {f: 1}\nsel_2: {g: 1}\ncondition: all of sel* or 1 of them');
    const loaded = load(`${one}---\n${filter('[a]', 'condition: not 1 of sel*')}`);
    expect(loaded.errors).toEqual([]);
    expect(loaded.rules[0]?.filters).toEqual(['filter-1']);
    expect(matchedBy(loaded, { f: 1 })).toEqual(['a']);
    expect(matchedBy(loaded, { user: 'adm' })).toEqual([]);
    expect(matchedBy(loaded, { f: 1, g: 1, user: 'adm' })).toEqual([]);
  });

  it('make another version of their rules', () => {
    const versions = [rule('a'), `${rule('a')}---\n${filter('[a]')}`, `${rule('a')}---\n${filter('[a]', 'condition: sel')}`].map(
      (text) => load(text).rules[0]?.head.version,
    );
    expect(new Set(versions).size).toBe(3);
  });

  it.each([
    [filter('[nobody]'), /rule_unknown dir\/rules.yml:\d+: filter-1: the filter names the rule nobody/],
    [filter('[a]', 'condition: not sel', 'product: windows'), /field_invalid .* another log source/],
    [filter('[]'), /field_invalid .*rules must be/],
    [filter('[a]', 'condition: [sel]'), /field_invalid .*one condition/],
    [filter('[a]', 'condition: not other'), /selection_unknown/],
    [filter('[a]').replace('sel: {user: adm}', 'sel: {user|x: adm}'), /modifier_unknown/],
    [filter('[a]').replace('  rules: [a]\n', ''), /field_missing/],
  ])('are refused as rules are: %j', (text, reason) => {
    const loaded = load(`${rule('a')}---\n${text}`);
    expect(loaded.errors.map(({ code, message }) => `${code} ${message}`)).toEqual([expect.stringMatching(reason)]);
    expect(loaded.filters).toEqual([]);
    expect(loaded.rules[0]?.filters).toEqual([]);
  });
});

describe('overrides', () => {
  it('are put over the document before it is read', () => {
    const overrides = { a: { set: { level: 'low', detection: { sel: { f: 2 } } } }, b: { enabled: false } };
    const loaded = load(`${rule('a', 'level: high\n')}---\n${rule('b')}`, { overrides });
    expect(loaded.errors).toEqual([]);
    expect(loaded.rules.map(({ head }) => [head.id, head.level])).toEqual([['a', 'low']]);
    expect(loaded.rules[0]?.head.version).not.toBe(load(rule('a', 'level: high\n')).rules[0]?.head.version);
    expect(matchedBy(loaded, { f: 2 })).toEqual(['a']);
    expect(matchedBy(loaded, { f: 1 })).toEqual([]);
  });

  it('are refused as the document would be, or where there is no such document', () => {
    expect(reasonsOf(rule('a'), { overrides: { a: { set: { level: 'huge' } }, z: { enabled: false } } })).toEqual([
      expect.stringMatching(/^field_invalid dir\/rules.yml:1: a: level "huge"/),
      expect.stringMatching(/^rule_unknown overrides:1: z: /),
    ]);
  });
});
