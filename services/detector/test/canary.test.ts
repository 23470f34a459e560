import { murmur2 } from '@sealtrail/event-log';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CanaryWatch, canaryTargets } from '../src/index.ts';

const SETTINGS = { interval_ms: 30_000, bound_ms: 10_000 };
const [only] = canaryTargets(1);
if (only === undefined) throw new Error('no target');

/** A watch with one canary out since 0. */
function withOne(id = 'a'): CanaryWatch {
  const watch = new CanaryWatch([only as NonNullable<typeof only>], SETTINGS);
  expect(watch.due(0)).toEqual([only]);
  watch.sent(only as NonNullable<typeof only>, id, 0);
  watch.emitted(id);
  return watch;
}
const send = (watch: CanaryWatch, id: string, at_ms: number): void => {
  watch.sent(only as NonNullable<typeof only>, id, at_ms);
  watch.emitted(id);
};

describe('targets of canaries', () => {
  it.each([1, 2, 6, 17, 64])('reach each of %i partitions by the key of their tenant', (partitions) => {
    const targets = canaryTargets(partitions);
    expect(targets.map(({ partition }) => partition)).toEqual(Array.from({ length: partitions }, (_, i) => i));
    for (const { partition, tenant } of targets) {
      expect(tenant).toMatch(/^sealtrail\.canary\.\d+$/);
      expect((murmur2(Buffer.from(tenant)) & 0x7fffffff) % partitions).toBe(partition);
    }
  });
});

