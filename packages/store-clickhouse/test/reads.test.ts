/** Reads: asked again while that can help, and never given in part. */
import type { HttpFault } from '@sealtrail/chdb-http';
import { type LedgerStore, LedgerStoreError } from '@sealtrail/ledger-store';
import { commitRow, createSampleLedger, type SampleLedger, stored, storeRows } from '@sealtrail/ledger-store/samples';
import type { SealedRound } from '@sealtrail/seal';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ClickHouseLedgerStore, ClickHouseStoreOptions } from '../src/index.ts';
import { databaseOf, rowsOf, servedForFile } from './served.ts';

const served = servedForFile();
const claim = new Uint8Array(16).fill(7);
const ENTRIES = /FROM \S+`entries`/;
const READ = { matching: ENTRIES };

let ledger: SampleLedger;
let first: ClickHouseLedgerStore;

async function put(store: LedgerStore, round: SealedRound): Promise<void> {
  await storeRows(store, ledger.key, claim, round);
  await stored(store.insertCommit(commitRow(ledger.key, claim, 0, 0, round)));
}

beforeAll(async () => {
  ledger = createSampleLedger();
  first = await served().open();
  await put(first, ledger.round(...Array.from({ length: 3 }, () => ({ tenant: 'acme', events: 1_000 }))));
});

const reopened = (options: Partial<ClickHouseStoreOptions> = {}): Promise<ClickHouseLedgerStore> =>
  served().open({ database: databaseOf(first), ...options });
const entriesOf = async (store: LedgerStore): Promise<number> => (await rowsOf(store.entries({ partition: ledger.key }))).length;
const asked = (): number =>
  served()
    .front.seen()
    .filter(({ sql }) => ENTRIES.test(sql)).length;

/** A clock that only pauses move. */
function fakePacing(): { pacing: NonNullable<ClickHouseStoreOptions['pacing']>; waits: number[] } {
  const waits: number[] = [];
  const now_ms = (): number => waits.reduce((sum, ms) => sum + ms, 0);
  return { waits, pacing: { now_ms, random: () => 0, sleep: async (ms) => void waits.push(ms) } };
}

