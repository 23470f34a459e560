export type { SelectLimits, UnreadablePart } from '@sealtrail/ledger-store/sql';
export { type Connection, type Engine, openEngine } from './engine.ts';
export { type ChdbLedgerStore, type ChdbStoreOptions, openChdbStore } from './store.ts';
