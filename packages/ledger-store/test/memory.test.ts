import { type EntryName, ERASED_ACTOR, ERASED_OBJECT, ledgerStoreConformance } from '../src/conformance.ts';
import { comparePartitions } from '../src/index.ts';
import { createMemoryLedgerStore, type EntryColumns, type MemoryLedgerStore } from '../src/memory.ts';
import type { LedgerStore } from '../src/port.ts';

const rowOf = (store: LedgerStore, { partition, tenant, entry }: EntryName): EntryColumns => {
  const { entries } = (store as MemoryLedgerStore).tables;
  const found = entries.find((row) => comparePartitions(row, partition) === 0 && row.tenant === tenant && row.entry === entry);
  if (found === undefined) throw new Error(`no entry ${entry} of ${tenant}`);
  return found;
};

ledgerStoreConformance('memory', {
  open: async (settings = {}) => createMemoryLedgerStore({ ...settings, check_leaves: true }),
  checks_leaves: true,
  histories: 200,
  erase: async (store, name, section, digest) =>
    void Object.assign(rowOf(store, name), section === 'actor' ? ERASED_ACTOR : ERASED_OBJECT, { [`${section}_digest`]: digest }),
  alterEntry: async (store, name, column, value) => void Object.assign(rowOf(store, name), { [column]: value }),
});
