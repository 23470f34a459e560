/** The tables of alerts, generated from schemas/alert.avsc where it says something. */
import { alertCodec } from '@sealtrail/wire';
import type { TableColumn, TableDefinition } from '../sql/tables.ts';
import { type ValueType, valueTypes } from '../sql/value-types.ts';
import { ALERT_ACTIONS, ALERT_FATES, DELIVERY_STATES } from './port.ts';

const { text, long, int, millis, fixed, optional, list } = valueTypes;
const column = (name: string, type: ValueType, doc: string): TableColumn => ({ name, type, doc });
const symbols = (of: readonly string[]): ValueType => ({ ...text, op: 'enum', symbols: of });
const double: ValueType = { ...text, op: 'double' };

const fieldOf = (name: string): ValueType => alertCodec().fields.find((field) => field.name === name) as ValueType;

export const alertFields = (): readonly TableColumn[] => alertCodec().fields.map((field) => column(field.name, field, field.doc));

export const ALERTS: TableDefinition = {
  name: 'alerts',
  doc: 'Alerts, with the events that they rest on and what became of them. One that was found again has more than one row.',
  columns: [
    ...alertFields(),
    column('fate', symbols(ALERT_FATES), 'What became of it; of several rows of one alert the smallest counts.'),
    column('fate_detail', text, "What held it: a rule's name, a silence's id."),
    column('risk_score', double, 'Its score, by its level.'),
    column('risk_accumulated', double, 'That, and what its entity had gathered before.'),
    column('groups', list(text), 'Ids of the groups of messages that it went into.'),
  ],
  engine: 'MergeTree',
  order_by: ['raised_at', 'id'],
  partition_by: 'toYYYYMM(raised_at)',
  indexes: {
    ix_id: 'id TYPE bloom_filter(0.01) GRANULARITY 1',
    ix_tenant: 'tenant TYPE bloom_filter(0.01) GRANULARITY 1',
    ix_groups: 'groups TYPE bloom_filter(0.01) GRANULARITY 1',
  },
};

export const ALERT_ACTION_ROWS: TableDefinition = {
  name: 'alert_actions',
  doc: 'What people did about alerts, who and why.',
  columns: [
    column('id', text, 'Id of the action.'),
    column('action', symbols(ALERT_ACTIONS), 'What was done.'),
    column('alert_id', optional(fixed(16)), 'The alert that it is about; null for alerts of a kind.'),
    column('silence_id', optional(text), 'The silence that was made or ended.'),
    column('matchers', optional(text), 'Of a silence: what it holds, as JSON.'),
    column('silence_from', optional(millis), 'Of a silence: from when.'),
    column('silence_until', optional(millis), 'Of a silence: until when.'),
    column('by', text, 'Who did it.'),
    column('why', text, 'Why.'),
    column('at', millis, 'When.'),
  ],
  engine: 'MergeTree',
  order_by: ['at', 'id'],
};

export const ALERT_DELIVERIES: TableDefinition = {
  name: 'alert_deliveries',
  doc: 'Messages about alerts and how far they have come. The row with the largest sequence counts.',
  columns: [
    column('message_id', text, 'Id of the message.'),
    column('notifier', text, 'Whom it is for.'),
    // Unsigned, as the engine wants what it chooses rows by.
    { ...column('sequence', long, 'Number of the row among those of the message.'), stored_as: 'UInt64' },
    column('state', symbols(DELIVERY_STATES), 'DEAD: not delivered, and not tried again by itself.'),
    column('attempts', int, 'Attempts since it was last queued.'),
    column('created_at', millis, 'When it was made.'),
    column('updated_at', millis, 'When this row was.'),
    column('next_attempt_at', optional(millis), 'Not before.'),
    column('status', optional(int), 'HTTP status of the last attempt.'),
    column('reason', optional(text), 'Why the last attempt failed.'),
    column('level', fieldOf('level'), 'The most urgent of its alerts.'),
    column('alerts_count', long, 'Alerts that it stands for.'),
    column('groups', list(text), 'Its groups.'),
    column('alerts', list(fixed(16)), 'Ids of the alerts that it lists.'),
    column('body', text, 'What is sent, without secrets.'),
  ],
  // A row for each attempt: merges keep the last.
  engine: 'ReplacingMergeTree(sequence)',
  order_by: ['notifier', 'created_at', 'message_id'],
};

export const alertTables = (): readonly TableDefinition[] => [ALERTS, ALERT_ACTION_ROWS, ALERT_DELIVERIES];
