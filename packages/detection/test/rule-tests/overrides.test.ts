import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Alert, type Compiled, type CompileOptions, compile, type Engine, loadOverrides, replaySpan_us } from '../../src/index.ts';
import { BURST, CHAIN, event, FAILED, load, ROUGH, sha256 } from './rules.ts';

const compiledWith = (text: string, options: Partial<CompileOptions> = {}): Compiled =>
  compile(load(), { sha256, ...options, overrides: loadOverrides({ file: 'overrides.yml', text }) });

function engineWith(text: string): Engine {
  const { engine, errors } = compiledWith(text);
  expect(errors.map(({ message }) => message)).toEqual([]);
  return engine;
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
    const engine = engineWith(`${BURST}: { '*': { threshold: 4 }, acme: { threshold: 5 }, small: { threshold: 2 } }`);
    expect(alertsOf(engine, ['acme', 'small', 'other'])).toEqual(['acme e4', 'other e3', 'small e1']);
  });

  it('change the window, and leave a rule out', () => {
    const engine = engineWith(`${BURST}: { acme: { timespan: 19s }, small: { disabled: true } }`);
    expect(alertsOf(engine, ['acme', 'small', 'other'])).toEqual(['other e2']);
  });

  it('change everyone alone', () => {
    expect(alertsOf(engineWith(`${BURST}: { '*': { threshold: 5 } }`), ['acme', 'other'])).toEqual(['acme e4', 'other e4']);
  });

  it('keep what is said of everyone where a tenant says something of another rule, and take its place where of the same', () => {
    const { everyone, tenants, errors } = loadOverrides({
      file: 'o.yml',
      text: `${BURST}: { '*': { threshold: 4, timespan: 2m }, acme: { threshold: 6 } }\n---\n${ROUGH}: { small: { disabled: true } }`,
    });
    expect(errors).toEqual([]);
    const burst = { place: { file: 'o.yml', line: 1 }, threshold: 4, timespan_us: 120_000_000, disabled: false };
    expect(everyone).toEqual(new Map([[BURST, burst]]));
    expect(tenants.get('acme')).toEqual(new Map([[BURST, { ...burst, threshold: 6, timespan_us: null }]]));
    expect([...(tenants.get('small')?.keys() ?? [])]).toEqual([BURST, ROUGH]);
  });

  it('give another version of the rule, and so other ids of alerts', () => {
    const of = (text: string): readonly string[] => {
      const engine = engineWith(text);
      const alerts = [0, 1, 2].flatMap(
        (i) => engine.evaluate(event(`e${i}`, 1_000 + i, 'acme', { outcome: 'DENIED', actor_id: 'ada' })).alerts,
      );
      return [...alerts, ...engine.advance(Number.MAX_SAFE_INTEGER)].filter(({ rule }) => rule.name === 'burst').map(({ id }) => id);
    };
    const [shipped] = of('{}');
    expect(of(`${BURST}: { acme: { timespan: 2m } }`)).not.toContain(shipped);
    expect(of(`${BURST}: { other: { timespan: 2m } }`)).toEqual([shipped]);
  });

  it('let a replay reach back as far as the longest window of any tenant', () => {
    expect(replaySpan_us(compiledWith('{}').correlations)).toBe(120_000_000);
    expect(replaySpan_us(compiledWith(`${BURST}: { acme: { timespan: 1h } }`).correlations)).toBe(7_200_000_000);
  });

  it.each([
    ['11111111-0000-4000-8000-00000000000f: { acme: { threshold: 1 } }', 'rule_unknown', 'no rule has this id'],
    [`${FAILED}: { acme: { threshold: 1 } }`, 'field_invalid', 'no correlation'],
    [`${FAILED}: { acme: { timespan: 1m } }`, 'field_invalid', 'no correlation'],
    [`${CHAIN}: { acme: { threshold: 1 } }`, 'field_invalid', 'the rules that it rests on'],
    [`${ROUGH}: { acme: { threshold: 1 } }`, 'field_invalid', 'compares more than once'],
    [`${BURST}: { acme: { threshold: '1' } }`, 'field_invalid', 'must be a number'],
    [`${BURST}: { acme: { threshold: 0 } }`, 'field_invalid', 'whole number from 1'],
    [`${BURST}: { acme: { threshold: 1.5 } }`, 'field_invalid', 'whole number from 1'],
    [`${BURST}: { acme: { threshold: 100001 } }`, 'field_invalid', 'whole number from 1'],
    [`${BURST}: { '*': { threshold: 0 }, acme: { threshold: 3 } }`, 'field_invalid', 'whole number from 1'],
    [`${BURST}: { acme: { timespan: 15 } }`, 'field_invalid', 'such as 15m'],
    [`${BURST}: { acme: { disabled: 'no' } }`, 'field_invalid', 'true or false'],
    [`${BURST}: { acme: { treshold: 1 } }`, 'field_invalid', '"treshold" is not known'],
    [`${BURST}: { acme: {} }`, 'field_invalid', 'must be a map with one of'],
    [`${BURST}: { acme: 5 }`, 'field_invalid', 'must be a map'],
    [`${BURST}: 5`, 'field_invalid', 'must be a map'],
    ['[]', 'field_invalid', 'must be a map'],
    ['a: [', 'yaml_malformed', ''],
  ])('refuse %s', (text, code, reason) => {
    const { errors, engine } = compiledWith(`# one\n${text}`);
    expect(errors.map((error) => error.code)).toEqual([code]);
    expect(errors[0]?.place).toEqual({ file: 'overrides.yml', line: 2 });
    expect(errors[0]?.message).toContain(reason);
    // The rules stay as they are shipped.
    expect(alertsOf(engine, ['acme'])).toEqual(['acme e2']);
  });

  it('refuse a second word on the same rule and tenant, and a part that is left out where others rest on it', () => {
    const twice = loadOverrides({ file: 'o.yml', text: `${BURST}: { a: { threshold: 4 } }\n---\n${BURST}: { a: { threshold: 5 } }` });
    expect(twice.errors.map(({ message }) => message)).toEqual([expect.stringContaining('o.yml:3')]);
    expect(compiledWith(`${FAILED}: { acme: { disabled: true } }`).errors.map(({ code }) => code)).toEqual([
      'rule_unknown',
      'rule_unknown',
      'rule_unknown',
    ]);
  });
});

