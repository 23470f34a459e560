import { type Fault, randomPlan, scriptedPlan, withLogFaults } from '@sealtrail/event-log/faults';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { idsOf, importedIds, memoryLog, runImport, TOPIC } from './import-harness.ts';
import { jsonLines, numbered, record, type TestRecord, uuidOf } from './records.ts';

describe('each event once', () => {
  const records = numbered(47);
  const lines = [...records.slice(0, 20), 'bad', ...records.slice(20)];
  const text = jsonLines(lines);
  const BATCH = 10;

  /** Calls of a run without faults: what there is to fail. */
  async function callsOfARun(): Promise<readonly string[]> {
    const plan = scriptedPlan({ faults: new Map() });
    await runImport(withLogFaults(memoryLog(), plan), text, { batch_events_max: BATCH });
    return plan.calls.map(({ method }) => method);
  }

  it.each(['fail_before', 'fail_after', 'crash_before', 'crash_after', 'slow'] as const)(
    'through %s of any one call',
    async (fault: Fault) => {
      const calls = await callsOfARun();
      expect(calls.filter((method) => method === 'append')).toHaveLength(5);
      for (let number = 0; number < calls.length; number++) {
        const log = memoryLog();
        const crashed = deferred();
        const plan = scriptedPlan({ faults: new Map([[number, fault]]), crashed: () => crashed.resolve() });
        const run = runImport(withLogFaults(log.open(), plan), text, { batch_events_max: BATCH }).catch((error: unknown) => error);
        await Promise.race([run, crashed.promise]);
        await runImport(log, text, { batch_events_max: BATCH });
        expect(importedIds(log), `${fault} of call ${number}, ${calls[number]}`).toEqual(idsOf(records));
      }
    },
  );

  it('by two imports at the same time: the second is refused while the first holds the source, and finds nothing left later', async () => {
    const log = memoryLog();
    const holders = new Set<string>();
    const hold = async (source: string) => {
      if (holders.has(source)) return null;
      holders.add(source);
      return {
        holds: async () => holders.has(source),
        release: async () => void holders.delete(source),
      };
    };
    const [first, second] = await Promise.allSettled([1, 2].map(() => runImport(log, text, { batch_events_max: BATCH, hold })));
    expect(first).toMatchObject({ status: 'fulfilled', value: { accepted: records.length } });
    expect(second).toMatchObject({ status: 'rejected', reason: { code: 'import_concurrent' } });
    expect(await runImport(log, text, { hold })).toMatchObject({ accepted: 0, skipped: records.length });
    expect(importedIds(log)).toEqual(idsOf(records));
    expect(holders).toEqual(new Set());
  });

  it('also where another one has brought the source further before it was held', async () => {
    const log = memoryLog();
    const hold = async () => {
      await runImport(log, text, { batch_events_max: BATCH });
      return { holds: async () => true, release: async () => undefined };
    };
    expect(await runImport(log, text, { batch_events_max: BATCH, hold })).toMatchObject({ accepted: 0, skipped: records.length });
    expect(importedIds(log)).toEqual(idsOf(records));
  });

  it('and appends nothing more once it does not hold the source', async () => {
    const log = memoryLog();
    let asked = 0;
    const hold = async () => ({ holds: async () => ++asked <= 2, release: async () => undefined });
    await expect(runImport(log, text, { batch_events_max: BATCH, hold })).rejects.toMatchObject({ code: 'import_concurrent' });
    expect(importedIds(log)).toEqual(idsOf(records.slice(0, 2 * BATCH)));
  });

  it('through any faults, run after run', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })),
        fc.integer({ min: 1, max: 20 }),
        async (stream, batch) => {
          const log = memoryLog();
          const random = (): number => stream.next().value as number;
          for (let run = 0; run < 6; run++) {
            const crashed = deferred();
            const plan = randomPlan({
              random,
              rate: 0.3,
              faults: ['fail_before', 'fail_after', 'slow', 'crash_before', 'crash_after'],
              crashed: () => crashed.resolve(),
            });
            const end = runImport(withLogFaults(log.open(), plan), text, { batch_events_max: batch }).catch((error: unknown) => error);
            await Promise.race([end, crashed.promise]);
          }
          expect(await runImport(log, text, { batch_events_max: batch })).toMatchObject({ read: 48, rejected: 1 });
          expect(importedIds(log)).toEqual(idsOf(records));
        },
      ),
      { numRuns: 25 },
    );
  });

  it('of a file that grows and is mended between runs that may fail', async () => {
    const edit = fc.oneof(
      fc.record({ kind: fc.constant('grow' as const), good: fc.array(fc.boolean(), { minLength: 1, maxLength: 6 }) }),
      fc.record({ kind: fc.constant('mend' as const), which: fc.nat(40) }),
    );
    const step = fc.record({
      edits: fc.array(edit, { maxLength: 4 }),
      batch: fc.integer({ min: 1, max: 5 }),
      fails: fc.array(fc.nat(12), { maxLength: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
        const log = memoryLog();
        const file: (TestRecord | string)[] = [];
        let made = 0;
        const good = (): TestRecord => record({ eventID: uuidOf(++made) });
        for (const { edits, batch, fails } of steps) {
          for (const change of edits) {
            if (change.kind === 'grow') for (const isGood of change.good) file.push(isGood ? good() : 'bad');
            else if (file[change.which] === 'bad') file[change.which] = good();
          }
          // Without a single good line there is no JSON, which is refused; it is no part of this.
          if (!file.some((line) => line !== 'bad')) continue;
          const plan = scriptedPlan({ faults: new Map(fails.map((number, i) => [number, i % 2 === 0 ? 'fail_after' : 'fail_before'])) });
          await runImport(withLogFaults(log, plan), jsonLines(file), { batch_events_max: batch }).catch((error: { code?: string }) => {
            expect(['log_unavailable', 'append_unconfirmed']).toContain(error.code);
          });
        }
        const wanted = file.filter((line): line is TestRecord => line !== 'bad');
        const last = wanted.length === 0 ? null : await runImport(log, jsonLines(file));
        expect([...importedIds(log)].sort()).toEqual([...idsOf(wanted)].sort());
        expect(last?.rejected ?? 0).toBe(last === null ? 0 : file.length - wanted.length);
      }),
      { numRuns: 60 },
    );
  });

  it('sends the same bytes again when it is in doubt, so that what arrives late is a duplicate', async () => {
    const log = memoryLog();
    const plan = scriptedPlan({ faults: new Map([[lastPositionBefore(await callsOfARun(), 1) + 1, 'late']]) });
    await runImport(withLogFaults(log, plan), text, { batch_events_max: 100 });
    await plan.runAllLate();
    expect(log.control.records(TOPIC, 0)).toHaveLength(2);
    expect(importedIds(log)).toEqual(idsOf(records));
  });

  const lastPositionBefore = (calls: readonly string[], append: number): number => {
    let seen = 0;
    return calls.findIndex((method) => method === 'append' && ++seen === append) - 1;
  };
});

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve: () => void = () => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
