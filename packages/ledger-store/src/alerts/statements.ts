/**
 * Reading alerts: first the keys of a page, by columns that are small, then the rows of these keys. Rows may be large
 * (evidence, bodies), and an alert or a message may have several rows, of which one counts.
 */
import { alertCodec } from '@sealtrail/wire';
import type { Range } from '../port.ts';
import { type PreparedInsert, rowsInsert } from '../sql/inserts.ts';
import { fixedLiteral, identifier, numberLiteral, quoted, table, textLiteral } from '../sql/literals.ts';
import type { Lookup } from '../sql/lookups.ts';
import type { TableDefinition } from '../sql/tables.ts';
import { valueTypes } from '../sql/value-types.ts';
import {
  type AlertActionQuery,
  type AlertActionRow,
  type AlertPlace,
  type AlertQuery,
  type AlertRow,
  boundedRows,
  type DeliveryQuery,
  type DeliveryRow,
} from './port.ts';
import { ALERT_ACTION_ROWS, ALERT_DELIVERIES, ALERTS } from './tables.ts';

export const alertInserts = (rows: readonly AlertRow[]): readonly PreparedInsert[] =>
  rowsInsert(
    ALERTS,
    rows.map(({ alert, ...rest }) => ({ ...alert, ...rest })),
  );
export const alertActionInserts = (rows: readonly AlertActionRow[]): readonly PreparedInsert[] =>
  rowsInsert(
    ALERT_ACTION_ROWS,
    rows.map((row) => ({ ...row })),
  );
export const deliveryInserts = (rows: readonly DeliveryRow[]): readonly PreparedInsert[] =>
  rowsInsert(
    ALERT_DELIVERIES,
    rows.map((row) => ({ ...row })),
  );

const millisLiteral = (ms: number): string => `fromUnixTimestamp64Milli(${numberLiteral(ms)}, 'UTC')`;
const rangeConditions = (column: string, range: Range | undefined): readonly string[] =>
  range === undefined ? [] : [`${column} >= ${millisLiteral(range.from)}`, `${column} < ${millisLiteral(range.to)}`];
const oneOf = (column: string, symbols: readonly string[] | undefined): readonly string[] =>
  symbols === undefined ? [] : [symbols.length === 0 ? '0' : `${column} IN (${symbols.map(quoted).join(', ')})`];
const equals = (column: string, text: string | undefined): readonly string[] =>
  text === undefined ? [] : [`${column} = ${textLiteral(text)}`];
const where = (conditions: readonly string[]): string =>
  conditions.length === 0 ? '1' : conditions.map((one) => `(${one})`).join(' AND ');

/** Rows behind a place, latest first: (a, b, …) < (x, y, …). */
const before = (columns: readonly string[], values: readonly string[] | null): readonly string[] =>
  values === null
    ? []
    : [
        columns
          .map((column, i) => [
            ...columns.slice(0, i).map((equal, j) => `${equal} = ${values[j] as string}`),
            `${column} < ${values[i] as string}`,
          ])
          .map((branch) => `(${branch.join(' AND ')})`)
          .join(' OR '),
      ];

const selectAll = (definition: TableDefinition): string => {
  // Avro has no unsigned numbers.
  const columns = definition.columns.map(({ name, stored_as }) =>
    stored_as === undefined ? identifier(name) : `toInt64(${table(definition.name)}.${identifier(name)}) AS ${identifier(`${name}_read`)}`,
  );
  return `SELECT ${columns.join(', ')} FROM ${table(definition.name)}`;
};

const { text, millis, fixed } = valueTypes;

/** Keys of a page of alerts. */
export function alertKeysLookup(query: AlertQuery): Lookup {
  const { after, except } = query;
  const conditions = [
    ...(except === undefined
      ? []
      : [`NOT (rule_id = ${textLiteral(except.rule_id)} AND startsWith(tenant, ${textLiteral(except.tenant_prefix)}))`]),
    ...equals('tenant', query.tenant),
    ...equals('rule_id', query.rule_id),
    ...oneOf('level', query.levels),
    ...rangeConditions('raised_at', query.raised),
    ...before(['raised_at', 'id'], after === undefined ? null : [millisLiteral(after.raised_at), fixedLiteral(after.id)]),
  ];
  // What became of it is known once its rows are put together; its groups are those of any.
  const group = query.group === undefined ? [] : [`max(has(groups, ${textLiteral(query.group)})) = 1`];
  const having = [...oneOf('argMin(fate, toInt8(fate))', query.fates), ...group];
  return {
    sql:
      `SELECT raised_at, id FROM ${table(ALERTS.name)} WHERE ${where(conditions)} GROUP BY raised_at, id HAVING ${where(having)} ` +
      `ORDER BY raised_at DESC, id DESC LIMIT ${boundedRows(query.rows_max)}`,
    fields: [
      { name: 'raised_at', type: millis },
      { name: 'id', type: fixed(16) },
    ],
  };
}

