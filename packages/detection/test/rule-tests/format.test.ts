import { describe, expect, it } from 'vitest';
import {
  DERIVED_FIELDS,
  derivedField,
  eventsOf,
  type FieldValue,
  parseRuleTests,
  type RuleTestFile,
  runRuleTests,
} from '../../src/index.ts';
import { engineOf } from './rules.ts';

function parsed(text: string): RuleTestFile {
  const { tests, errors } = parseRuleTests('t.yml', text);
  expect(errors.map(({ message }) => message)).toEqual([]);
  if (tests === null) throw new Error('no tests');
  return tests;
}
const failuresOf = (text: string): readonly string[] => runRuleTests(parsed(text), () => engineOf()).flatMap(({ failures }) => failures);

const HEAD = 'rules: [burst]\nbase: { outcome: DENIED, actor_id: ada }\ntests:\n  - title: t\n';

describe('tests of rules', () => {
  it('hold where exactly the expected alerts come', () => {
    expect(
      failuresOf(
        `${HEAD}    events: [{ at: 0s, repeat: 3, every: 1s }]\n    alerts: [{ rule: burst, at: 2s, tenant: acme, group: { actor_id: ada } }]`,
      ),
    ).toEqual([]);
  });

  it.each([
    ['events: [{ at: 0s, repeat: 2 }]', 'alerts: [{ rule: burst }]', ['line 6: no alert of burst']],
    ['events: [{ at: 0s, repeat: 3 }]', 'alerts: []', ['unexpected alert of burst: at 0s for [["actor_id","ada"]], tenant acme, 3 events']],
    ['events: [{ at: 0s, repeat: 3 }]', 'alerts: [{ rule: burst, at: 1s }]', ['line 6: no alert of burst at 1s', 'unexpected alert']],
    [
      'events: [{ at: 0s, repeat: 3 }]',
      'alerts: [{ rule: burst, group: { actor_id: bob } }]',
      ['line 6: no alert of burst for', 'unexpected alert'],
    ],
    ['events: [{ at: 0s, repeat: 3 }]', 'alerts: [{ rule: burst, group: {} }]', ['line 6: no alert', 'unexpected alert']],
    ['events: [{ at: 0s, repeat: 3 }]', 'alerts: [{ rule: burst, tenant: other }]', ['line 6: no alert', 'unexpected alert']],
    ['events: [{ at: 0s, repeat: 3 }]', 'alerts: [{ rule: burst }, { rule: burst }]', ['line 6: no alert of burst']],
    ['events: [{ at: 0s }]', 'alerts: [{ rule: chain }]', ['line 6: chain is not under rules', 'line 6: no alert of chain']],
  ])('fail with %s and %s', (events, alerts, failures) => {
    const found = failuresOf(`${HEAD}    ${events}\n    ${alerts}`);
    expect(found).toHaveLength(failures.length);
    for (const [i, failure] of failures.entries()) expect(found[i]).toContain(failure);
  });

  it('lay base, shape and overrides over each other, number the repetitions, and order them', () => {
    const { tests } = parsed(`
rules: [burst]
start: "2026-03-02 23:30"
base: { a: base, b: base, c: base }
shapes: { s: { b: shape, c: shape } }
tests:
  - title: t
    arrive: reversed
    events:
      - { at: 1m, shape: s, repeat: 2, every: 0.5s, with: { c: 'n{n}', list: ['x{n}', 7], tenant: overwritten } }
      - { at: -1s, tenant: other, with: { finding: sequence_gap } }
    alerts: []`);
    const events = eventsOf(tests[0] as (typeof tests)[number]);
    const start_us = Date.UTC(2026, 2, 2, 23, 30) * 1_000;
    expect(events.map(({ time_us }) => time_us - start_us)).toEqual([60_500_000, 60_000_000, -1_000_000]);
    expect(events.map(({ tenant, logsource }) => `${tenant} ${logsource.category}`)).toEqual([
      'acme audit',
      'acme audit',
      'other pipeline',
    ]);
    const [last] = events;
    expect(['a', 'b', 'c', 'list', 'tenant', 'occurred_at', 'none'].map((name) => last?.field(name))).toEqual([
      'base',
      'shape',
      'n2',
      ['x2', 7],
      'acme',
      last?.time_us,
      undefined,
    ]);
    expect(new Set(events.map(({ id }) => id)).size).toBe(3);
  });

  it.each([
    ['', 'has no document'],
    ['a: 1', '"a" is not known here'],
    ['rules: [burst]\ntests: 5', 'tests must be a list'],
    [`${HEAD}    events: [{ at: soon }]\n    alerts: []`, 'must be a duration'],
    [`${HEAD}    events: [{ at: 5 }]\n    alerts: []`, 'must be a duration'],
    [`${HEAD}    events: [{ at: 0s, shape: missing }]\n    alerts: []`, 'no shape is called missing'],
    [`${HEAD}    events: [{ at: 0s, repeat: 0 }]\n    alerts: []`, 'repeat must be'],
    [`${HEAD}    events: [{ at: 0s, repeat: 5001 }]\n    alerts: []`, 'repeat must be'],
    [`${HEAD}    events: [{ at: 0s, with: { attributes: { x: 1 } } }]\n    alerts: []`, 'attributes.NAME'],
    [`${HEAD}    arrive: later\n    events: []\n    alerts: []`, 'arrive must be one of'],
    [`${HEAD}    start: yesterday\n    events: []\n    alerts: []`, 'start must be a time'],
    [`${HEAD}    events: []`, 'alerts must be a list'],
    ['rules: [burst]\ntests: []\n---\nrules: []\ntests: []', 'more than one document'],
  ])('refuse %j', (text, reason) => {
    const { tests, errors } = parseRuleTests('t.yml', text);
    expect(tests).toBeNull();
    expect(errors.map(({ message }) => message).join('\n')).toContain(reason);
  });
});

describe('derived fields', () => {
  const of = (name: string, fields: Record<string, FieldValue>): FieldValue | undefined => derivedField(name, (field) => fields[field]);

  it.each([
    ['203.0.113.9', '203.0.113.0/24'],
    ['::ffff:203.0.113.9', '203.0.113.0/24'],
    ['2001:db8:1:2::7', '2001:db8:1::/48'],
    ['2001:0db8:0001::', '2001:db8:1::/48'],
    ['2001:db8::1', '2001:db8:0::/48'],
    ['::1', '0:0:0::/48'],
    ['1:2:3:4:5:6:7:8', '1:2:3::/48'],
    ['not an address', null],
    ['1:2:3', null],
    ['', null],
  ])('network of %s is %s', (source_ip, network) => expect(of('source_network', { source_ip })).toBe(network));

  it('count seconds from issue and expiry', () => {
    const fields = { occurred_at: 1_000_000_000_000, token_issued_at: 999_000_500, token_expires_at: 1_000_900_000 };
    expect(of('token_age_s', fields)).toBe(999);
    expect(of('token_expired_for_s', fields)).toBe(-900);
    expect(of('token_age_s', { occurred_at: 1 })).toBeNull();
    expect(of('token_expired_for_s', { occurred_at: 1, token_expires_at: null })).toBeNull();
  });

  it('are these, and no others', () => {
    for (const name of DERIVED_FIELDS) expect(of(name, {})).toBeNull();
    expect(of('source_ip', { source_ip: '203.0.113.9' })).toBeUndefined();
  });
});
