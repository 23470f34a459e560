import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HygieneState } from '../src/hygiene/hygiene.ts';
import { MINUTE, NOW, passTime, SECOND, sampleAlert, sampleHygiene } from './sample.ts';

const silence = {
  id: 's1',
  matchers: [{ label: 'rule', values: ['brute-*'] }],
  from_ms: NOW,
  until_ms: NOW + MINUTE,
  by: 'olga',
  why: 'load test',
};
const inhibitions = [
  {
    name: 'takeover holds failures',
    source: [{ label: 'rule', values: ['takeover'] }],
    target: [{ label: 'rule', values: ['brute-force'] }],
    equal: ['group.actor_id'],
    for_ms: 10 * MINUTE,
  },
];

describe('the order of hygiene', () => {
  it('is risk, inhibition, silence, deduplication, grouping: the first that holds an alert is its fate', () => {
    const hygiene = sampleHygiene({ risk: { notify_from: 30, entity_labels: [] }, inhibitions });
    hygiene.silence(silence);
    const fate = (name: string, parts: Parameters<typeof sampleAlert>[1] = {}, at = NOW) =>
      hygiene.admit(sampleAlert(name, parts), at).fate;
    expect(fate('takeover', { rule_id: 'takeover' }).kind).toBe('grouped');
    expect(fate('low', { level: 'LOW' })).toEqual({ kind: 'low_risk', needed: 30 });
    expect(fate('held')).toMatchObject({ kind: 'inhibited', rule: 'takeover holds failures' });
    expect(fate('silenced', { group: { actor_id: 'bob' } })).toEqual({ kind: 'silenced', silence: 's1' });
    // Seen again, whatever held it: it is dealt with.
    for (const name of ['takeover', 'low', 'held', 'silenced']) expect(fate(name, {}, NOW + 5 * MINUTE).kind, name).toBe('duplicate');
    expect(fate('later', {}, NOW + 11 * MINUTE)).toMatchObject({ kind: 'grouped', groups: [{ notifier: 'slack' }] });
  });

  it('holds nothing across tenants, and no source by its own kind', () => {
    const hygiene = sampleHygiene({
      inhibitions: [{ ...inhibitions[0], target: [{ label: 'rule', values: ['*'] }], equal: [] } as (typeof inhibitions)[number]],
    });
    hygiene.admit(sampleAlert('takeover', { rule_id: 'takeover' }), NOW);
    expect(hygiene.admit(sampleAlert('other tenant', { tenant: 'globex' }), NOW).fate.kind).toBe('grouped');
    expect(hygiene.admit(sampleAlert('second', { rule_id: 'takeover' }), NOW).fate.kind).toBe('grouped');
    expect(hygiene.admit(sampleAlert('same tenant'), NOW).fate.kind).toBe('inhibited');
  });

  it('adds up what one entity did, halves it as time passes, and tells once it is enough', () => {
    const hygiene = sampleHygiene({ risk: { notify_from: 30, half_life_ms: MINUTE } });
    const low = (name: string, at: number, actor = 'alice') =>
      hygiene.admit(sampleAlert(name, { level: 'LOW', group: { actor_id: actor } }), at);
    expect(low('1', NOW)).toMatchObject({ fate: { kind: 'low_risk' }, risk: { score: 10, accumulated: 10 } });
    expect(low('2', NOW + MINUTE).risk.accumulated).toBeCloseTo(15);
    expect(low('3', NOW + MINUTE, 'bob').risk.accumulated).toBe(10);
    expect(low('4', NOW + MINUTE)).toMatchObject({ fate: { kind: 'low_risk' } });
    expect(low('5', NOW + MINUTE)).toMatchObject({ fate: { kind: 'grouped' } });
    // An alert that comes again adds nothing.
    expect(low('5', NOW + MINUTE).fate.kind).toBe('duplicate');
    expect(low('6', NOW + MINUTE).risk.accumulated).toBeCloseTo(45);
  });

  it('tells each notifier what it is for, and says where an alert is for none', () => {
    const hygiene = sampleHygiene({
      routes: [
        { notifier: 'pager', matchers: [{ label: 'level', values: ['CRITICAL'] }] },
        { notifier: 'chat', matchers: [{ label: 'tenant', values: ['acme'] }] },
      ],
    });
    const notifiers = (parts: Parameters<typeof sampleAlert>[1]) => {
      const { fate } = hygiene.admit(sampleAlert(JSON.stringify(parts), parts), NOW);
      return fate.kind === 'grouped' ? fate.groups.map(({ notifier }) => notifier) : fate.kind;
    };
    expect(notifiers({ level: 'CRITICAL' })).toEqual(['pager', 'chat']);
    expect(notifiers({})).toEqual(['chat']);
    expect(notifiers({ tenant: 'globex' })).toBe('unrouted');
  });
});

