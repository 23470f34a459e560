import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCorrelator } from '../../src/correlation/correlator.ts';
import { load, run, runWhole, type Sample, sample, sha256 } from './fixtures.ts';

const rule = (type: string, rules: string, rest = ''): string =>
  `${rules
    .split(',')
    .map((id) => `id: ${id}\n---\n`)
    .join('')}id: c\ncorrelation: { type: ${type}, rules: [${rules}], group-by: [u], timespan: 10m${rest} }\n`;
const three = rule('event_count', 'r', ', condition: { gte: 3 }');
const hit = (id: string, time_s: number, rules = 'r', v: string | number = id): Sample => sample(id, time_s, rules, { u: 'u', v });
/** Rule, anchor, first event and lateness of each alert. */
function said(text: string, samples: readonly Sample[]): readonly string[] {
  const loaded = load(text);
  expect(loaded.refused).toEqual([]);
  return runWhole(createCorrelator(loaded, { sha256 }), loaded, samples).map(
    ({ anchor, events, late }) => `${anchor} ${events.join()} ${late ? 'late' : 'in time'}`,
  );
}
/** Moves event time on, as an event does that no rule matches. */
const tick = (time_s: number): Sample => ({ ...hit(`tick${time_s}`, time_s), rules: [] });

describe('what comes after the watermark has passed it', () => {
  it('is evaluated, counted and marked', () => {
    const loaded = load(three);
    const correlator = createCorrelator(loaded, { sha256 });
    expect(run(correlator, loaded, [hit('a', 0), hit('b', 1), tick(100)])).toEqual([]);
    expect(run(correlator, loaded, [hit('c', 2)])).toMatchObject([{ anchor: 'c', late: true, events: ['a', 'b', 'c'] }]);
    expect(correlator.stats()).toMatchObject({ late: 1, watermark_us: 90_000_000, pending: 0 });
  });

  it('is in time up to the allowance, and late just beyond it', () => {
    const loaded = load(three);
    for (const [behind_us, late] of [
      [10_000_000, 0],
      [10_000_001, 1],
    ] as const) {
      const correlator = createCorrelator(loaded, { sha256 });
      run(correlator, loaded, [hit('a', 100), { ...hit('b', 0), time_us: 100_000_000 - behind_us }]);
      expect(correlator.stats().late).toBe(late);
    }
  });

  it('marks the alert of a rule by itself', () => {
    expect(said('id: r', [hit('a', 100), hit('b', 0)])).toEqual(['a a in time', 'b b late']);
  });

  it('completes a window in its middle: the alert is anchored where the condition became true', () => {
    expect(said(three, [hit('a', 0), hit('d', 60), tick(100), hit('b', 30)])).toEqual(['d a,b,d late']);
    expect(said(three, [hit('a', 0), hit('c', 60), hit('z', 3_000), tick(4_000), hit('b', 30)])).toEqual(['b b late'].slice(1));
  });

  it('is not alerted again where the condition held already', () => {
    expect(said(three, [hit('a', 0), hit('c', 2), hit('d', 3), tick(100), hit('b', 1), hit('e', 4)])).toEqual(['d a,c,d in time']);
  });

  it('counts once, however often it comes', () => {
    expect(said(three, [hit('a', 0), hit('b', 1), tick(100), hit('a', 0), hit('b', 1), hit('b', 1)])).toEqual([]);
    const loaded = load(three);
    const correlator = createCorrelator(loaded, { sha256 });
    run(correlator, loaded, [hit('a', 0), hit('b', 1), tick(100), hit('b', 1), hit('a', 0)]);
    expect(correlator.stats()).toMatchObject({ duplicates: 2, late: 2 });
  });

  it('completes distinct counts, proximity and sequences', () => {
    const distinct = rule('value_count', 'r', ', condition: { gte: 3, field: v }');
    expect(said(distinct, [hit('a', 0), hit('c', 2), tick(100), hit('b', 1, 'r', 'c')])).toEqual([]);
    expect(said(distinct, [hit('a', 0), hit('c', 2), tick(100), hit('b', 1)])).toEqual(['c a,b,c late']);
    expect(said(rule('temporal', 'r,s,t'), [hit('a', 0), hit('c', 2, 't'), tick(100), hit('b', 1, 's')])).toEqual(['c a,b,c late']);
    const sequence = rule('temporal_ordered', 'r,s,t');
    expect(said(sequence, [hit('a', 0), hit('c', 2, 't'), tick(100), hit('b', 1, 's')])).toEqual(['c a,b,c late']);
    expect(said(sequence, [hit('a', 0), hit('c', 2, 't'), tick(100), hit('b', 3, 's')])).toEqual([]);
    // One event is no sequence of two, late or not.
    const both = { ...hit('a', 0), rules: ['r', 's'] };
    expect(said(sequence, [hit('z', 60, 't'), tick(100), both])).toEqual([]);
    expect(said(sequence, [hit('z', 60, 't'), tick(100), both, hit('b', 1, 's')])).toEqual(['z a,b,z late']);
    expect(
      said(rule('value_sum', 'r', ', condition: { gt: 9, field: v }'), [hit('a', 0, 'r', 5), tick(100), hit('b', -1, 'r', 5)]),
    ).toEqual(['a b,a late']);
  });

  it('is correlated with itself where it is far too late for what is known: what was spooled for hours is not lost', () => {
    const now = Array.from({ length: 20 }, (_, i) => hit(`n${i}`, 7_200 + i * 400));
    const spooled = [hit('s1', 0), hit('s2', 10), hit('s3', 20), hit('s4', 30)];
    expect(said(three, [...now, ...spooled])).toEqual(['s3 s1,s2,s3 late']);
    // A key that had gone is there again for as long as a timespan.
    expect(said(three, [tick(7_200), ...spooled])).toEqual(['s3 s1,s2,s3 late']);
    const minutes = spooled.flatMap((each, i) => [tick(7_200 + i * 60), each]);
    expect(said(three, minutes)).toEqual(['s3 s1,s2,s3 late']);
    // And no longer.
    expect(
      said(
        three,
        spooled.flatMap((each, i) => [tick(7_200 + i * 700), each]),
      ),
    ).toEqual([]);
  });

  it('is looked at alone where even that is not possible', () => {
    const one = rule('event_count', 'r', ', condition: { gte: 1 }');
    expect(said(one, [hit('a', 90_000), tick(91_000), hit('b', 50_000), hit('c', 10_000)])).toEqual(
      ['b b late', 'c c late', 'a a in time'].sort((x, y) => (x[0] === 'a' ? -1 : y[0] === 'a' ? 1 : 0)),
    );
  });

  it('never gives an alert that its events do not bear out', () => {
    const types = fc.constantFrom(
      three,
      rule('value_count', 'r', ', condition: { gte: 3, field: v }'),
      rule('temporal', 'r,s,t'),
      rule('temporal_ordered', 'r,s,t'),
      rule('value_sum', 'r', ', condition: { gte: 12, field: v }'),
    );
    const events = fc.array(fc.tuple(fc.nat({ max: 60 }), fc.constantFrom('r', 's', 't'), fc.nat({ max: 6 })), {
      maxLength: 60,
      size: 'max',
    });
    let late = 0;
    fc.assert(
      fc.property(types, events, (text, list) => {
        const loaded = load(text);
        const rules = new Set(loaded.rules.map(({ id }) => id));
        const samples = list.map(([time, id, v], i) => hit(`e${i}`, time * 60, rules.has(id) ? id : 'r', v));
        const correlator = createCorrelator(loaded, { sha256, allowance_us: 0 });
        for (const alert of runWhole(correlator, loaded, samples)) {
          if (alert.late) late++;
          const resting = alert.events.map((id) => samples.find((each) => each.id === id) as Sample);
          const times = resting.map(({ time_us }) => time_us);
          expect(times).toEqual([...times].sort((a, b) => a - b));
          expect(alert.last_us - (times[0] ?? 0)).toBeLessThanOrEqual(600_000_000);
          expect(alert.last_us).toBeGreaterThanOrEqual(times.at(-1) ?? 0);
          const { type } = loaded.linked[0]?.rule ?? {};
          const kinds = resting.map((each) => each.rules[0]);
          if (type === 'event_count') expect(resting.length).toBeGreaterThanOrEqual(3);
          else if (type === 'value_count') expect(new Set(resting.map(({ fields }) => fields.v)).size).toBeGreaterThanOrEqual(3);
          else if (type === 'temporal') expect(new Set(kinds).size).toBe(3);
          else if (type === 'temporal_ordered') expect(kinds).toEqual(['r', 's', 't']);
          else expect(resting.reduce((sum, { fields }) => sum + Number(fields.v), 0)).toBeGreaterThanOrEqual(12);
        }
      }),
      { numRuns: 400 },
    );
    expect(late).toBeGreaterThan(50);
  });
});
