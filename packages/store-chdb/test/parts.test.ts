/** Files of the engine that somebody wrote into. */
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { commitRow, createSampleLedger, stored, storeRows } from '@sealtrail/ledger-store/samples';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ChdbLedgerStore, openChdbStore } from '../src/index.ts';
import { rowsOf, temporaryFolder } from './temporary.ts';

const claim = new Uint8Array(16).fill(7);

describe('a part of entries into whose file somebody wrote', () => {
  let store: ChdbLedgerStore;
  const ledger = createSampleLedger();
  const query = { partition: ledger.key };

  beforeAll(async () => {
    const dir = await temporaryFolder();
    store = await openChdbStore({ dir });
    // Parts stay what they are.
    for (const table of ['entries', 'manifests']) await store.alterUnguarded(`SYSTEM STOP MERGES ${table}`);
    const rounds = [ledger.round({ tenant: 'acme', events: 3 }), ledger.round({ tenant: 'acme', events: 5 })] as const;
    for (const round of rounds) await storeRows(store, ledger.key, claim, round);
    await stored(store.insertCommit(commitRow(ledger.key, claim, 0, 0, rounds[1])));
    expect((await rowsOf(store.entries(query))).length).toBe(8);
    expect(await store.unreadableParts()).toEqual([]);
    await store.close();
    await flip(dir);
    store = await openChdbStore({ dir });
  });
  afterAll(async () => {
    await store.close();
    await rm(store.dir, { recursive: true });
  });

  /** Another bit in the middle of the data of the first part of entries. */
  async function flip(dir: string): Promise<void> {
    const files = await readdir(join(dir, 'engine', 'store'), { recursive: true });
    for (const name of files.filter((one) => /\d{6}_1_1_0\/data\.bin$/.test(one))) {
      const file = join(dir, 'engine', 'store', name);
      if (!(await readFile(join(dirname(file), 'columns.txt'), 'utf8')).includes('actor_salt')) continue;
      const bytes = await readFile(file);
      const middle = bytes.length >> 1;
      bytes[middle] = (bytes[middle] as number) ^ 1;
      await writeFile(file, bytes);
    }
  }

  it('is not read, and found by its checksums', async () => {
    await expect(rowsOf(store.entries(query))).rejects.toMatchObject({ code: 'store_corrupt' });
    expect(await store.unreadableParts()).toEqual([{ table: 'entries', part: expect.stringMatching(/^\d{6}_1_1_0$/) }]);
  });

  it('is passed by: what else there is can be read, and nothing can be written', async () => {
    const without = store.withoutParts(await store.unreadableParts());
    expect((await rowsOf(without.entries(query))).map(({ entry }) => entry)).toEqual([3, 4, 5, 6, 7]);
    expect((await rowsOf(without.manifests(query))).length).toBe(2);
    expect((await without.commits(ledger.key)).length).toBe(1);
    const round = ledger.round({ tenant: 'acme', events: 1 });
    expect(await without.insertEntries(ledger.key, claim, round.batches)).toMatchObject({ kind: 'in_doubt' });
    await without.close();
    expect((await rowsOf(store.manifests(query))).length).toBe(2);
  });
});
