/** The embedded event log, under the same faults and schedules: real time, real files, and its own way to fence. */
import { randomBytes } from 'node:crypto';
import type { Fault } from '@sealtrail/event-log/faults';
import { afterAll, describe, expect, test } from 'vitest';
import { type Random, seededRandom } from '../fixtures/seeded-random.ts';
import { createLibrary, inventRecords, type SampleRecord } from './harness/library.ts';
import { lmdbWorldLog } from './harness/lmdb-log.ts';
import { consult } from './harness/oracle.ts';
import { runScripted, shortRecords } from './harness/scripted-run.ts';
import { realTime } from './harness/time.ts';
import { watch } from './harness/watch.ts';
import { topicsOf, World, type WorldOptions } from './harness/world.ts';

const isSoak = process.env['SOAK'] === '1';
const SCHEDULES = Number(process.env['COMMIT_SCHEDULES'] ?? (isSoak ? 2_000 : 200));
const SEED = Number(process.env['COMMIT_SEED'] ?? randomBytes(4).readUInt32BE());
const SCHEDULES_A_TEST = 40;
const LINES_OF_TRACE = 80;
const TIMEOUT_MS = 180_000;
const FAULTS: readonly Fault[] = ['fail_before', 'fail_after', 'late', 'slow', 'crash_before', 'crash_after'];

const library = createLibrary();

/** Records that a producer of the port can append. */
const appendable = ({ value, time_type }: SampleRecord): boolean => value !== null && time_type === undefined;

/** Runs a world on a log of its own until everything is sealed; `during` may disturb it. */
async function runOnLmdb(
  what: string,
  options: Pick<WorldOptions, 'records' | 'faultOf'> & Partial<WorldOptions>,
  during: (world: World) => Promise<void>,
): Promise<void> {
  const partitions = options.partitions ?? 1;
  const log = await lmdbWorldLog((bytes) => randomBytes(bytes), topicsOf(partitions));
  const world = new World({
    library,
    partitions,
    processes: 2,
    order: null,
    real: { time: realTime(), log },
    pause: async (paused) => {
      paused.log.expire();
      await paused.turns.sleep(200);
    },
    ...options,
    settings: { read_wait_ms: 40, retry_ms: 2, checkpoint_interval_ms: 5, ...options.settings },
  });
  world.onEffect = () => watch(world);
  try {
    world.register(3);
    world.append(Number.POSITIVE_INFINITY);
    await log.refresh();
    world.start();
    await during(world);
    await world.drain();
    await log.refresh();
    await consult(world);
    while (world.lateCount > 0) await world.arrive(0);
    await world.turns.rest();
    await log.refresh();
    await consult(world);
  } catch (cause) {
    throw new Error(`${what}: ${String(cause)}\n${world.trace.slice(-LINES_OF_TRACE).join('\n')}`, { cause });
  } finally {
    for (const process of world.processes) process.stop();
    await log.remove();
  }
}

/** Fails the `nth` call of a method, from 0. */
function failNth(method: string, nth: number, fault: Fault): WorldOptions['faultOf'] {
  let calls = 0;
  return (call) => (call.method === method && calls++ === nth ? fault : 'none');
}

describe('on the embedded log one call fails', async () => {
  const records = shortRecords(library);
  const methods = (await runScripted(library, records, [], 'soon')).map(({ method }) => method);
  const places = methods.map((method, i) => ({ method, nth: methods.slice(0, i).filter((before) => before === method).length }));

  test.each(FAULTS)(
    '%s, at each call',
    async (fault) => {
      for (const { method, nth } of places) {
        await runOnLmdb(`${fault} at ${method} ${nth}`, { records, faultOf: failNth(method, nth, fault) }, async () => undefined);
      }
    },
    TIMEOUT_MS,
  );
});

describe(`on the embedded log, ${SCHEDULES} schedules from seed ${SEED}`, () => {
  const seen = { faults: 0, recoveries: 0 };

  async function runSchedule(seed: number): Promise<void> {
    const random: Random = seededRandom(seed);
    const partitions = random.pick([1, 2]);
    const rate = random.pick([0, 0.03, 0.08]);
    const records = inventRecords(library, random, 12, partitions).filter(appendable);
    await runOnLmdb(
      `COMMIT_SEED=${seed}`,
      {
        records,
        partitions,
        processes: random.pick([2, 3]),
        faultOf: () => (random.chance(rate) ? random.pick(FAULTS) : 'none'),
        session_ms: () => random.pick([0, 50]),
        torn: (rows) => (random.chance(0.02) ? random.below(rows) : null),
        settings: { round_records_max: 1 + random.below(3) },
      },
      async (world) => {
        for (let i = 0; i < 6; i++) {
          await world.turns.sleep(random.below(40));
          await world.step();
          const dice = random.next();
          if (dice < 0.3) world.log.expire();
          else if (dice < 0.5) random.pick(world.processes).kill(random.pick([0, 50]));
          else if (dice < 0.6) random.pick(world.processes).stop();
          else if (world.lateCount > 0) await world.arrive(random.below(world.lateCount));
        }
        world.isFaulty = false;
        seen.faults += world.calls.filter(({ fault }) => fault !== 'none').length;
        seen.recoveries += world.recoveries.length;
      },
    );
  }

  const firsts = Array.from({ length: Math.ceil(SCHEDULES / SCHEDULES_A_TEST) }, (_, i) => i * SCHEDULES_A_TEST);
  test.each(firsts)(
    'from number %i on',
    async (first) => {
      for (let i = first; i < Math.min(first + SCHEDULES_A_TEST, SCHEDULES); i++) await runSchedule((SEED + i) >>> 0);
    },
    TIMEOUT_MS,
  );

  test.runIf(SCHEDULES >= 100)('they hold what they are for', () => {
    expect(seen.faults / SCHEDULES).toBeGreaterThan(0.5);
    expect(seen.recoveries / SCHEDULES).toBeGreaterThan(1);
  });

  afterAll(() => console.info(`seed ${SEED}: ${JSON.stringify(seen)}`));
});
