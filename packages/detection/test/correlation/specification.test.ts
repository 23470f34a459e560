import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createCorrelator } from '../../src/correlation/correlator.ts';
import type { Alert } from '../../src/model.ts';
import { load, runWhole, type Sample, sample, sha256 } from './fixtures.ts';

/** What a set of documents gives for events in their order: rule and anchor of each alert. */
function alertsOf(text: string, samples: readonly Sample[]): readonly Alert[] {
  const loaded = load(text);
  expect(loaded.refused).toEqual([]);
  return runWhole(createCorrelator(loaded, { sha256 }), loaded, samples);
}
const anchors = (text: string, samples: readonly Sample[]): readonly string[] => alertsOf(text, samples).map(({ anchor }) => anchor);
const MINUTE = 60;
const HOUR = 3_600;
/** Ids that sort like their numbers. */
const e = (number: number): string => `e${String(number).padStart(3, '0')}`;

describe('the examples of the specification', () => {
  it('many failed logins: 100 or more to one host in an hour', () => {
    const text = `
id: 5638f7c0-ac70-491d-8465-2a65075e0d86
---
title: Many failed logins
id: 0e95725d-7320-415d-80f7-004da920fc11
correlation:
  type: event_count
  rules: [5638f7c0-ac70-491d-8465-2a65075e0d86]
  group-by: [ComputerName]
  timespan: 1h
  condition:
    gte: 100
`;
    const logins = (count: number, every_s: number, host: string): Sample[] =>
      Array.from({ length: count }, (_, i) =>
        sample(`${host}${e(i)}`, i * every_s, '5638f7c0-ac70-491d-8465-2a65075e0d86', { ComputerName: host }),
      );
    const [alert, ...rest] = alertsOf(
      text,
      [...logins(100, 30, 'a'), ...logins(99, 1, 'b')].sort((a, b) => a.time_us - b.time_us),
    );
    expect(rest).toEqual([]);
    expect(alert).toMatchObject({ anchor: `a${e(99)}`, group: { ComputerName: 'a' }, value: 100, events_count: 100, late: false });
    // Further apart, no hour holds a hundred.
    expect(anchors(text, logins(100, 37, 'a'))).toEqual([]);
  });

  it('failed logins with more than 100 users for a source and destination in a day', () => {
    const text = `
id: f
---
id: c
correlation:
  type: value_count
  rules: [f]
  group-by: [ComputerName, WorkstationName]
  timespan: 1d
  condition:
    field: User
    gte: 100
`;
    const at = (i: number, user: number, from = 'w'): Sample =>
      sample(e(i), i, 'f', { ComputerName: 'c', WorkstationName: from, User: `u${user}` });
    expect(
      anchors(
        text,
        Array.from({ length: 300 }, (_, i) => at(i, i % 99)),
      ),
    ).toEqual([]);
    expect(
      anchors(
        text,
        Array.from({ length: 120 }, (_, i) => at(i, i, i % 2 === 0 ? 'w' : 'x')),
      ),
    ).toEqual([]);
    expect(
      anchors(
        text,
        Array.from({ length: 120 }, (_, i) => at(i, i)),
      ),
    ).toEqual([e(99)]);
  });

  const recon = (type: string): string => `
name: recon_cmd_a
---
name: recon_cmd_b
---
name: recon_cmd_c
---
id: c
correlation:
  type: ${type}
  rules: [recon_cmd_a, recon_cmd_b, recon_cmd_c]
  group-by: [ComputerName, User]
  timespan: 5m
`;
  const step = (id: number, time_s: number, letter: string, user = 'u'): Sample =>
    sample(e(id), time_s, `recon_cmd_${letter}`, { ComputerName: 'c', User: user });

  it('three commands in any order within five minutes by one user on one system', () => {
    expect(anchors(recon('temporal'), [step(1, 0, 'c'), step(2, 100, 'a'), step(3, 200, 'b')])).toEqual([e(3)]);
    expect(anchors(recon('temporal'), [step(1, 0, 'c'), step(2, 100, 'a', 'v'), step(3, 200, 'b')])).toEqual([]);
    expect(anchors(recon('temporal'), [step(1, 0, 'c'), step(2, 100, 'a'), step(3, 301, 'b')])).toEqual([]);
  });

  it('the same in the order given', () => {
    expect(anchors(recon('temporal_ordered'), [step(1, 0, 'a'), step(2, 100, 'b'), step(3, 200, 'c')])).toEqual([e(3)]);
    expect(anchors(recon('temporal_ordered'), [step(1, 0, 'c'), step(2, 100, 'a'), step(3, 200, 'b')])).toEqual([]);
    // What comes between does no harm, and the order need not be that of the latest hits.
    const between = [step(1, 0, 'a'), step(2, 50, 'b'), step(3, 60, 'a'), step(4, 70, 'c')];
    expect(anchors(recon('temporal_ordered'), between)).toEqual([e(4)]);
  });

  it('field name aliases: an address as destination there and as source here', () => {
    const text = `
name: internal_error
---
name: new_network_connection
---
id: c
correlation:
  type: temporal
  rules: [internal_error, new_network_connection]
  group-by: [internal_ip, remote_ip]
  timespan: 10s
  aliases:
    internal_ip: { internal_error: destination.ip, new_network_connection: source.ip }
    remote_ip: { internal_error: source.ip, new_network_connection: destination.ip }
`;
    const error = sample('e1', 0, 'internal_error', { 'source.ip': '9.9.9.9', 'destination.ip': '10.0.0.1' });
    const back = sample('e2', 5, 'new_network_connection', { 'source.ip': '10.0.0.1', 'destination.ip': '9.9.9.9' });
    const again = sample('e3', 5, 'new_network_connection', { 'source.ip': '9.9.9.9', 'destination.ip': '10.0.0.1' });
    expect(alertsOf(text, [error, back])).toMatchObject([{ anchor: 'e2', group: { internal_ip: '10.0.0.1', remote_ip: '9.9.9.9' } }]);
    expect(anchors(text, [error, again])).toEqual([]);
  });

  const chain = `
title: Multiple Failed Logins Followed by Successful Login
id: b180ead8-d58f-40b2-ae54-c8940995b9b6
correlation:
  type: temporal_ordered
  rules: [multiple_failed_login, successful_login]
  group-by: [User]
  timespan: 10m
level: high
---
id: a8418a5a-5fc4-46b5-b23b-6c73beb19d41
name: multiple_failed_login
correlation:
  type: event_count
  rules: [failed_login]
  group-by: [User]
  timespan: 10m
  condition:
    gte: 10
---
name: failed_login
---
name: successful_login
`;
  const login = (id: number, time_s: number, rule: string, user = 'u'): Sample => sample(e(id), time_s, rule, { User: user });
  const failures = (count: number, every_s: number): Sample[] =>
    Array.from({ length: count }, (_, i) => login(i, i * every_s, 'failed_login'));

  it('many failed logins followed by a successful one: the outermost correlation alone alerts, with all that it rests on', () => {
    const alerts = alertsOf(chain, [...failures(10, 10), login(10, 120, 'successful_login')]);
    expect(alerts).toMatchObject([{ rule: { id: 'b180ead8-d58f-40b2-ae54-c8940995b9b6' }, anchor: e(10), first_us: 0, events_count: 11 }]);
    expect(alerts[0]?.events).toEqual(Array.from({ length: 11 }, (_, i) => e(i)));
    expect(anchors(chain, [...failures(9, 10), login(10, 120, 'successful_login')])).toEqual([]);
    expect(anchors(chain, [...failures(10, 10), login(10, 120, 'successful_login', 'v')])).toEqual([]);
    expect(
      anchors(chain, [login(10, 0, 'successful_login'), ...failures(9, 10).map((each) => ({ ...each, time_us: each.time_us + 1 }))]),
    ).toEqual([]);
  });

  it('the same after hours of failures: what counts is that they go on, not when they began', () => {
    expect(anchors(chain, [...failures(400, 30), login(900, 400 * 30, 'successful_login')])).toEqual(['e900']);
    expect(anchors(chain, [...failures(400, 30), login(900, 399 * 30 + 10 * MINUTE + 1, 'successful_login')])).toEqual([]);
  });

  const value = (type: string, condition: string): string =>
    `id: r\n---\nid: c\ncorrelation: { type: ${type}, rules: [r], group-by: [u], timespan: 1h, condition: { field: v, ${condition} } }\n`;
  const values = (...list: readonly (number | string)[]): Sample[] => list.map((v, i) => sample(e(i), i * MINUTE, 'r', { u: 'u', v }));

  it('sums, averages, medians and percentiles', () => {
    expect(anchors(value('value_sum', 'gt: 1000000'), values(400_000, 600_000, '0.5', 'much'))).toEqual([e(2)]);
    expect(anchors(value('value_avg', 'gt: 500'), values(500, 500, 503))).toEqual([e(2)]);
    expect(anchors(value('value_median', 'gte: 5'), values(1, 2, 8, 9))).toEqual([e(3)]);
    expect(anchors(value('value_percentile', 'gte: 8, percentile: 90'), values(1, 1, 1, 1, 1, 1, 1, 1, 1, 8, 8))).toEqual([e(10)]);
  });

  it('a value that makes up at most a percentage of all', () => {
    const many = Array.from({ length: 99 }, () => 'bash');
    expect(anchors(value('value_percentile', 'lte: 1'), values(...many, 'nc'))).toEqual([]);
    const early = [...many, 'bash'].map((v, i) => sample(e(i), i, 'r', { u: 'u', v }));
    const late = (v: string, i: number): Sample => sample(e(200 + i), 200 + i, 'r', { u: 'u', v });
    expect(
      anchors(value('value_percentile', 'lte: 1'), [...early, late('nc', 0), late('nc', 1), late('socat', 2), late('bash', 3)]),
    ).toEqual([e(200), e(202)]);
  });
});

