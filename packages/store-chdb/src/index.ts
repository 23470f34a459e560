export type { SelectLimits } from './select.ts';
export { type ChdbLedgerStore, type ChdbStoreOptions, openChdbStore } from './store.ts';
