/** Rows that are loaded by what they are, not by a claim: rounds, commit rows, checkpoints, key records. */
import { describe, expect, it } from 'vitest';
import { claimOf, pagesOf, rowsOf, type StoreHarness, shown, storeOfGroup, withStore } from './conformance-harness.ts';
import type { CheckpointRow, CommitRow, KeyRecordRow } from './port.ts';
import { createSampleLedger } from './sample-ledger.ts';
import { roundRow, stored } from './sample-rows.ts';

const PAGE_ROWS_MAX = 2;
const ALL = { from: 0, to: Number.MAX_SAFE_INTEGER };

export function contentSuite(harness: StoreHarness): void {
  describe('rounds', () => {
    const storeNow = storeOfGroup(harness, { page_rows_max: PAGE_ROWS_MAX });

    it('are loaded by their hash, whole, with the operator log’s frontier', async () => {
      const ledger = createSampleLedger({ partition: { topic: 'whole' } });
      const rounds = [1, 2, 3, 4].map((n) => ledger.round({ tenant: 'acme', events: n }));
      for (const round of rounds) await stored(storeNow().insertRound(roundRow(round)));
      for (const round of rounds) expect(shown(await storeNow().round(round.hash))).toEqual(shown(roundRow(round)));
      expect(await storeNow().round(new Uint8Array(32))).toBeNull();
    });

    it('inserted again are the same round once, committed or not, by index', async () => {
      const ledger = createSampleLedger({ partition: { topic: 'again' } });
      const rounds = [1, 2, 3, 4, 5].map((n) => ledger.round({ tenant: 'acme', events: n }));
      for (const round of [...rounds.toReversed(), ...rounds]) await stored(storeNow().insertRound(roundRow(round)));
      const given = await pagesOf(storeNow().rounds(ledger.key, ALL));
      expect(shown(given.flat())).toEqual(shown(rounds.map(roundRow)));
      for (const page of given) expect(page.length).toBeLessThanOrEqual(PAGE_ROWS_MAX);
      expect(shown(await rowsOf(storeNow().rounds(ledger.key, { from: 1, to: 3 })))).toEqual(shown(rounds.slice(1, 3).map(roundRow)));
      expect(await rowsOf(storeNow().rounds(ledger.key, { from: 5, to: 9 }))).toEqual([]);
      expect(await rowsOf(storeNow().rounds({ ...ledger.key, incarnation: 2 }, ALL))).toEqual([]);
    });

    it('with one index but other content are both given', async () => {
      const partition = { topic: 'forked' };
      const [one, two] = ['one', 'two'].map((seed) => createSampleLedger({ partition, seed }).round({ tenant: 'acme' }));
      for (const round of [one, two]) if (round !== undefined) await stored(storeNow().insertRound(roundRow(round)));
      const given = await rowsOf(storeNow().rounds({ topic: 'forked', incarnation: 1, partition: 0 }, ALL));
      const hashes = given.map(({ hash }) => shown(hash)).sort();
      expect(hashes).toEqual([shown(one?.hash), shown(two?.hash)].sort());
    });

    it('make their partition known', async () => {
      const ledger = createSampleLedger({ partition: { topic: 'known' } });
      await stored(storeNow().insertRound(roundRow(ledger.round({ tenant: 'acme' }))));
      expect((await storeNow().partitions()).filter(({ topic }) => topic === 'known')).toEqual([ledger.key]);
    });
  });

  describe('commit rows', () => {
    const storeNow = storeOfGroup(harness);
    const key = { topic: 'commits', incarnation: 1, partition: 0 };
    const row = (claim: number, ordinal: number, from: number, to: number): CommitRow => ({
      ...key,
      claim: claimOf(claim),
      ordinal,
      from,
      to,
      round_hash: new Uint8Array(32).fill(to),
    });

    it('come as one a claim, with the largest end and its round, by ordinal, then claim', async () => {
      const rows = [row(2, 1, 5, 9), row(1, 0, 0, 5), row(1, 0, 0, 3), row(2, 1, 5, 7), row(0, 1, 5, 5), row(1, 0, 0, 4), row(2, 1, 5, 9)];
      for (const one of rows) await stored(storeNow().insertCommit(one));
      expect(shown(await storeNow().commits(key))).toEqual(shown([row(1, 0, 0, 5), row(0, 1, 5, 5), row(2, 1, 5, 9)]));
      expect(await storeNow().commits({ ...key, partition: 1 })).toEqual([]);
    });

    it('of one claim in two partitions stay apart', async () => {
      const [one, two] = [3, 4].map((partition) => ({ ...row(1, 0, 0, partition), partition }));
      for (const each of [one, two]) await stored(storeNow().insertCommit(each as CommitRow));
      expect(shown(await storeNow().commits({ ...key, partition: 3 }))).toEqual(shown([one]));
      expect(shown(await storeNow().commits({ ...key, partition: 4 }))).toEqual(shown([two]));
    });
  });

  describe('checkpoints', () => {
    const storeNow = storeOfGroup(harness, { page_rows_max: PAGE_ROWS_MAX });

    it('come by size, of their origin only, and once however often they were stored', async () => {
      const sizes = [10, 2, 9_007_199_254_740_991, 0, 2];
      for (const size of sizes) await stored(storeNow().insertCheckpoint(checkpoint('test/operator/1/0', size)));
      await stored(storeNow().insertCheckpoint(checkpoint('test/operator/1/1', 5)));
      const wanted = [0, 2, 10, 9_007_199_254_740_991].map((size) => checkpoint('test/operator/1/0', size));
      expect(shown(await rowsOf(storeNow().checkpoints('test/operator/1/0')))).toEqual(shown(wanted));
      expect(shown(await storeNow().latestCheckpoint('test/operator/1/0'))).toEqual(shown(wanted[3]));
      expect(shown(await storeNow().latestCheckpoint('test/operator/1/1'))).toEqual(shown(checkpoint('test/operator/1/1', 5)));
      expect(await rowsOf(storeNow().checkpoints("' OR 1=1 --"))).toEqual([]);
      expect(await storeNow().latestCheckpoint('nobody')).toBeNull();
    });

    it('of one size come by their notes, and no page is larger than it may be', async () => {
      const origin = 'test/operator/2/0';
      const rows = [1, 2, 2, 3, 3, 3, 4].map((size, i) => ({ ...checkpoint(origin, size), note: `note ${i}` }));
      for (const row of [...rows].reverse()) await stored(storeNow().insertCheckpoint(row));
      const pages = await pagesOf(storeNow().checkpoints(origin));
      expect(shown(pages.flat())).toEqual(shown(rows));
      for (const page of pages) expect(page.length).toBeLessThanOrEqual(PAGE_ROWS_MAX);
      // One note beside two roots: one of the rows was altered.
      await stored(storeNow().insertCheckpoint({ ...(rows[3] as CheckpointRow), root: new Uint8Array(32).fill(9) }));
      const again = await rowsOf(storeNow().checkpoints(origin));
      expect(again.map(({ size, note }) => ({ size, note }))).toEqual(
        [...rows.slice(0, 4), rows[3] as CheckpointRow, ...rows.slice(4)].map(({ size, note }) => ({ size, note })),
      );
    });
  });

  describe('key records', () => {
    it('come by index, once however often they were stored', async () => {
      await withStore(harness, async (store) => {
        expect(await store.keyRecords()).toEqual([]);
        const { registry } = createSampleLedgerWithKeys();
        const rows: KeyRecordRow[] = registry.records.map((bytes, index) => ({ index, bytes }));
        await stored(store.insertKeyRecords(rows.slice(2)));
        await stored(store.insertKeyRecords(rows.slice(0, 3)));
        await stored(store.insertKeyRecords([{ index: rows.length, bytes: new Uint8Array([1, 0, 0]) }]));
        await stored(store.insertKeyRecords([{ index: rows.length + 1, bytes: new Uint8Array(0) }]));
        const wanted = [
          ...rows,
          { index: rows.length, bytes: new Uint8Array([1, 0, 0]) },
          { index: rows.length + 1, bytes: new Uint8Array(0) },
        ];
        expect(shown(await store.keyRecords())).toEqual(shown(wanted));
      });
    });
  });
}

const checkpoint = (origin: string, size: number): CheckpointRow => ({
  origin,
  size,
  root: new Uint8Array(32).fill(size % 251),
  note: `${origin}\n${size}\nAAAA\n\n— ledger-é’"\\ Zm9v+/==\n`,
});

function createSampleLedgerWithKeys() {
  const ledger = createSampleLedger();
  for (const producer of ['billing', 'shop', 'gateway', 'import/1']) ledger.sign({ tenant: 'acme', producer });
  return ledger;
}