describe('the edges of a window', () => {
  const text = 'id: r\n---\nid: c\ncorrelation: { type: event_count, rules: [r], timespan: 1h, condition: { gte: 2 } }\n';
  it('two events just a timespan apart share it, and no further', () => {
    expect(anchors(text, [sample('a', 0, 'r'), sample('b', HOUR, 'r')])).toEqual(['b']);
    expect(anchors(text, [sample('a', 0, 'r'), { ...sample('b', HOUR, 'r'), time_us: HOUR * 1_000_000 + 1 }])).toEqual([]);
  });

  it('an alert comes when the condition becomes true, and again only after it was not', () => {
    const burst = (from_s: number, name: string): Sample[] => [0, 1, 2, 3].map((i) => sample(`${name}${i}`, from_s + i, 'r'));
    expect(anchors(text, [...burst(0, 'a'), ...burst(30 * MINUTE, 'b'), ...burst(3 * HOUR, 'c')])).toEqual(['a1', 'c1']);
  });

  it('rules used by a correlation alert by themselves where it generates', () => {
    const generating = text.replace('timespan', 'generate: true, timespan');
    expect(alertsOf(generating, [sample('a', 0, 'r'), sample('b', 1, 'r')]).map(({ rule, anchor }) => `${rule.id} ${anchor}`)).toEqual([
      'r a',
      'r b',
      'c b',
    ]);
  });
});

it('the example of the documentation is read and alerts', () => {
  const page = readFileSync(new URL('../../../../docs/detection/correlations.md', import.meta.url), 'utf8');
  const [, yaml = ''] = /```yaml\n(.*?)```/s.exec(page) ?? [];
  const text = `${yaml}---\nname: login_failure\n---\nname: login_success\n`;
  const failures = Array.from({ length: 10 }, (_, i) => sample(e(i), i * MINUTE, 'login_failure', { 'actor.id': 'ada' }));
  const success = sample(e(10), 20 * MINUTE, 'login_success', { 'actor.id': 'ada' });
  expect(alertsOf(text, [...failures, success])).toMatchObject([{ anchor: e(10), events_count: 11, group: { 'actor.id': 'ada' } }]);
  expect(alertsOf(text, [...failures.slice(1), success])).toEqual([]);
});