describe('a watch over canaries', () => {
  it('is green before the first is judged, and after one that came in time', () => {
    const watch = withOne();
    expect(watch.overdue(9_000)).toEqual([]);
    expect(watch.health()).toEqual({ kind: 'ok' });
    expect(watch.answered('a', 10_000)).toEqual({ partition: 0, round_trip_ms: 10_000, in_time: true });
    expect(watch.health()).toEqual({ kind: 'ok' });
    expect(watch.counts()).toEqual({ sent: 1, seen: 1, missed: 0, out: 0, round_trip_ms: 10_000 });
  });
  it('sends one an interval', () => {
    const watch = withOne();
    expect(watch.due(29_999)).toEqual([]);
    expect(watch.due(30_000)).toEqual([only]);
    expect(watch.due(30_000)).toEqual([]);
    // What was not looked at for long is made up for by one.
    expect(watch.due(300_000)).toEqual([only]);
    expect(watch.due(300_001)).toEqual([]);
  });
  it('sends them as often as the bound while it is red, and no more often than asked for', () => {
    const watch = withOne();
    watch.overdue(10_001);
    expect(watch.due(20_000)).toEqual([]);
    expect(watch.due(20_001)).toEqual([only]);
    expect(watch.due(30_000)).toEqual([]);
    expect(watch.due(30_001)).toEqual([only]);
    send(watch, 'b', 30_001);
    watch.answered('b', 30_200);
    expect(watch.due(40_001)).toEqual([only]);
    expect(watch.due(70_000)).toEqual([]);
    expect(watch.due(70_001)).toEqual([only]);
    const often = new CanaryWatch([only], { interval_ms: 1_000, bound_ms: 10_000 });
    often.due(0);
    often.sent(only, 'a', 0);
    often.failed('a', 'append_refused');
    expect(often.due(999)).toEqual([]);
    expect(often.due(1_000)).toEqual([only]);
    expect(often.due(1_999)).toEqual([]);
  });
  it('is red with a reason once one is lost, and green again with the next that comes in time', () => {
    const watch = withOne();
    expect(watch.overdue(10_000)).toEqual([]);
    expect(watch.overdue(10_001)).toEqual([0]);
    expect(watch.overdue(10_002)).toEqual([]);
    expect(watch.health()).toMatchObject({ kind: 'failing', reason: "partition 0: the canary's alert did not come within 10 s" });
    send(watch, 'b', 30_000);
    expect(watch.health().kind).toBe('failing');
    watch.answered('b', 30_900);
    expect(watch.health()).toEqual({ kind: 'ok' });
    expect(watch.counts()).toEqual({ sent: 2, seen: 1, missed: 1, out: 0, round_trip_ms: 900 });
  });
  it('stays red when one comes late, and says how late', () => {
    const watch = withOne();
    watch.overdue(10_001);
    expect(watch.answered('a', 21_340)).toEqual({ partition: 0, round_trip_ms: 21_340, in_time: false });
    expect(watch.health()).toMatchObject({
      kind: 'failing',
      reason: "partition 0: the canary's alert did not come within 10 s; the latest that came took 21.3 s",
      fault: "partition 0: the canary's alert did not come within 10 s",
    });
    expect(watch.counts()).toMatchObject({ seen: 0, missed: 1 });
    send(watch, 'b', 30_000);
    watch.answered('b', 30_500);
    send(watch, 'c', 60_000);
    watch.overdue(70_001);
    expect(watch.health()).toMatchObject({ reason: "partition 0: the canary's alert did not come within 10 s" });
  });
  it('counts a late one as missed also where nobody looked in between', () => {
    const watch = withOne();
    expect(watch.answered('a', 10_001)?.in_time).toBe(false);
    expect(watch.health().kind).toBe('failing');
    expect(watch.counts()).toMatchObject({ seen: 0, missed: 1, out: 0 });
  });
  it('is red where a canary cannot be emitted, and where its emission hangs', () => {
    const watch = new CanaryWatch([only], SETTINGS);
    watch.sent(only, 'a', 0);
    expect(watch.failed('a', 'append_refused')).toBe(true);
    expect(watch.failed('a', 'append_refused')).toBe(false);
    expect(watch.health()).toMatchObject({
      kind: 'failing',
      reason: "partition 0: the canary's alert cannot come: the canary was not emitted (append_refused)",
    });
    watch.sent(only, 'b', 30_000);
    watch.overdue(40_001);
    expect(watch.health()).toMatchObject({
      kind: 'failing',
      reason: "partition 0: the canary's alert cannot come: the event log has not taken the canary within 10 s",
    });
  });
  it('passes by what another process emitted, before a restart or beside it, and what it has seen already', () => {
    const watch = withOne();
    expect(watch.answered('of another', 1)).toBeNull();
    expect(watch.answered('a', 2)?.in_time).toBe(true);
    expect(watch.answered('a', 3)).toBeNull();
    expect(watch.overdue(1_000_000)).toEqual([]);
    expect(watch.counts()).toMatchObject({ seen: 1, missed: 0 });
    // One that starts while canaries of another life are out knows nothing of them.
    const next = new CanaryWatch([only], SETTINGS);
    expect(next.overdue(1_000_000)).toEqual([]);
    expect(next.health()).toEqual({ kind: 'ok' });
  });
  it('takes a clock that goes back for one that stands still', () => {
    const watch = withOne();
    send(watch, 'b', 5_000);
    // An hour back: nothing is overdue for it, and nothing waits an hour.
    expect(watch.overdue(-3_600_000)).toEqual([]);
    expect(watch.overdue(-3_600_000 + 5_001)).toEqual([0]);
    expect(watch.answered('b', -3_600_000 + 6_000)).toEqual({ partition: 0, round_trip_ms: 6_000, in_time: true });
    expect(watch.health()).toEqual({ kind: 'ok' });
    // `a` was missed at 10,001: the next is due a bound later.
    expect(watch.rest_ms(-3_600_000 + 6_000)).toBe(20_001 - 11_000);
  });
  it('judges each partition by itself and tells how many fail', () => {
    const targets = canaryTargets(3);
    const watch = new CanaryWatch(targets, SETTINGS);
    for (const target of targets) {
      watch.sent(target, `a${target.partition}`, 0);
      watch.emitted(`a${target.partition}`);
    }
    watch.answered('a1', 500);
    expect(watch.overdue(10_001)).toEqual([0, 2]);
    expect(watch.health()).toMatchObject({
      kind: 'failing',
      reason: "partition 0: the canary's alert did not come within 10 s; so in 2 of 3 partitions",
    });
  });
  it('holds no more than a bound, however long nothing answers', () => {
    const watch = new CanaryWatch([only], { interval_ms: 1_000, bound_ms: 10_000 });
    for (let second = 0; second < 5_000; second++) {
      send(watch, `c${second}`, second * 1_000);
      watch.overdue(second * 1_000);
    }
    expect(watch.counts().out).toBeLessThanOrEqual(11);
    expect(watch.answered('c10', 5_000_000)).toBeNull();
    expect(watch.answered('c4900', 5_000_000)).toMatchObject({ in_time: false });
  });

  it('is red exactly while the latest canary that can be judged was missed', () => {
    const fate = fc.oneof(
      fc.record({ kind: fc.constant('answered' as const), after_ms: fc.integer({ min: 0, max: 60 }) }),
      fc.record({ kind: fc.constant('lost' as const), after_ms: fc.constant(0) }),
      fc.record({ kind: fc.constant('failed' as const), after_ms: fc.integer({ min: 0, max: 60 }) }),
    );
    const bound_ms = 20;
    fc.assert(
      fc.property(fc.array(fc.record({ sent_ms: fc.integer({ min: 0, max: 300 }), fate }), { maxLength: 12 }), (drawn) => {
        const canaries = drawn.toSorted((a, b) => a.sent_ms - b.sent_ms).filter(({ sent_ms }, i, all) => all[i - 1]?.sent_ms !== sent_ms);
        const watch = new CanaryWatch([only], { interval_ms: 50, bound_ms });
        for (let now = 0; now <= 400; now++) {
          for (const [i, { sent_ms, fate: end }] of canaries.entries()) {
            if (sent_ms === now) watch.sent(only, `c${i}`, now);
            if (sent_ms === now && end.kind !== 'failed') watch.emitted(`c${i}`);
            if (end.kind === 'answered' && sent_ms + end.after_ms === now) watch.answered(`c${i}`, now);
            if (end.kind === 'failed' && sent_ms + end.after_ms === now) watch.failed(`c${i}`, 'append_refused');
          }
          watch.overdue(now);
          // The plainest reading: each is judged at one moment, and the one that was sent last among the judged decides.
          const judged = canaries.flatMap(({ sent_ms, fate: end }) => {
            const good = end.kind === 'answered' && end.after_ms <= bound_ms;
            const at_ms = sent_ms + (end.kind === 'lost' ? bound_ms + 1 : Math.min(end.after_ms, bound_ms + 1));
            return at_ms <= now ? [{ sent_ms, good }] : [];
          });
          const wanted = (judged.at(-1)?.good ?? true) ? 'ok' : 'failing';
          if (watch.health().kind !== wanted) expect.fail(`at ${now} ms it is not ${wanted}`);
        }
        const counts = watch.counts();
        expect(counts.seen + counts.missed + counts.out).toBe(counts.sent);
      }),
    );
  });
});