describe('a read', () => {
  const passing: readonly (readonly [string, HttpFault])[] = [
    ['whose connection is cut', { kind: 'cut_before' }],
    ['whose answer breaks off midway', { kind: 'cut_midway', after_bytes: 200_000 }],
    ['that fails midway', { kind: 'error_midway', after_bytes: 200_000 }],
    ['that fails midway in an answer that ends well', { kind: 'error_midway', after_bytes: 200_000, keeps_framing: true }],
    ['that a proxy answers', { kind: 'status', status: 503, body: '<html>busy</html>' }],
    ['that meets an overloaded server', { kind: 'exception', code: 202, type: 'TOO_MANY_SIMULTANEOUS_QUERIES', message: 'Too many' }],
  ];
  for (const [what, fault] of passing) {
    it(`${what} is asked again, and gives all rows once`, async () => {
      const { pacing, waits } = fakePacing();
      const store = await reopened({ pacing });
      served().front.fault(fault, { ...READ, times: 2 });
      expect(await entriesOf(store)).toBe(3_000);
      expect(waits).toEqual([50, 100]);
    });

    it(`${what} every time ends in an error, with no part of the rows`, async () => {
      const { pacing } = fakePacing();
      const store = await reopened({ pacing, unreachable_wait_ms: 1_000 });
      served().front.fault(fault, { ...READ, times: 100 });
      const given: unknown[] = [];
      const reading = (async () => {
        for await (const page of store.entries({ partition: ledger.key })) given.push(...page);
      })();
      await expect(reading).rejects.toMatchObject({ name: 'LedgerStoreError', code: 'store_unavailable' });
      expect(given).toEqual([]);
    });
  }

  it('that cannot succeed is not asked again', async () => {
    const { pacing, waits } = fakePacing();
    const store = await reopened({ pacing });
    const before = asked();
    served().front.fault({ kind: 'exception', code: 60, type: 'UNKNOWN_TABLE', message: 'Unknown table' }, { ...READ, times: 9 });
    await expect(entriesOf(store)).rejects.toMatchObject({
      code: 'store_unavailable',
      message: expect.stringMatching(/UNKNOWN_TABLE, code 60/),
    });
    expect(waits).toEqual([]);
    expect(asked() - before).toBe(1);
    served().front.clearFaults();
    served().front.fault({ kind: 'exception', code: 40, type: 'CHECKSUM_DOESNT_MATCH', message: 'x' }, { ...READ, times: 9 });
    await expect(entriesOf(store)).rejects.toMatchObject({ code: 'store_corrupt' });
    expect(waits).toEqual([]);
  });

  it('waits for a slow server within its time, and no longer, though something comes all the while', async () => {
    const store = await reopened({ request_timeout_ms: 5_000, unreachable_wait_ms: 0 });
    served().front.fault({ kind: 'slow', delay_ms: 200 }, READ);
    expect(await entriesOf(store)).toBe(3_000);
    served().front.fault({ kind: 'drip', bytes: 1_000, every_ms: 50 }, READ);
    await expect(entriesOf(store)).rejects.toThrow('no answer within 5000 ms');
    expect(await entriesOf(store)).toBe(3_000);
  });

  it('waits while connections are refused, and goes on when they are taken again', async () => {
    const { pacing, waits } = fakePacing();
    const store = await reopened({
      pacing: {
        ...pacing,
        sleep: async (ms) => {
          waits.push(ms);
          if (waits.length === 3) await served().front.accept();
        },
      },
    });
    await served().front.refuse();
    expect(await entriesOf(store)).toBe(3_000);
    expect(waits).toEqual([50, 100, 200]);
  });

  it('between two pages may lose its connection: no row is given twice', async () => {
    const store = await reopened({ page_rows_max: 500 });
    const entries: number[] = [];
    for await (const page of store.entries({ partition: ledger.key })) {
      entries.push(...page.map(({ entry }) => entry));
      if (entries.length === 1_000) served().front.fault({ kind: 'cut_midway', after_bytes: 50_000 }, READ);
    }
    expect(entries).toEqual(Array.from({ length: 3_000 }, (_, i) => i));
  });

  it('holds no more than a page: an early end asks nothing more, and leaves the connection usable', async () => {
    const store = await reopened();
    const before = asked();
    for await (const page of store.entries({ partition: ledger.key })) {
      expect(page.length).toBe(2_048);
      break;
    }
    expect(asked() - before).toBe(1);
    expect(await entriesOf(store)).toBe(3_000);
  });

  it('uses the connection of the one before it, also after an error', async () => {
    const store = await reopened();
    const before = served().front.connections();
    for (let i = 0; i < 5; i++) {
      expect(await entriesOf(store)).toBe(3_000);
      served().front.fault({ kind: 'exception', code: 60, type: 'UNKNOWN_TABLE', message: 'Unknown table' }, READ);
      await expect(entriesOf(store)).rejects.toThrow('UNKNOWN_TABLE');
      await stored(store.insertKeyRecords([{ index: i, bytes: Uint8Array.of(i) }]));
    }
    // Ends of idle connections may pass in between, on a machine that is busy with other things.
    expect(served().front.connections() - before).toBeLessThan(4);
  });

  it('gets nothing of what failed before it, of this store or of another', async () => {
    const store = await reopened();
    for (let i = 0; i < 3; i++) {
      await expect(
        store.select("SELECT throwIf(number = 300000, 'boom'), number FROM numbers(400000)", { rows_max: 500_000 }),
      ).rejects.toThrow('boom');
      expect(await store.select('SELECT 7 AS n')).toEqual({ columns: [{ name: 'n', type: 'UInt8' }], rows: [{ n: 7 }] });
      expect(await entriesOf(store)).toBe(3_000);
    }
  });
});

describe('packed', () => {
  it('both ways: the same rows, and the server was asked for it', async () => {
    const store = await served().open({ compression: 'gzip' });
    const small = createSampleLedger({ seed: 'packed' });
    const round = small.round({ tenant: 'acme', events: 100 });
    await storeRows(store, small.key, claim, round);
    await stored(store.insertCommit(commitRow(small.key, claim, 0, 0, round)));
    const plain = await served().open({ database: databaseOf(store) });
    const rows = await rowsOf(store.entries({ partition: small.key }));
    expect(rows.length).toBe(100);
    expect(rows).toEqual(await rowsOf(plain.entries({ partition: small.key })));
    const seen = served()
      .front.seen()
      .filter(({ sql }) => sql.includes(`${databaseOf(store)}.\`entries\``));
    expect(seen.some(({ sql, body_encoding }) => sql.startsWith('INSERT') && body_encoding === 'gzip')).toBe(true);
    expect(seen.some(({ sql, packs_answer }) => sql.startsWith('SELECT') && packs_answer)).toBe(true);
    expect(seen.some(({ sql, packs_answer }) => sql.startsWith('SELECT') && !packs_answer)).toBe(true);
  });

  it('an answer that fails midway is still none', async () => {
    const { pacing } = fakePacing();
    const store = await reopened({ compression: 'gzip', pacing, unreachable_wait_ms: 200 });
    for (const fault of [
      { kind: 'error_midway', after_bytes: 300_000 },
      { kind: 'error_midway', after_bytes: 300_000, keeps_framing: true },
      { kind: 'cut_midway', after_bytes: 300_000 },
    ] as const) {
      served().front.fault(fault, { ...READ, times: 100 });
      await expect(entriesOf(store)).rejects.toBeInstanceOf(LedgerStoreError);
      served().front.clearFaults();
      expect(await entriesOf(store)).toBe(3_000);
    }
  });
});
