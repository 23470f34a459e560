import { compareBytes } from '@sealtrail/merkle';
import type { InsertOutcome } from '../port.ts';
import { READ_SETTINGS, readRows } from '../sql/avro-reader.ts';
import type { PreparedInsert } from '../sql/inserts.ts';
import type { Lookup } from '../sql/lookups.ts';
import type { RowSource } from '../sql/pages.ts';
import type { AlertActionRow, AlertPlace, AlertStore, DeliveryRow } from './port.ts';
import {
  actionsLookup,
  alertActionInserts,
  alertInserts,
  alertKeysLookup,
  alertLookup,
  alertRowOf,
  alertRowsLookup,
  type DeliveryKey,
  deliveryInserts,
  deliveryKeysLookup,
  deliveryLookup,
  deliveryRowsLookup,
  queuedKeysLookup,
} from './statements.ts';

/** What an adapter brings: the same parts as for `sqlLedgerStore`. */
export interface SqlAlertStoreParts {
  readonly source: RowSource;
  insert(prepare: () => readonly PreparedInsert[]): Promise<InsertOutcome>;
}

/** The alert store port over generated SQL. */
export function sqlAlertStore({ source, insert }: SqlAlertStoreParts): AlertStore {
  const look = async (lookup: Lookup | null): Promise<Record<string, unknown>[]> => {
    source.assertOpen();
    return lookup === null ? [] : readRows(await source.run(`${lookup.sql} ${READ_SETTINGS}`), lookup.fields);
  };
  /** The rows of keys, in the order of the keys. A row that went between the two statements is left out. */
  const deliveriesOf = async (keys: Lookup): Promise<readonly DeliveryRow[]> => {
    const wanted = (await look(keys)) as unknown as DeliveryKey[];
    const rows = (await look(deliveryRowsLookup(wanted))) as unknown as DeliveryRow[];
    const found = new Map(rows.map((row) => [keyOf(row), row]));
    return wanted.flatMap((key) => found.get(keyOf(key)) ?? []);
  };
  return {
    insertAlerts: (rows) => insert(() => alertInserts(rows)),
    insertActions: (rows) => insert(() => alertActionInserts(rows)),
    insertDeliveries: (rows) => insert(() => deliveryInserts(rows)),

    async alert(id) {
      const [row] = await look(alertLookup(id));
      return row === undefined ? null : alertRowOf(row);
    },
    async alerts(query) {
      const places = (await look(alertKeysLookup(query))) as unknown as AlertPlace[];
      const rows = (await look(alertRowsLookup(places))).map(alertRowOf);
      return rows.sort((a, b) => b.alert.raised_at - a.alert.raised_at || compareBytes(b.alert.id, a.alert.id));
    },
    actions: async (query) => (await look(actionsLookup(query))) as unknown as AlertActionRow[],
    async delivery(notifier, messageId) {
      const [row] = (await look(deliveryLookup(notifier, messageId))) as unknown as DeliveryRow[];
      return row ?? null;
    },
    deliveries: (query) => deliveriesOf(deliveryKeysLookup(query)),
    queuedDeliveries: (notifier, rowsMax) => deliveriesOf(queuedKeysLookup(notifier, rowsMax)),
  };
}

const keyOf = ({ created_at, notifier, message_id }: DeliveryKey): string => JSON.stringify([created_at, notifier, message_id]);
