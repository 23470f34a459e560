import { createMatcher, loadPipelines } from '@sealtrail/detection';
import { describe, expect, it } from 'vitest';
import { eventOf, load, ruleText } from '../conformance/case.ts';

const read = (...texts: readonly string[]) => loadPipelines(texts.map((text, i) => ({ file: `p${i}.yml`, text })));
const items = (text: string): string => `transformations:\n${text.replace(/^(?=.)/gm, '  ')}\n`;

function matches(
  detection: string,
  pipeline: string | readonly string[],
  record: unknown,
  source = { category: 'test', product: null, service: null } as const,
) {
  const { pipelines, errors } = read(...(typeof pipeline === 'string' ? [pipeline] : pipeline));
  expect(errors).toEqual([]);
  const loaded = load(ruleText(detection));
  expect(loaded.errors).toEqual([]);
  const matcher = createMatcher(loaded.rules, { pipelines });
  if (matcher.errors[0] !== undefined) throw matcher.errors[0];
  return matcher.matches({ ...eventOf(record), logsource: source }).length > 0;
}

describe('field names', () => {
  it('are mapped, also those that fieldref names', () => {
    const pipeline = items('- type: field_name_mapping\n  mapping: {f: actor.id, g: target.id}');
    expect(matches('sel: {f|fieldref: g, h: 1}', pipeline, { 'actor.id': 'a', target: { id: 'A' }, h: 1 })).toBe(true);
    expect(matches('sel: {f: 1}', pipeline, { f: 1 })).toBe(false);
  });

  it('may become several: one of them has to fit', () => {
    const pipeline = items('- type: field_name_mapping\n  mapping: {f: [a, b]}');
    expect(matches('sel: {f|contains: x}', pipeline, { b: 'axb' })).toBe(true);
    expect(matches('sel: {f|contains: x}', pipeline, { f: 'axb' })).toBe(false);
    expect(matches('sel: {g|fieldref: f}', pipeline, { g: 1, b: 1 })).toBe(true);
  });

  it('of several, all have to differ, to be null, or to be absent', () => {
    const pipeline = items('- type: field_name_mapping\n  mapping: {f: [a, b]}');
    expect(matches('sel: {f|neq: 1}', pipeline, { a: 1, b: 2 })).toBe(false);
    expect(matches('sel: {f|neq: 1}', pipeline, { a: 3, b: 2 })).toBe(true);
    expect(matches('sel: {f: null}', pipeline, { a: 1 })).toBe(false);
    expect(matches('sel: {f: null}', pipeline, { a: null })).toBe(true);
    expect(matches('sel: {f|exists: false}', pipeline, { a: 1 })).toBe(false);
    expect(matches('sel: {f|exists: false}', pipeline, { c: 1 })).toBe(true);
    expect(matches('sel: {f|exists: true}', pipeline, { b: 1 })).toBe(true);
  });

  it('take prefixes and suffixes, where their conditions hold', () => {
    const prefix = items('- type: field_name_prefix\n  prefix: win.\n  field_name_conditions:\n    - {type: exclude_fields, fields: [g]}');
    expect(matches('sel: {f: 1, g: 1}', prefix, { win: { f: 1 }, g: 1 })).toBe(true);
    const suffix = items(
      '- type: field_name_suffix\n  suffix: .keyword\n  field_name_conditions:\n    - {type: include_fields, fields: [g]}',
    );
    expect(matches('sel: {f: 1, g: 1}', suffix, { f: 1, 'g.keyword': 1 })).toBe(true);
    const mapped = items('- type: field_name_prefix_mapping\n  mapping: {req.: [in., out.], re: x}');
    expect(matches('sel: {req.a: 1, rest: 2}', mapped, { out: { a: 1 }, xst: 2 })).toBe(true);
  });

  it('go through items and pipelines in order: lower priorities first', () => {
    const first = `priority: 20\n${items('- type: field_name_mapping\n  mapping: {b: c}')}`;
    const second = `priority: 10\n${items('- type: field_name_mapping\n  mapping: {f: b}')}`;
    expect(matches('sel: {f: 1}', [first, second], { c: 1 })).toBe(true);
    expect(matches('sel: {f: 1}', [second.replace('10', '30'), first], { b: 1 })).toBe(true);
  });

  it('are told to correlations', () => {
    const { pipelines } = read(items('- type: field_name_mapping\n  mapping: {f: [a, b]}'));
    const matcher = createMatcher(load(ruleText('sel: {g: 1}')).rules, { pipelines });
    const [head] = matcher.rules;
    expect(head && [matcher.fieldsOf(head, 'f'), matcher.fieldsOf(head, 'g')]).toEqual([['a', 'b'], ['g']]);
  });
});

