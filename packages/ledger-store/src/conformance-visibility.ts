/** Readers see a row when docs/spec/commit.md says so, whatever arrives when. */
import type { SealedBatch, SealedRound } from '@sealtrail/seal';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { claimOf, rowsOf, type StoreHarness, shown, storeOfGroup } from './conformance-harness.ts';
import type { CommitRow, LedgerStore, PartitionKey, RejectedRow } from './port.ts';
import { createSampleLedger } from './sample-ledger.ts';
import { commitRow, headRows, rejectedRows, roundRow, stored, storeRows } from './sample-rows.ts';

const CLAIMS = 5;
const OFFSETS = 12;
const HISTORIES = 20;

/** The sentence of the specification, word for word and slow. */
function visibleByTheSentence(rows: readonly CommitRow[], key: PartitionKey, claim: Uint8Array, offset: number): boolean {
  const here = rows.filter((r) => r.topic === key.topic && r.incarnation === key.incarnation && r.partition === key.partition);
  const own = here.filter((r) => r.claim.every((byte, i) => byte === claim[i]));
  const first = own[0];
  if (first === undefined) return false;
  const from = Math.min(...own.map((r) => r.from));
  const to = Math.max(...own.map((r) => r.to));
  const higher = here.filter((r) => r.ordinal > first.ordinal).map((r) => r.from);
  return from <= offset && offset < Math.min(to, ...higher);
}

/** Commit rows as they may stand: a claim has one ordinal and one start a partition, and any number of rows, in any order. */
const commitHistories = (partitions: readonly PartitionKey[]): fc.Arbitrary<CommitRow[]> =>
  fc
    .array(
      fc.record({
        key: fc.constantFrom(...partitions),
        claim: fc.nat(CLAIMS - 1),
        ordinal: fc.nat(4),
        from: fc.nat(OFFSETS - 2),
        lengths: fc.array(fc.nat(6), { minLength: 1, maxLength: 3 }),
      }),
      { minLength: 1, maxLength: 8 },
    )
    .chain((claims) => {
      const kept = new Map(claims.map((c) => [JSON.stringify([c.key, c.claim]), c]));
      const rows = [...kept.values()].flatMap(({ key, claim, ordinal, from, lengths }) =>
        lengths.map((length) => ({
          ...key,
          claim: claimOf(claim),
          ordinal,
          from,
          to: from + length,
          round_hash: new Uint8Array(32).fill(from + length),
        })),
      );
      return fc.shuffledSubarray(rows, { minLength: rows.length, maxLength: rows.length });
    });

const probe = (key: PartitionKey, offset: number, claim: number): RejectedRow => ({
  ...key,
  offset,
  reason: 'malformed',
  detail: `claim ${claim}`,
  length: 0,
  digest: new Uint8Array(32),
  recorded_at: 1_714_564_800_000,
  sealed_bytes: '',
});

const partitionsUnder = (topic: string): readonly PartitionKey[] => [
  { topic, incarnation: 1, partition: 0 },
  { topic, incarnation: 1, partition: 1 },
  { topic, incarnation: 2, partition: 0 },
  { topic: `${topic}.other`, incarnation: 1, partition: 0 },
];

async function shownProbes(store: LedgerStore, key: PartitionKey): Promise<string[]> {
  return (await rowsOf(store.rejected({ partition: key }))).map(({ detail, offset }) => `${detail} offset ${offset}`).sort();
}

