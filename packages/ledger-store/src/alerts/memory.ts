import { compareBytes, hexOf, sameBytes } from '@sealtrail/merkle';
import { copyOf } from '../copy.ts';
import type { InsertOutcome } from '../port.ts';
import { ALERT_FATES, type AlertActionRow, type AlertRow, type AlertStore, boundedRows, type DeliveryRow } from './port.ts';

/** The alert store in memory: the plainest reading of its port. */
export function createMemoryAlertStore(): AlertStore {
  /** The row that counts, by id. */
  const alerts = new Map<string, AlertRow>();
  const actions = new Map<string, AlertActionRow>();
  const deliveries = new Map<string, DeliveryRow>();
  const stored: InsertOutcome = { kind: 'stored' };

  return {
    async insertAlerts(rows) {
      for (const row of rows) {
        const id = hexOf(row.alert.id);
        const known = alerts.get(id);
        if (known === undefined || rank(row) < rank(known)) alerts.set(id, copyOf(row));
      }
      return stored;
    },
    async insertActions(rows) {
      for (const row of rows) actions.set(row.id, copyOf(row));
      return stored;
    },
    async insertDeliveries(rows) {
      for (const row of rows) {
        const key = keyOf(row);
        const known = deliveries.get(key);
        if (known === undefined || isLater(row, known)) deliveries.set(key, copyOf(row));
      }
      return stored;
    },

    alert: async (id) => copyOf(alerts.get(hexOf(id)) ?? null),
    async alerts(query) {
      const { after, raised, levels, fates, group, except } = query;
      return copyOf(
        [...alerts.values()]
          .filter(
            ({ alert, fate, groups }) =>
              (except === undefined || alert.rule_id !== except.rule_id || !alert.tenant.startsWith(except.tenant_prefix)) &&
              (query.tenant === undefined || alert.tenant === query.tenant) &&
              (query.rule_id === undefined || alert.rule_id === query.rule_id) &&
              (levels === undefined || levels.includes(alert.level)) &&
              (fates === undefined || fates.includes(fate)) &&
              (group === undefined || groups.includes(group)) &&
              (raised === undefined || (alert.raised_at >= raised.from && alert.raised_at < raised.to)) &&
              (after === undefined || order(alert, after) > 0),
          )
          .sort((a, b) => order(a.alert, b.alert))
          .slice(0, boundedRows(query.rows_max)),
      );
    },
    async actions(query) {
      const { after, alert_id } = query;
      return copyOf(
        [...actions.values()]
          .filter(
            (row) =>
              (alert_id === undefined || (row.alert_id !== null && sameBytes(row.alert_id, alert_id))) &&
              (query.silence_id === undefined || row.silence_id === query.silence_id) &&
              (query.actions === undefined || query.actions.includes(row.action)) &&
              (after === undefined || row.at < after.at || (row.at === after.at && textOrder(row.id, after.id) < 0)),
          )
          .sort((a, b) => b.at - a.at || textOrder(b.id, a.id))
          .slice(0, boundedRows(query.rows_max)),
      );
    },
    delivery: async (notifier, message_id) => copyOf(deliveries.get(keyOf({ notifier, message_id })) ?? null),
    async deliveries(query) {
      const { after, states, group } = query;
      return copyOf(
        [...deliveries.values()]
          .filter(
            (row) =>
              (query.notifier === undefined || row.notifier === query.notifier) &&
              (states === undefined || states.includes(row.state)) &&
              (group === undefined || row.groups.includes(group)) &&
              (after === undefined || deliveryOrder(row, after) < 0),
          )
          .sort((a, b) => deliveryOrder(b, a))
          .slice(0, boundedRows(query.rows_max)),
      );
    },
    queuedDeliveries: async (notifier, rowsMax) =>
      copyOf(
        [...deliveries.values()]
          .filter((row) => row.notifier === notifier && row.state === 'QUEUED')
          .sort(deliveryOrder)
          .slice(0, boundedRows(rowsMax)),
      ),
  };
}

const rank = ({ fate }: AlertRow): number => ALERT_FATES.indexOf(fate);
const isLater = (a: DeliveryRow, b: DeliveryRow): boolean =>
  a.sequence > b.sequence || (a.sequence === b.sequence && a.updated_at >= b.updated_at);
const keyOf = ({ notifier, message_id }: Pick<DeliveryRow, 'notifier' | 'message_id'>): string => JSON.stringify([notifier, message_id]);

type Place = { readonly raised_at: number; readonly id: Uint8Array };
/** Latest first. */
const order = (a: Place, b: Place): number => b.raised_at - a.raised_at || compareBytes(b.id, a.id);

const textOrder = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

type DeliveryPlace = Pick<DeliveryRow, 'created_at' | 'notifier' | 'message_id'>;
const deliveryOrder = (a: DeliveryPlace, b: DeliveryPlace): number =>
  a.created_at - b.created_at || textOrder(a.notifier, b.notifier) || textOrder(a.message_id, b.message_id);
