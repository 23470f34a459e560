export type { SelectLimits } from '@sealtrail/ledger-store/sql';
export { type Connection, type Engine, openEngine } from './engine.ts';
export type { UnreadablePart } from './parts.ts';
export { type ChdbLedgerStore, type ChdbStoreOptions, openChdbStore } from './store.ts';
