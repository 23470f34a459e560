import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCorrelator } from '../../src/correlation/correlator.ts';
import { replaySpan_us, wasGiven } from '../../src/correlation/replay.ts';
import type { Alert } from '../../src/model.ts';
import { delayed, delays, denseStreams, documents, short, streams } from './arbitrary.ts';
import { type Loaded, load, run, type Sample, sample, sha256 } from './fixtures.ts';
import { expectedAlerts } from './oracle.ts';

const ALLOWANCE_US = 4_000_000;
const options = { sha256, allowance_us: ALLOWANCE_US };
const idsOf = (alerts: readonly { readonly id: string }[]): readonly string[] => [...new Set(alerts.map(({ id }) => id))].sort();

/** Consumes a log up to a commit, loses everything, and goes on as a service would: from history that covers the span, without what was given. */
function withRestart(
  loaded: Loaded,
  log: readonly Sample[],
  commit: number,
): { given: readonly Alert[]; again: readonly Alert[]; from: number } {
  const first = createCorrelator(loaded, options);
  const given = run(first, loaded, log.slice(0, commit));
  const { watermark_us } = first.stats();
  const start = log.findIndex(({ time_us }) => watermark_us === null || time_us >= watermark_us - replaySpan_us(loaded));
  const from = Math.min(start === -1 ? log.length : start, commit);
  const committed = { watermark_us, includes: (event: string) => log.slice(0, commit).some(({ id }) => id === event) };
  const second = createCorrelator(loaded, options);
  const replayed = [...run(second, loaded, log.slice(from)), ...second.advance(Number.MAX_SAFE_INTEGER)];
  return { given, again: replayed.filter((alert) => !wasGiven(alert, committed, loaded)), from };
}

// Thousands of runs: on a busy machine they take their time.
describe('alerts', { timeout: 300_000 }, () => {
  it('are the same set over any order within the allowance, any spreading of tenants and any restart', () => {
    let alerts = 0;
    let replays = 0;
    fc.assert(
      fc.property(
        documents,
        streams,
        delays(ALLOWANCE_US),
        fc.integer({ min: 1, max: 8 }),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 8, maxLength: 8 }),
        (text, samples, by, partitions, commits) => {
          const loaded = load(text);
          const log = delayed(
            samples.map((each) => ({ ...each, tenant: `${each.tenant}${Number(each.id.slice(1)) % 3}` })),
            by,
          );
          const found: Alert[] = [];
          for (let partition = 0; partition < partitions; partition++) {
            const own = log.filter(({ tenant }) => [...tenant].reduce((sum, c) => sum + c.charCodeAt(0), 0) % partitions === partition);
            const { given, again, from } = withRestart(loaded, own, Math.round((commits[partition] ?? 0) * own.length));
            // Nothing is given twice, within a run or across the restart.
            const ids = [...given, ...again].map(({ id }) => id);
            const correlated = [...given, ...again].filter(({ rule }) => loaded.linked.some((each) => each.rule.head.id === rule.id));
            expect(idsOf(correlated)).toHaveLength(correlated.length);
            found.push(...given, ...again);
            alerts += ids.length;
            if (from > 0) replays++;
          }
          expect(idsOf(found)).toEqual(idsOf(expectedAlerts(loaded, log)));
        },
      ),
      { numRuns: 1_000 },
    );
    // The runs look at something.
    expect(alerts).toBeGreaterThan(1_000);
    expect(replays).toBeGreaterThan(50);
  });

  it('are the same after a restart anywhere, with no more history than the span', () => {
    let given = 0;
    fc.assert(
      fc.property(short, denseStreams, delays(ALLOWANCE_US), (text, samples, by) => {
        const loaded = load(text);
        const log = delayed(samples, by);
        const expected = idsOf(expectedAlerts(loaded, log));
        given += expected.length;
        for (let commit = 1; commit < log.length; commit += 5) {
          const { given, again } = withRestart(loaded, log, commit);
          const ids = [...given, ...again].map(({ id }) => id);
          expect(new Set(ids).size).toBe(ids.length);
          expect(ids.sort()).toEqual(expected);
        }
      }),
      { numRuns: 100 },
    );
    expect(given).toBeGreaterThan(500);
  });

  const anchors = (loaded: Loaded, log: readonly Sample[], commit: number): unknown => {
    const { given, again } = withRestart(loaded, log, commit);
    return { given: given.map(({ anchor }) => anchor), again: again.map(({ anchor }) => anchor) };
  };

  it('of a chain need the history of each link', () => {
    const loaded = load(`
id: r
---
name: inner
correlation: { type: event_count, rules: [r], group-by: [u], timespan: 10s, condition: { gte: 2 } }
---
name: outer
correlation: { type: event_count, rules: [inner], timespan: 1s, condition: { gte: 1 } }
`);
    expect(replaySpan_us(loaded)).toBe(22_000_000);
    // Only with the first event is it known that the inner condition held before the third, so that the third gives no hit.
    const ada = [0, 10, 20].map((time, i) => sample(`a${i}`, time, 'r', { u: 'ada' }));
    const bob = [20.5, 21].map((time, i) => sample(`b${i}`, time, 'r', { u: 'bob' }));
    expect(anchors(loaded, [...ada, ...bob, sample('tick', 24.7, [])], 6)).toEqual({ given: ['a1'], again: ['b1'] });
  });

  it('that a late event gives after a commit are given after a restart', () => {
    const loaded = load('id: r\n---\nid: c\ncorrelation: { type: event_count, rules: [r], timespan: 10m, condition: { gte: 3 } }\n');
    const log = [sample('a', 0, 'r'), sample('c', 60, 'r'), sample('tick', 100, []), sample('b', 30, 'r')];
    expect(anchors(loaded, log, 3)).toEqual({ given: [], again: ['c'] });
    expect(anchors(loaded, log, 4)).toEqual({ given: ['c'], again: [] });
  });
});
