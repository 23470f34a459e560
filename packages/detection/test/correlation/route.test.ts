import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCorrelator } from '../../src/correlation/correlator.ts';
import { joinedAt, parted } from '../../src/correlation/route.ts';
import { load, runWhole, type Sample, sample, sha256 } from './fixtures.ts';

const groups = (
  text: string,
  samples: readonly Sample[],
  fieldsOf?: (rule: { readonly id: string }, field: string) => readonly string[],
) => {
  const loaded = load(text);
  expect(loaded.refused).toEqual([]);
  const options = fieldsOf === undefined ? { sha256 } : { sha256, fieldsOf };
  return runWhole(createCorrelator(loaded, options), loaded, samples).map(({ rule, group }) => [rule.id, group]);
};

describe('a correlation reads', () => {
  it('an alias by rule name or id, and a field of its own name where the alias says nothing of a rule', () => {
    const text = `
id: 1a
name: a
---
id: 1b
name: b
---
id: 1c
---
id: x
correlation:
  type: temporal
  rules: [1a, 1b, 1c]
  group-by: [who]
  timespan: 1m
  aliases:
    who: { 1a: source.user, b: target.user }
`;
    const hits = [
      sample('1', 1, '1a', { 'source.user': 'ada', who: 'x' }),
      sample('2', 2, '1b', { 'target.user': 'ada' }),
      sample('3', 3, '1c', { who: 'ada' }),
    ];
    expect(groups(text, hits)).toEqual([['x', { who: 'ada' }]]);
  });

  it('an alias for the value too', () => {
    const text = `
id: a
---
id: b
---
id: x
correlation:
  type: value_count
  rules: [a, b]
  timespan: 1m
  aliases: { address: { a: src, b: dst } }
  condition: { gte: 3, field: address }
`;
    const hits = [
      sample('1', 1, 'a', { src: 'p', dst: 'q' }),
      sample('2', 2, 'b', { src: 'r', dst: 'q' }),
      sample('3', 3, 'b', { dst: 's' }),
    ];
    expect(groups(text, hits)).toEqual([['x', {}]]);
    // An event of both rules has a value by each of them.
    expect(groups(text, [sample('1', 1, ['a', 'b'], { src: 'p', dst: 'q' }), sample('2', 2, 'a', { src: 'r' })])).toEqual([['x', {}]]);
  });

  it('through a chain: what the inner one calls an alias, the outer one may group by and alias again', () => {
    const text = `
name: a
---
name: b
---
name: inner
correlation:
  type: temporal
  rules: [a, b]
  group-by: [ip, user]
  timespan: 1m
  aliases: { ip: { a: src, b: dst } }
---
name: c
---
name: outer
correlation:
  type: temporal_ordered
  rules: [inner, c]
  group-by: [address]
  timespan: 1m
  aliases: { address: { inner: ip, c: remote } }
`;
    const hits = [
      sample('1', 1, 'a', { src: '::1', user: 'u' }),
      sample('2', 2, 'b', { dst: '::1', user: 'u' }),
      sample('3', 3, 'c', { remote: '::1' }),
    ];
    expect(groups(text, hits)).toEqual([['outer', { address: '::1' }]]);
    expect(groups(text, [...hits.slice(0, 2), sample('3', 3, 'c', { remote: '::2' })])).toEqual([]);
  });

  it('a field under each name that a pipeline gives it for the rule, the first that has a value', () => {
    const text = 'id: a\n---\nid: b\n---\nid: x\ncorrelation: { type: temporal, rules: [a, b], group-by: [User], timespan: 1m }\n';
    const names = (rule: { readonly id: string }, field: string): readonly string[] =>
      rule.id === 'a' ? [`${field}.name`, `${field}.id`] : [field.toLowerCase()];
    const hits = [sample('1', 1, 'a', { 'User.name': null, 'User.id': 'ada' }), sample('2', 2, 'b', { user: 'ada', User: 'eve' })];
    expect(groups(text, hits, names)).toEqual([['x', { User: 'ada' }]]);
  });

  it('nothing of an event but the fields that it needs, and those before evaluate returns', () => {
    const loaded = load(
      'id: a\n---\nid: x\ncorrelation: { type: event_count, rules: [a], group-by: [u], timespan: 1m, condition: { gte: 1 } }\n',
    );
    const correlator = createCorrelator(loaded, { sha256 });
    const read: string[] = [];
    const [rule] = loaded.rules;
    if (rule === undefined) throw new Error('no rule');
    const event = {
      id: 'e',
      tenant: 'acme',
      time_us: 1,
      logsource: { category: null, product: null, service: null },
      field: (name: string) => {
        read.push(name);
        return 'v';
      },
      values: () => {
        throw new Error('values are for keywords');
      },
    };
    correlator.evaluate(event, [{ rule, event }]);
    expect(read).toEqual(['u']);
    expect(correlator.advance(Number.MAX_SAFE_INTEGER)).toHaveLength(1);
    expect(read).toEqual(['u']);
  });
});

it('several values are joined so that they can be told apart again', () => {
  const joined = (list: readonly string[]): string => joinedAt(list, [...list.keys()]) as string;
  const values = fc.array(fc.string({ unit: 'binary' }), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(values, (list) => {
      expect(parted(joined(list), list.length)).toEqual(list);
    }),
  );
  expect(parted(joined([]), 0)).toEqual([]);
  expect(joinedAt(['a', 'b', 'c'], [2, 0])).toBe('1:c1:a');
  expect([joinedAt(['a', null], [0, 1]), joinedAt(['a', null], [1])]).toEqual([null, null]);
});
