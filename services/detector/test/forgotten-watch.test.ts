import { createLogger } from '@sealtrail/service-runtime';
import { describe, expect, it } from 'vitest';
import { ForgottenWatch, forgottenOf } from '../src/forgotten-watch.ts';
import { type DetectionState, detectorLog } from '../src/index.ts';

const nothing: DetectionState = {
  watermark_us: null,
  pending: 0,
  keys: 0,
  hits: 0,
  late: 0,
  duplicates: 0,
  capped: 0,
  untimed: 0,
  hurried: 0,
  without_group: new Map(),
  without_value: new Map(),
  truncated: new Map(),
  crowded_out: new Map(),
  evicted: new Map(),
  places: 0,
  places_forgotten: 0,
  producers_forgotten: 0,
};
const evicted = (count: number): DetectionState => ({
  ...nothing,
  evicted: new Map([
    ['acme', new Map([['burst', count - 1]])],
    ['globex', new Map([['burst', 1]])],
  ]),
});
const place = { topic: 'audit.events', partition: 3 };

describe('what detection forgot', () => {
  it('is nothing where nothing was', () => expect(forgottenOf(nothing)).toEqual([]));

  it('is summed over tenants, by correlation and kind', () => {
    const state = {
      ...evicted(7),
      crowded_out: new Map([['burst', 9]]),
      truncated: new Map([['sum', 2]]),
      hurried: 3,
      places_forgotten: 4,
      producers_forgotten: 5,
    };
    expect(forgottenOf(state)).toEqual([
      { reason: 'keys_evicted', rule: 'burst', count: 7 },
      { reason: 'keys_crowded_out', rule: 'burst', count: 9 },
      { reason: 'hits_truncated', rule: 'sum', count: 2 },
      { reason: 'events_hurried', rule: null, count: 3 },
      { reason: 'places_forgotten', rule: null, count: 4 },
      { reason: 'producers_forgotten', rule: null, count: 5 },
    ]);
  });

  it('is told at the first, and at each tenfold', () => {
    const watch = new ForgottenWatch();
    const told = [2, 3, 9, 10, 99, 100, 101, 54_321, 54_322].filter((count) => watch.worthTelling(place, evicted(count)).length > 0);
    expect(told).toEqual([2, 10, 100, 54_321]);
    expect(watch.worthTelling({ ...place, partition: 4 }, evicted(2))).toHaveLength(1);
    watch.restart(place);
    expect(watch.worthTelling(place, evicted(2))).toHaveLength(1);
  });

  it('is a line of the log that names the rule, and no tenant', () => {
    const lines: string[] = [];
    const clock_ms = (): number => 0;
    const log = detectorLog(createLogger({ write: (line) => lines.push(line), clock_ms, format: 'json' }), clock_ms);
    const counts = { rejected: 0, duplicates: 0, matches: 1, matches_of: new Map([['burst', 1]]) };
    const facts = { to: 1, recorded_at: 0, events: 1, findings: 0, ...counts, alerts: 0, replayed: false };
    log.evaluated(place, { ...facts, state: evicted(12) });
    log.evaluated(place, { ...facts, state: evicted(13) });
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'warn', partition: 3, reason: 'keys_evicted', code: 'burst', records: 12 });
    expect(lines[0]).not.toContain('acme');
  });
});
