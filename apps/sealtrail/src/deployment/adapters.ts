import type { DataDirectory } from '@sealtrail/data-directory';
import type { EventLog } from '@sealtrail/event-log';
import { openKafkaEventLog } from '@sealtrail/event-log-kafka';
import { openLmdbEventLog } from '@sealtrail/event-log-lmdb';
import type { AlertStore, LedgerStore, SqlQueries } from '@sealtrail/ledger-store';
import { openChdbStore, type UnreadablePart } from '@sealtrail/store-chdb';
import { openClickHouseStore } from '@sealtrail/store-clickhouse';
import { type Groups, OWN_GROUPS, type Servers } from '../config.ts';

/** A store with what the commands need besides the ledger. */
export interface DeploymentStore extends LedgerStore, SqlQueries {
  readonly alerts: AlertStore;
  /** Makes the views that analysts read through as this build has them; gives the names of those that were others. */
  renewViews(): Promise<readonly string[]>;
  /** Parts of tables that the engine cannot read. */
  unreadableParts(): Promise<readonly UnreadablePart[]>;
  /** The same store, passing by these parts. */
  withoutParts(parts: readonly UnreadablePart[]): LedgerStore;
}

/** Where a deployment's log and store are. */
export interface Adapters {
  /** Embedded: in the data directory, the store open in one process at a time. Distributed: on servers that many share. */
  readonly kind: 'embedded' | 'distributed';
  readonly groups: Groups;
  openLog(directory: DataDirectory): Promise<EventLog>;
  openStore(directory: DataDirectory): Promise<DeploymentStore>;
}

export interface AdapterOptions {
  readonly clock_ms: () => number;
  readonly random: (bytes: number) => Uint8Array;
}

/** Log and store in the data directory itself. */
export const embeddedAdapters = ({ clock_ms, random }: AdapterOptions): Adapters => ({
  kind: 'embedded',
  groups: OWN_GROUPS,
  openLog: (directory) => openLmdbEventLog({ dir: directory.log_dir, clock_ms, random }),
  openStore: (directory) => openChdbStore({ dir: directory.store_dir }),
});

/** Log on Kafka, store in ClickHouse; the data directory holds the deployment's id and keys. */
export const distributedAdapters = ({ kafka, clickhouse, groups }: Servers, { clock_ms, random }: AdapterOptions): Adapters => ({
  kind: 'distributed',
  groups,
  openLog: () => openKafkaEventLog({ client: { clientId: 'sealtrail', ...kafka }, clock_ms, random }),
  openStore: () => openClickHouseStore(clickhouse),
});

/** Adapters that are chosen when something of them is first asked for; what the choice throws, the asker gets. */
export function lazyAdapters(choose: () => Adapters): Adapters {
  let chosen: Adapters | null = null;
  const known = (): Adapters => (chosen ??= choose());
  return {
    get kind() {
      return known().kind;
    },
    get groups() {
      return known().groups;
    },
    openLog: async (directory) => known().openLog(directory),
    openStore: async (directory) => known().openStore(directory),
  };
}
