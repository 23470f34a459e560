/** What the parts of this package hand to each other, and what its users see. Times are µs since 1970 of the event's own clock. */

/** A value of an event's field. A list matches where one of its values does. */
export type FieldValue = string | number | boolean | null | readonly FieldValue[];

/** One event, as far as detection sees it. */
export interface DetectionEvent {
  /** Unique within the tenant; what alerts name as evidence, and what orders events of one time. */
  readonly id: string;
  /** State is never shared between tenants. */
  readonly tenant: string;
  readonly time_us: number;
  /** When the log took the event, if known: a `time_us` far beyond it is a clock that runs ahead, and is capped (docs/detection/correlations.md). */
  readonly received_us?: number;
  /** Routes the event to the rules of its log source. */
  readonly logsource: LogSource;
  /** The value of a field by its name in the event; undefined where the event has no such field. Decodes only what is asked for. */
  readonly field: (name: string) => FieldValue | undefined;
  /** Every value as text, for keyword searches; called only where a rule has keywords. */
  readonly values: () => Iterable<FieldValue>;
}

/** Sigma's `logsource`; null is "any" in a rule and "unknown" in an event. */
export interface LogSource {
  readonly category: string | null;
  readonly product: string | null;
  readonly service: string | null;
}

/** Where a rule stands, for errors and explanations. */
export interface RulePlace {
  /** As given by the caller: a path relative to the folder that was loaded, or any name. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

export type Level = 'informational' | 'low' | 'medium' | 'high' | 'critical';

/** What rules and correlations have in common. */
export interface RuleHead {
  readonly place: RulePlace;
  /** The document's `id`. Required, since alerts and other rules refer to it. */
  readonly id: string;
  /** Sigma's machine-readable `name`, by which correlations may refer to a rule. */
  readonly name: string | null;
  readonly title: string;
  readonly description: string | null;
  readonly level: Level;
  /** As written, such as attack.t1078.004. */
  readonly tags: readonly string[];
  readonly false_positives: readonly string[];
  /** Hex SHA-256 of the document's canonical JSON after overrides: another text is another version, and gives other alert ids. */
  readonly version: string;
}

/** One event satisfied one rule. */
export interface Match {
  readonly rule: RuleHead;
  readonly event: DetectionEvent;
}

/** What makes one alert: a rule that matched an event, or a correlation whose condition became true. */
export interface Alert {
  /** Hex of the first 16 bytes of SHA-256 over rule id, rule version, tenant, group and anchor: a replay gives the same ids. */
  readonly id: string;
  readonly rule: RuleHead;
  readonly tenant: string;
  /** Group-by field (or alias) → value; empty for rules and for correlations without group-by. */
  readonly group: Readonly<Record<string, string>>;
  /** The window's first and last event; equal for a rule. */
  readonly first_us: number;
  readonly last_us: number;
  /** Id of the event at which the condition became true. */
  readonly anchor: string;
  /** Ids of the events that it rests on, oldest first, at most EVIDENCE_MAX. */
  readonly events: readonly string[];
  /** How many events it rests on, those beyond EVIDENCE_MAX included. */
  readonly events_count: number;
  /** What was compared with the condition: a count, a sum, an average…; null for rules and temporal correlations. */
  readonly value: number | null;
  /** True when one of the events came after the watermark had passed it. */
  readonly late: boolean;
}

export const EVIDENCE_MAX = 1_000;

/** What one call to the engine gives. */
export interface Evaluation {
  readonly matches: readonly Match[];
  readonly alerts: readonly Alert[];
}

export type Sha256 = (bytes: Uint8Array) => Uint8Array;
