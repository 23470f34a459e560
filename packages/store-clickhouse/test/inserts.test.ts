/** Inserts: only a plain answer is success, what is in doubt is sent once, and what never arrived may be sent again. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { createClient } from '@clickhouse/client';
import type { HttpFault } from '@sealtrail/chdb-http';
import type { InsertOutcome } from '@sealtrail/ledger-store';
import { commitRow, createSampleLedger, stored, storeRows } from '@sealtrail/ledger-store/samples';
import { entryInserts, type PreparedInsert } from '@sealtrail/ledger-store/sql';
import type { SealedBatch } from '@sealtrail/seal';
import { describe, expect, it } from 'vitest';
import { dialectOf } from '../src/dialect.ts';
import type { ClickHouseStoreOptions } from '../src/index.ts';
import { settle } from '../src/options.ts';
import { openServer } from '../src/server.ts';
import { ADMIN, databaseOf, rowsOf, servedForFile } from './served.ts';

const served = servedForFile();
const claim = new Uint8Array(16).fill(7);
const ENTRIES = /INSERT INTO \S+`entries`/;

const sentInserts = (): number =>
  served()
    .front.seen()
    .filter(({ sql }) => ENTRIES.test(sql)).length;
const causeOf = (outcome: InsertOutcome): Error => (outcome as { cause: Error }).cause;

let shared: string | undefined;

/** A store without entries, one round to insert, and how many of its entries are there. */
async function withRound(options: Partial<ClickHouseStoreOptions> = {}) {
  // Making the schema is what takes long: one database serves all.
  const store = await served().open({ unreachable_wait_ms: 0, ...options, ...(shared === undefined ? {} : { database: shared }) });
  shared = databaseOf(store);
  await served().alter(`TRUNCATE TABLE ${shared}.entries SYNC`);
  const ledger = createSampleLedger();
  const round = ledger.round({ tenant: 'acme' });
  const database = databaseOf(store);
  return {
    store,
    ledger,
    round,
    insert: () => store.insertEntries(ledger.key, claim, round.batches),
    count: async () => Number(await served().value(`SELECT count() FROM ${database}.entries`)),
    database,
  };
}

