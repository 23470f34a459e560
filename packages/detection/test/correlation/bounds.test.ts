import { describe, expect, it } from 'vitest';
import { createCorrelator } from '../../src/correlation/correlator.ts';
import { EVIDENCE_MAX } from '../../src/model.ts';
import { load, run, runWhole, type Sample, sample, sha256 } from './fixtures.ts';

const rule = (type: string, condition: string, rest = ''): string =>
  `id: r\n---\nid: c\ncorrelation: { type: ${type}, rules: [r], group-by: [u], timespan: 1h, condition: { ${condition} }${rest} }\n`;
const two = rule('event_count', 'gte: 2');
const hit = (i: number, time_s: number, u: unknown, v: unknown = 1): Sample =>
  sample(`e${String(i).padStart(8, '0')}`, time_s, 'r', { u, v } as Sample['fields']);

describe('keys', () => {
  it('of a tenant are bounded: the longest unused goes, and is counted', () => {
    const loaded = load(two);
    const correlator = createCorrelator(loaded, { sha256, keys_per_tenant_max: 1_000, allowance_us: 0 });
    const flood = Array.from({ length: 20_000 }, (_, i) => hit(i, i / 100, `u${i}`));
    // In use all the time, so never the longest unused.
    const busy = Array.from({ length: 200 }, (_, i) => hit(50_000_000 + i, i + 0.5, 'busy'));
    const kept = { ...hit(99_999_999, 199.99, 'u19500'), id: 'kept' };
    const gone = { ...hit(99_999_999, 199.99, 'u5'), id: 'gone' };
    const other = { ...hit(99_999_998, 0, 'u'), tenant: 'globex' };
    const alerts = runWhole(correlator, loaded, [
      { ...other, id: 'o1' },
      ...[...flood, ...busy].sort((a, b) => a.time_us - b.time_us),
      kept,
      gone,
      { ...other, id: 'o2', time_us: 200_000_000 },
    ]);
    // What was evicted is not known any more; what is recent, and another tenant's, is.
    expect(alerts.map(({ anchor, tenant }) => `${tenant} ${anchor}`)).toEqual(['acme e50000001', 'acme kept', 'globex o2']);
    expect(correlator.stats().evicted).toEqual(new Map([['acme', new Map([['c', 19_002]])]]));
  });

  it('are evicted alike in whatever order events come within the allowance', () => {
    // Windows of an hour and of seconds share the limit: keys go by expiry here and by eviction there.
    const loaded = load(
      `${two}---\nid: d\ncorrelation: { type: event_count, rules: [r], group-by: [v], timespan: 7s, condition: { gte: 2 } }\n`,
    );
    let state = 1;
    const random = (below: number): number => (state = (state * 48_271) % 2_147_483_647) % below;
    const flood = Array.from({ length: 3_000 }, (_, i) => hit(i, i / 10, `u${random(260)}`, `v${random(120)}`));
    const shuffled = flood.map((each, i) => ({ each, at: each.time_us + ((i * 104_729) % 9_000_000) })).sort((a, b) => a.at - b.at);
    const alerts = [flood, shuffled.map(({ each }) => each)].map((samples) => {
      const correlator = createCorrelator(loaded, { sha256, keys_per_tenant_max: 300 });
      const ids = runWhole(correlator, loaded, samples).map(({ id }) => id);
      return { ids: ids.sort(), evicted: correlator.stats().evicted };
    });
    expect(alerts[1]).toEqual(alerts[0]);
    expect(alerts[0]?.evicted.get('acme')?.get('c')).toBeGreaterThan(100);
  });

  it('are dropped once the watermark has left their windows behind', () => {
    const loaded = load(two);
    const correlator = createCorrelator(loaded, { sha256, allowance_us: 0 });
    run(
      correlator,
      loaded,
      Array.from({ length: 500 }, (_, i) => hit(i, i, `u${i}`)),
    );
    expect(correlator.stats().keys).toBe(499);
    correlator.advance(3_600_000_000);
    expect(correlator.stats().keys).toBe(500);
    correlator.advance(3_602_000_000);
    expect(correlator.stats().keys).toBe(498);
    correlator.advance(10_000_000_000);
    expect(correlator.stats()).toMatchObject({ keys: 0, hits: 0, pending: 0, evicted: new Map() });
  });

  it('keep no more hits than a tenant may have', () => {
    const loaded = load(rule('value_sum', 'gt: 1000000000, field: v'));
    const correlator = createCorrelator(loaded, { sha256, allowance_us: 0, hits_per_tenant_max: 500, hits_per_key_max: 50 });
    run(
      correlator,
      loaded,
      Array.from({ length: 20_000 }, (_, i) => hit(i, i / 10, `u${i % 40}`)),
    );
    const { hits, evicted, truncated } = correlator.stats();
    expect(hits).toBeLessThanOrEqual(500);
    expect((evicted.get('acme')?.get('c') ?? 0) + (truncated.get('c') ?? 0)).toBeGreaterThan(0);
  });

  it('keep no more hits than a key may have, and say so', () => {
    const loaded = load(rule('value_sum', 'gte: 60, field: v'));
    const correlator = createCorrelator(loaded, { sha256, allowance_us: 0, hits_per_key_max: 50 });
    expect(
      runWhole(
        correlator,
        loaded,
        Array.from({ length: 70 }, (_, i) => hit(i, i, 'u')),
      ),
    ).toEqual([]);
    expect(correlator.stats().truncated).toEqual(new Map([['c', 20]]));
  });

  it('keep as many hits as a threshold needs, however many come', () => {
    const loaded = load(rule('event_count', 'gte: 10'));
    const correlator = createCorrelator(loaded, { sha256, allowance_us: 0 });
    expect(
      run(
        correlator,
        loaded,
        Array.from({ length: 10_000 }, (_, i) => hit(i, i / 100, 'u')),
      ),
    ).toHaveLength(1);
    expect(correlator.stats().hits).toBeLessThanOrEqual(22);
  });
});

