/**
 * Schedules made by chance, all from one seed. A failure names its own: `COMMIT_SEED=<seed> COMMIT_SCHEDULES=1 npx vitest run
 * test/commit/random` runs it alone. With SOAK=1 ten times as many.
 */
import { randomBytes } from 'node:crypto';
import { afterAll, describe, expect, test } from 'vitest';
import { createLibrary } from './harness/library.ts';
import { inventSchedule, runSchedule } from './harness/random-schedule.ts';

const isSoak = process.env['SOAK'] === '1';
const SCHEDULES = Number(process.env['COMMIT_SCHEDULES'] ?? (isSoak ? 20_000 : 2_000));
const SEED = Number(process.env['COMMIT_SEED'] ?? randomBytes(4).readUInt32BE());
const SCHEDULES_A_TEST = 100;
const LINES_OF_TRACE = 120;
const TIMEOUT_MS = 120_000;

const library = createLibrary();

describe(`${SCHEDULES} schedules from seed ${SEED}`, () => {
  const seen = { faults: 0, rebuilds: 0, recoveries: 0, rounds: 0, stale_reads: 0 };
  const firsts = Array.from({ length: Math.ceil(SCHEDULES / SCHEDULES_A_TEST) }, (_, i) => i * SCHEDULES_A_TEST);

  test.each(firsts)(
    'from number %i on',
    async (first) => {
      for (let i = first; i < Math.min(first + SCHEDULES_A_TEST, SCHEDULES); i++) {
        const seed = (SEED + i) >>> 0;
        const schedule = inventSchedule(library, seed);
        const { world } = schedule;
        await runSchedule(schedule).catch((cause: unknown) => {
          throw new Error(`COMMIT_SEED=${seed}: ${String(cause)}\n${world.trace.slice(-LINES_OF_TRACE).join('\n')}`, { cause });
        });
        seen.faults += world.calls.filter(({ fault }) => fault !== 'none').length;
        seen.recoveries += world.recoveries.length;
        seen.rebuilds += world.recoveries.filter(({ rounds_rebuilt }) => rounds_rebuilt > 0).length;
        seen.stale_reads += world.stale_reads;
        seen.rounds += world.store.tables.rounds.length;
      }
    },
    TIMEOUT_MS,
  );

  test.runIf(SCHEDULES >= 1_000)('they hold what they are for', () => {
    expect(seen.faults / SCHEDULES).toBeGreaterThan(2);
    expect(seen.recoveries / SCHEDULES).toBeGreaterThan(2);
    expect(seen.stale_reads / SCHEDULES).toBeGreaterThan(0.2);
    expect(seen.rebuilds / SCHEDULES).toBeGreaterThan(0.02);
  });

  afterAll(() => console.info(`seed ${SEED}: ${JSON.stringify(seen)}`));
});