describe('an insert', () => {
  it('that is answered plainly is stored, in one part, whatever its size', async () => {
    const { store, ledger, database } = await withRound();
    const round = ledger.round(...Array.from({ length: 30 }, () => ({ tenant: 'acme', events: 1_000 })));
    await stored(store.insertEntries(ledger.key, claim, round.batches));
    expect(await served().value(`SELECT (count(), uniqExact(_part)) FROM ${database}.entries`)).toEqual([30_000, 1]);
  });

  it('whose rows do not give their leaf is refused: the line names the row and shows nothing of it', async () => {
    const { store, ledger, round, count } = await withRound();
    const [{ batch, ...rest }] = round.batches as [SealedBatch];
    const leaves = new Uint8Array(batch.leaves);
    leaves[64] = (leaves[64] as number) ^ 1;
    const outcome = await store.insertEntries(ledger.key, claim, [{ ...rest, batch: { ...batch, leaves } }]);
    expect(outcome).toMatchObject({ kind: 'refused', cause: { code: 'store_corrupt' } });
    expect(causeOf(outcome).message).toBe(
      `${store.name}: the server refused row 3 of an insert: its columns do not recompute to its hash; nothing was stored`,
    );
    expect(await count()).toBe(0);
  });

  /** Long enough for an insert on a busy machine, short enough to wait for. */
  const HASTY_MS = 5_000;
  const doubts: readonly (readonly [string, HttpFault, number, RegExp])[] = [
    ['whose answer is lost after it took effect', { kind: 'cut_after' }, 3, /the connection broke \(ECONNRESET\)/],
    ['whose connection is cut before it took effect', { kind: 'cut_before' }, 0, /the connection broke \(ECONNRESET\)/],
    ['that takes effect and is never answered', { kind: 'hang_after' }, 3, /no answer within 5000 ms/],
    ['that is never answered', { kind: 'hang' }, 0, /no answer within 5000 ms/],
    ['that a proxy answers', { kind: 'status', status: 503, body: '<html>busy</html>' }, 0, /something other than ClickHouse .*status 503/],
    ['that a proxy answers as if well', { kind: 'status', status: 200, body: 'ok' }, 0, /does not say how many rows were written/],
    [
      'that makes too many parts',
      { kind: 'exception', code: 252, type: 'TOO_MANY_PARTS', message: 'Too many parts (300)' },
      0,
      /the server failed \(TOO_MANY_PARTS, code 252\)/,
    ],
    ['that fails after the answer began', { kind: 'error_midway', after_bytes: 0 }, 3, /MEMORY_LIMIT_EXCEEDED, code 241/],
    [
      'that fails in an answer that ends well',
      { kind: 'error_midway', after_bytes: 0, keeps_framing: true },
      3,
      /MEMORY_LIMIT_EXCEEDED, code 241/,
    ],
  ];
  for (const [what, fault, rows, message] of doubts) {
    it(`${what} is in doubt, in one line, and sent once`, async () => {
      const isNeverAnswered = fault.kind === 'hang' || fault.kind === 'hang_after';
      const timeout = isNeverAnswered ? { request_timeout_ms: HASTY_MS } : {};
      const { insert, count } = await withRound({ unreachable_wait_ms: 60_000, ...timeout });
      const before = sentInserts();
      served().front.fault(fault, { matching: ENTRIES });
      const outcome = await insert();
      expect(outcome).toMatchObject({ kind: 'in_doubt', cause: { name: 'LedgerStoreError' } });
      expect(causeOf(outcome).message).toMatch(message);
      expect(causeOf(outcome).message).toMatch(/^[^\n]{10,200}$/);
      expect(sentInserts() - before).toBe(1);
      expect(await count()).toBe(rows);
      expect((await insert()).kind).toBe('stored');
    });
  }

  it('to a full disk says so', async () => {
    const { insert } = await withRound();
    served().front.fault({ kind: 'exception', code: 243, type: 'NOT_ENOUGH_SPACE', message: 'Cannot reserve' }, { matching: ENTRIES });
    expect(await insert()).toMatchObject({ kind: 'in_doubt', cause: { code: 'store_no_space' } });
  });

  it('on a connection that the server closed while it was idle is stored, and sent once', async () => {
    const { insert } = await withRound();
    const before = sentInserts();
    for (let i = 0; i < 3; i++) {
      served().front.dropIdle();
      // The end of the connection has to arrive: only then can the client know.
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect((await insert()).kind).toBe('stored');
    }
    expect(sentInserts() - before).toBe(3);
  });
});

describe('while connections are refused', () => {
  /** On a connection from before, a client may also learn that it was reset: then nobody knows what arrived. */
  const refuse = async (): Promise<void> => {
    await served().front.refuse();
    await new Promise((resolve) => setTimeout(resolve, 500));
  };

  it('an insert waits and is stored once they are taken again: nothing of it had arrived', async () => {
    const waits: number[] = [];
    const pacing = {
      now_ms: () => waits.reduce((sum, ms) => sum + ms, 0),
      random: () => 0,
      sleep: async (ms: number) => {
        waits.push(ms);
        if (waits.length === 4) await served().front.accept();
      },
    };
    const { insert, count } = await withRound({ unreachable_wait_ms: 10_000, pacing });
    const before = sentInserts();
    await refuse();
    expect((await insert()).kind).toBe('stored');
    expect(waits).toEqual([50, 100, 200, 400]);
    expect(sentInserts() - before).toBe(1);
    expect(await count()).toBe(3);
  });

  it('waits have an end, and so has what they hold', async () => {
    let now = 0;
    let sleeps = 0;
    const pacing = { now_ms: () => now, random: () => 0.999, sleep: async (ms: number) => void ((now += ms), sleeps++) };
    const { store, ledger } = await withRound({ unreachable_wait_ms: 1_000_000, pacing });
    const round = ledger.round(...Array.from({ length: 4 }, () => ({ tenant: 'acme', events: 1_000 })));
    await refuse();
    try {
      const before = process.memoryUsage();
      const outcome = await store.insertEntries(ledger.key, claim, round.batches);
      const after = process.memoryUsage();
      expect(outcome).toMatchObject({ kind: 'in_doubt', cause: { code: 'store_unavailable' } });
      expect(causeOf(outcome).message).toMatch(/^127\.0\.0\.1:\d+\/store_\d+: the server cannot be reached \(ECONNREFUSED\)[^\n]+$/);
      // The longest pause is two seconds; 1,000 s of them is about 500 attempts, each with the same container of 2 MB.
      expect(sleeps).toBeGreaterThan(450);
      expect(sleeps).toBeLessThan(1_000);
      expect(now).toBeLessThanOrEqual(1_000_000);
      expect(after.external + after.heapUsed - before.external - before.heapUsed).toBeLessThan(100_000_000);
    } finally {
      await served().front.accept();
    }
  });
});

