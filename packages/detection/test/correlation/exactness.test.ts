import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCorrelator } from '../../src/correlation/correlator.ts';
import { delayed, delays, documents, streams } from './arbitrary.ts';
import { load, runWhole, sha256 } from './fixtures.ts';
import { expectedAlerts } from './oracle.ts';

const ALLOWANCE_US = 4_000_000;

const byId = <T extends { readonly id: string }>(alerts: readonly T[]): readonly T[] =>
  [...new Map(alerts.map((alert) => [alert.id, alert])).values()].sort((a, b) => (a.id < b.id ? -1 : 1));

describe('a correlator', () => {
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
      { numRuns: 3_000 },
    );
  });
});
