/**
 * What becomes of alerts, kept beside the ledger's rows: the alerts themselves, what people did about them, and how far
 * messages about them have come. Every adapter passes `alertStoreConformance`. Nothing here is sealed: the evidence is the
 * events that an alert names.
 */
import type { AlertRecord, Severity } from '@sealtrail/wire';
import type { InsertOutcome, Range } from '../port.ts';

/** What hygiene made of an alert, the one that counts most first: of several rows of one alert the first of these is given. */
export const ALERT_FATES = ['GROUPED', 'UNROUTED', 'SILENCED', 'INHIBITED', 'LOW_RISK', 'DUPLICATE'] as const;
export type AlertFate = (typeof ALERT_FATES)[number];

export interface AlertRow {
  readonly alert: AlertRecord;
  readonly fate: AlertFate;
  /** What held it: a rule's name, a silence's id; empty where nothing did. */
  readonly fate_detail: string;
  /** By its level, and with what its entity had gathered before. */
  readonly risk_score: number;
  readonly risk_accumulated: number;
  /** Ids of the groups of messages that it went into. */
  readonly groups: readonly string[];
}

/** Place of a row in a list: the last one of a page gives the next page. */
export interface AlertPlace {
  readonly raised_at: number;
  readonly id: Uint8Array;
}

/** All conditions must hold. */
export interface AlertQuery {
  /** Leaves out alerts of this rule in tenants whose names begin so. */
  readonly except?: { readonly rule_id: string; readonly tenant_prefix: string };
  readonly tenant?: string;
  readonly rule_id?: string;
  readonly levels?: readonly Severity[];
  readonly fates?: readonly AlertFate[];
  /** Id of a group of messages. */
  readonly group?: string;
  /** raised_at, in ms since 1970. */
  readonly raised?: Range;
  /** Rows behind this one. */
  readonly after?: AlertPlace;
  /** 1 to 1,000. */
  readonly rows_max: number;
}

export const ALERT_ACTIONS = ['ACKNOWLEDGED', 'SILENCED', 'UNSILENCED'] as const;
export type AlertActionKind = (typeof ALERT_ACTIONS)[number];

/** What somebody did about an alert, or about alerts of a kind. Never changed: undoing is another action. */
export interface AlertActionRow {
  /** Random, at most 64 characters. */
  readonly id: string;
  readonly action: AlertActionKind;
  /** 16 bytes; null where it is not about one alert. */
  readonly alert_id: Uint8Array | null;
  /** Id of the silence that was made or ended. */
  readonly silence_id: string | null;
  /** Of a silence that was made: its matchers as JSON, and from when until when, in ms since 1970. */
  readonly matchers: string | null;
  readonly silence_from: number | null;
  readonly silence_until: number | null;
  readonly by: string;
  readonly why: string;
  /** ms since 1970. */
  readonly at: number;
}
export interface AlertActionQuery {
  readonly alert_id?: Uint8Array;
  readonly silence_id?: string;
  readonly actions?: readonly AlertActionKind[];
  readonly after?: { readonly at: number; readonly id: string };
  /** 1 to 1,000. */
  readonly rows_max: number;
}

export const DELIVERY_STATES = ['QUEUED', 'DELIVERED', 'DEAD'] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

/** How far a message has come on its way to one notifier. Of a message's rows the one with the largest sequence counts. */
export interface DeliveryRow {
  readonly message_id: string;
  readonly notifier: string;
  readonly sequence: number;
  readonly state: DeliveryState;
  readonly attempts: number;
  /** ms since 1970. */
  readonly created_at: number;
  readonly updated_at: number;
  readonly next_attempt_at: number | null;
  readonly status: number | null;
  readonly reason: string | null;
  readonly level: Severity;
  readonly alerts_count: number;
  readonly groups: readonly string[];
  /** 16 bytes each. */
  readonly alerts: readonly Uint8Array[];
  readonly body: string;
}
export interface DeliveryQuery {
  readonly notifier?: string;
  readonly states?: readonly DeliveryState[];
  readonly group?: string;
  readonly after?: { readonly created_at: number; readonly notifier: string; readonly message_id: string };
  /** 1 to 1,000. */
  readonly rows_max: number;
}

/** Reads throw `LedgerStoreError`. Inserting a row again is harmless, so whatever is in doubt may be inserted again. */
export interface AlertStore {
  insertAlerts(rows: readonly AlertRow[]): Promise<InsertOutcome>;
  insertActions(rows: readonly AlertActionRow[]): Promise<InsertOutcome>;
  insertDeliveries(rows: readonly DeliveryRow[]): Promise<InsertOutcome>;

  alert(id: Uint8Array): Promise<AlertRow | null>;
  /** By (raised_at, id), latest first. */
  alerts(query: AlertQuery): Promise<readonly AlertRow[]>;
  /** By (at, id), latest first. */
  actions(query: AlertActionQuery): Promise<readonly AlertActionRow[]>;
  delivery(notifier: string, messageId: string): Promise<DeliveryRow | null>;
  /** By (created_at, notifier, message_id), latest first. Dead letters are those in state DEAD. */
  deliveries(query: DeliveryQuery): Promise<readonly DeliveryRow[]>;
  /** QUEUED ones of a notifier, by (created_at, message_id): what waited longest first. */
  queuedDeliveries(notifier: string, rowsMax: number): Promise<readonly DeliveryRow[]>;
}

export const ALERT_ROWS_MAX = 1_000;

/** How many rows a query asks for. Throws RangeError for a number that is none. */
export function boundedRows(rowsMax: number): number {
  if (!Number.isInteger(rowsMax) || rowsMax < 1 || rowsMax > ALERT_ROWS_MAX)
    throw new RangeError(`rows_max is ${rowsMax}: ask for 1 to ${ALERT_ROWS_MAX} rows, and for the rest behind the last of them`);
  return rowsMax;
}
