import { describe, expect, it } from 'vitest';
import { MINUTE, NOW, passTime, SECOND, sampleAlert, sampleHygiene } from './sample.ts';

const HOUR = 60 * MINUTE;
const grouping = {
  group_wait_ms: 30 * SECOND,
  group_interval_ms: 5 * MINUTE,
  repeat_interval_ms: 4 * HOUR,
  active_for_ms: 10 * HOUR,
};
const open = (parts: object = {}) => sampleHygiene({ routes: [{ notifier: 'slack', grouping: { ...grouping, ...parts } }] });
const told = (messages: ReturnType<typeof passTime>) =>
  messages.map(({ made_at_ms, count, repeated, groups }) => [(made_at_ms - NOW) / MINUTE, count, repeated, groups[0]?.first]);

describe('a group', () => {
  it('is told of once group_wait has passed since its first alert, however many came', () => {
    const hygiene = open();
    for (let i = 0; i < 5; i++) hygiene.admit(sampleAlert(`${i}`), NOW + i * 5 * SECOND);
    expect(hygiene.messages(NOW + 30 * SECOND - 1)).toEqual([]);
    expect(told(hygiene.messages(NOW + 30 * SECOND))).toEqual([[0.5, 5, false, true]]);
    expect(hygiene.messages(NOW + 31 * SECOND)).toEqual([]);
  });

  it('is told of again where it has new alerts, group_interval after the message before', () => {
    const hygiene = open();
    hygiene.admit(sampleAlert('1'), NOW);
    const first = passTime(hygiene, NOW, NOW + MINUTE);
    hygiene.admit(sampleAlert('2'), NOW + MINUTE);
    hygiene.admit(sampleAlert('3', { level: 'CRITICAL' }), NOW + 2 * MINUTE);
    const second = passTime(hygiene, NOW + 2 * MINUTE, NOW + 20 * MINUTE);
    expect(told([...first, ...second])).toEqual([
      [0.5, 1, false, true],
      [5.5, 2, false, false],
    ]);
    expect([...first, ...second].map(({ level }) => level)).toEqual(['HIGH', 'CRITICAL']);
    expect(first[0]?.groups[0]?.id).toBe(second[0]?.groups[0]?.id);
  });

  it('is repeated each repeat_interval for as long as it is active, and forgotten then', () => {
    const hygiene = open();
    hygiene.admit(sampleAlert('1'), NOW);
    hygiene.admit(sampleAlert('2'), NOW);
    expect(told(passTime(hygiene, NOW, NOW + 48 * HOUR))).toEqual([
      [0.5, 2, false, true],
      [240.5, 2, true, false],
      [480.5, 2, true, false],
    ]);
    expect(hygiene.nextAt(NOW)).toBe(null);
    hygiene.admit(sampleAlert('3'), NOW + 48 * HOUR);
    expect(told(passTime(hygiene, NOW + 48 * HOUR, NOW + 49 * HOUR))).toEqual([[48 * 60 + 0.5, 1, false, true]]);
  });

  it('is not repeated once somebody acknowledged it, until an alert comes', () => {
    const hygiene = open();
    const { fate } = hygiene.admit(sampleAlert('1'), NOW);
    passTime(hygiene, NOW, NOW + MINUTE);
    hygiene.acknowledge(fate.kind === 'grouped' ? fate.groups.map(({ group }) => group) : []);
    expect(passTime(hygiene, NOW + MINUTE, NOW + 6 * HOUR)).toEqual([]);
    hygiene.admit(sampleAlert('2'), NOW + 6 * HOUR);
    expect(told(passTime(hygiene, NOW + 6 * HOUR, NOW + 7 * HOUR)).length).toBe(1);
  });

  it('lists its first alerts with some of their evidence, and counts all of them', () => {
    const hygiene = open({ listed_max: 3 });
    const many = Array.from(
      { length: 40 },
      (_, n) => ({ ...sampleAlert('x').evidence[0], offset: n }) as ReturnType<typeof sampleAlert>['evidence'][number],
    );
    for (let i = 0; i < 9; i++) hygiene.admit(sampleAlert(`${i}`, { evidence: many, events_count: 40 }), NOW);
    const [message] = hygiene.messages(NOW + MINUTE);
    expect(message?.count).toBe(9);
    expect(message?.groups[0]?.alerts.map(({ evidence, events_count }) => [evidence.length, events_count])).toEqual(
      Array.from({ length: 3 }, () => [10, 40]),
    );
  });

  it('is by tenant and rule, or by what the route says', () => {
    const parts = [{ tenant: 'a' }, { tenant: 'b' }, { tenant: 'a', rule_id: 'other' }, { tenant: 'a', group: { actor_id: 'bob' } }];
    const groups = (by?: readonly string[]) => {
      const hygiene = open(by === undefined ? {} : { by });
      for (const [i, part] of parts.entries()) hygiene.admit(sampleAlert(`${i}`, part), NOW);
      return hygiene.messages(NOW + MINUTE).map(({ groups: [group] }) => [group?.count, Object.fromEntries(group?.labels ?? [])]);
    };
    expect(groups()).toEqual([
      [2, { tenant: 'a', rule: 'brute-force' }],
      [1, { tenant: 'a', rule: 'other' }],
      [1, { tenant: 'b', rule: 'brute-force' }],
    ]);
    expect(groups(['group.actor_id'])).toEqual([
      [3, { 'group.actor_id': 'alice' }],
      [1, { 'group.actor_id': 'bob' }],
    ]);
  });
});

describe('a digest', () => {
  it('takes the groups that the rate limit has no message for, the most urgent first on their own', () => {
    const hygiene = sampleHygiene({ routes: [{ notifier: 'slack', rate_limit: { burst: 3, interval_ms: 20_000 } }] });
    const levels = ['LOW', 'CRITICAL', 'MEDIUM', 'HIGH', 'LOW', 'LOW'] as const;
    for (const [i, level] of levels.entries()) hygiene.admit(sampleAlert(`${i}`, { tenant: `t${i}`, level }), NOW);
    const messages = hygiene.messages(NOW + MINUTE);
    expect(messages.map(({ kind, level, count, groups_count }) => [kind, level, count, groups_count])).toEqual([
      ['group', 'CRITICAL', 1, 1],
      ['group', 'HIGH', 1, 1],
      ['digest', 'MEDIUM', 4, 4],
    ]);
    expect(hygiene.messages(NOW + MINUTE)).toEqual([]);
  });
});
