export { type ChdbLedgerStore, type ChdbStoreOptions, openChdbStore } from './store.ts';
