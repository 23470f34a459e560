import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@clickhouse/client';
import { type ChdbHttp, type ChdbHttpOptions, serveClickHouse } from '@sealtrail/chdb-http';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { type ClickHouseLedgerStore, type ClickHouseStoreOptions, openClickHouseStore } from '../src/index.ts';

export const ADMIN = { username: 'default', password: '' };

export interface Served {
  readonly front: ChdbHttp;
  /** A name that no database has yet. */
  newDatabase(): string;
  /** Opens a store in a database of its own; the file's end closes it. */
  open(options?: Partial<ClickHouseStoreOptions>): Promise<ClickHouseLedgerStore>;
  /** Past the store: what whoever holds the server can do. */
  alter(sql: string): Promise<void>;
  /** The one value that a statement answers. */
  value(sql: string): Promise<unknown>;
}

/** A front, and stores in databases of their own, for the tests of a file. Faults that a test left are cleared. */
export function servedForFile(options: Omit<ChdbHttpOptions, 'dir'> = {}): () => Served {
  let served: Served | undefined;
  let dir = '';
  let databases = 0;
  const stores: ClickHouseLedgerStore[] = [];
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'sealtrail-clickhouse-'));
    const front = await serveClickHouse({ dir, ...options });
    const admin = createClient({ url: front.url, ...ADMIN, log: { level: 127 } });
    const newDatabase = (): string => `store_${databases++}`;
    served = {
      front,
      newDatabase,
      async open(more = {}) {
        const store = await openClickHouseStore({ url: front.url, ...ADMIN, database: newDatabase(), ...more });
        stores.push(store);
        return store;
      },
      async alter(sql) {
        await admin.command({ query: sql, clickhouse_settings: { mutations_sync: '2' } });
      },
      async value(sql) {
        const rows = (await (await admin.query({ query: sql, format: 'JSONCompactEachRow' })).json()) as unknown[][];
        return rows[0]?.[0];
      },
    };
  });
  afterEach(() => served?.front.clearFaults());
  afterAll(async () => {
    await Promise.all(stores.map((store) => store.close()));
    await served?.front.close();
    await rm(dir, { recursive: true, force: true });
  });
  return () => {
    if (served === undefined) throw new Error('the front of this file did not open');
    return served;
  };
}

export const databaseOf = (store: ClickHouseLedgerStore): string => store.name.split('/')[1] ?? '';

export async function rowsOf<T>(pages: AsyncIterable<readonly T[]>): Promise<T[]> {
  const rows: T[] = [];
  for await (const page of pages) rows.push(...page);
  return rows;
}