describe('a silence', () => {
  it('holds from its beginning to its end, and no longer than it stands', () => {
    const hygiene = sampleHygiene();
    hygiene.silence(silence);
    const kind = (name: string, at: number) => hygiene.admit(sampleAlert(name), at).fate.kind;
    expect([kind('1', NOW - 1), kind('2', NOW), kind('3', NOW + MINUTE - 1), kind('4', NOW + MINUTE)]).toEqual([
      'grouped',
      'silenced',
      'silenced',
      'grouped',
    ]);
    hygiene.silence({ ...silence, until_ms: NOW + 2 * MINUTE });
    expect(kind('5', NOW + MINUTE)).toBe('silenced');
    expect(hygiene.unsilence('s1')).toBe(true);
    expect(hygiene.unsilence('s1')).toBe(false);
    expect(kind('6', NOW + MINUTE)).toBe('grouped');
  });

  it('that comes after the first message keeps it from being repeated, and lets new alerts of other kinds through', () => {
    const repeat = { group_wait_ms: 0, repeat_interval_ms: 5 * MINUTE, group_interval_ms: MINUTE };
    const hygiene = sampleHygiene({ routes: [{ notifier: 'slack', grouping: repeat }] });
    hygiene.admit(sampleAlert('1'), NOW);
    expect(passTime(hygiene, NOW, NOW + 11 * MINUTE).map(({ repeated }) => repeated)).toEqual([false, true, true]);
    hygiene.silence({ ...silence, from_ms: NOW, until_ms: NOW + 30 * MINUTE });
    expect(passTime(hygiene, NOW + 11 * MINUTE, NOW + 29 * MINUTE)).toEqual([]);
    hygiene.admit(sampleAlert('2', { rule_id: 'other' }), NOW + 29 * MINUTE);
    expect(passTime(hygiene, NOW + 29 * MINUTE, NOW + 31 * MINUTE).map(({ repeated }) => repeated)).toEqual([false, true]);
  });

  it.each([
    ['no matchers', { matchers: [] }],
    ['a label that no alert has', { matchers: [{ label: 'rules', values: ['a'] }] }],
    ['no values', { matchers: [{ label: 'rule', values: [] }] }],
    ['no reason', { why: ' ' }],
    ['nobody', { by: '' }],
    ['an end before its beginning', { until_ms: NOW }],
    ['no end in sight', { until_ms: NOW + 91 * 86_400_000 }],
  ])('with %s is refused', (_, change) =>
    expect(() => sampleHygiene().silence({ ...silence, ...change })).toThrowError(expect.objectContaining({ code: 'settings_invalid' })),
  );
});

