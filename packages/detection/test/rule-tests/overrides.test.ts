import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Alert, createTenantEngine, type Engine, parseTenantOverrides, type TenantOverrides } from '../../src/index.ts';
import { BURST, CHAIN, engineOf, event, FAILED, load, ROUGH } from './rules.ts';

function parsed(text: string): TenantOverrides {
  const { overrides, errors } = parseTenantOverrides('overrides.yml', text, load());
  expect(errors).toEqual([]);
  if (overrides === null) throw new Error('no overrides');
  return overrides;
}

/** Runs five denials of each tenant, ten seconds apart. */
function alertsOf(engine: Engine, tenants: readonly string[]): readonly string[] {
  const alerts: Alert[] = [];
  for (let i = 0; i < 5; i++)
    for (const tenant of tenants)
      alerts.push(...engine.evaluate(event(`e${i}`, 1_000 + i * 10, tenant, { outcome: 'DENIED', actor_id: 'ada' })).alerts);
  alerts.push(...engine.advance(Number.MAX_SAFE_INTEGER));
  return alerts
    .filter(({ rule }) => rule.name === 'burst')
    .map(({ tenant, anchor }) => `${tenant} ${anchor}`)
    .sort();
}

describe('overrides by tenant', () => {
  it('change the threshold of one tenant, and of all others', () => {
    const overrides = parsed(`${BURST}: { '*': { threshold: 4 }, acme: { threshold: 5 }, small: { threshold: 2 } }`);
    expect(alertsOf(createTenantEngine(overrides, engineOf), ['acme', 'small', 'other'])).toEqual(['acme e4', 'other e3', 'small e1']);
  });

  it('change the window, and leave a rule out', () => {
    const overrides = parsed(`${BURST}: { acme: { timespan: 19s }, small: { disabled: true } }`);
    expect(alertsOf(createTenantEngine(overrides, engineOf), ['acme', 'small', 'other'])).toEqual(['other e2']);
  });

  it('keep what is said of everyone where a tenant says something of another rule', () => {
    const { everyone, tenants } = parsed(`${BURST}: { '*': { threshold: 4 } }\n---\n${FAILED}: { acme: { disabled: true } }`);
    expect(everyone).toEqual({ [BURST]: { set: { correlation: { condition: { gte: 4 } } } } });
    expect(tenants.get('acme')).toEqual({ ...everyone, [FAILED]: { enabled: false } });
  });

  it('give another version of the rule, and so other ids of alerts', () => {
    const of = (text: string): readonly string[] => {
      const engine = createTenantEngine(parsed(text), engineOf);
      const alerts = [0, 1, 2].flatMap(
        (i) => engine.evaluate(event(`e${i}`, 1_000 + i, 'acme', { outcome: 'DENIED', actor_id: 'ada' })).alerts,
      );
      return [...alerts, ...engine.advance(Number.MAX_SAFE_INTEGER)].filter(({ rule }) => rule.name === 'burst').map(({ id }) => id);
    };
    const [shipped] = of('{}');
    expect(of(`${BURST}: { acme: { timespan: 2m } }`)).not.toContain(shipped);
    expect(of(`${BURST}: { other: { timespan: 2m } }`)).toEqual([shipped]);
  });

  it.each([
    ['11111111-0000-4000-8000-00000000000f: { acme: { threshold: 1 } }', 'rule_unknown', 'no rule has this id'],
    [`${FAILED}: { acme: { threshold: 1 } }`, 'field_invalid', 'no correlation'],
    [`${FAILED}: { acme: { timespan: 1m } }`, 'field_invalid', 'no correlation'],
    [`${CHAIN}: { acme: { threshold: 1 } }`, 'field_invalid', 'the rules that it rests on'],
    [`${ROUGH}: { acme: { threshold: 1 } }`, 'field_invalid', 'compares twice'],
    [`${BURST}: { acme: { threshold: '1' } }`, 'field_invalid', 'must be a number'],
    [`${BURST}: { acme: { timespan: 15 } }`, 'field_invalid', 'such as 15m'],
    [`${BURST}: { acme: { disabled: 'no' } }`, 'field_invalid', 'true or false'],
    [`${BURST}: { acme: { treshold: 1 } }`, 'field_invalid', '"treshold" is not known'],
    [`${BURST}: { acme: 5 }`, 'field_invalid', 'must be a map'],
    [`${BURST}: 5`, 'field_invalid', 'must be a map'],
    ['[]', 'field_invalid', 'must be a map'],
    ['a: [', 'yaml_malformed', ''],
  ])('refuse %s', (text, code, reason) => {
    const { overrides, errors } = parseTenantOverrides('overrides.yml', `# one\n${text}`, load());
    expect(overrides).toBeNull();
    expect(errors.map((error) => error.code)).toEqual([code]);
    expect(errors[0]?.place).toEqual({ file: 'overrides.yml', line: 2 });
    expect(errors[0]?.message).toContain(reason);
  });
});

describe('an engine of several tenants', () => {
  it('gives the alerts of one engine where nothing is overridden, whatever comes in which order', () => {
    const arrival = fc.record({
      time_s: fc.integer({ min: 0, max: 600 }),
      tenant: fc.constantFrom('acme', 'small', 'other'),
      actor: fc.constantFrom('ada', 'bob'),
    });
    fc.assert(
      fc.property(fc.array(arrival, { maxLength: 60 }), (arrivals) => {
        // In time within each tenant, so that nothing is late in either.
        const events = arrivals
          .toSorted((a, b) => a.time_s - b.time_s)
          .map(({ time_s, tenant, actor }, i) => event(`e${i}`, time_s, tenant, { outcome: 'DENIED', actor_id: actor }));
        const ids = (engine: Engine): readonly string[] =>
          [...events.flatMap((one) => engine.evaluate(one).alerts), ...engine.advance(Number.MAX_SAFE_INTEGER)].map(({ id }) => id).sort();
        const overrides: TenantOverrides = {
          everyone: {},
          tenants: new Map([
            ['acme', {}],
            ['small', {}],
          ]),
        };
        expect(ids(createTenantEngine(overrides, engineOf))).toEqual(ids(engineOf()));
      }),
    );
  });

  it('does not keep an alert back until its own tenant speaks again', () => {
    const engine = createTenantEngine(parsed(`${BURST}: { acme: { threshold: 2 } }`), engineOf);
    for (const i of [0, 1])
      expect(engine.evaluate(event(`e${i}`, 1_000 + i, 'acme', { outcome: 'DENIED', actor_id: 'ada' })).alerts).toEqual([]);
    const alerts = engine.evaluate(event('later', 1_060, 'other', { outcome: 'SUCCESS', actor_id: 'bob' })).alerts;
    expect(alerts.filter(({ rule }) => rule.name === 'burst').map(({ tenant }) => tenant)).toEqual(['acme']);
    expect(engine.stats().pending).toBe(0);
  });

  it('begins anew when fresh', () => {
    const engine = createTenantEngine(parsed(`${BURST}: { acme: { threshold: 2 } }`), engineOf);
    engine.evaluate(event('e0', 1_000, 'acme', { outcome: 'DENIED', actor_id: 'ada' }));
    expect(engine.fresh().stats()).toEqual(createTenantEngine(parsed(`${BURST}: { acme: { threshold: 2 } }`), engineOf).stats());
  });
});