describe('other transformations', () => {
  it('change the log source', () => {
    const pipeline = items('- type: change_logsource\n  product: mine\n  rule_conditions:\n    - {type: logsource, category: test}');
    expect(matches('sel: {f: 1}', pipeline, { f: 1 })).toBe(false);
    expect(matches('sel: {f: 1}', pipeline, { f: 1 }, { category: 'x', product: 'mine', service: null } as never)).toBe(true);
  });

  it('add conditions, plain and negated', () => {
    expect(matches('sel: {f: 1}', items('- type: add_condition\n  conditions: {g|contains: [x, y]}'), { f: 1, g: 'ax' })).toBe(true);
    expect(matches('sel: {f: 1}', items('- type: add_condition\n  conditions: {g: x}'), { f: 1 })).toBe(false);
    expect(matches('sel: {f: 1}', items('- type: add_condition\n  conditions: {g: x}\n  negated: true'), { f: 1, g: 'x' })).toBe(false);
    expect(matches('sel: {f: 1}', items('- type: add_condition\n  conditions: {g: x}\n  negated: true'), { f: 1 })).toBe(true);
  });

  it('drop lines of fields, but never all', () => {
    const pipeline = items('- type: drop_detection_item\n  field_name_conditions:\n    - {type: include_fields, fields: [g]}');
    expect(matches('sel: {f: 1, g: 1}', pipeline, { f: 1 })).toBe(true);
    expect(matches('sel: {f: 1}\nno: {g: 1}\ncondition: sel and not no', pipeline, { f: 1, g: 1 })).toBe(true);
    expect(() => matches('sel: {g: 1}', pipeline, {})).toThrow(/leaves nothing of the rule/);
  });

  it('refuse rules, by state that earlier items set', () => {
    const pipeline = items(
      [
        '- {type: set_state, key: s, val: on, rule_conditions: [{type: contains_field, field: g}, {type: tag, tag: x}], rule_cond_op: or}',
        '- {id: fails, type: rule_failure, message: not here, rule_conditions: [{type: processing_state, key: s, val: on}]}',
      ].join('\n'),
    );
    expect(matches('sel: {f: 1}', pipeline, { f: 1 })).toBe(true);
    expect(() => matches('sel: {g: 1}', pipeline, {})).toThrow(/^[^ ]+:\d+: rule-1: not here \(p0\.yml:3\)$/);
  });

  it('go by what was applied before, and by conditions that are negated', () => {
    const pipeline = items(
      [
        '- {id: one, type: field_name_mapping, mapping: {f: a}, rule_conditions: [{type: is_sigma_correlation_rule}], rule_cond_not: true}',
        '- {type: field_name_mapping, mapping: {a: b}, rule_conditions: [{type: processing_item_applied, processing_item_id: one}]}',
        '- {type: field_name_mapping, mapping: {b: c}, rule_conditions: [{type: processing_item_applied, processing_item_id: two}]}',
      ].join('\n'),
    );
    expect(matches('sel: {f: 1}', pipeline, { b: 1 })).toBe(true);
    const never = items('- {type: field_name_mapping, mapping: {f: a}, rule_conditions: [{type: is_sigma_rule}], rule_cond_not: true}');
    expect(matches('sel: {f: 1}', never, { f: 1 })).toBe(true);
  });
});

describe('a pipeline is refused', () => {
  it.each([
    ['- a', 'pipeline_invalid'],
    ['name: x', 'pipeline_invalid'],
    [`${items('- type: set_state\n  key: a\n  val: 1')}finalizers: [{type: concat}]`, 'pipeline_invalid'],
    [`vars: {a: 1}\n${items('- type: set_state\n  key: a\n  val: 1')}`, 'pipeline_invalid'],
    [`priority: high\n${items('- type: set_state\n  key: a\n  val: 1')}`, 'pipeline_invalid'],
    [items('- type: magic'), 'transformation_unknown'],
    [items('- mapping: {a: b}'), 'transformation_unknown'],
    [items('- type: replace_string\n  regex: a\n  replacement: b'), 'transformation_unknown'],
    [items('- type: field_name_mapping\n  mapping: [a]'), 'pipeline_invalid'],
    [items('- type: field_name_mapping\n  mapping: {a: []}'), 'pipeline_invalid'],
    [items('- type: field_name_mapping\n  mapping: {a: b}\n  extra: 1'), 'pipeline_invalid'],
    [items('- type: field_name_prefix'), 'pipeline_invalid'],
    [items('- type: set_state\n  key: a\n  val: [1]'), 'pipeline_invalid'],
    [items('- type: drop_detection_item'), 'pipeline_invalid'],
    [items('- type: add_condition\n  conditions: {a|nope: 1}'), 'modifier_unknown'],
    [items("- type: add_condition\n  template: true\n  conditions: {a: '$product'}"), 'pipeline_invalid'],
    [items('- type: set_state\n  key: a\n  val: 1\n  rule_conditions: [{type: moon}]'), 'transformation_unknown'],
    [items('- type: set_state\n  key: a\n  val: 1\n  rule_conditions: {a: {type: is_sigma_rule}}'), 'pipeline_invalid'],
    [items('- type: set_state\n  key: a\n  val: 1\n  rule_cond_expr: a or b'), 'pipeline_invalid'],
    [items('- type: set_state\n  key: a\n  val: 1\n  rule_cond_op: xor'), 'pipeline_invalid'],
    [items('- type: set_state\n  key: a\n  val: 1\n  detection_item_conditions: [{type: is_null}]'), 'transformation_unknown'],
    [items('- type: set_state\n  key: a\n  val: 1\n  field_name_conditions: [{type: include_fields, fields: [a]}]'), 'pipeline_invalid'],
    [
      items('- type: field_name_prefix\n  prefix: a\n  field_name_conditions: [{type: include_fields, fields: [a], mode: regex}]'),
      'pipeline_invalid',
    ],
    ['a: [', 'yaml_malformed'],
  ])('%j', (text, code) => {
    const { pipelines, errors } = read(text);
    expect(pipelines).toEqual([]);
    expect(errors.map((error) => error.code)).toEqual([code]);
  });
});
