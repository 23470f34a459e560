/** A store beyond its rows: several calls at once, memory that is not shared, altered and erased rows, the end. */
import type { SealedBatch, SealedRound } from '@sealtrail/seal';
import { currentEventSchema, EVENT_BYTES_MAX } from '@sealtrail/wire';
import { describe, expect, it } from 'vitest';
import { claimOf, rowsOf, type StoreHarness, shown, storeOfGroup, withStore } from './conformance-harness.ts';
import type { LedgerStore } from './port.ts';
import { ERASED_ACTOR, ERASED_OBJECT } from './sample-events.ts';
import { createSampleLedger, type SampleLedger } from './sample-ledger.ts';
import { commitRow, entriesOf, headRows, rejectedRows, roundRow, stored, storeRows } from './sample-rows.ts';

const ledgerOf = (topic: string): SampleLedger => createSampleLedger({ partition: { topic } });

async function storeOneRound(store: LedgerStore, ledger: SampleLedger, batches = 1): Promise<SealedRound> {
  const round = ledger.round(...Array.from({ length: batches }, () => ({ tenant: 'acme' })));
  await storeRows(store, ledger.key, claimOf(0), round);
  await stored(store.insertCommit(commitRow(ledger.key, claimOf(0), 0, 0, round)));
  return round;
}

const entriesOfRound = (ledger: SampleLedger, round: SealedRound) =>
  round.batches.flatMap((sealed) => entriesOf(ledger.key, claimOf(0), sealed));

