/** 100,000 events that match within a minute: few messages, and no alert, no event and no count lost. */
import type { EventToSign } from '@sealtrail/emitter';
import type { AlertRecord } from '@sealtrail/wire';
import { afterEach, describe, expect, it } from 'vitest';
import { Detecting, eventAt, rulesOf, START_MS } from './detecting.ts';

const EVENTS = 100_000;
const SECONDS = 60;
const MESSAGES_MAX = 10;

const DENIED = `
title: Denied
id: 11111111-1111-4111-8111-111111111111
name: denied
level: low
logsource: { product: sealtrail, category: audit }
detection:
  denied: { outcome: DENIED }
  condition: denied
`;
const BURST = `
title: Denied half of the storm
id: 22222222-2222-4222-8222-222222222222
level: high
correlation:
  type: event_count
  rules: [denied]
  generate: true
  group-by: [actor_id]
  timespan: 5m
  condition: { gte: ${EVENTS / 2} }
`;

const rules = (text: string) => {
  const { rules: compiled, errors } = rulesOf(text);
  expect(errors).toEqual([]);
  return compiled;
};
/** Ids of events that the alerts rest on. */
const evidenceOf = (alerts: readonly AlertRecord[]): ReadonlySet<string> =>
  new Set(alerts.flatMap(({ evidence }) => evidence.map(({ event_id }) => hex(event_id))));
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('an alert storm', () => {
  let world: Detecting | null = null;
  afterEach(() => world?.stop());

  /** The storm comes second by second through its minute. Gives the ids of its events. */
  async function storm(tenantOf: (n: number) => string): Promise<Set<string>> {
    const emitted = new Set<string>();
    const through = world as Detecting;
    let n = 0;
    for (let second = 1; second <= SECONDS; second++) {
      const byTenant = new Map<string, EventToSign[]>();
      for (; n < (EVENTS * second) / SECONDS; n++) {
        const event = eventAt(Math.floor((n * SECONDS * 1000) / EVENTS), { outcome: 'DENIED' });
        emitted.add(hex(event.event_id));
        const tenant = tenantOf(n);
        const events = byTenant.get(tenant);
        if (events === undefined) byTenant.set(tenant, [event]);
        else events.push(event);
      }
      for (const [tenant, events] of byTenant) through.emit(tenant, events);
      await through.evaluateAll();
      await through.pass(1);
    }
    expect(emitted.size).toBe(EVENTS);
    // Event time goes on beyond the allowance, so that what correlations found is certain.
    await through.pass(SECONDS);
    through.emit(tenantOf(0), [eventAt(2 * SECONDS * 1000)]);
    await through.evaluateAll();
    return emitted;
  }

  it('of one rule is told in at most 10 messages that stand for all of it; the rows and the topic have every event', async () => {
    world = await Detecting.start(rules(`${DENIED}---${BURST}`));
    const emitted = await storm(() => 'acme');
    await world.pass(600);

    // One alert an event, and the correlation's.
    const topic = [...(await world.topicAlerts()).values()];
    const single = topic.filter(({ rule_title }) => rule_title === 'Denied');
    expect(single).toHaveLength(EVENTS);
    const evidence = evidenceOf(single);
    expect([...emitted].filter((id) => !evidence.has(id))).toEqual([]);
    let rows = 0;
    for (const { id } of single) if ((await world.store.alert(id)) !== null) rows++;
    expect(rows).toBe(EVENTS);

    // It rests on half of the storm: it names the newest 1,000 events and counts all of them.
    const [burst, ...others] = topic.filter(({ rule_title }) => rule_title !== 'Denied');
    expect(others).toEqual([]);
    expect(burst?.events_count).toBe(EVENTS / 2);
    expect(burst?.evidence).toHaveLength(1_000);
    expect((await world.store.alert(burst?.id ?? new Uint8Array(16)))?.alert).toEqual(burst);

    const fresh = world.received.filter(({ repeated }) => !repeated);
    expect(fresh.length).toBeLessThanOrEqual(MESSAGES_MAX);
    expect(fresh.reduce((sum, { count }) => sum + count, 0)).toBe(EVENTS + 1);
    const told = fresh.flatMap(({ groups }) => groups).find(({ title }) => title === 'Denied half of the storm');
    expect(told?.alerts[0]?.events_count).toBe(EVENTS / 2);
  }, 600_000);

  it('of 5,000 tenants is told in at most 10 messages within the minute, and every alert is counted once', async () => {
    world = await Detecting.start(rules(DENIED));
    const emitted = await storm((n) => `tenant-${Math.floor(n / 20) % 5_000}`);
    await world.pass(600);
    const alerts = [...(await world.topicAlerts()).values()];
    const evidence = evidenceOf(alerts);
    expect([...emitted].filter((id) => !evidence.has(id))).toEqual([]);
    const fresh = world.received.filter(({ repeated }) => !repeated);
    expect(fresh.filter(({ at_ms }) => at_ms < START_MS + SECONDS * 1000).length).toBeLessThanOrEqual(MESSAGES_MAX);
    expect(fresh.reduce((sum, { count }) => sum + count, 0)).toBe(EVENTS);
    expect(fresh.some(({ kind, groups_count }) => kind === 'digest' && groups_count > 500)).toBe(true);
  }, 600_000);
});