/** The rows of these alerts that count. */
export function alertRowsLookup(places: readonly AlertPlace[]): Lookup | null {
  if (places.length === 0) return null;
  const times = places.map(({ raised_at }) => raised_at);
  const range = { from: Math.min(...times), to: Math.max(...times) + 1 };
  const ids = places.map(({ id }) => fixedLiteral(id)).join(', ');
  return {
    sql: `${selectAll(ALERTS)} WHERE ${where([...rangeConditions('raised_at', range), `id IN (${ids})`])} ORDER BY toInt8(fate), risk_accumulated, groups LIMIT 1 BY id`,
    fields: ALERTS.columns,
  };
}

export const alertLookup = (id: Uint8Array): Lookup => ({
  sql: `${selectAll(ALERTS)} WHERE id = ${fixedLiteral(id)} ORDER BY toInt8(fate), risk_accumulated, groups LIMIT 1`,
  fields: ALERTS.columns,
});

const ALERT_NAMES: readonly string[] = alertCodec().fields.map(({ name }) => name);

export function alertRowOf(row: Readonly<Record<string, unknown>>): AlertRow {
  const alert = Object.fromEntries(ALERT_NAMES.map((name) => [name, row[name]]));
  const rest = Object.fromEntries(Object.entries(row).filter(([name]) => !ALERT_NAMES.includes(name)));
  return { alert, ...rest } as unknown as AlertRow;
}

export function actionsLookup(query: AlertActionQuery): Lookup {
  const { after, alert_id } = query;
  const conditions = [
    ...(alert_id === undefined ? [] : [`alert_id = ${fixedLiteral(alert_id)}`]),
    ...equals('silence_id', query.silence_id),
    ...oneOf('action', query.actions),
    ...before(['at', 'id'], after === undefined ? null : [millisLiteral(after.at), textLiteral(after.id)]),
  ];
  return {
    sql: `${selectAll(ALERT_ACTION_ROWS)} WHERE ${where(conditions)} ORDER BY at DESC, id DESC LIMIT 1 BY id LIMIT ${boundedRows(query.rows_max)}`,
    fields: ALERT_ACTION_ROWS.columns,
  };
}

export interface DeliveryKey {
  readonly created_at: number;
  readonly notifier: string;
  readonly message_id: string;
}
const KEY = ['created_at', 'notifier', 'message_id'] as const;
const KEY_FIELDS: Lookup['fields'] = [
  { name: 'created_at', type: millis },
  { name: 'notifier', type: text },
  { name: 'message_id', type: text },
];

function keysLookup(conditions: readonly string[], having: readonly string[], order: 'ASC' | 'DESC', rowsMax: number): Lookup {
  return {
    sql:
      `SELECT ${KEY.join(', ')} FROM ${table(ALERT_DELIVERIES.name)} WHERE ${where(conditions)} GROUP BY ${KEY.join(', ')} HAVING ${where(having)} ` +
      `ORDER BY ${KEY.map((column) => `${column} ${order}`).join(', ')} LIMIT ${boundedRows(rowsMax)}`,
    fields: KEY_FIELDS,
  };
}
/** The state of the row that counts. */
const STATE = 'argMax(state, (sequence, updated_at))';

export function deliveryKeysLookup(query: DeliveryQuery): Lookup {
  const { after } = query;
  const conditions = [
    ...equals('notifier', query.notifier),
    ...(query.group === undefined ? [] : [`has(groups, ${textLiteral(query.group)})`]),
    ...before(
      KEY,
      after === undefined ? null : [millisLiteral(after.created_at), textLiteral(after.notifier), textLiteral(after.message_id)],
    ),
  ];
  return keysLookup(conditions, oneOf(STATE, query.states), 'DESC', query.rows_max);
}

export const queuedKeysLookup = (notifier: string, rowsMax: number): Lookup =>
  keysLookup(equals('notifier', notifier), oneOf(STATE, ['QUEUED']), 'ASC', rowsMax);

const LATEST = 'ORDER BY sequence DESC, updated_at DESC';

/** The rows of these messages that count. */
export function deliveryRowsLookup(keys: readonly DeliveryKey[]): Lookup | null {
  if (keys.length === 0) return null;
  const tuples = keys.map((key) => `(${millisLiteral(key.created_at)}, ${textLiteral(key.notifier)}, ${textLiteral(key.message_id)})`);
  return {
    sql: `${selectAll(ALERT_DELIVERIES)} WHERE (${KEY.join(', ')}) IN (${tuples.join(', ')}) ${LATEST} LIMIT 1 BY ${KEY.join(', ')}`,
    fields: ALERT_DELIVERIES.columns,
  };
}

export const deliveryLookup = (notifier: string, messageId: string): Lookup => ({
  sql: `${selectAll(ALERT_DELIVERIES)} WHERE notifier = ${textLiteral(notifier)} AND message_id = ${textLiteral(messageId)} ${LATEST} LIMIT 1`,
  fields: ALERT_DELIVERIES.columns,
});
