import { describe, expect, it } from 'vitest';
import { deniedBurst } from '../../../test/fixtures/denied-burst.ts';
import type { EvaluatedFacts } from '../src/index.ts';
import { DetectorWorld, rulesOf, type TestEvent, TOPIC } from './world.ts';

const DENIED = deniedBurst(3, '1m');
const DELETED = `
title: Deleted
id: 33333333-3333-4333-8333-333333333333
level: medium
logsource: { product: sealtrail, category: audit }
detection:
  deleted:
    action|endswith: .delete
    source_ip|cidr: 203.0.113.0/24
  condition: deleted
`;
const PIPELINE = `
title: Rejected
id: 44444444-4444-4444-8444-444444444444
level: high
logsource: { product: sealtrail, category: pipeline }
detection:
  rejected:
    finding: record_rejected
  condition: rejected
---
title: Gap
id: 55555555-5555-4555-8555-555555555555
level: medium
logsource: { product: sealtrail, category: pipeline }
detection:
  gap:
    finding: sequence_gap
  condition: gap
---
title: Silent
id: 66666666-6666-4666-8666-666666666666
level: medium
logsource: { product: sealtrail, category: pipeline }
detection:
  silent:
    finding: producer_silent
  condition: silent
`;
const denied = (at_s: number, actor = 'mallory', tenant = 'acme'): TestEvent => ({ tenant, at_s, actor, outcome: 'DENIED' });
const titles = (world: DetectorWorld): readonly string[] => [...world.alerts.values()].map(({ rule_title }) => rule_title).sort();

