import type { DeliveryEvent, Fate } from '@sealtrail/alerting';
import type { EventLogReader } from '@sealtrail/event-log';
import { createMetrics, tellAll } from '@sealtrail/service-runtime';
import { describe, expect, it } from 'vitest';
import { sampleAlert } from '../../../packages/alerting/test/sample.ts';
import { alertMetrics, detectorMetrics, queueMetrics } from '../src/detector-metrics.ts';
import type { DetectionState, EvaluatedFacts } from '../src/index.ts';
import { watchPartitions } from '../src/partition-watch.ts';

const place = { topic: 'audit.events', partition: 3 };
const labels = '{topic="audit.events",partition="3"}';
const START_MS = 1_000_000;

const state = (parts: Partial<DetectionState> = {}): DetectionState => ({
  watermark_us: (START_MS - 12_000) * 1000,
  pending: 2,
  keys: 7,
  hits: 21,
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
  ...parts,
});
const facts = (parts: Partial<EvaluatedFacts> = {}): EvaluatedFacts => ({
  to: 10,
  recorded_at: START_MS,
  events: 800,
  findings: 3,
  rejected: 2,
  duplicates: 1,
  matches: 5,
  matches_of: new Map([
    ['rule-1', 4],
    ['rule-2', 1],
  ]),
  alerts: 1,
  replayed: false,
  state: state(),
  ...parts,
});
const readerAt = (end: number): EventLogReader => ({
  bounds: async () => ({ start: 0, end }),
  read: async () => ({ kind: 'records', records: [] }),
  close: async () => undefined,
});

function setUp() {
  const metrics = createMetrics({ process_metrics: false });
  let now_ms = START_MS;
  const watch = watchPartitions(metrics, () => now_ms);
  return {
    metrics,
    watch,
    events: tellAll([detectorMetrics(metrics, (rule) => (rule === 'rule-1' ? 'high' : 'low')), watch.events]),
    passes: (ms: number): void => void (now_ms += ms),
    now: () => now_ms,
    /** Value of a metric by its line's beginning. */
    value: async (line: string): Promise<number | null> => {
      const { body } = await metrics.render();
      const found = body.split('\n').find((candidate) => candidate.startsWith(`sealtrail_detector_${line} `));
      return found === undefined ? null : Number(found.split(' ').at(-1));
    },
  };
}

describe('metrics of the detector', () => {
  it('count what was evaluated and what was not, and what matched by rule and level', async () => {
    const { events, value } = setUp();
    events.started(place, { replay_from: 0, from: 0 });
    events.evaluated(place, facts());
    events.evaluated(place, facts({ to: 20, matches_of: new Map([['rule-1', 1]]) }));
    events.waiting(place, 'storing alerts', new Error('x'));
    expect(await value(`events_total${labels}`)).toBe(1_600);
    expect(await value(`rejected_total${labels}`)).toBe(4);
    expect(await value(`duplicates_total${labels}`)).toBe(2);
    expect(await value('matches_total{rule="rule-1",level="high"}')).toBe(5);
    expect(await value('matches_total{rule="rule-2",level="low"}')).toBe(1);
    expect(await value(`evaluated_offset${labels}`)).toBe(20);
    expect(await value(`keys_size${labels}`)).toBe(7);
    expect(await value(`hits_size${labels}`)).toBe(21);
    expect(await value(`pending_size${labels}`)).toBe(2);
    expect(await value('waits_total{step="storing alerts"}')).toBe(1);
    events.rested(place, { to: 20, pending: 0, watermark_us: null });
    expect(await value(`pending_size${labels}`)).toBe(0);
    events.lost(place);
    expect(await value(`keys_size${labels}`)).toBeNull();
    expect(await value('assignments_lost_total{partition="3"}')).toBe(1);
  });

  it('count on where a partition is taken up again, whose own counts begin at 0', async () => {
    const { events, value } = setUp();
    const full = (late: number, evicted: number): EvaluatedFacts =>
      facts({
        state: state({
          late,
          evicted: new Map([
            ['acme', new Map([['rule-1', evicted]])],
            ['globex', new Map([['rule-1', 1]])],
          ]),
        }),
      });
    events.started(place, { replay_from: 0, from: 0 });
    events.evaluated(place, full(3, 10));
    events.evaluated(place, full(5, 10));
    expect(await value(`late_total${labels}`)).toBe(5);
    expect(await value('forgotten_total{reason="keys_evicted",rule="rule-1"}')).toBe(11);
    events.started(place, { replay_from: 0, from: 10 });
    events.evaluated(place, full(1, 2));
    expect(await value(`late_total${labels}`)).toBe(6);
    expect(await value('forgotten_total{reason="keys_evicted",rule="rule-1"}')).toBe(14);
  });

  it('tell the lag in records and seconds, and how far the watermark lies behind', async () => {
    const { events, watch, value, passes } = setUp();
    events.started(place, { replay_from: 5, from: 5 });
    await watch.look(readerAt(5));
    expect([await value(`lag_records${labels}`), await value(`lag_seconds${labels}`)]).toEqual([0, 0]);
    expect(await value(`watermark_age_seconds${labels}`)).toBeNull();
    passes(7_000);
    await watch.look(readerAt(25));
    expect([await value(`lag_records${labels}`), await value(`lag_seconds${labels}`)]).toEqual([20, 7]);
    events.evaluated(place, facts({ to: 20, recorded_at: START_MS + 4_000 }));
    await watch.look(readerAt(25));
    expect([await value(`lag_records${labels}`), await value(`lag_seconds${labels}`)]).toEqual([5, 3]);
    expect(await value(`watermark_age_seconds${labels}`)).toBe(19);
    events.rested(place, { to: 25, pending: 0, watermark_us: (START_MS + 6_000) * 1000 });
    await watch.look(readerAt(25));
    expect([await value(`lag_records${labels}`), await value(`lag_seconds${labels}`)]).toEqual([0, 0]);
    expect(await value(`watermark_age_seconds${labels}`)).toBe(1);
    expect(await value('held_size')).toBe(1);
    events.lost(place);
    expect(await value(`lag_records${labels}`)).toBeNull();
    expect(await value('held_size')).toBe(0);
  });

  it('tell how long a replay took, from taking up until it came to where it had been', async () => {
    const { events, value, passes } = setUp();
    events.started(place, { replay_from: 10, from: 100 });
    passes(2_000);
    events.evaluated(place, facts({ to: 60, replayed: true }));
    expect(await value('replay_seconds_count')).toBe(0);
    passes(2_000);
    events.rested(place, { to: 100, pending: 0, watermark_us: null });
    passes(2_000);
    events.evaluated(place, facts({ to: 200 }));
    expect(await value('replay_seconds_count')).toBe(1);
    expect(await value('replay_seconds_sum')).toBe(4);
    expect(await value(`replays_total${labels}`)).toBe(1);
    expect(await value(`replayed_total${labels}`)).toBe(90);
  });
});

