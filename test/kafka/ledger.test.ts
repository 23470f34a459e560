/** Ledgers on a real Kafka broker: faults of every port call, members that come and go, networks that stand still. */
import { randomBytes } from 'node:crypto';
import type { Fault } from '@sealtrail/event-log/faults';
import { afterAll, describe, expect, test } from 'vitest';
import { testBrokers } from '../../scripts/kafka/test-broker.ts';
import { createLibrary, inventRecords, type SampleRecord } from '../commit/harness/library.ts';
import { seededRandom } from '../fixtures/seeded-random.ts';
import { runOnKafka } from './harness/run.ts';

const SCHEDULES = Number(process.env['COMMIT_SCHEDULES'] ?? (process.env['SOAK'] === '1' ? 100 : 8));
const SEED = Number(process.env['COMMIT_SEED'] ?? randomBytes(4).readUInt32BE());
const TIMEOUT_MS = 240_000;
const FAULTS: readonly Fault[] = ['fail_before', 'fail_after', 'late', 'slow', 'crash_before', 'crash_after'];

const brokers = (await testBrokers('ledgers on Kafka')) ?? [];
const library = createLibrary();

/** Records that a producer of the port can append. */
const appendable = ({ value, time_type }: SampleRecord): boolean => value !== null && time_type === undefined;
const recordsOf = (seed: number, count: number, partitions: number): readonly SampleRecord[] =>
  inventRecords(library, seededRandom(seed), count, partitions).filter(appendable);

describe.skipIf(brokers.length === 0)('a ledger on Kafka', () => {
  test(
    'seals what stands in the topic, once',
    async () => {
      const world = await runOnKafka(brokers, 'plain', { library, records: recordsOf(SEED, 40, 3), partitions: 3 }, async () => undefined);
      expect(world.store.tables.rounds.length).toBeGreaterThan(3);
    },
    TIMEOUT_MS,
  );

  test(
    'whose commit stands still in the network is followed, and the broker refuses what comes too late',
    async () => {
      const options = { library, records: recordsOf(SEED, 40, 1), settings: { round_records_max: 1 } };
      const world = await runOnKafka(brokers, `COMMIT_SEED=${SEED}`, options, async (running, log) => {
        for (let again = 0; again < 3; again += 1) {
          const [rounds, recoveries] = [running.store.tables.commits.length, running.recoveries.length];
          await running.until('at work', () => running.store.tables.commits.length > rounds);
          const release = await log.stallAtCommit();
          running.tell('a commit stands still');
          await running.until('followed', () => running.recoveries.length > recoveries);
          const committed = running.store.tables.commits.length;
          await running.until('ahead', () => running.store.tables.commits.length > committed + 1);
          running.tell('the commit arrives');
          release();
        }
      });
      expect(world.trace.filter((line) => line.endsWith('has lost 0')).length).toBeGreaterThan(2);
    },
    TIMEOUT_MS,
  );

  test.each(['request', 'response'] as const)(
    'whose commit loses its %s starts again, and finds out',
    async (what) => {
      const options = { library, records: recordsOf(SEED, 30, 1), processes: 1, settings: { round_records_max: 1 } };
      const world = await runOnKafka(brokers, `COMMIT_SEED=${SEED}`, options, async (running, log) => {
        await running.until('at work', () => running.store.tables.commits.length > 2);
        log.loseCommit(0, what);
        await running.until('started again', () => log.opened > 1);
      });
      expect(world.recoveries.length).toBe(2);
      expect(world.trace.some((line) => line.includes('nobody knows whether'))).toBe(true);
    },
    TIMEOUT_MS,
  );

  test(
    'that is two, then three, then one again under load hands its partitions over in the middle of rounds',
    async () => {
      const options = { library, records: recordsOf(SEED + 1, 90, 4), partitions: 4, processes: 3, settings: { round_records_max: 2 } };
      const world = await runOnKafka(brokers, `COMMIT_SEED=${SEED}`, options, async (running) => {
        const [, second, third] = running.processes;
        third?.stop();
        await running.until('sealing', () => running.store.tables.commits.length > 4);
        await running.until('back', () => third?.isUp === true);
        await running.turns.sleep(400);
        second?.stop();
        await running.turns.sleep(300);
        third?.kill();
        await running.turns.sleep(300);
      });
      expect(world.recoveries.length).toBeGreaterThan(6);
    },
    TIMEOUT_MS,
  );
});

describe.skipIf(brokers.length === 0)(`ledgers on Kafka, ${SCHEDULES} schedules from seed ${SEED}`, () => {
  const seen = { faults: 0, recoveries: 0, rounds: 0 };

  test.each(Array.from({ length: SCHEDULES }, (_, i) => (SEED + i) >>> 0))(
    'seed %i',
    async (seed) => {
      const random = seededRandom(seed);
      const partitions = random.pick([1, 2, 3]);
      const rate = random.pick([0, 0.03, 0.08]);
      let is_calm = false;
      const world = await runOnKafka(
        brokers,
        `COMMIT_SEED=${seed} COMMIT_SCHEDULES=1`,
        {
          library,
          records: inventRecords(library, random, 24, partitions).filter(appendable),
          partitions,
          processes: random.pick([2, 3]),
          faultOf: () => (!is_calm && random.chance(rate) ? random.pick(FAULTS) : 'none'),
          session_ms: () => random.pick([0, 300]),
          pause: async (paused) => {
            paused.log.expire();
            await paused.turns.sleep(300);
          },
          settings: { round_records_max: 1 + random.below(3) },
        },
        async (running, log) => {
          const late: (() => void)[] = [];
          for (let i = 0; i < 6; i += 1) {
            await running.turns.sleep(random.below(400));
            await running.step();
            const dice = random.next();
            if (dice < 0.25) running.log.expire();
            else if (dice < 0.45) random.pick(running.processes).kill(random.pick([0, 300]));
            else if (dice < 0.55) random.pick(running.processes).stop();
            else if (dice < 0.7) late.push(await log.stall(log.opened - 1 - random.below(Math.min(3, log.opened))));
            else if (dice < 0.8)
              log.loseCommit(log.opened - 1 - random.below(Math.min(3, log.opened)), random.pick(['request', 'response']));
            else if (running.lateCount > 0) await running.arrive(random.below(running.lateCount));
          }
          for (const go of late) go();
          log.calm();
          is_calm = true;
          // Who was cut off ends within this; from then on nobody may end by itself.
          await running.turns.sleep(1_000);
          running.isFaulty = false;
        },
      );
      seen.faults += world.calls.filter(({ fault }) => fault !== 'none').length;
      seen.recoveries += world.recoveries.length;
      seen.rounds += world.store.tables.rounds.length;
    },
    TIMEOUT_MS,
  );

  test.runIf(SCHEDULES >= 8)('they hold what they are for', () => {
    expect(seen.recoveries / SCHEDULES).toBeGreaterThan(1);
    expect(seen.rounds / SCHEDULES).toBeGreaterThan(3);
  });

  afterAll(() => console.info(`seed ${SEED}: ${JSON.stringify(seen)}`));
});
