import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCorrelator } from '../../src/correlation/correlator.ts';
import { delayed, delays, documents, streams } from './arbitrary.ts';
import { load, runWhole, sha256 } from './fixtures.ts';
import { expectedAlerts } from './oracle.ts';

const ALLOWANCE_US = 4_000_000;

const byId = <T extends { readonly id: string }>(alerts: readonly T[]): readonly T[] =>
  [...new Map(alerts.map((alert) => [alert.id, alert])).values()].sort((a, b) => (a.id < b.id ? -1 : 1));

describe('a correlator', { timeout: 300_000 }, () => {
  it('gives what an oracle gives that keeps everything, in whatever order events come within the allowance', () => {
    fc.assert(
      fc.property(documents, streams, delays(ALLOWANCE_US), (text, samples, by) => {
        const loaded = load(text);
        const correlator = createCorrelator(loaded, { sha256, allowance_us: ALLOWANCE_US });
        const found = byId(runWhole(correlator, loaded, delayed(samples, by)));
        const expected = byId(expectedAlerts(loaded, samples));
        const shown = ({
          id,
          rule,
          tenant,
          anchor,
          value,
        }: {
          id: string;
          rule: string;
          tenant: string;
          anchor: string;
          value: number | null;
        }) => ({ id, rule, tenant, anchor, value });
        expect(found.map((alert) => shown({ ...alert, rule: alert.rule.id }))).toEqual(
          expected.map((alert) => shown({ ...alert, value: loaded.rules.some(({ id }) => id === alert.rule) ? null : alert.value })),
        );
        expect(correlator.stats().late).toBe(0);
      }),
      { numRuns: 800 },
    );
  });

  it('rests a count or a computation on just the events of its window', () => {
    fc.assert(
      fc.property(documents, streams, (text, samples) => {
        const loaded = load(text);
        const expected = new Map(expectedAlerts(loaded, samples).map((alert) => [alert.id, alert.events]));
        const correlator = createCorrelator(loaded, { sha256, allowance_us: 60_000_000 });
        for (const alert of runWhole(correlator, loaded, samples)) {
          const rule = loaded.linked.find((each) => each.rule.head.id === alert.rule.id);
          expect(alert.events).toContain(alert.anchor);
          expect(alert.events_count).toBe(alert.events.length);
          if (rule === undefined || rule.members.some(({ kind }) => kind === 'correlation')) continue;
          const { type } = rule.rule;
          // Distinct counts and proximity name one event of the window for each value or member.
          if (type === 'value_count') expect(alert.events.length).toBe(alert.value);
          if (type === 'value_count' || type.startsWith('temporal'))
            expect(expected.get(alert.id)).toEqual(expect.arrayContaining([...alert.events]));
          else expect(alert.events).toEqual(expected.get(alert.id));
          const times = alert.events.map((id) => samples.find((each) => each.id === id)?.time_us ?? Number.NaN);
          expect([alert.first_us, alert.last_us]).toEqual([Math.min(...times), Math.max(...times)]);
          expect(alert.last_us - alert.first_us).toBeLessThanOrEqual(rule.rule.timespan_us);
        }
      }),
      { numRuns: 400 },
    );
  });
});
