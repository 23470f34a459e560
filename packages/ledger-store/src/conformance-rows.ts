/** What was stored comes back: every kind of row, in the order that the port says, page by page, as each query selects. */

import { compareBytes } from '@sealtrail/merkle';
import type { SealedRound } from '@sealtrail/seal';
import { beforeAll, describe, expect, it } from 'vitest';
import { claimOf, pagesOf, rowsOf, type StoreHarness, shown, storeOfGroup } from './conformance-harness.ts';
import type { LedgerStore, PartitionKey, RowQuery } from './port.ts';
import { createSampleLedger, type SampleLedger, type SampleRecord } from './sample-ledger.ts';
import { commitRow, entriesOf, headRows, leavesOf, manifestOf, rejectedRows, stored, storeRows } from './sample-rows.ts';
import { compareText, sequenceIntervals } from './sequences.ts';

const PAGE_ROWS_MAX = 4;

/** Two claims: the first with two rounds, the second with one. */
interface History {
  readonly ledger: SampleLedger;
  readonly claims: readonly [Uint8Array, Uint8Array];
  readonly rounds: readonly SealedRound[];
}

/** The tenants, and so the claims and the offsets, are the same in every partition: only the keys tell them apart. */
const partitions: readonly Partial<PartitionKey>[] = [{}, { incarnation: 2 }, { topic: 'audit.other' }];

const garbage = (n: number): SampleRecord => ({ key: new Uint8Array([n]), value: new Uint8Array(n + 1).fill(n) });

function createHistory(partition: Partial<PartitionKey>): History {
  const ledger = createSampleLedger({ partition });
  const again = ledger.sign({ tenant: 'acme', events: 2 });
  const rounds = [
    ledger.seal([
      again,
      garbage(1),
      ledger.sign({ tenant: 'zeta', events: 5, producer: 'shop' }),
      ledger.sign({ tenant: 'acme', kind: 'HEARTBEAT', delivery: 'CRITICAL' }),
    ]),
    ledger.seal([
      again,
      ledger.sign({ tenant: 'acme', events: 3, delivery: 'CRITICAL' }),
      garbage(2),
      ledger.sign({ tenant: 'acme', sequence: 7 }),
      again,
    ]),
    ledger.seal([ledger.sign({ tenant: 'Beta/9', events: 1 }), ledger.sign({ tenant: 'acme', events: 4 }), garbage(3), again]),
  ];
  return { ledger, claims: [claimOf(0), claimOf(1)], rounds };
}

async function storeHistory(store: LedgerStore, { ledger: { key }, claims, rounds }: History): Promise<void> {
  for (const [i, round] of rounds.entries()) {
    const claim = i < 2 ? claims[0] : claims[1];
    await storeRows(store, key, claim, round);
    await stored(store.insertCommit(commitRow(key, claim, i < 2 ? 0 : 1, i < 2 ? 0 : round.round.from, round)));
  }
}

const byLog = (a: Selectable, b: Selectable): number =>
  compareText(a.tenant, b.tenant) || compareBytes(a.log, b.log) || (a.number ?? 0) - (b.number ?? 0);

/** Every row of the history as a read must give it, with what queries select it by. */
function expectedOf({ ledger: { key }, claims, rounds }: History) {
  const batches = rounds.flatMap((round, i) => round.batches.map((sealed) => ({ sealed, claim: i < 2 ? claims[0] : claims[1] })));
  return {
    entries: batches
      .flatMap(({ sealed, claim }) => entriesOf(key, claim, sealed))
      .map((row) => ({ row, tenant: row.tenant, log: row.log, number: row.entry, offset: row.offset }))
      .sort(byLog),
    manifests: batches
      .map(({ sealed, claim }) => manifestOf(claim, sealed))
      .map((row) => ({ row, tenant: row.tenant, log: row.manifest.log, number: row.manifest.position, offset: row.manifest.offset }))
      .sort(byLog),
    heads: rounds
      .flatMap(headRows)
      .map((row) => ({ row, tenant: row.tenant, log: row.head.log, offset: row.offset }))
      .sort((a, b) => a.offset - b.offset || compareBytes(a.log, b.log)),
    rejected: rounds.flatMap((round) => rejectedRows(key, round)).map((row) => ({ row, offset: row.offset })),
    duplicates: rounds.flatMap((round) => round.duplicates).map((row) => ({ row, tenant: row.tenant, offset: row.duplicate.offset })),
  };
}
type Reads = ReturnType<typeof expectedOf>;
const reads = ['entries', 'manifests', 'heads', 'rejected', 'duplicates'] as const satisfies readonly (keyof Reads)[];