describe('events that wait', () => {
  it('are bounded: the earliest is evaluated before its time, and counted', () => {
    const loaded = load(two);
    const correlator = createCorrelator(loaded, { sha256, allowance_us: 1_000_000_000, pending_max: 100 });
    run(
      correlator,
      loaded,
      Array.from({ length: 1_000 }, (_, i) => hit(i, i / 10, `u${i % 500}`)),
    );
    expect(correlator.stats()).toMatchObject({ pending: 100, hurried: 900 });
    // What comes before something that was hurried is late.
    run(correlator, loaded, [{ ...hit(0, 0, 'u'), id: 'x' }]);
    expect(correlator.stats().late).toBe(1);
  });
});

describe('evidence', () => {
  it('is bounded to the newest events, with the full count', () => {
    const loaded = load(rule('event_count', 'gte: 1500'));
    const correlator = createCorrelator(loaded, { sha256, allowance_us: 0 });
    const [alert] = runWhole(
      correlator,
      loaded,
      Array.from({ length: 1_500 }, (_, i) => hit(i, i, 'u')),
    );
    expect(alert).toMatchObject({ events_count: 1_500, value: 1_500, first_us: 0, last_us: 1_499_000_000 });
    expect(alert?.events).toHaveLength(EVIDENCE_MAX);
    expect(alert?.events.at(-1)).toBe(alert?.anchor);
  });
});

