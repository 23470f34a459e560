/** Canaries through a real log, emitter, detector and topic of alerts, by the rule as it is shipped. */
import { readFileSync } from 'node:fs';
import type { DataDirectory } from '@sealtrail/data-directory';
import { registrationRecord } from '@sealtrail/data-directory';
import { ed25519PublicKey, ed25519Signer, sha256 } from '@sealtrail/merkle/node';
import { sleep } from '@sealtrail/service-runtime';
import { type AlertRecord, alertCodec, CANARY_PRODUCER, keyThumbprint } from '@sealtrail/wire';
import { afterEach, expect, it } from 'vitest';
import { deniedBurst } from '../../../test/fixtures/denied-burst.ts';
import { ALERTS_TOPIC, canaryTargets, createCanaryEmitter, followCanaryAlerts, isCanaryAlert, startCanaries } from '../src/index.ts';
import { AUDIENCE, DetectorWorld, REGISTRY, rulesOf, type TestEvent, TOPIC } from './world.ts';

const RULE = readFileSync(new URL('../../../rules/canary.yml', import.meta.url), 'utf8');
const BURST = deniedBurst(3, '1m');
const seed = new Uint8Array(32).fill(9);
const hash = sha256();
const key = {
  name: CANARY_PRODUCER,
  key_id: keyThumbprint(hash, ed25519PublicKey(seed)),
  public_key: ed25519PublicKey(seed),
  sign: ed25519Signer(seed),
};
const deployment = { audience: AUDIENCE, topic: TOPIC } as DataDirectory['deployment'];
const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function canariesOn(world: DetectorWorld, clock_ms = Date.now) {
  const targets = canaryTargets(world.partitions);
  const { key_id, public_key } = key;
  const tenants = targets.map(({ tenant }) => tenant);
  world.log.control.put(REGISTRY, 0, {
    value: registrationRecord({ key_id, public_key, producer: CANARY_PRODUCER, tenants, valid_from: 0 }),
  });
  const log = world.log.open();
  const [producer, reader] = await Promise.all([log.producer(), log.reader()]);
  const random = (bytes: number): Uint8Array => crypto.getRandomValues(new Uint8Array(bytes));
  const stop = new AbortController();
  const reasons: (string | null)[] = [];
  const run = startCanaries(
    {
      targets,
      settings: { interval_ms: 40, bound_ms: 2_000 },
      ports: {
        emit: createCanaryEmitter({ deployment, key, log: producer, timeout_ms: 2_000, clock_ms, random }),
        follow: followCanaryAlerts({ reader, topic: ALERTS_TOPIC, partitions: async () => 2, sleep, onFailure: () => undefined }),
        newId: () => random(16),
        clock_ms: Date.now,
        sleep,
        events: {
          sent: () => undefined,
          answered: () => undefined,
          missed: () => undefined,
          failing: (reason) => reasons.push(reason),
          recovered: () => reasons.push(null),
        },
      },
    },
    stop.signal,
  );
  ends.push(async () => {
    stop.abort();
    await run.ended;
    await log.close();
  });
  return { run, reasons };
}

/** Appends to the topic what the world's detector raises, as the alert pipeline does. */
function appendRaised(world: DetectorWorld): void {
  world.log.control.createTopics([{ topic: ALERTS_TOPIC, partitions: 2, cleanup_policy: 'delete' }]);
  world.onRaised = (alerts: readonly AlertRecord[]) => {
    for (const [i, alert] of alerts.entries()) {
      world.log.control.put(ALERTS_TOPIC, i % 2, { key: Buffer.from(alert.tenant), value: alertCodec().encodeFramed(alert) });
    }
  };
}
const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
};