describe('the detector', () => {
  it('raises an alert of a single event at once, with the place of its evidence', async () => {
    const world = new DetectorWorld(rulesOf(DELETED));
    world.emit([
      { tenant: 'acme', at_s: 0 },
      { tenant: 'acme', at_s: 1, action: 'invoice.delete', resource: 'inv-9' },
    ]);
    await world.settle();
    const [alert] = [...world.alerts.values()];
    expect(alert).toMatchObject({ rule_title: 'Deleted', level: 'MEDIUM', tenant: 'acme', events_count: 1, late: false });
    expect(alert?.evidence).toHaveLength(1);
    expect(alert?.evidence[0]).toMatchObject({ topic: 'audit.events', incarnation: 1, partition: 0, offset: 1, index: 0 });
    expect(alert?.raised_at).toBe(world.now_ms);
  });

  it('correlates over records once event time has passed, and rests the alert on all that it counted', async () => {
    const world = new DetectorWorld(rulesOf(DENIED));
    world.emit([denied(0), denied(5), denied(9), denied(9, 'alice'), { tenant: 'acme', at_s: 60 }]);
    await world.settle();
    expect(titles(world)).toEqual(['Denied burst']);
    const [alert] = [...world.alerts.values()];
    expect(alert?.group).toEqual(new Map([['actor_id', 'mallory']]));
    expect(alert?.evidence.map(({ offset }) => offset)).toEqual([0, 1, 2]);
  });

  it('lets event time go on with the clock while nothing comes', async () => {
    const world = new DetectorWorld(rulesOf(DENIED));
    world.emit([denied(0), denied(1), denied(2)]);
    const detector = world.start({ idle_lag_ms: 1_000 });
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(titles(world)).toEqual([]);
    world.now_ms += 30_000;
    while (world.alerts.size === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    await detector.stop();
    expect(titles(world)).toEqual(['Denied burst']);
  });

  it('evaluates what the log has to its end, with event time ahead of the clock, and tells when nothing waits any more', async () => {
    const world = new DetectorWorld(rulesOf(DENIED));
    world.emit([denied(0), denied(1), denied(2)]);
    const beside = world.start({ idle_lag_ms: 0 });
    while (world.rested.length < 2) await new Promise((resolve) => setTimeout(resolve, 2));
    await beside.stop();
    expect(world.rested.at(-1)).toMatchObject({ to: 3, pending: 3 });
    expect(titles(world)).toEqual([]);
    const passing = world.start({ idle_lag_ms: -10_001 });
    while (world.rested.at(-1)?.pending !== 0) await new Promise((resolve) => setTimeout(resolve, 2));
    expect(titles(world)).toEqual(['Denied burst']);
    await passing.stop();
  });

  it('restores windows by replay, and raises nothing twice', async () => {
    const world = new DetectorWorld(rulesOf(`${DENIED}---${DELETED}`));
    world.emit([{ tenant: 'acme', at_s: 0, action: 'invoice.delete' }, denied(1), denied(2)]);
    await world.settle();
    expect(titles(world)).toEqual(['Deleted']);
    world.emit([denied(3), { tenant: 'acme', at_s: 60 }]);
    await world.settle();
    expect(titles(world)).toEqual(['Deleted', 'Denied burst']);
    await world.settle();
    expect(world.raisedAgain).toBe(0);
    expect(world.replays).toEqual([0, 3, 5]);
  });

  it('begins a replay no earlier than windows reach back to', async () => {
    const world = new DetectorWorld(rulesOf(DENIED), 1, { silence_ms: 1_000 });
    world.emit(Array.from({ length: 200 }, (_, n) => ({ tenant: 'acme', at_s: n * 10 })));
    await world.settle();
    await world.settle();
    // Two windows of a minute, 5 s that clocks may run ahead, the allowance of 10: some 135 of 2,000 s.
    expect(world.replays[1]).toBeGreaterThan(12);
    expect(world.replays[1]).toBeLessThan(18);
  });

  it('takes a record that comes twice for one act, and one that contradicts its number for none', async () => {
    const world = new DetectorWorld(rulesOf(`${DENIED}---${PIPELINE}`));
    const first = world.sign([denied(0)]);
    world.put(first);
    world.put(first);
    world.put(world.sign([denied(1)]));
    const twin = new DetectorWorld(rulesOf(DENIED));
    world.put(twin.sign([denied(2), denied(3)])); // the same instance and number, another batch
    world.emit([{ tenant: 'acme', at_s: 60 }]);
    await world.settle();
    expect(titles(world)).toEqual(['Rejected']);
    expect([...world.alerts.values()][0]?.tenant).toBe('acme');
    const sum = (of: (facts: EvaluatedFacts) => number): number => world.evaluated.reduce((total, facts) => total + of(facts), 0);
    expect([sum(({ duplicates }) => duplicates), sum(({ rejected }) => rejected)]).toEqual([1, 1]);
    // Two events of the first batches are denied, and the conflict matches the rule about rejected records.
    expect(sum(({ matches_of }) => matches_of.get('11111111-1111-4111-8111-111111111111') ?? 0)).toBe(2);
    expect(sum(({ matches }) => matches)).toBe(3);
    expect(world.evaluated.at(-1)?.recorded_at).toBe(world.now_ms);
  });

  it('finds records that the ledger rejects, and numbers that are missing', async () => {
    const world = new DetectorWorld(rulesOf(PIPELINE));
    world.put({ tenant: 'acme', value: new Uint8Array(50) });
    const [one, two, three] = [world.sign([denied(0)]), world.sign([denied(1)]), world.sign([denied(2)])];
    world.put(one);
    world.put(three);
    await world.settle();
    expect(titles(world)).toEqual(['Gap', 'Rejected']);
    expect([...world.alerts.values()].find(({ rule_title }) => rule_title === 'Rejected')?.tenant).toBe('sealtrail.operator');
    world.put(two);
    await world.settle();
    expect(titles(world)).toEqual(['Gap', 'Rejected']);
  });

  it('finds a producer that fell silent without saying goodbye, once', async () => {
    const world = new DetectorWorld(rulesOf(PIPELINE), 1, { silence_ms: 100_000 });
    world.emit([
      { tenant: 'acme', at_s: 0 },
      { tenant: 'globex', at_s: 50 },
      { tenant: 'globex', at_s: 99 },
    ]);
    await world.settle();
    expect(titles(world)).toEqual([]);
    world.emit([
      { tenant: 'globex', at_s: 140 },
      { tenant: 'globex', at_s: 141 },
    ]);
    await world.settle();
    await world.settle();
    expect(titles(world)).toEqual(['Silent']);
    expect([...world.alerts.values()][0]).toMatchObject({ tenant: 'acme' });
    expect(world.raisedAgain).toBe(0);
  });

  it('waits for a sink that cannot be reached, and loses nothing', async () => {
    const world = new DetectorWorld(rulesOf(DELETED));
    world.emit([{ tenant: 'acme', at_s: 1, action: 'invoice.delete' }]);
    let refusals = 3;
    const { set } = world.alerts;
    world.alerts.set = function (id, alert) {
      if (refusals-- > 0) throw new Error('the sink is down');
      return set.call(this, id, alert);
    };
    await world.settle();
    expect(titles(world)).toEqual(['Deleted']);
  });

  it('evaluates on while the sink takes its time; what it has not made durable is neither told nor committed', async () => {
    const world = new DetectorWorld(rulesOf(DELETED));
    const calls: number[] = [];
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    world.onRaised = (alerts) => {
      calls.push(alerts.length);
      return released;
    };
    const deleted = (at_s: number): TestEvent => ({ tenant: 'acme', at_s, action: 'invoice.delete' });
    world.emit([deleted(1), { tenant: 'acme', at_s: 2 }]);
    const detector = world.start({ read_records_max: 1 });
    const until = async (holds: () => boolean): Promise<void> => {
      while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1));
    };
    await until(() => calls.length === 1);
    world.emit([deleted(3), deleted(4), { tenant: 'acme', at_s: 5 }]);
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setTimeout(resolve, 1));
    expect([calls, world.evaluated, world.log.control.committed('detector', TOPIC, 0)?.offset]).toEqual([[1], [], undefined]);
    release();
    await until(() => world.log.control.committed('detector', TOPIC, 0)?.offset === 5);
    expect(calls).toEqual([1, 2]);
    expect(world.evaluated.map(({ to, alerts }) => [to, alerts])).toEqual([
      [1, 1],
      [2, 0],
      [3, 1],
      [4, 1],
      [5, 0],
    ]);
    await detector.stop();
  });
});