describe('a storm', () => {
  const STORM = 100_000;
  it.each([
    ['of one rule and tenant', 1],
    ['of thousands of groups', 4_000],
    ['of more groups than there is room for', 12_000],
  ])('%s gives at most 10 messages within a minute, which say how many they stand for', (_, tenants) => {
    const hygiene = sampleHygiene();
    const made: { at: number; count: number; kind: string }[] = [];
    const collect = (now: number): void => {
      for (const { count, kind, groups } of hygiene.messages(now)) {
        made.push({ at: now, count, kind });
        expect(groups.length).toBeLessThanOrEqual(20);
        expect(groups.every(({ alerts }) => alerts.length <= 10)).toBe(true);
      }
    };
    for (let i = 0; i < STORM; i++) {
      const now = NOW + Math.floor((i * MINUTE) / STORM);
      const { fate } = hygiene.admit(sampleAlert(`${i}`, { tenant: `t${i % tenants}` }), now);
      if (fate.kind !== 'grouped') throw new Error(`alert ${i} was ${fate.kind}`);
      const next = hygiene.nextAt(now);
      if (next !== null && next <= now) collect(now);
    }
    expect(made.length).toBeLessThanOrEqual(10);
    expect(made.length).toBeGreaterThan(0);
    for (let now = NOW + MINUTE; now < NOW + 20 * MINUTE; now += SECOND) collect(now);
    // Nothing new came: all of them are told of, each once.
    expect(made.reduce((sum, { count }) => sum + count, 0)).toBe(STORM);
    for (const { at } of made) expect(made.filter((other) => other.at >= at && other.at < at + MINUTE).length).toBeLessThanOrEqual(10);
    if (tenants > 10) expect(made.some(({ kind }) => kind === 'digest')).toBe(true);
  });
});

/** Alerts of few kinds at random times, so that groups meet. */
const arrivals = fc.array(
  fc.record({
    wait: fc.integer({ min: 0, max: 8 * MINUTE }),
    tenant: fc.integer({ min: 0, max: 8 }),
    rule: fc.integer({ min: 0, max: 2 }),
  }),
  { maxLength: 60 },
);

describe('whatever comes', () => {
  it('each alert that is grouped is told of once, whatever the times', () => {
    fc.assert(
      fc.property(arrivals, (all) => {
        const hygiene = sampleHygiene({ routes: [{ notifier: 'slack', rate_limit: { burst: 2, interval_ms: 30_000 } }] });
        let now = NOW;
        let told = 0;
        for (const [i, { wait, tenant, rule }] of all.entries()) {
          for (const message of passTime(hygiene, now, now + wait)) if (!message.repeated) told += message.count;
          now += wait;
          hygiene.admit(sampleAlert(`${i}`, { tenant: `t${tenant}`, rule_id: `r${rule}` }), now);
        }
        for (const message of passTime(hygiene, now, now + 60 * MINUTE)) if (!message.repeated) told += message.count;
        expect(told).toBe(all.length);
      }),
    );
  });

  it('a state that was kept and read again goes on as if nothing had happened', () => {
    fc.assert(
      fc.property(arrivals, fc.nat(60), (all, cut) => {
        const run = (restarts: boolean): string => {
          let ids = 0;
          const open = (state?: HygieneState) =>
            sampleHygiene({
              new_id: () => `m${++ids}`,
              inhibitions: [
                {
                  ...inhibitions[0],
                  source: [{ label: 'rule', values: ['r0'] }],
                  target: [{ label: 'rule', values: ['r1'] }],
                } as (typeof inhibitions)[number],
              ],
              ...(state === undefined ? {} : { state }),
            });
          let hygiene = open();
          hygiene.silence({ ...silence, matchers: [{ label: 'tenant', values: ['t3'] }], until_ms: NOW + 30 * MINUTE });
          const told: unknown[] = [];
          let now = NOW;
          for (const [i, { wait, tenant, rule }] of all.entries()) {
            told.push(passTime(hygiene, now, now + wait));
            now += wait;
            told.push(hygiene.admit(sampleAlert(`${i % 50}`, { tenant: `t${tenant}`, rule_id: `r${rule}` }), now));
            if (restarts && i === cut % all.length) hygiene = open(JSON.parse(JSON.stringify(hygiene.state())) as HygieneState);
          }
          told.push(passTime(hygiene, now, now + 600 * MINUTE));
          return JSON.stringify(told, (_, value: unknown) =>
            value instanceof Map ? [...value] : value instanceof Uint8Array ? [...value] : value,
          );
        };
        expect(run(true)).toBe(run(false));
      }),
      { numRuns: 50 },
    );
  });

  it('a state of another version is refused', () => {
    const state = { ...sampleHygiene().state(), version: 2 } as unknown as HygieneState;
    expect(() => sampleHygiene({ state })).toThrowError(expect.objectContaining({ code: 'state_invalid' }));
  });
});