describe('metrics of alerts', () => {
  it('count alerts by rule, level and fate, and attempts by notifier, outcome and reason', async () => {
    const { metrics, value } = setUp();
    const events = alertMetrics(metrics);
    const grouped: Fate = { kind: 'grouped', groups: [] };
    events.raised(sampleAlert('a'), grouped);
    events.raised(sampleAlert('b'), grouped);
    events.raised(sampleAlert('c', { level: 'LOW' }), { kind: 'silenced', silence: 's' });
    const about = { notifier: 'chat', message_id: 'm', attempts: 1 };
    const failed = { ...about, reason: 'http_status', status: 503 };
    const deliveries: readonly DeliveryEvent[] = [
      { kind: 'delivered', ...about },
      { kind: 'retrying', ...failed },
      { kind: 'dead', ...failed },
      { kind: 'store_failed', notifier: 'chat', cause: new Error('x') },
    ];
    for (const event of deliveries) events.delivery(event);
    events.failed(new Error('x'));
    expect(await value('alerts_total{rule="brute-force",level="high",outcome="grouped"}')).toBe(2);
    expect(await value('alerts_total{rule="brute-force",level="low",outcome="silenced"}')).toBe(1);
    expect(await value('deliveries_total{notifier="chat",outcome="delivered",reason=""}')).toBe(1);
    expect(await value('deliveries_total{notifier="chat",outcome="retrying",reason="http_status"}')).toBe(1);
    expect(await value('deliveries_total{notifier="chat",outcome="dead",reason="http_status"}')).toBe(1);
    expect([await value('unkept_total{step="deliveries"}'), await value('unkept_total{step="state"}')]).toEqual([1, 1]);
    const { body } = await metrics.render();
    expect(body).not.toMatch(/acme|alice/);
  });

  it('tell queues, silences that hold and what hygiene forgot, and no queue of an instance that stands by', async () => {
    const { metrics, value, now } = setUp();
    const queues = queueMetrics(metrics, now);
    const silence = { id: 's', matchers: [], from_ms: 0, until_ms: now() + 1, by: 'b', why: 'w' };
    const pipeline = (ids: number) => ({
      dispatcher: { waiting: () => ({ chat: { messages: 12, more: true } }) },
      hygiene: { forgotten: () => ({ ids, entities: 0, sources: 0 }), silences: () => [silence, { ...silence, until_ms: now() }] },
    });
    queues.look(pipeline(4));
    queues.look(pipeline(6));
    expect(await value('queue_size{notifier="chat"}')).toBe(12);
    expect(await value('silences_size')).toBe(1);
    expect(await value('hygiene_forgotten_total{reason="ids"}')).toBe(6);
    queues.forget();
    expect(await value('queue_size{notifier="chat"}')).toBeNull();
    queues.look(pipeline(1));
    expect(await value('hygiene_forgotten_total{reason="ids"}')).toBe(7);
  });
});

describe('readiness of the detector', () => {
  it('fails while a partition waits for long, also one that was not taken up yet, and no longer once it goes on', () => {
    const { watch, events, passes } = setUp();
    events.waiting(place, 'reading the committed offset', new Error('x'));
    passes(30_000);
    expect(watch.waits(30_000)).toEqual({ kind: 'ok' });
    passes(1_000);
    expect(watch.waits(30_000)).toEqual({ kind: 'failing', reason: 'partition 3: reading the committed offset for 31 s' });
    events.started(place, { replay_from: 0, from: 0 });
    expect(watch.waits(30_000)).toEqual({ kind: 'ok' });
    events.waiting(place, 'storing alerts', new Error('x'));
    passes(10_000);
    events.waiting(place, 'reading the key registry', new Error('x'));
    passes(10_000);
    events.waiting(place, 'storing alerts', new Error('x'));
    passes(20_000);
    expect(watch.waits(30_000)).toEqual({ kind: 'failing', reason: 'partition 3: storing alerts for 40 s' });
    events.evaluated(place, facts());
    expect(watch.waits(30_000)).toEqual({ kind: 'ok' });
    events.waiting(place, 'storing alerts', new Error('x'));
    passes(40_000);
    events.lost(place);
    expect(watch.waits(30_000)).toEqual({ kind: 'ok' });
  });
});