interface Selectable {
  readonly tenant: string;
  readonly log: Uint8Array;
  readonly number?: number;
}

/** The port's words on RowQuery; what rows of a table lack does not narrow it. */
const selects = (query: Omit<RowQuery, 'partition'>, row: { readonly offset: number } & Partial<Selectable>): boolean =>
  (query.offsets === undefined || (query.offsets.from <= row.offset && row.offset < query.offsets.to)) &&
  (query.tenant === undefined || row.tenant === undefined || row.tenant === query.tenant) &&
  (query.log === undefined || row.log === undefined || compareBytes(row.log, query.log) === 0) &&
  (query.numbers === undefined || row.number === undefined || (query.numbers.from <= row.number && row.number < query.numbers.to));

export function rowsSuite(harness: StoreHarness): void {
  describe('rows', () => {
    const storeNow = storeOfGroup(harness, { page_rows_max: PAGE_ROWS_MAX });
    const histories = partitions.map(createHistory);
    const [home] = histories as [History, ...History[]];
    const { key } = home.ledger;
    const acme = home.ledger.tenants.get('acme')?.log as Uint8Array;
    beforeAll(async () => {
      for (const history of histories) await storeHistory(storeNow(), history);
    });

    for (const name of reads) {
      it(`${name}: come back as they were stored, in order, and of no other partition`, async () => {
        for (const history of histories) {
          const given = await rowsOf<unknown>(storeNow()[name]({ partition: history.ledger.key }));
          expect(shown(given)).toEqual(shown(expectedOf(history)[name].map(({ row }) => row)));
        }
      });

      it(`${name}: pages are bounded, and none is empty`, async () => {
        const pages = await pagesOf<unknown>(storeNow()[name]({ partition: key }));
        for (const page of pages) {
          expect(page.length).toBeGreaterThan(0);
          expect(page.length).toBeLessThanOrEqual(PAGE_ROWS_MAX);
        }
      });
    }

    const end = home.rounds[2]?.round.to as number;
    const queries: readonly (readonly [string, Omit<RowQuery, 'partition'>])[] = [
      ['a range of offsets', { offsets: { from: 2, to: 8 } }],
      ['one offset', { offsets: { from: 5, to: 6 } }],
      ['an empty range of offsets', { offsets: { from: 5, to: 5 } }],
      ['offsets up to the largest number', { offsets: { from: 3, to: Number.MAX_SAFE_INTEGER } }],
      ['offsets after the end', { offsets: { from: end, to: end + 10 } }],
      ['a tenant', { tenant: 'acme' }],
      ['a tenant whose name is case-sensitive', { tenant: 'beta/9' }],
      ['a tenant unknown', { tenant: 'nobody' }],
      ['a log', { log: acme }],
      ['a log unknown', { log: new Uint8Array(16) }],
      ['a tenant and a log of another', { tenant: 'zeta', log: acme }],
      ['a range of numbers', { numbers: { from: 1, to: 4 } }],
      ['numbers of one tenant', { tenant: 'acme', numbers: { from: 2, to: 6 } }],
      ['numbers in part of the offsets', { tenant: 'acme', log: acme, numbers: { from: 0, to: 9 }, offsets: { from: 1, to: 9 } }],
      ['a tenant that is no name but SQL', { tenant: "' OR 1 = 1 -- " }],
      ['a tenant that ends in a backslash', { tenant: "acme\\' OR 1=1 \\" }],
    ];
    for (const [what, query] of queries) {
      it(`selects by ${what}`, async () => {
        const expected = expectedOf(home);
        for (const name of reads) {
          const rows: readonly { readonly row: unknown; readonly offset: number }[] = expected[name];
          const given = await rowsOf<unknown>(storeNow()[name]({ partition: key, ...query }));
          expect({ [name]: shown(given) }).toEqual({ [name]: shown(rows.filter((row) => selects(query, row)).map(({ row }) => row)) });
        }
      });
    }

    it('leaves of batches, by offset, without the batches that have none', async () => {
      const all = home.rounds.flatMap((round) => round.batches).filter(({ manifest }) => manifest.header.count > 0);
      for (const [from, to] of [
        [0, end],
        [2, 8],
        [4, 4],
        [end, Number.MAX_SAFE_INTEGER],
      ] as const) {
        const wanted = all.filter(({ manifest }) => from <= manifest.offset && manifest.offset < to).map(leavesOf);
        expect(shown(await rowsOf(storeNow().batchLeaves(key, { from, to })))).toEqual(shown(wanted));
      }
    });

    it('partitions: each that has a commit row or a round, by topic, incarnation, partition', async () => {
      const [first, second, other] = histories.map(({ ledger }) => ledger.key);
      expect(await storeNow().partitions()).toEqual([first, second, other]);
    });

    it('the head of a tenant is the visible one with the largest size', async () => {
      for (const tenant of ['acme', 'zeta', 'Beta/9']) {
        const largest = home.rounds.flatMap(headRows).findLast((row) => row.tenant === tenant);
        expect(shown(await storeNow().head(key, tenant))).toEqual(shown(largest));
      }
      expect(await storeNow().head(key, 'nobody')).toBeNull();
      expect(await storeNow().head({ ...key, partition: 9 }, 'acme')).toBeNull();
    });

    it('log sizes: the largest of each tenant, by tenant, page by page', async () => {
      const largest = new Map(home.rounds.flatMap(headRows).map(({ tenant, head }) => [tenant, head.size]));
      const wanted = [...largest].map(([tenant, size]) => ({ tenant, size })).sort((a, b) => compareText(a.tenant, b.tenant));
      const pages = await pagesOf(storeNow().logSizes(key));
      expect(pages.flat()).toEqual(wanted);
      for (const page of pages) expect(page.length).toBeLessThanOrEqual(PAGE_ROWS_MAX);
      expect(await rowsOf(storeNow().logSizes({ ...key, partition: 9 }))).toEqual([]);
    });

    it('every offset is a manifest in a log, a rejection or a duplicate', async () => {
      for (const history of histories) {
        const { key: partition } = history.ledger;
        const sizes = await rowsOf(storeNow().logSizes(partition));
        const sealed = sizes.reduce((sum, { size }) => sum + size, 0);
        expect(sealed + (await storeNow().unsealedCount(partition))).toBe(history.rounds.at(-1)?.round.to);
      }
      expect(await storeNow().unsealedCount(key)).toBe(home.rounds.reduce((n, { round }) => n + round.rejected + round.duplicates, 0));
      expect(await storeNow().unsealedCount({ ...key, partition: 9 })).toBe(0);
    });

    it('sequences: the sealed numbers of each life of a producer, as intervals', async () => {
      const headers = home.rounds.flatMap((round) => round.batches).map(({ batch }) => batch.header);
      for (const tenant of ['acme', 'zeta', 'nobody']) {
        const wanted = sequenceIntervals(headers.filter((header) => header.tenant === tenant));
        expect(shown(await storeNow().sequences(key, tenant))).toEqual(shown(wanted));
      }
      // Words of the port on an example, so that the function above is not its own proof.
      const routine = (await storeNow().sequences(key, 'acme')).find(({ delivery }) => delivery === 'ROUTINE');
      expect(routine?.intervals).toEqual([
        { from: 0, to: 1 },
        { from: 7, to: 9 },
      ]);
    });

    it('sealedHeader: the hash of the header under a number, and null for any other', async () => {
      for (const { batch } of home.rounds.flatMap((round) => round.batches)) {
        const { tenant, producer, instance, delivery, sequence } = batch.header;
        const number = { tenant, producer, instance, delivery, sequence };
        expect(shown(await storeNow().sealedHeader(key, number))).toEqual(shown(batch.header_hash));
        const others = [
          { ...number, tenant: 'nobody' },
          { ...number, producer: 'nobody' },
          { ...number, instance: claimOf(9) },
          { ...number, sequence: sequence + 100 },
        ];
        for (const other of others) expect(await storeNow().sealedHeader(key, other)).toBeNull();
        expect(await storeNow().sealedHeader({ ...key, partition: 9 }, number)).toBeNull();
      }
    });
  });
}