export function visibilitySuite(harness: StoreHarness): void {
  describe('visibility', () => {
    const storeNow = storeOfGroup(harness);

    it('is what the sentence of the specification says, for any commit rows in any order, in each partition', async () => {
      let run = 0;
      await fc.assert(
        fc.asyncProperty(commitHistories(partitionsUnder('')), async (history) => {
          // Rows stay, so each run has topics of its own.
          const topic = `history.${run++}`;
          const rows = history.map((row) => ({ ...row, topic: `${topic}${row.topic}` }));
          const store = storeNow();
          const partitions = partitionsUnder(topic);
          for (const key of partitions) {
            for (let claim = 0; claim < CLAIMS; claim++) {
              const probes = Array.from({ length: OFFSETS }, (_, offset) => probe(key, offset, claim));
              await stored(store.insertRejected(key, claimOf(claim), probes));
            }
          }
          for (const row of rows) await stored(store.insertCommit(row));
          for (const key of partitions) {
            const wanted: string[] = [];
            for (let claim = 0; claim < CLAIMS; claim++) {
              for (let offset = 0; offset < OFFSETS; offset++) {
                if (visibleByTheSentence(rows, key, claimOf(claim), offset)) wanted.push(`claim ${claim} offset ${offset}`);
              }
            }
            expect(await shownProbes(store, key)).toEqual(wanted.sort());
          }
        }),
        { numRuns: harness.histories ?? HISTORIES },
      );
    });

    it('of rows that no commit row covers is none, in any table', async () => {
      const ledger = createSampleLedger({ partition: { topic: 'uncommitted' } });
      const again = ledger.sign({ tenant: 'acme' });
      const round = ledger.seal([again, again, { key: claimOf(0), value: claimOf(0) }]);
      await storeRows(storeNow(), ledger.key, claimOf(0), round);
      expect(await everythingVisible(storeNow(), ledger.key, round)).toEqual(nothing);
    });

    it('keeps late rows of a cut claim out, in every table, also when its commit row comes late', async () => {
      const store = storeNow();
      const ledger = createSampleLedger({ partition: { topic: 'cut' } });
      const { key } = ledger;
      const again = ledger.sign({ tenant: 'acme' });
      const garbage = { key: claimOf(0), value: claimOf(0) };
      const first = ledger.seal([again, garbage, again]);
      // The same round sealed by two members: content is the same, claims differ.
      const second = ledger.seal([ledger.sign({ tenant: 'acme' }), garbage, again]);
      await storeRows(store, key, claimOf(0), first);
      await stored(store.insertCommit(commitRow(key, claimOf(0), 0, 0, first)));
      await storeRows(store, key, claimOf(1), second);
      await stored(store.insertCommit(commitRow(key, claimOf(1), 1, second.round.from, second)));
      const before = await everythingVisible(store, key, second);
      expect(before.entries).toBe(6);

      await storeRows(store, key, claimOf(0), second);
      expect(await everythingVisible(store, key, second)).toEqual(before);
      await stored(store.insertCommit(commitRow(key, claimOf(0), 0, 0, second)));
      expect(await everythingVisible(store, key, second)).toEqual(before);
      const claims = (await rowsOf(store.entries({ partition: key }))).map(({ offset, claim }) => [offset, shown(claim)]);
      expect(claims).toEqual([0, 0, 0, 3, 3, 3].map((offset) => [offset, shown(claimOf(offset === 0 ? 0 : 1))]));
    });

    it('of a head goes by the last offset of its round', async () => {
      const store = storeNow();
      const ledger = createSampleLedger({ partition: { topic: 'heads' } });
      const { key } = ledger;
      const first = ledger.round({ tenant: 'acme' }, { tenant: 'acme' });
      const second = ledger.round({ tenant: 'acme' }, { tenant: 'acme' });
      for (const round of [first, second]) await stored(store.insertHeads(key, claimOf(0), headRows(round)));
      await stored(store.insertCommit({ ...commitRow(key, claimOf(0), 0, 0, second), to: second.round.to - 1 }));
      expect(shown(await store.head(key, 'acme'))).toEqual(shown(headRows(first)[0]));
      await stored(store.insertCommit(commitRow(key, claimOf(0), 0, 0, second)));
      expect(shown(await store.head(key, 'acme'))).toEqual(shown(headRows(second)[0]));
    });

    it('a replaced claim is replaced by the rows of the new one, not shown beside it', async () => {
      const store = storeNow();
      const ledger = createSampleLedger({ partition: { topic: 'rebuilt' } });
      const { key } = ledger;
      const round = ledger.seal([ledger.sign({ tenant: 'acme' }), { key: claimOf(0), value: claimOf(0) }]);
      for (const [ordinal, claim] of [claimOf(0), claimOf(1)].entries()) {
        await storeRows(store, key, claim, round);
        await stored(store.insertCommit(commitRow(key, claim, ordinal, 0, round)));
      }
      expect((await rowsOf(store.entries({ partition: key }))).map(({ claim }) => shown(claim))).toEqual(
        Array.from({ length: 3 }, () => shown(claimOf(1))),
      );
      expect(shown(await rowsOf(store.rejected({ partition: key })))).toEqual(shown(rejectedRows(key, round)));
      expect((await store.commits(key)).length).toBe(2);
      expect(shown(await rowsOf(store.rounds(key, { from: 0, to: 9 })))).toEqual([shown(roundRow(round))]);
    });
  });
}

/** How many rows each read shows, and what the reads without pages say. */
async function everythingVisible(store: LedgerStore, key: PartitionKey, round: SealedRound) {
  const query = { partition: key };
  return {
    entries: (await rowsOf(store.entries(query))).length,
    manifests: (await rowsOf(store.manifests(query))).length,
    heads: (await rowsOf(store.heads(query))).length,
    rejected: (await rowsOf(store.rejected(query))).length,
    duplicates: (await rowsOf(store.duplicates(query))).length,
    leaves: (await rowsOf(store.batchLeaves(key, { from: 0, to: Number.MAX_SAFE_INTEGER }))).length,
    head: shown(await store.head(key, 'acme')),
    sequences: shown(await store.sequences(key, 'acme')),
    header: shown(await store.sealedHeader(key, (round.batches[0] as SealedBatch).manifest.header)),
  };
}
const nothing: Awaited<ReturnType<typeof everythingVisible>> = {
  entries: 0,
  manifests: 0,
  heads: 0,
  rejected: 0,
  duplicates: 0,
  leaves: 0,
  head: null,
  sequences: [],
  header: null,
};
