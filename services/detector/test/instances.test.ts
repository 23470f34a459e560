/** Several instances that are killed, fail and take over in a seeded order: every alert is stored once, and somebody is told of it. */
import { createMemoryDeliveryStore, type Message, type Notifier } from '@sealtrail/alerting';
import type { MemoryLogHandle } from '@sealtrail/event-log/memory';
import { type AlertStore, LedgerStoreError } from '@sealtrail/ledger-store';
import { createMemoryAlertStore } from '@sealtrail/ledger-store/memory';
import { startTimer } from '@sealtrail/service-runtime';
import { alertCodec } from '@sealtrail/wire';
import { describe, expect, it } from 'vitest';
import { deniedBurst } from '../../../test/fixtures/denied-burst.ts';
import { seededRandom } from '../../../test/fixtures/seeded-random.ts';
import { runWhileActive } from '../src/active-instance.ts';
import { openTerm } from '../src/active-term.ts';
import { ALERTS_TOPIC } from '../src/index.ts';
import { DetectorWorld, rulesOf, TOPIC } from './world.ts';

const RULES = `
title: Deleted
id: 33333333-3333-4333-8333-333333333333
level: medium
logsource: { product: sealtrail, category: audit }
detection:
  deleted:
    action|endswith: .delete
  condition: deleted
---
${deniedBurst(4, '1m').trimStart()}`;
const SCHEDULES = Number(process.env['DETECTOR_SCHEDULES'] ?? 24);
const SEED = Number(process.env['DETECTOR_SEED'] ?? Math.floor(Math.random() * 2 ** 32));
const STEPS = 24;
const rules = rulesOf(RULES);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const nothing = (): void => undefined;
const forEver = <T>(): Promise<T> => new Promise<T>(nothing);

class Schedule {
  readonly #random: ReturnType<typeof seededRandom>;
  readonly world: DetectorWorld = new DetectorWorld(rules, 2);
  readonly store: AlertStore = createMemoryAlertStore();
  readonly #state = createMemoryDeliveryStore();
  readonly told = new Set<string>();
  readonly #instances: { readonly log: MemoryLogHandle; readonly stop: AbortController; readonly life: { isOver: boolean } }[] = [];
  #isCalm = false;
  #messages = 0;
  activeAtOnce = 0;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    this.world.log.control.createTopics([{ topic: ALERTS_TOPIC, partitions: 1, cleanup_policy: 'delete' }]);
  }

  /** A call of a process: it answers nobody once that is killed, and may fail before or after it has taken effect. */
  async #call<T>(life: { readonly isOver: boolean }, act: () => Promise<T>): Promise<T> {
    const dice = this.#isCalm ? 1 : this.#random.next();
    if (life.isOver) return forEver();
    await pause(this.#random.below(3));
    if (life.isOver) return forEver();
    if (dice < 0.08) throw new LedgerStoreError('store_unavailable', 'the request was lost');
    const answer = await act();
    if (life.isOver) return forEver();
    if (dice < 0.16) throw new LedgerStoreError('store_unavailable', 'the answer was lost');
    return answer;
  }

  start(): void {
    const { world, store } = this;
    const log = world.log.open();
    const life = { isOver: false };
    const stop = new AbortController();
    const call = <T>(act: () => Promise<T>): Promise<T> => this.#call(life, act);
    const insert = <R>(act: (rows: readonly R[]) => ReturnType<AlertStore['insertAlerts']>) => {
      return async (rows: readonly R[]): ReturnType<AlertStore['insertAlerts']> =>
        call(() => act(rows)).catch((cause: unknown) => ({ kind: 'in_doubt', cause: cause as LedgerStoreError }));
    };
    const own: AlertStore = {
      ...store,
      insertAlerts: insert((rows) => store.insertAlerts(rows)),
      insertDeliveries: insert((rows) => store.insertDeliveries(rows)),
      queuedDeliveries: (notifier, most) => call(() => store.queuedDeliveries(notifier, most)),
    };
    const notifier: Notifier = {
      name: 'chat',
      body: ({ groups }: Message) => JSON.stringify(groups.flatMap(({ alerts }) => alerts.map(({ id }) => hex(id)))),
      deliver: (_id, body) =>
        call(async () => {
          for (const id of JSON.parse(body) as readonly string[]) this.told.add(id);
          return { kind: 'delivered', status: 204 } as const;
        }).catch(() => ({ kind: 'failed', reason: 'timeout', status: null, retry_after_ms: null })),
    };
    const grouping = { group_wait_ms: 0, group_interval_ms: 5, listed_max: 1_000 };
    const routes = [{ notifier: 'chat', grouping, rate_limit: { burst: 1_000, interval_ms: 1 } }];
    const ran = runWhileActive(
      {
        log,
        group: 'detector',
        whileActive: async (held) => {
          const term = await openTerm(
            {
              log,
              store: own,
              deployment: {
                version: 1,
                audience: 'test.deployment',
                topic: TOPIC,
                registry_topic: 'audit.registry',
                rejected_topic: 'audit.rejected',
                incarnation: 1,
                partitions: 2,
              },
              group: 'detector',
              replay_rest_ratio: 0,
              rules,
              alerting: { notifiers: [notifier], hygiene: { routes } },
              state: { load: () => this.#state.load(), save: (text) => call(() => this.#state.save(text)) },
              clock_ms: () => world.now_ms,
              random: () => this.#random.next(),
              newId: () => `message-${this.#messages++}`,
              // Waits are as long as they are meant to be, divided: the clock of the world goes in leaps.
              timers: { after: (delay_ms, run) => startTimer(Math.min(delay_ms, 20), run) },
              events: {
                detector: { started: nothing, evaluated: nothing, rested: nothing, waiting: nothing, lost: nothing },
                alerts: { raised: nothing, delivery: nothing, failed: nothing },
              },
              onUnusableAction: nothing,
            },
            held,
          );
          await term.run();
        },
      },
      stop.signal,
    );
    ran.then((end) => {
      // As its supervisor does.
      if (end.kind === 'failed' && !life.isOver) this.start();
    }, nothing);
    this.#instances.push({ log, stop, life });
  }

  /** As kill -9 does. */
  kill(): void {
    const up = this.#instances.filter(({ life }) => !life.isOver);
    if (up.length === 0) return;
    const one = this.#random.pick(up);
    one.life.isOver = true;
    one.log.kill();
  }

  async run(): Promise<void> {
    const random = this.#random;
    this.start();
    this.start();
    for (let step = 0; step < STEPS; step++) {
      const tenant = random.pick(['acme', 'globex', 'initech']);
      const at_s = step * 2;
      const isDenied = random.chance(0.5);
      this.world.emit([
        isDenied ? { tenant, at_s, actor: random.pick(['mallory', 'eve']), outcome: 'DENIED' } : { tenant, at_s, action: 'invoice.delete' },
      ]);
      const dice = random.next();
      if (dice < 0.12) this.kill();
      else if (dice < 0.3) this.start();
      else if (dice < 0.36) this.world.log.control.rebalance('detector.active');
      await pause(random.below(30));
    }
    this.#isCalm = true;
    this.start();
    // What is settled by event time follows once the clock has gone on.
    this.world.now_ms += 120_000;
  }

  async stop(): Promise<void> {
    for (const { stop, life, log } of this.#instances) {
      stop.abort();
      life.isOver = true;
      log.kill();
    }
  }
}