describe('a container', () => {
  const preparedOf = async (): Promise<{ readonly prepared: PreparedInsert; readonly database: string; readonly url: string }> => {
    const { ledger, database } = await withRound();
    const big = ledger.round({ tenant: 'acme', events: 500 });
    return { prepared: entryInserts(ledger.key, claim, big.batches)[0] as PreparedInsert, database, url: served().front.url };
  };

  it('that ends early leaves no row, wherever it ends: also before its rows, where the server has nothing to complain of', async () => {
    const { prepared, database, url } = await preparedOf();
    const settled = settle({ url, ...ADMIN, database, unreachable_wait_ms: 0 });
    const server = openServer(settled);
    const sql = dialectOf(settled)(prepared.statement((structure) => `input(${structure})`));
    const whole = Buffer.concat([...prepared.parts]);
    const [head] = prepared.parts as [Uint8Array];
    // The count of the block and its length are the head's last bytes.
    const beforeRows = head.length - (whole.length > 8_192 * 16 ? 4 : 3);
    for (const length of [whole.length - 1, whole.length - 17, Math.floor(whole.length / 2), head.length, beforeRows, beforeRows - 1, 40]) {
      await expect(server.insert(sql, [whole.subarray(0, length)], prepared.rows), `${length} bytes`).rejects.toMatchObject({
        name: 'LedgerStoreError',
      });
      expect(Number(await served().value(`SELECT count() FROM ${database}.entries`)), `${length} bytes`).toBe(0);
    }
    await server.insert(sql, [whole], prepared.rows);
    expect(Number(await served().value(`SELECT count() FROM ${database}.entries`))).toBe(500);
    await server.close();
  });

  it('whose sender dies midway leaves no row', async () => {
    const { prepared, database, url } = await preparedOf();
    const client = createClient({ url, ...ADMIN, log: { level: 127 } });
    const sql = dialectOf({ database })(prepared.statement((structure) => `input(${structure})`));
    const dying = Readable.from(
      (async function* () {
        yield* prepared.parts;
        await new Promise((resolve) => setTimeout(resolve, 20));
        throw new Error('the sender dies');
      })(),
      { objectMode: false },
    );
    await expect(client.exec({ query: `${sql} FORMAT Avro`, values: dying })).rejects.toThrow('the sender dies');
    await client.close();
    expect(Number(await served().value(`SELECT count() FROM ${database}.entries`))).toBe(0);
  });
});

describe('an address', () => {
  it('where something else answers is said to be that', async () => {
    const other = createServer((_, response) => response.writeHead(404, { 'content-type': 'text/html' }).end('<html>not here</html>'));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    await expect(served().open({ url })).rejects.toMatchObject({
      code: 'store_unavailable',
      message: expect.stringMatching(/something other than ClickHouse answered, with status 404/),
    });
    other.closeAllConnections();
    await new Promise((resolve) => other.close(resolve));
  });
});

it('inserts under way when the store is closed are finished, and are there', async () => {
  const { store, ledger, database } = await withRound();
  const rounds = Array.from({ length: 4 }, () => ledger.round({ tenant: 'acme' }));
  const inserts = rounds.map((round) => store.insertEntries(ledger.key, claim, round.batches));
  await store.close();
  const done = (await Promise.all(inserts)).filter(({ kind }) => kind === 'stored').length;
  expect(done).toBe(4);
  const again = await served().open({ database });
  await stored(again.insertCommit(commitRow(ledger.key, claim, 0, 0, rounds.at(-1) as (typeof rounds)[number])));
  expect((await rowsOf(again.entries({ partition: ledger.key }))).length).toBe(12);
});

it('an insert of several tables sends each once', async () => {
  const { store, ledger, round } = await withRound();
  await storeRows(store, ledger.key, claim, round);
  const tables = served()
    .front.seen()
    .slice(-4)
    .map(({ sql }) => /^INSERT INTO \w+\.`(\w+)`/.exec(sql)?.[1]);
  expect(new Set(tables).size).toBe(tables.length);
});
