/** Values that stores lose: at the ends of their ranges, odd, large. */
import type { SealedBatch } from '@sealtrail/seal';
import { BATCH_BYTES_MAX, BATCH_EVENTS_MAX, EVENT_BYTES_MAX, NAME_BYTES_MAX, RULES_VERSION, TIME_MS_END } from '@sealtrail/wire';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraryEvent } from './arbitrary-event.ts';
import { claimOf, rowsOf, type StoreHarness, shown, storeOfGroup } from './conformance-harness.ts';
import type { HeadRow, LedgerStore, RejectedRow, RoundRow } from './port.ts';
import { largestEvent, smallestEvent } from './sample-events.ts';
import { createSampleLedger, type SampleBatch, type SampleLedger } from './sample-ledger.ts';
import { commitRow, entriesOf, leavesOf, manifestOf, stored, storeRows } from './sample-rows.ts';

const NUMBER_MAX = Number.MAX_SAFE_INTEGER;
const LAST_TIME_MS = TIME_MS_END - 1;
const EVENTS_A_RUN = 100;

const ledgerOf = (topic: string): SampleLedger => createSampleLedger({ partition: { topic } });

/** Stores one committed round of the batches and expects entries, leaves and manifests back to the byte. */
async function comesBack(store: LedgerStore, ledger: SampleLedger, batches: readonly SampleBatch[]): Promise<void> {
  const { key } = ledger;
  const round = ledger.round(...batches);
  expect(round.rejected.map(({ detail }) => detail)).toEqual([]);
  await storeRows(store, key, claimOf(0), round);
  await stored(store.insertCommit(commitRow(key, claimOf(0), 0, 0, round)));
  for (const sealed of round.batches) {
    const query = { partition: key, offsets: { from: sealed.manifest.offset, to: sealed.manifest.offset + 1 } };
    expect(shown(await rowsOf(store.entries(query)))).toEqual(shown(entriesOf(key, claimOf(0), sealed)));
    expect(shown(await rowsOf(store.manifests(query)))).toEqual(shown([manifestOf(claimOf(0), sealed)]));
    const leaves = await rowsOf(store.batchLeaves(key, query.offsets));
    expect(shown(leaves)).toEqual(shown(sealed.manifest.header.count === 0 ? [] : [leavesOf(sealed)]));
  }
}