it('come back from each partition, resting on themselves alone, and show it when no detector runs', async () => {
  const world = new DetectorWorld(rulesOf(RULE), 3);
  appendRaised(world);
  const { run, reasons } = await canariesOn(world);
  const first = world.start();
  await until(() => run.counts().seen >= 9);
  expect(run.health()).toEqual({ kind: 'ok' });
  expect(reasons).toEqual([]);
  const alerts = [...world.alerts.values()];
  expect(new Set(alerts.map(({ evidence }) => evidence[0]?.partition))).toEqual(new Set([0, 1, 2]));
  for (const alert of alerts) {
    expect(isCanaryAlert(alert)).toBe(true);
    expect(alert.evidence).toHaveLength(1);
    expect(alert.evidence[0]?.event_id).toEqual(alert.anchor_event_id);
    expect(alert.evidence[0]?.leaf_hash.some((byte) => byte !== 0)).toBe(true);
  }

  await first.stop();
  await until(() => run.health().kind === 'failing');
  expect(run.health()).toMatchObject({ reason: expect.stringMatching(/did not come within 2 s/) });
  const second = world.start();
  ends.unshift(() => second.stop());
  await until(() => run.health().kind === 'ok');
  expect(reasons.at(-1)).toBeNull();
}, 60_000);

it('show it when a detector runs without their rule', async () => {
  const world = new DetectorWorld(rulesOf(BURST));
  appendRaised(world);
  const { run } = await canariesOn(world);
  const detector = world.start();
  ends.unshift(() => detector.stop());
  await until(() => run.health().kind === 'failing');
  expect(run.counts().seen).toBe(0);
}, 60_000);

it('make no event of others late, and no history: their time is theirs alone', async () => {
  const events: readonly TestEvent[] = [0, 10, 20, 600, 610, 620].map((at_s) => ({
    tenant: 'acme',
    at_s,
    actor: 'mallory',
    outcome: 'DENIED',
  }));
  const raised = async (withCanaries: boolean): Promise<readonly unknown[]> => {
    const world = new DetectorWorld(rulesOf(`${BURST}---\n${RULE}`), 1, { idle_lag_ms: 0 });
    appendRaised(world);
    // Canaries of today, before and between events of years ago.
    world.now_ms = Date.now();
    const canaries = withCanaries ? await canariesOn(world) : null;
    const detector = world.start();
    const seen = async (more: number): Promise<void> => {
      if (canaries === null) return;
      const from = canaries.run.counts().seen;
      await until(() => canaries.run.counts().seen >= from + more);
    };
    await seen(2);
    for (const event of events) {
      world.emit([event]);
      await seen(1);
    }
    // An hour later: whatever waits for the allowance is certain.
    world.now_ms += 3_600_000;
    await until(() => [...world.alerts.values()].filter((alert) => !isCanaryAlert(alert)).length >= 2);
    await detector.stop();
    for (const end of ends.splice(0)) await end();
    return [...world.alerts.values()]
      .filter((alert) => !isCanaryAlert(alert))
      .map(({ rule_title, late, events_count, first_seen }) => ({ rule_title, late, events_count, first_seen }));
  };
  const plain = await raised(false);
  expect(plain).toHaveLength(2);
  expect(plain).toMatchObject([{ late: false }, { late: false }]);
  expect(await raised(true)).toEqual(plain);
}, 60_000);

it('leave no silence behind that a finding would tell of', async () => {
  const silent = `
title: Silent
id: 66666666-6666-4666-8666-666666666666
level: medium
logsource: { product: sealtrail, category: pipeline }
detection:
  silent:
    finding: producer_silent
  condition: silent
`;
  const world = new DetectorWorld(rulesOf(`${RULE}---${silent}`), 1, { silence_ms: 1_000, idle_lag_ms: 0 });
  appendRaised(world);
  const { run } = await canariesOn(world, () => world.now_ms);
  const detector = world.start();
  await until(() => run.counts().seen >= 2);
  for (const end of ends.splice(0)) await end();
  // The same silence of a service is a finding.
  world.emit([{ tenant: 'acme', at_s: 1 }]);
  world.now_ms += 60_000;
  await until(() => [...world.alerts.values()].some(({ rule_title }) => rule_title === 'Silent'));
  expect([...world.alerts.values()].filter(({ rule_title }) => rule_title === 'Silent').map(({ tenant }) => tenant)).toEqual(['acme']);
  await detector.stop();
}, 60_000);
