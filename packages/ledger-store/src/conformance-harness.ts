import { hexOf } from '@sealtrail/merkle';
import { afterAll, beforeAll } from 'vitest';
import type { LedgerStore, PartitionKey } from './port.ts';

export interface StoreSettings {
  /** Rows of one page at most. */
  readonly page_rows_max?: number;
}

export interface EntryName {
  readonly partition: PartitionKey;
  readonly tenant: string;
  readonly entry: number;
}

/** How the suite gets at an adapter. No two stores are open at the same time. */
export interface StoreHarness {
  /** An empty store. */
  open(settings?: StoreSettings): Promise<LedgerStore>;
  /** Removes what a closed store left behind. */
  discard?(store: LedgerStore): Promise<void>;
  /** Opens the rows of a closed store again; absent when they live no longer than it. */
  reopen?(closed: LedgerStore): Promise<LedgerStore>;
  /** The store refuses entries whose columns do not give their leaf; false when absent. */
  readonly checks_leaves?: boolean;
  /** Sets the columns of a section to the defaults of their types and fills its digest column. */
  erase?(store: LedgerStore, entry: EntryName, section: 'actor' | 'object', digest: Uint8Array): Promise<void>;
  /** Sets one column of entries behind the store's back. A string column gets a string, a fixed one bytes. */
  alterEntry?(store: LedgerStore, entry: EntryName, column: string, value: string | number | Uint8Array): Promise<void>;
  /** Random histories of commit rows that are tried; 20 when absent. */
  readonly histories?: number;
}

/** One store for the tests of a group; they keep out of each other's way by their topics. */
export function storeOfGroup(harness: StoreHarness, settings?: StoreSettings): () => LedgerStore {
  let store: LedgerStore | undefined;
  beforeAll(async () => {
    store = await harness.open(settings);
  });
  afterAll(async () => {
    if (store === undefined) return;
    await store.close();
    await harness.discard?.(store);
  });
  return () => {
    if (store === undefined) throw new Error('the store of this group did not open');
    return store;
  };
}

/** Opens a store for one test. */
export async function withStore(
  harness: StoreHarness,
  use: (store: LedgerStore) => Promise<void>,
  settings?: StoreSettings,
): Promise<void> {
  const store = await harness.open(settings);
  try {
    await use(store);
  } finally {
    await store.close();
    await harness.discard?.(store);
  }
}

export const claimOf = (n: number): Uint8Array => {
  const claim = new Uint8Array(16);
  // The last byte of claim 0 is a zero: fixed strings that lose it lose the row.
  claim.set([0xc0 + n, n + 1, 0x20, n]);
  return claim;
};

/** Bytes as hex, so that a difference can be read. */
export function shown(value: unknown): unknown {
  if (value instanceof Uint8Array) return hexOf(value);
  if (Array.isArray(value)) return value.map(shown);
  if (value instanceof Map) return new Map([...value].map(([key, inner]) => [key, shown(inner)]));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shown(inner)]));
  }
  return value;
}

export async function pagesOf<T>(pages: AsyncIterable<readonly T[]>): Promise<(readonly T[])[]> {
  const all: (readonly T[])[] = [];
  for await (const page of pages) all.push(page);
  return all;
}

export const rowsOf = async <T>(pages: AsyncIterable<readonly T[]>): Promise<T[]> => (await pagesOf(pages)).flat();