export function valuesSuite(harness: StoreHarness): void {
  describe('values', () => {
    const storeNow = storeOfGroup(harness);

    it('of any event come back to the byte', async () => {
      const ledger = ledgerOf('any');
      const events = fc.array(arbitraryEvent(), { minLength: EVENTS_A_RUN, maxLength: EVENTS_A_RUN });
      await fc.assert(
        fc.asyncProperty(events, (some) => comesBack(storeNow(), ledger, [{ tenant: 'acme', events: some }])),
        // Each run is some inserts: few runs of many events, and no shrinking of what stands in one row.
        { numRuns: 6, endOnFailure: true },
      );
    });

    it('of the smallest and the largest event', async () => {
      const largest = largestEvent();
      await comesBack(storeNow(), ledgerOf('extremes'), [{ tenant: 'acme', events: [smallestEvent(), largest, smallestEvent()] }]);
      expect(entriesOfOne(largest)).toBe(EVENT_BYTES_MAX);
    });

    it('of a batch with as many events as are allowed', async () => {
      const events = Array.from({ length: BATCH_EVENTS_MAX }, (_, i) => ({ ...smallestEvent(), redactions: i }));
      await comesBack(storeNow(), ledgerOf('many'), [{ tenant: 'acme', events }]);
    });

    it('of a batch about as large as is allowed', async () => {
      const events = Array.from({ length: Math.floor(BATCH_BYTES_MAX / EVENT_BYTES_MAX) - 1 }, largestEvent);
      await comesBack(storeNow(), ledgerOf('large'), [{ tenant: 'acme', events }]);
    });

    it('of headers and places at the ends of their ranges', async () => {
      const tenant = `${'t'.repeat(NAME_BYTES_MAX - 10)}./:@-_Az09`;
      const log = { log: new Uint8Array(16).fill(1, 0, 15), size: NUMBER_MAX, root: new Uint8Array(32).fill(2, 0, 31) };
      const ledger = createSampleLedger({
        partition: { topic: 'ends', incarnation: 2_147_483_647 },
        recorded_at: LAST_TIME_MS - 10_000,
        predecessors: new Map([[tenant, log]]),
        audience: 'a'.repeat(NAME_BYTES_MAX),
      });
      await comesBack(storeNow(), ledger, [
        {
          tenant,
          producer: 'p'.repeat(NAME_BYTES_MAX),
          delivery: 'CRITICAL',
          instance: new Uint8Array(16),
          sequence: NUMBER_MAX - 1,
          shed: NUMBER_MAX,
          started_at: LAST_TIME_MS,
          predecessor: { instance: new Uint8Array(16).fill(9, 0, 14), routine: NUMBER_MAX, critical: 0 },
        },
        { tenant, kind: 'CLOSE', started_at: 0, predecessor: { instance: new Uint8Array(16), routine: 0, critical: NUMBER_MAX } },
        { tenant: '-', kind: 'HEARTBEAT' },
      ]);
      const intervals = (await storeNow().sequences(ledger.key, tenant)).map((life) => life.intervals);
      expect(intervals).toContainEqual([{ from: NUMBER_MAX - 1, to: NUMBER_MAX }]);
    });

    it('of a topic whose name is SQL', async () => {
      await comesBack(storeNow(), ledgerOf("it's \\' -- 王 {p:String} \0"), [{ tenant: 'acme' }]);
    });

    it('of rejections, heads, duplicates and rounds at the ends of their ranges', async () => {
      const { key } = ledgerOf('row ends');
      const store = storeNow();
      const offset = NUMBER_MAX - 1;
      const hash = new Uint8Array(32).fill(3, 0, 30);
      const rejected: RejectedRow = {
        ...key,
        offset,
        reason: 'not_supported',
        detail: 'it’s\n\t"\\N" \0 😀 ',
        length: 2_147_483_647,
        digest: hash,
        recorded_at: LAST_TIME_MS,
        sealed_bytes: 'AZaz09-_.'.repeat(100_000),
      };
      const head: HeadRow = {
        tenant: 'acme',
        head: { log: new Uint8Array(16), size: NUMBER_MAX, entries: NUMBER_MAX, last: hash, root: new Uint8Array(32) },
        frontier: { size: NUMBER_MAX, nodes: Array.from({ length: 53 }, (_, i) => new Uint8Array(32).fill(i, 0, 32 - (i % 3))) },
        offset,
      };
      const duplicate = { duplicate: { offset, header_hash: hash, digest: new Uint8Array(32) }, tenant: 'acme', recorded_at: 0 };
      await stored(store.insertRejected(key, claimOf(0), [rejected, { ...rejected, offset: 0, detail: '', length: 0, sealed_bytes: '' }]));
      await stored(store.insertHeads(key, claimOf(0), [head]));
      await stored(store.insertDuplicates(key, claimOf(0), [duplicate]));
      await stored(store.insertCommit({ ...key, claim: claimOf(0), ordinal: NUMBER_MAX, from: 0, to: NUMBER_MAX, round_hash: hash }));
      expect(shown(await rowsOf(store.rejected({ partition: key, offsets: { from: offset, to: NUMBER_MAX } })))).toEqual([shown(rejected)]);
      expect(shown(await rowsOf(store.heads({ partition: key })))).toEqual([shown(head)]);
      expect(shown(await store.head(key, 'acme'))).toEqual(shown(head));
      expect(shown(await rowsOf(store.duplicates({ partition: key })))).toEqual([shown(duplicate)]);
      expect((await store.commits(key)).map(({ ordinal, to }) => [ordinal, to])).toEqual([[NUMBER_MAX, NUMBER_MAX]]);

      const sealed = ledgerOf('row ends').round({ tenant: 'acme' });
      const row: RoundRow = {
        round: {
          ...sealed.round,
          index: NUMBER_MAX - 1,
          from: offset,
          to: NUMBER_MAX,
          recorded_at: LAST_TIME_MS,
          rules_version: RULES_VERSION,
        },
        bytes: sealed.bytes,
        hash,
        operator: head.frontier,
      };
      await stored(store.insertRound(row));
      // The bytes are encoded again, and these columns are not those of the round that was sealed.
      const given = await store.round(hash);
      expect(shown({ ...given, bytes: row.bytes })).toEqual(shown(row));
      expect((await rowsOf(store.rounds(key, { from: NUMBER_MAX - 1, to: NUMBER_MAX }))).length).toBe(1);
    });

    it('of nothing: inserts without rows are stored and show nothing', async () => {
      const { key } = ledgerOf('nothing');
      const none: readonly SealedBatch[] = [];
      await stored(storeNow().insertEntries(key, claimOf(0), none));
      await stored(storeNow().insertManifests(key, claimOf(0), none));
      await stored(storeNow().insertHeads(key, claimOf(0), []));
      await stored(storeNow().insertRejected(key, claimOf(0), []));
      await stored(storeNow().insertDuplicates(key, claimOf(0), []));
      await stored(storeNow().insertKeyRecords([]));
      expect(await rowsOf(storeNow().entries({ partition: key }))).toEqual([]);
    });
  });
}

function entriesOfOne(event: ReturnType<typeof largestEvent>): number {
  const ledger = createSampleLedger({ partition: { topic: 'measured' } });
  const sealed = ledger.round({ tenant: 'acme', events: [event] }).batches[0] as SealedBatch;
  return entriesOf(ledger.key, claimOf(0), sealed)[0]?.bytes?.length ?? 0;
}