describe('hostile events', () => {
  it('with a time ahead of the log are capped, and make nobody else late', () => {
    const loaded = load(two);
    const correlator = createCorrelator(loaded, { sha256 });
    const at = (id: string, time_s: number, received_s: number, u: string): Sample => ({
      ...sample(id, time_s, 'r', { u }),
      received_us: received_s * 1_000_000,
    });
    run(correlator, loaded, [at('a', 0, 0, 'u'), at('evil', 4e9, 1, 'x')]);
    // An allowance that covers the lead keeps everyone in time; here the lead of a minute exceeds it by design.
    expect(correlator.stats()).toMatchObject({ capped: 1, watermark_us: 51_000_000 });
    const roomy = createCorrelator(loaded, { sha256, allowance_us: 120_000_000 });
    const alerts = runWhole(roomy, loaded, [at('a', 0, 0, 'u'), at('evil', 4e9, 1, 'x'), at('b', 2, 2, 'u')]);
    expect(alerts.map(({ anchor }) => anchor)).toEqual(['b']);
    expect(roomy.stats().late).toBe(0);
  });

  it('without a usable time alert by rule, and are seen by no correlation', () => {
    const loaded = load(`${two}---\nid: s\n`);
    const correlator = createCorrelator(loaded, { sha256 });
    for (const time_us of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e300, 0.5])
      expect(run(correlator, loaded, [{ ...hit(1, 0, 'u'), rules: ['r', 's'], time_us }]).map(({ rule }) => rule.id)).toEqual(['s']);
    expect(correlator.stats()).toMatchObject({ untimed: 5, watermark_us: null, keys: 0 });
    run(correlator, loaded, [
      { ...hit(1, 0, 'u'), time_us: Number.MIN_SAFE_INTEGER },
      hit(2, 0, 'u'),
      { ...hit(3, 0, 'u'), time_us: Number.MAX_SAFE_INTEGER },
    ]);
    expect(correlator.stats()).toMatchObject({ untimed: 5, pending: 1, late: 0 });
  });

  it('group by whatever text there is, never by nothing', () => {
    const loaded = load(two);
    const values = [
      '',
      ' ',
      '\ud800',
      '\udfff',
      '\ufffd',
      '💥',
      'e\u0301',
      'é',
      '__proto__',
      'constructor',
      '0',
      'x'.repeat(100_000),
      'x'.repeat(100_001),
    ];
    const correlator = createCorrelator(loaded, { sha256, allowance_us: 0 });
    const samples = values.flatMap((value, i) => [hit(2 * i, 2 * i, value), hit(2 * i + 1, 2 * i + 1, value)]);
    const alerts = runWhole(correlator, loaded, samples);
    expect(alerts.map(({ group }) => Object.keys(group))).toEqual(values.map(() => ['u']));
    expect(new Set(alerts.map(({ group }) => group.u)).size).toBe(values.length);
    expect(new Set(alerts.map(({ id }) => id)).size).toBe(values.length);
    expect(Math.max(...alerts.map(({ group }) => (group.u ?? '').length))).toBe(256);
    run(correlator, loaded, [hit(90, 90, null), hit(91, 91, []), { ...hit(92, 92, 'u'), fields: {} }]);
    expect(correlator.stats().without_group).toEqual(new Map([['c', 3]]));
  });

  it('group numbers, truth values and lists by what they say', () => {
    const loaded = load(two);
    const groups = (values: readonly unknown[]): number => {
      const correlator = createCorrelator(loaded, { sha256, allowance_us: 0 });
      run(correlator, loaded, [...values.map((value, i) => hit(i, i, value)), { ...hit(99, 99, 'x'), rules: [] }]);
      return correlator.stats().keys;
    };
    expect(groups([1, '1', 1.0, ['1']])).toBe(1);
    expect(groups([true, 'true'])).toBe(1);
    expect(
      groups([
        ['a', 'b'],
        ['a', 'b'],
      ]),
    ).toBe(1);
    expect(groups([['a', 'b'], ['b', 'a'], 'a', ['ab']])).toBe(4);
    expect(groups([0, -0])).toBe(1);
  });

  it('are computed with where they are numbers, and counted where they are not', () => {
    const loaded = load(rule('value_sum', 'gte: -1e308, field: v'));
    const correlator = createCorrelator(loaded, { sha256, allowance_us: 0 });
    const values = [Number.NaN, Number.POSITIVE_INFINITY, 1e301, '1e309', 'NaN', 'Infinity', '0x10', '', '1_000', true, null, [1, 2], '１'];
    expect(
      runWhole(
        correlator,
        loaded,
        values.map((value, i) => hit(i, i, 'u', value)),
      ),
    ).toEqual([]);
    expect(correlator.stats().without_value).toEqual(new Map([['c', values.length]]));
    const good = [1e300, 1e300, -1e300, ' 5 ', '+.5e1', [2], -0].map((value, i) => hit(i, 5_000 + i, `k${i}`, value));
    const fresh = createCorrelator(loaded, { sha256, allowance_us: 0 });
    expect(runWhole(fresh, loaded, good).map(({ value }) => value)).toEqual([1e300, 1e300, -1e300, 5, 5, 2, 0]);
  });
});
