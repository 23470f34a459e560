import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { type ChdbLedgerStore, type ChdbStoreOptions, openChdbStore } from '../src/index.ts';

export const temporaryFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'sealtrail-chdb-'));

/** A store for the tests of a file, in a folder of its own that is removed at the end. */
export function storeOfFile(options: Omit<ChdbStoreOptions, 'dir'> = {}): () => ChdbLedgerStore {
  let store: ChdbLedgerStore | undefined;
  beforeAll(async () => {
    store = await openChdbStore({ dir: await temporaryFolder(), ...options });
  });
  afterAll(async () => {
    await store?.close();
    if (store !== undefined) await rm(store.dir, { recursive: true, force: true });
  });
  return () => {
    if (store === undefined) throw new Error('the store of this file did not open');
    return store;
  };
}

/** The one value that a SELECT answers. */
export const valueOf = async (store: ChdbLedgerStore, sql: string): Promise<unknown> =>
  Object.values((await store.select(sql)).rows[0] ?? {})[0];

export async function rowsOf<T>(pages: AsyncIterable<readonly T[]>): Promise<T[]> {
  const rows: T[] = [];
  for await (const page of pages) rows.push(...page);
  return rows;
}
