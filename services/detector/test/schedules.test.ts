/**
 * Whatever the order within the allowance, however tenants are spread over partitions and wherever the detector is killed:
 * the same alerts, no more and no less. Each failure prints its seed.
 */
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../test/fixtures/seeded-random.ts';
import { DetectorWorld, rulesOf, type TestEvent } from './world.ts';

const SCHEDULES = process.env['SOAK'] === '1' ? 10_000 : 1_000;
const ALLOWANCE_S = 10;

const RULES = `
title: Failed
id: 11111111-1111-4111-8111-111111111111
name: failed
level: low
logsource: { product: sealtrail, category: audit }
detection:
  failed:
    action: sign_in
    outcome: DENIED
  condition: failed
---
title: Signed in
id: 22222222-2222-4222-8222-222222222222
name: signed_in
level: low
logsource: { product: sealtrail, category: audit }
detection:
  ok:
    action: sign_in
    outcome: SUCCESS
  condition: ok
---
title: Deleted
id: 33333333-3333-4333-8333-333333333333
level: medium
logsource: { product: sealtrail, category: audit }
detection:
  deleted:
    action: invoice.delete
  condition: deleted
---
title: Guessing
id: 44444444-4444-4444-8444-444444444444
name: guessing
level: medium
correlation:
  type: event_count
  rules: [failed]
  group-by: [actor_id]
  timespan: 30s
  generate: true
  condition: { gte: 4 }
---
title: Guessed
id: 55555555-5555-4555-8555-555555555555
level: high
correlation:
  type: temporal_ordered
  rules: [guessing, signed_in]
  group-by: [actor_id]
  timespan: 40s
---
title: Many things read
id: 66666666-6666-4666-8666-666666666666
level: medium
correlation:
  type: value_count
  rules: [signed_in, failed]
  group-by: [tenant]
  timespan: 20s
  condition: { field: resource_id, gte: 5 }
`;

interface Schedule {
  readonly events: readonly TestEvent[];
  readonly ends: readonly TestEvent[];
}

function inventEvents(next: () => number): Schedule {
  const pick = <T>(of: readonly T[]): T => of[Math.floor(next() * of.length)] as T;
  const tenants = ['acme', 'globex', 'initech', 'umbrella', 'wayne'].slice(0, 1 + Math.floor(next() * 5));
  const events = Array.from({ length: 20 + Math.floor(next() * 60) }, (): TestEvent => {
    const deletes = next() < 0.05;
    return {
      tenant: pick(tenants),
      at_s: Math.floor(next() * 120),
      actor: pick(['alice', 'bob', 'mallory']),
      action: deletes ? 'invoice.delete' : 'sign_in',
      outcome: !deletes && next() < 0.7 ? 'DENIED' : 'SUCCESS',
      resource: `r-${Math.floor(next() * 8)}`,
    };
  });
  events.sort((a, b) => a.at_s - b.at_s);
  // A last event a tenant, far behind, so that every window has closed.
  return { events, ends: tenants.map((tenant) => ({ tenant, at_s: 1_000, action: 'end' })) };
}

/** Each event may come after any that is less than the allowance later. */
function shuffled<T extends TestEvent>(events: readonly T[], next: () => number): readonly T[] {
  return events
    .map((event) => ({ event, at: event.at_s + next() * (ALLOWANCE_S - 1) }))
    .sort((a, b) => a.at - b.at)
    .map(({ event }) => event);
}

const rules = rulesOf(RULES);

async function alertsOf(
  seed: number,
  varied: boolean,
): Promise<{ readonly ids: readonly string[]; readonly raisedAgain: number; readonly world: DetectorWorld }> {
  const next = seededRandom(seed).next;
  const { events, ends } = inventEvents(next);
  const partitions = varied ? 1 + Math.floor(next() * 8) : 1;
  const world = new DetectorWorld(rules, partitions, {
    silence_ms: 10_000_000,
    read_records_max: varied ? 1 + Math.floor(next() * 8) : 256,
  });
  // Signed in one order, so that ids are the same; put in another.
  const signed = events.map((event) => ({ at_s: event.at_s, tenant: event.tenant, record: world.sign([event]) }));
  const ordered = varied ? shuffled(signed, next) : signed;
  let at = 0;
  const put = (count: number): void => {
    for (const { record, at_s } of ordered.slice(at, at + count)) {
      world.now_ms = Math.max(world.now_ms, 1_700_000_000_000 + (at_s + ALLOWANCE_S) * 1_000);
      world.put(record);
    }
    at += count;
  };
  if (varied) {
    const kills = 1 + Math.floor(next() * 4);
    for (let kill = 0; kill < kills; kill++) {
      put(Math.floor(next() * 30));
      // Killed anywhere: before it read, between its alerts and its commit, after it.
      const detector = world.start({ commit_interval_ms: next() < 0.5 ? 0 : 1_000_000 });
      const turns = Math.floor(next() * 40);
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
      await detector.stop();
    }
  }
  put(Number.MAX_SAFE_INTEGER);
  world.emit(ends);
  await world.settle();
  return { ids: [...world.alerts.keys()].sort(), raisedAgain: world.raisedAgain, world };
}

describe('alerts do not depend on order, partitions or crashes', () => {
  it(`${SCHEDULES} seeded schedules`, { timeout: 600_000 }, async () => {
    let alerts = 0;
    let unlike = 0;
    for (let seed = 1; seed <= SCHEDULES; seed++) {
      const plain = await alertsOf(seed, false);
      const varied = await alertsOf(seed, true);
      if (plain.ids.join() !== varied.ids.join()) unlike++;
      expect(varied.ids, `seed ${seed}`).toEqual(plain.ids);
      alerts += plain.ids.length;
    }
    expect(unlike).toBe(0);
    // Schedules that raise nothing would prove nothing.
    expect(alerts).toBeGreaterThan(SCHEDULES);
  });
});
