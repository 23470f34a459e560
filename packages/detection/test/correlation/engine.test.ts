import { describe, expect, it } from 'vitest';
import { compile, type Engine, loadPipelines, loadRules, replaySpan_us } from '../../src/index.ts';
import type { DetectionEvent, FieldValue } from '../../src/model.ts';
import { sha256 } from './fixtures.ts';

const RULES = `
title: Failed login
id: r1
name: failure
logsource: { product: shop }
detection:
  selection: { EventName: Login, Result: DENIED }
  condition: selection
---
title: Login
id: r2
name: success
logsource: { product: shop }
detection:
  selection: { EventName: Login, Result: SUCCESS }
  condition: selection
---
title: Failures
id: c1
name: failures
correlation: { type: event_count, rules: [failure], group-by: [User], timespan: 5m, condition: { gte: 3 } }
---
title: Failures, then a login
id: c2
correlation: { type: temporal_ordered, rules: [failures, success], group-by: [User], timespan: 5m }
level: high
---
title: Of a rule that is not there
id: c3
correlation: { type: event_count, rules: [nowhere], timespan: 5m, condition: { gte: 3 } }
`;
const PIPELINE = `
name: shop
priority: 10
transformations:
  - type: field_name_mapping
    mapping: { EventName: action, Result: outcome, User: [actor.id, actor.name] }
`;
const login = (id: string, second: number, outcome: string, user: Record<string, FieldValue> = { 'actor.name': 'ada' }): DetectionEvent => {
  const fields: Record<string, FieldValue> = { action: 'login', outcome, ...user };
  return {
    id,
    tenant: 'acme',
    time_us: second * 1_000_000,
    logsource: { category: null, product: 'shop', service: null },
    field: (name) => fields[name],
    values: () => Object.values(fields),
  };
};

function engineOf(): Engine {
  const loaded = loadRules([{ file: 'shop.yml', text: RULES }], { sha256 });
  expect(loaded.errors).toEqual([]);
  const pipelines = loadPipelines([{ file: 'pipeline.yml', text: PIPELINE }]);
  expect(pipelines.errors).toEqual([]);
  const { engine, errors, correlations } = compile(loaded, { sha256, pipelines: pipelines.pipelines });
  expect(errors.map(({ message }) => message)).toEqual([
    'shop.yml:30: c3: refers to nowhere, which is not loaded: load it, or correct the id or name',
  ]);
  expect(replaySpan_us(correlations)).toBe(4 * 300_000_000);
  return engine;
}
const attack = [
  login('1', 0, 'DENIED'),
  login('2', 10, 'DENIED', { 'actor.id': 'ada', 'actor.name': 'someone' }),
  login('3', 20, 'DENIED'),
  login('4', 30, 'SUCCESS'),
];

describe('an engine', () => {
  it('matches, maps the fields that correlations group by, and correlates when the watermark passes', () => {
    const engine = engineOf();
    const evaluations = attack.map((event) => engine.evaluate(event));
    expect(evaluations.map(({ matches }) => matches.map(({ rule }) => rule.id))).toEqual([['r1'], ['r1'], ['r1'], ['r2']]);
    expect(evaluations.flatMap(({ alerts }) => alerts)).toEqual([]);
    expect(engine.stats().pending).toBe(2);
    expect(engine.advance(40_000_001)).toMatchObject([
      {
        rule: { id: 'c2', level: 'high' },
        group: { User: 'ada' },
        anchor: '4',
        events: ['1', '2', '3', '4'],
        first_us: 0,
        last_us: 30_000_000,
      },
    ]);
    expect(engine.stats()).toMatchObject({ pending: 0, watermark_us: 30_000_001, without_group: new Map() });
  });

  it('begins afresh with the same rules, whatever the state of the one it came from', () => {
    const engine = engineOf();
    for (const event of attack.slice(0, 3)) engine.evaluate(event);
    const other = engine.fresh();
    other.evaluate(attack[3] as DetectionEvent);
    expect(other.advance(1_000_000_000)).toEqual([]);
    engine.evaluate(attack[3] as DetectionEvent);
    const first = engine.advance(1_000_000_000);
    const again = engine.fresh();
    for (const event of attack) again.evaluate(event);
    expect(again.advance(1_000_000_000)).toEqual(first);
    expect(first).toHaveLength(1);
  });
});