/** What a detector that nobody disturbs finds in the same log. */
async function undisturbed({ world }: Schedule): Promise<ReadonlySet<string>> {
  const log = world.log.open();
  const [reader, admin] = await Promise.all([log.reader(), log.admin()]);
  const oracle = world.start({ group: 'oracle', idle_lag_ms: 2_000, commit_interval_ms: 0 });
  for (let rests = 0; rests < 4; ) {
    await pause(20);
    const pendings = world.rested.slice(-2);
    let isAtEnd = pendings.length === 2 && pendings.every(({ pending }) => pending === 0);
    for (let partition = 0; partition < 2 && isAtEnd; partition++) {
      const { end } = await reader.bounds(TOPIC, partition);
      isAtEnd = end === 0 || ((await admin.committed('oracle', TOPIC, partition))?.offset ?? 0) === end;
    }
    rests = isAtEnd ? rests + 1 : 0;
  }
  await oracle.stop();
  await log.close();
  return new Set(world.alerts.keys());
}

describe(`instances of the detector, ${SCHEDULES} schedules from seed ${SEED}`, () => {
  it('store each alert once and tell of it at least once, whoever is killed when', async () => {
    let found = 0;
    await Promise.all(
      Array.from({ length: SCHEDULES }, async (_, i) => {
        const seed = (SEED + i) >>> 0;
        const schedule = new Schedule(seed);
        const what = `DETECTOR_SEED=${seed} DETECTOR_SCHEDULES=1`;
        await schedule.run();
        const wanted = await undisturbed(schedule);
        const stored = async (): Promise<readonly string[]> =>
          (await schedule.store.alerts({ rows_max: 1_000 })).map(({ alert }) => hex(alert.id)).sort();
        const deadline_ms = Date.now() + 30_000;
        const isDone = async (): Promise<boolean> => (await stored()).length >= wanted.size && schedule.told.size >= wanted.size;
        // What failed is tried again as time passes.
        for (; !(await isDone()) && Date.now() < deadline_ms; schedule.world.now_ms += 1_000) await pause(20);
        const topic = schedule.world.log.control.records(ALERTS_TOPIC, 0);
        await schedule.stop();
        expect(await stored(), what).toEqual([...wanted].sort());
        expect([...schedule.told].sort(), what).toEqual([...wanted].sort());
        const appended = topic.map(({ value }) => hex(alertCodec().decodeFramed(value ?? new Uint8Array()).id));
        expect([...new Set(appended)].sort(), what).toEqual([...wanted].sort());
        found += wanted.size;
      }),
    );
    // Bursts among them: a schedule without alerts would test nothing.
    expect(found / SCHEDULES).toBeGreaterThan(8);
  }, 180_000);
});
