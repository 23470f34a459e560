import type { Message, Notifier } from '@sealtrail/alerting';
import type { Assignment } from '@sealtrail/event-log';
import { type AlertStore, type DeliveryRow, LedgerStoreError } from '@sealtrail/ledger-store';
import { createMemoryAlertStore } from '@sealtrail/ledger-store/memory';
import { startTimer } from '@sealtrail/service-runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runWhileActive } from '../src/active-instance.ts';
import { type ActiveTerm, openTerm } from '../src/active-term.ts';
import { ALERTS_TOPIC, queueAgain } from '../src/index.ts';
import { DetectorWorld, rulesOf, TOPIC } from './world.ts';

const RULE = `
title: Deleted
id: 33333333-3333-4333-8333-333333333333
level: medium
logsource: { product: sealtrail, category: audit }
detection:
  deleted:
    action|endswith: .delete
  condition: deleted
`;
const NOW = 1_800_000_000_000;
const dead: DeliveryRow = {
  message_id: 'm1',
  notifier: 'chat',
  sequence: 4,
  state: 'DEAD',
  attempts: 12,
  created_at: NOW,
  updated_at: NOW,
  next_attempt_at: null,
  status: 503,
  reason: 'http_status',
  level: 'HIGH',
  alerts_count: 1,
  groups: [],
  alerts: [],
  body: 'the message',
};

let world: DetectorWorld;
let store: AlertStore;
let now_ms: number;
let delivered: readonly string[];
let saved: readonly string[];
let stop: AbortController;

beforeEach(() => {
  world = new DetectorWorld(rulesOf(RULE));
  world.log.control.createTopics([{ topic: ALERTS_TOPIC, partitions: 1, cleanup_policy: 'delete' }]);
  store = createMemoryAlertStore();
  now_ms = NOW;
  stop = new AbortController();
  delivered = [];
  saved = [];
});
afterEach(() => stop.abort());

const notifier: Notifier = {
  name: 'chat',
  body: (message: Message) => JSON.stringify(message.count),
  async deliver(id, body) {
    delivered = [...delivered, `${id}: ${body}`];
    return { kind: 'delivered', status: 204 };
  },
};
const tick = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 2));
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await tick();
}

async function begin(): Promise<{ readonly term: ActiveTerm; readonly held: Assignment }> {
  let begun: { readonly term: ActiveTerm; readonly held: Assignment } | null = null;
  const log = world.log.open();
  const nothing = (): void => undefined;
  const ran = runWhileActive(
    {
      log,
      group: 'detector',
      whileActive: async (held) => {
        const term = await openTerm(
          {
            log,
            store,
            deployment: {
              version: 1,
              audience: 'test.deployment',
              topic: TOPIC,
              registry_topic: 'audit.registry',
              rejected_topic: 'audit.rejected',
              incarnation: 1,
              partitions: 1,
            },
            group: 'detector',
            replay_rest_ratio: 0,
            rules: world.rules,
            alerting: { notifiers: [notifier], hygiene: { routes: [{ notifier: 'chat', grouping: { group_wait_ms: 0 } }] } },
            state: { load: async () => null, save: async (text) => void (saved = [...saved, text]) },
            clock_ms: () => now_ms,
            random: () => 0.5,
            newId: () => `id-${saved.length}`,
            timers: { after: startTimer },
            events: {
              detector: { started: nothing, evaluated: nothing, rested: nothing, waiting: nothing, lost: nothing },
              alerts: { raised: nothing, delivery: nothing, failed: nothing },
            },
            onUnusableAction: nothing,
          },
          held,
        );
        begun = { term, held };
        await term.run();
      },
    },
    stop.signal,
  );
  ran.catch(nothing);
  await until(() => begun !== null);
  return begun as unknown as { readonly term: ActiveTerm; readonly held: Assignment };
}

describe('the active instance', () => {
  it('sends a dead letter again that somebody queued elsewhere, within half a minute', async () => {
    const { term } = await begin();
    await store.insertDeliveries([dead]);
    await expect(queueAgain(store, { notifier: 'chat', message_id: 'm2', now_ms })).rejects.toThrow('has no dead letter m2');
    await queueAgain(store, { notifier: 'chat', message_id: 'm1', now_ms });
    expect(await store.delivery('chat', 'm1')).toMatchObject({ sequence: 5, state: 'QUEUED', attempts: 0, next_attempt_at: NOW });
    await expect(queueAgain(store, { notifier: 'chat', message_id: 'm1', now_ms })).rejects.toThrow('has no dead letter m1');
    await term.look();
    now_ms += 31_000;
    await term.look();
    await until(async () => (await store.delivery('chat', 'm1'))?.state === 'DELIVERED');
    expect(delivered).toEqual(['m1: the message']);
  });

  it('says where a dead letter cannot be queued', async () => {
    const down = new LedgerStoreError('store_unavailable', 'down');
    const failing = { ...store, insertDeliveries: async () => ({ kind: 'in_doubt', cause: down }) as const };
    await store.insertDeliveries([dead]);
    await expect(queueAgain(failing, { notifier: 'chat', message_id: 'm1', now_ms })).rejects.toBe(down);
  });

  it('keeps a silence that somebody made elsewhere', async () => {
    const { term } = await begin();
    await store.insertActions([
      {
        id: 'act',
        action: 'SILENCED',
        alert_id: null,
        silence_id: 's1',
        matchers: '[{"label":"tenant","values":["acme"]}]',
        silence_from: NOW - 5,
        silence_until: NOW + 3_600_000,
        by: 'olga',
        why: 'a test of ours',
        at: NOW - 5,
      },
    ]);
    await term.look();
    expect(JSON.parse(saved.at(-1) ?? '{}')).toMatchObject({ silences: [{ id: 's1' }] });
  });

  it('writes no state any more once another has taken its place', async () => {
    const { term, held } = await begin();
    await term.pipeline.changed();
    expect(saved.length).toBe(1);
    world.log.control.rebalance('detector.active');
    await until(() => held.lost.aborted);
    await expect(term.pipeline.changed()).rejects.toThrow('no longer the active one');
    expect(saved.length).toBe(1);
  });
});
