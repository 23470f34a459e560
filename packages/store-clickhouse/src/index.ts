export type { SelectLimits, UnreadablePart } from '@sealtrail/ledger-store/sql';
export type { ClickHouseStoreOptions, Pacing, ReplicationOptions, TlsOptions } from './options.ts';
export { type ClickHouseLedgerStore, type ClickHouseQueries, openClickHouseQueries, openClickHouseStore } from './store.ts';