describe('an engine of several tenants', () => {
  const nothing = { threshold: null, timespan_us: null, disabled: false, place: { file: 'o.yml', line: 1 } };
  const overrides = {
    everyone: new Map(),
    tenants: new Map([
      ['acme', new Map([[FAILED, nothing]])],
      ['small', new Map()],
    ]),
    errors: [],
  };

  it('gives the alerts of one engine where nothing differs, at the same events, whatever comes in which order', () => {
    const arrival = fc.record({
      time_s: fc.integer({ min: 0, max: 600 }),
      received_s: fc.option(fc.integer({ min: 0, max: 600 }), { nil: undefined }),
      tenant: fc.constantFrom('acme', 'small', 'other'),
      actor: fc.constantFrom('ada', 'bob'),
    });
    fc.assert(
      fc.property(fc.array(arrival, { maxLength: 60 }), fc.boolean(), (arrivals, sorted) => {
        const ordered = sorted ? arrivals.toSorted((a, b) => a.time_s - b.time_s) : arrivals;
        const events = ordered.map(({ time_s, received_s, tenant, actor }, i) => ({
          ...event(`e${i}`, time_s, tenant, { outcome: 'DENIED', actor_id: actor }),
          ...(received_s === undefined ? {} : { received_us: received_s * 1e6 }),
        }));
        const run = (engine: Engine): readonly (readonly string[])[] =>
          [...events.map((one) => engine.evaluate(one).alerts), engine.advance(Number.MAX_SAFE_INTEGER)].map((alerts) =>
            alerts.map(({ id, late }) => `${id} ${late}`).sort(),
          );
        expect(run(compile(load(), { sha256, overrides }).engine)).toEqual(run(compile(load(), { sha256 }).engine));
      }),
      { numRuns: 300 },
    );
  });

  it('adds up what its parts hold', () => {
    const engine = engineWith(`${BURST}: { acme: { threshold: 2 } }`);
    for (const tenant of ['acme', 'other', 'third']) engine.evaluate(event('e0', 1_000, tenant, { outcome: 'DENIED', actor_id: 'ada' }));
    expect(engine.stats()).toMatchObject({ pending: 3, watermark_us: 990_000_000 });
    engine.evaluate(event('e1', 2_000, 'other', { outcome: 'DENIED' }));
    engine.advance(3_000_000_000);
    expect(engine.stats().without_group.get(BURST)).toBe(1);
    expect(engine.fresh().stats()).toMatchObject({ pending: 0, keys: 0, watermark_us: null });
  });
});
