/** Each call of a ledger through a port, failing in each way: nothing may be lost, doubled or forked by it. */
import type { Fault } from '@sealtrail/event-log/faults';
import { describe, expect, test } from 'vitest';
import { createLibrary } from './harness/library.ts';
import { type Lateness, runScripted, shortRecords } from './harness/scripted-run.ts';

const FAULTS: readonly Fault[] = ['fail_before', 'fail_after', 'late', 'slow', 'crash_before', 'crash_after'];
const LATENESS: readonly Lateness[] = ['soon', 'at_the_end'];

const library = createLibrary();
const records = shortRecords(library);
const undisturbed = await runScripted(library, records, [], 'soon');

describe('one call fails', () => {
  test('the run without a fault uses every kind of call that a round needs', () => {
    const methods = new Set(undisturbed.map(({ method }) => method));
    const inserts = ['insertEntries', 'insertManifests', 'insertHeads', 'insertRejected', 'insertDuplicates'];
    for (const method of [...inserts, 'insertRound', 'commit', 'insertCommit', 'insertCheckpoint', 'append', 'read', 'committed']) {
      expect(methods).toContain(method);
    }
  });

  test.each(FAULTS)('%s, at each call', async (fault) => {
    for (let call = 0; call < undisturbed.length; call++) {
      for (const lateness of LATENESS) await runScripted(library, records, [{ call, fault }], lateness);
    }
  });
});
