import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { commitRow, createSampleLedger, stored, storeRows } from '@sealtrail/ledger-store/samples';
import { SCHEMA_VERSION } from '@sealtrail/ledger-store/sql';
import type { SealedBatch } from '@sealtrail/seal';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openChdbStore } from '../src/index.ts';
import { rowsOf, temporaryFolder, valueOf } from './temporary.ts';

const claim = new Uint8Array(16).fill(7);
let dir: string;
beforeEach(async () => {
  dir = await temporaryFolder();
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const inStore = async <T>(use: (store: Awaited<ReturnType<typeof openChdbStore>>) => Promise<T>, check_leaves = true): Promise<T> => {
  const store = await openChdbStore({ dir, check_leaves });
  try {
    return await use(store);
  } finally {
    await store.close();
  }
};

describe('a folder', () => {
  it('that another process holds is in use: the message names the process', async () => {
    const child = fileURLToPath(new URL('hold-child.ts', import.meta.url));
    const holder = spawn(process.execPath, ['--conditions=source', '--import', 'tsx', child, dir], { stdio: ['pipe', 'pipe', 'inherit'] });
    try {
      await once(holder.stdout, 'data');
      await expect(openChdbStore({ dir })).rejects.toMatchObject({
        name: 'LedgerStoreError',
        code: 'store_in_use',
        message: `${join(dir, 'engine')}: process ${holder.pid} has this store open; stop it, or ask it instead`,
      });
    } finally {
      holder.stdin.end();
      await once(holder, 'exit');
    }
    await inStore(async (store) => expect(await store.partitions()).toEqual([]));
  });

  it('of another store, while this process has one open, is in use', async () => {
    const other = await temporaryFolder();
    await inStore(async () => {
      await expect(openChdbStore({ dir: other })).rejects.toMatchObject({ code: 'store_in_use' });
    });
    await rm(other, { recursive: true, force: true });
  });

  it('whose path the engine would read as a pattern is refused', async () => {
    for (const name of ['a*', 'a?', '{a,b}', 'x::y']) {
      await expect(openChdbStore({ dir: join(dir, name) })).rejects.toMatchObject({ code: 'store_unavailable' });
    }
  });

  it('with spaces, quotes and letters of all kinds in its path is fine', async () => {
    const store = await openChdbStore({ dir: join(dir, 'it\'s a "store" \\ für 王 %41') });
    const ledger = createSampleLedger();
    await storeRows(store, ledger.key, claim, ledger.round({ tenant: 'acme' }));
    await store.close();
  });

  it('that cannot be made is unavailable', async () => {
    const file = join(dir, 'file');
    await writeFile(file, '');
    await expect(openChdbStore({ dir: join(file, 'store') })).rejects.toMatchObject({
      name: 'LedgerStoreError',
      code: 'store_unavailable',
    });
  });

  it('that was just closed can be opened again at once', async () => {
    for (let i = 0; i < 3; i++) await inStore((store) => store.partitions());
  });
});

describe('the schema', () => {
  it('of another version is a mismatch, said in one line', async () => {
    await inStore((store) => store.alterUnguarded(`ALTER TABLE schema_version DELETE WHERE 1`));
    // Without a version the store counts as half made, and is completed.
    await inStore(async (store) => {
      expect(await valueOf(store, 'SELECT max(version) FROM schema_version')).toBe(SCHEMA_VERSION);
      await store.alterUnguarded(`INSERT INTO schema_version VALUES (${SCHEMA_VERSION + 1})`);
    });
    const opening = openChdbStore({ dir });
    await expect(opening).rejects.toMatchObject({ name: 'LedgerStoreError', code: 'schema_mismatch' });
    await expect(opening).rejects.toThrow(/^[^\n]+schema version 1 and 2, this build reads 1; [^\n]+$/);
  });

  it('that a crash left half made is completed', async () => {
    await inStore(async (store) => {
      for (const table of ['schema_version', 'rounds', 'registry']) await store.alterUnguarded(`DROP TABLE ${table} SYNC`);
    });
    await inStore(async (store) => expect(await store.keyRecords()).toEqual([]));
  });

  it('of which a table was dropped has it again, with its checks and empty', async () => {
    await inStore((store) => store.alterUnguarded('DROP TABLE manifests SYNC'));
    await inStore(async (store) => {
      expect(Number(await valueOf(store, 'SELECT count() FROM audit_events'))).toBe(0);
      const forged = `INSERT INTO manifests (tenant, manifest_hash) VALUES ('acme', toFixedString('', 32))`;
      await expect(store.alterUnguarded(forged)).rejects.toMatchObject({ code: 'store_corrupt' });
    });
  });

  it('documents every column that analysts see', async () => {
    await inStore(async (store) => {
      await store.alterUnguarded(
        `CREATE TABLE undocumented ENGINE = Memory AS SELECT table, name FROM system.columns WHERE database = 'sealtrail' AND comment = '' AND table IN (SELECT name FROM system.tables WHERE database = 'sealtrail' AND engine LIKE '%MergeTree')`,
      );
      expect((await store.select('SELECT * FROM undocumented')).rows).toEqual([]);
    });
  });

  it('takes and drops its checks as the store is opened', async () => {
    const ledger = createSampleLedger();
    const round = ledger.round({ tenant: 'acme' });
    const [{ batch, ...rest }] = round.batches as [SealedBatch];
    const forged = { ...rest, batch: { ...batch, leaves: new Uint8Array(batch.leaves).fill(1, 0, 1) } };
    const insert = (check: boolean): Promise<string> =>
      inStore(async (store) => (await store.insertEntries(ledger.key, claim, [forged])).kind, check);
    expect(await insert(true)).toBe('refused');
    expect(await insert(false)).toBe('stored');
    expect(await insert(true)).toBe('refused');
    await inStore(async (store) => expect(await valueOf(store, 'SELECT count() FROM entries')).toBe(3));
  });
});

describe('inserts', () => {
  it('that the engine cannot take are in doubt, with one line that shows no row', async () => {
    await inStore(async (store) => {
      const ledger = createSampleLedger();
      const round = ledger.round({ tenant: 'acme' });
      await store.alterUnguarded('DROP TABLE entries SYNC');
      const outcome = await store.insertEntries(ledger.key, claim, round.batches);
      expect(outcome).toMatchObject({ kind: 'in_doubt', cause: { code: 'store_unavailable' } });
      expect((outcome as { cause: Error }).cause.message).toMatch(/^the engine failed \(UNKNOWN_TABLE, code 60\)[^\n]*$/);
    });
  });

  it('of a refused row name it, and none of its values', async () => {
    await inStore(async (store) => {
      const ledger = createSampleLedger();
      const round = ledger.round({ tenant: 'acme' });
      const [{ batch, ...rest }] = round.batches as [SealedBatch];
      const leaves = new Uint8Array(batch.leaves);
      leaves[64] = (leaves[64] as number) ^ 1;
      expect(await store.insertEntries(ledger.key, claim, [{ ...rest, batch: { ...batch, leaves } }])).toMatchObject({
        kind: 'refused',
        cause: { message: 'the engine refused row 3 of an insert: its columns do not recompute to its hash; nothing was stored' },
      });
    });
  });

  it('are one block each: one part, whatever their size', async () => {
    await inStore(async (store) => {
      const ledger = createSampleLedger();
      await store.alterUnguarded('SYSTEM STOP MERGES');
      const round = ledger.round(...Array.from({ length: 80 }, () => ({ tenant: 'acme', events: 1_000 })));
      await stored(store.insertEntries(ledger.key, claim, round.batches));
      expect(await valueOf(store, 'SELECT count() FROM entries')).toBe(80_000);
      expect(await valueOf(store, 'SELECT uniqExact(_part) FROM entries')).toBe(1);
    });
  });

  it('of nothing are stored', async () => {
    await inStore(async (store) => {
      const ledger = createSampleLedger();
      const beat = ledger.round({ tenant: 'acme', kind: 'HEARTBEAT' });
      for (const batches of [[], beat.batches]) expect(await store.insertEntries(ledger.key, claim, batches)).toEqual({ kind: 'stored' });
      expect(await store.insertRejected(ledger.key, claim, [])).toEqual({ kind: 'stored' });
    });
  });

  it('under way when the store is closed are finished, and are there', async () => {
    const ledger = createSampleLedger();
    const rounds = Array.from({ length: 4 }, () => ledger.round({ tenant: 'acme' }));
    const store = await openChdbStore({ dir });
    const inserts = rounds.map((round) => store.insertEntries(ledger.key, claim, round.batches));
    // Long enough for the inserts to be with the engine, not long enough for them to end.
    await new Promise((resolve) => setTimeout(resolve, 5));
    await store.close();
    const done = (await Promise.all(inserts)).filter(({ kind }) => kind === 'stored').length;
    const last = rounds.at(-1);
    if (last === undefined) throw new Error('no round');
    await inStore(async (again) => {
      await stored(again.insertCommit(commitRow(ledger.key, claim, 0, 0, last)));
      expect((await rowsOf(again.entries({ partition: ledger.key }))).length).toBe(3 * done);
    });
  });
});

describe('reads', () => {
  it('hold no more than a page: an early end asks nothing more', async () => {
    await inStore(async (store) => {
      const ledger = createSampleLedger();
      const round = ledger.round(...Array.from({ length: 3 }, () => ({ tenant: 'acme', events: 1_000 })));
      await storeRows(store, ledger.key, claim, round);
      await stored(store.insertCommit(commitRow(ledger.key, claim, 0, 0, round)));
      for await (const page of store.entries({ partition: ledger.key })) {
        expect(page.length).toBe(2_048);
        break;
      }
    });
  });

  it('do not block the process while the engine works', async () => {
    await inStore(async (store) => {
      let ticks = 0;
      const timer = setInterval(() => ticks++, 5);
      await store.select('SELECT sum(cityHash64(number)) FROM numbers(100000000)', { time_ms_max: 60_000 });
      clearInterval(timer);
      expect(ticks).toBeGreaterThan(1);
    });
  });
});

describe('the lock', () => {
  it('names who wrote the status file where locks cannot be listed', async () => {
    await inStore(async () =>
      expect(await readFile(join(dir, 'engine', 'status'), 'utf8')).toMatch(new RegExp(`^PID: ${process.pid}$`, 'm')),
    );
  });
});