export function lifecycleSuite(harness: StoreHarness): void {
  describe('calls side by side', () => {
    const storeNow = storeOfGroup(harness, { page_rows_max: 2 });

    it('inserts at the same time are all stored', async () => {
      const ledger = ledgerOf('parallel');
      const { key } = ledger;
      const rounds = Array.from({ length: 4 }, () => ledger.round({ tenant: 'acme' }));
      const inserts = rounds.flatMap((round) => [
        storeNow().insertEntries(key, claimOf(0), round.batches),
        storeNow().insertManifests(key, claimOf(0), round.batches),
        storeNow().insertHeads(key, claimOf(0), headRows(round)),
        storeNow().insertRound(roundRow(round)),
      ]);
      await Promise.all(inserts.map(stored));
      await stored(storeNow().insertCommit(commitRow(key, claimOf(0), 0, 0, rounds[3] as SealedRound)));
      const wanted = rounds.flatMap((round) => entriesOfRound(ledger, round));
      expect(shown(await rowsOf(storeNow().entries({ partition: key })))).toEqual(shown(wanted));
    });

    it('two iterations at the same time do not mix, and one left early leaves nothing behind', async () => {
      const [one, two] = [ledgerOf('left'), ledgerOf('right')];
      const [left, right] = [await storeOneRound(storeNow(), one, 3), await storeOneRound(storeNow(), two, 3)];
      for await (const page of storeNow().entries({ partition: one.key })) {
        expect(page.length).toBe(2);
        break;
      }
      const iterators = [one, two].map(({ key }) => storeNow().entries({ partition: key })[Symbol.asyncIterator]());
      const given: unknown[][] = [[], []];
      for (let open = true; open; ) {
        open = false;
        for (const [i, iterator] of iterators.entries()) {
          const next = await iterator.next();
          if (next.done === true) continue;
          given[i]?.push(...next.value);
          open = true;
        }
      }
      expect(shown(given)).toEqual(shown([entriesOfRound(one, left), entriesOfRound(two, right)]));
    });

    it('a row stored while an iteration is under way does no harm to it', async () => {
      const ledger = ledgerOf('growing');
      const first = await storeOneRound(storeNow(), ledger, 2);
      const given: unknown[] = [];
      for await (const page of storeNow().entries({ partition: ledger.key })) {
        if (given.length === 0) await storeOneRound(storeNow(), ledger);
        given.push(...page);
      }
      const wanted = shown(entriesOfRound(ledger, first)) as unknown[];
      expect((shown(given) as unknown[]).slice(0, wanted.length)).toEqual(wanted);
    });

    it('what was inserted, and what was read, is the caller’s to change', async () => {
      const ledger = ledgerOf('memory');
      const record = ledger.sign({ tenant: 'acme' });
      const round = ledger.seal([record]);
      const wanted = shown(entriesOfRound(ledger, round));
      await storeRows(storeNow(), ledger.key, claimOf(0), round);
      await stored(storeNow().insertCommit(commitRow(ledger.key, claimOf(0), 0, 0, round)));
      // Logs hand out records in buffers that they use again.
      record.value.fill(0xee);
      (round.batches[0] as SealedBatch).batch.leaves.fill(0xee);
      expect(shown(await rowsOf(storeNow().entries({ partition: ledger.key })))).toEqual(wanted);
      for (const row of await rowsOf(storeNow().entries({ partition: ledger.key }))) {
        for (const bytes of [row.leaf_hash, row.bytes, row.claim, row.log]) bytes?.fill(0xee);
      }
      expect(shown(await rowsOf(storeNow().entries({ partition: ledger.key })))).toEqual(wanted);
    });
  });

  if (harness.checks_leaves === true) {
    describe('rows that do not give their leaf', () => {
      const storeNow = storeOfGroup(harness);

      it('are refused, and none of the insert is stored', async () => {
        const ledger = ledgerOf('refused');
        const round = ledger.round({ tenant: 'acme' }, { tenant: 'acme' });
        const [good, bad] = round.batches as [SealedBatch, SealedBatch];
        const leaves = new Uint8Array(bad.batch.leaves);
        leaves[70] = (leaves[70] as number) ^ 1;
        const forged = [good, { ...bad, batch: { ...bad.batch, leaves } }];
        expect((await storeNow().insertEntries(ledger.key, claimOf(0), forged)).kind).toBe('refused');
        await stored(storeNow().insertCommit(commitRow(ledger.key, claimOf(0), 0, 0, round)));
        expect(await rowsOf(storeNow().entries({ partition: ledger.key }))).toEqual([]);
        await stored(storeNow().insertEntries(ledger.key, claimOf(0), round.batches));
        expect((await rowsOf(storeNow().entries({ partition: ledger.key }))).length).toBe(6);
      });
    });
  }

  const { erase, alterEntry } = harness;
  if (erase !== undefined) {
    describe('erased sections', () => {
      const storeNow = storeOfGroup(harness);
      const sections = [
        ['actor', ERASED_ACTOR],
        ['object', ERASED_OBJECT],
      ] as const;
      for (const [section, defaults] of sections) {
        it(`${section}: its digest is given, and the bytes of its defaults`, async () => {
          const ledger = ledgerOf(`erased ${section}`);
          const round = await storeOneRound(storeNow(), ledger);
          const digest = new Uint8Array(32).fill(7, 0, 31);
          await erase(storeNow(), { partition: ledger.key, tenant: 'acme', entry: 1 }, section, digest);
          const schema = currentEventSchema();
          const wanted = entriesOfRound(ledger, round).map((row) => {
            if (row.entry !== 1) return row;
            const scratch = new Uint8Array(EVENT_BYTES_MAX);
            const event = { ...schema.decode(row.bytes as Uint8Array, 0, row.bytes?.length ?? 0), ...defaults };
            return { ...row, [`${section}_digest`]: digest, bytes: scratch.slice(0, schema.encode(event, scratch, 0)) };
          });
          expect(shown(await rowsOf(storeNow().entries({ partition: ledger.key })))).toEqual(shown(wanted));
        });
      }
    });
  }

  if (alterEntry !== undefined) {
    describe('altered rows', () => {
      const storeNow = storeOfGroup(harness);
      const alterations: readonly (readonly [string, string | number | Uint8Array, boolean])[] = [
        ['action', 'invoice.forget', true],
        ['leaf_hash', new Uint8Array(32), true],
        ['producer', '', true],
        ['event_schema', new Uint8Array(32), false],
      ];
      for (const [column, value, hasBytes] of alterations) {
        it(`${column}: are given as they stand, ${hasBytes ? 'encoded again' : 'without bytes'}, and so are their neighbours`, async () => {
          const ledger = ledgerOf(`altered ${column}`);
          const round = await storeOneRound(storeNow(), ledger);
          await alterEntry(storeNow(), { partition: ledger.key, tenant: 'acme', entry: 1 }, column, value);
          const wanted = entriesOfRound(ledger, round);
          const given = await rowsOf(storeNow().entries({ partition: ledger.key }));
          expect(shown([given[0], given[2]])).toEqual(shown([wanted[0], wanted[2]]));
          expect(given[1]?.bytes === null).toBe(!hasBytes);
          expect(shown(given[1])).not.toEqual(shown(wanted[1]));
        });
      }
    });
  }

  describe('the end', () => {
    const { reopen } = harness;
    it('a closed store reads nothing and leaves every insert in doubt; closing again does no harm', async () => {
      await withStore(harness, async (store) => {
        const ledger = ledgerOf('closed');
        const { key } = ledger;
        const garbage = { key: claimOf(0), value: claimOf(0) };
        const round = ledger.seal([ledger.sign({ tenant: 'acme' }), garbage]);
        await store.close();
        const inserts = [
          store.insertEntries(key, claimOf(0), round.batches),
          store.insertManifests(key, claimOf(0), round.batches),
          store.insertHeads(key, claimOf(0), headRows(round)),
          store.insertRejected(key, claimOf(0), rejectedRows(key, round)),
          store.insertDuplicates(key, claimOf(0), []),
          store.insertRound(roundRow(round)),
          store.insertCommit(commitRow(key, claimOf(0), 0, 0, round)),
          store.insertCheckpoint({ origin: 'o', size: 0, root: new Uint8Array(32), note: '' }),
          store.insertKeyRecords([{ index: 0, bytes: new Uint8Array(1) }]),
        ];
        for (const outcome of await Promise.all(inserts)) {
          expect(outcome).toMatchObject({ kind: 'in_doubt', cause: { code: 'store_closed' } });
        }
        const query = { partition: key };
        const all = { from: 0, to: 1 };
        const { header } = (round.batches[0] as SealedBatch).batch;
        const reads = [
          () => store.partitions(),
          () => store.commits(key),
          () => store.round(round.hash),
          () => rowsOf(store.rounds(key, all)),
          () => store.head(key, 'acme'),
          () => rowsOf(store.logSizes(key)),
          () => store.unsealedCount(key),
          () => rowsOf(store.heads(query)),
          () => store.sequences(key, 'acme'),
          () => store.sealedHeader(key, header),
          () => rowsOf(store.manifests(query)),
          () => rowsOf(store.entries(query)),
          () => rowsOf(store.batchLeaves(key, all)),
          () => rowsOf(store.rejected(query)),
          () => rowsOf(store.duplicates(query)),
          () => store.latestCheckpoint('o'),
          () => rowsOf(store.checkpoints('o')),
          () => store.keyRecords(),
        ];
        for (const read of reads) await expect(read()).rejects.toMatchObject({ name: 'LedgerStoreError', code: 'store_closed' });
        await store.close();
      });
    });

    if (reopen !== undefined) {
      it('what was stored is there when the store is opened again', async () => {
        const ledger = ledgerOf('reopened');
        const before = await harness.open();
        const round = await storeOneRound(before, ledger, 2);
        await before.close();
        const store = await reopen(before);
        try {
          expect(shown(await rowsOf(store.entries({ partition: ledger.key })))).toEqual(shown(entriesOfRound(ledger, round)));
          expect(shown(await store.round(round.hash))).toEqual(shown(roundRow(round)));
          await storeOneRound(store, ledger);
          expect((await rowsOf(store.entries({ partition: ledger.key }))).length).toBe(9);
        } finally {
          await store.close();
          await harness.discard?.(store);
        }
      });
    }
  });
}
