/** Two calls of a run fail: a fault, and another in what is done about it. All pairs; one of so many with PAIRS_SHARE=n. */
import type { Fault, PortCall } from '@sealtrail/event-log/faults';
import { describe, expect, test } from 'vitest';
import { createLibrary } from './harness/library.ts';
import { runScripted, type ScriptedFault, shortRecords } from './harness/scripted-run.ts';

const isSoak = process.env['SOAK'] === '1';
/** One of so many pairs is run. */
const SHARE = Number(process.env['PAIRS_SHARE'] ?? 1);
const TIMEOUT_MS = 1_800_000;

const WRITES = /^(insert|append|commit$)/;
/** A call that changes nothing fails in one way only, and a crash around it is one crash. */
const faultsOf = ({ method }: PortCall): readonly Fault[] =>
  WRITES.test(method)
    ? ['fail_before', 'fail_after', 'late', 'slow', 'crash_before', 'crash_after']
    : ['fail_before', 'slow', 'crash_before'];

const library = createLibrary();
const records = shortRecords(library);
const undisturbed = await runScripted(library, records, [], 'soon');

/** Every second fault after the first: `calls` are those of the run with the first fault alone. */
function* pairsWith(first: ScriptedFault, calls: readonly PortCall[]): Iterable<readonly ScriptedFault[]> {
  for (let call = first.call + 1; call < calls.length; call++) {
    for (const fault of faultsOf(calls[call] as PortCall)) yield [first, { call, fault }];
  }
}

describe('two calls fail', () => {
  let counted = 0;
  let run = 0;
  const firsts = undisturbed.map(({ method }, call) => [call, method] as const);

  test.each(firsts)(
    'the first of them is call %i, %s',
    async (call, method) => {
      for (const fault of faultsOf({ port: 'event_log', method })) {
        const calls = await runScripted(library, records, [{ call, fault }], 'soon');
        for (const pair of pairsWith({ call, fault }, calls)) {
          // Counted on and on, so that every pair has its turn whatever the number of faults of a call.
          if (counted++ % SHARE !== 0) continue;
          run++;
          await runScripted(library, records, pair, run % 2 === 0 ? 'soon' : 'at_the_end');
          if (isSoak && pair.some((one) => one.fault === 'late')) {
            await runScripted(library, records, pair, run % 2 === 0 ? 'at_the_end' : 'soon');
          }
        }
      }
    },
    TIMEOUT_MS,
  );

  test('that is what was promised', () => {
    expect(counted).toBeGreaterThan(10_000);
    expect(run).toBe(Math.ceil(counted / SHARE));
    console.info(`${run} of ${counted} pairs of faults`);
  });
});
