import type { Compiled, CorrelatorStats } from '@sealtrail/detection';
import type { EventLogReader } from '@sealtrail/event-log';
import type { Ed25519Verify, Sha256 } from '@sealtrail/merkle';
import type { AlertRecord } from '@sealtrail/wire';

/** Compiled rules, shared by all partitions. */
export interface DetectionRules extends Pick<Compiled, 'engine' | 'correlations'> {
  /** What a replay must cover; `replaySpan_us` of the correlations, and of those that tenants have instead. */
  readonly replay_span_us: number;
}

/** Where alerts go. */
export interface AlertSink {
  /**
   * Durable when it resolves; an alert whose id is there already changes nothing. Throws when it cannot be reached: the
   * partition waits and raises them again.
   */
  raise(alerts: readonly AlertRecord[]): Promise<void>;
}

export interface DetectorPorts {
  /** Reads the registry's stream. */
  readonly reader: EventLogReader;
  readonly sha256: Sha256;
  readonly verify: Ed25519Verify;
  readonly rules: DetectionRules;
  readonly sink: AlertSink;
  readonly clock_ms: () => number;
  /** Waits; resolves early when the signal aborts. */
  readonly sleep: (ms: number, stop: AbortSignal) => Promise<void>;
  readonly breathe: () => Promise<void>;
  readonly events: DetectorEvents;
}

export interface PartitionPlace {
  readonly topic: string;
  readonly partition: number;
}

/** What happens, for logs and metrics. Nothing here carries an event's content. */
export interface DetectorEvents {
  /** A partition is taken up: what lies in [replay_from, from) is read again to restore windows. */
  started(place: PartitionPlace, facts: { readonly replay_from: number; readonly from: number }): void;
  evaluated(place: PartitionPlace, facts: EvaluatedFacts): void;
  /** Nothing is left to read: all before `to` is evaluated and its alerts are durable, but for `pending` events that wait for the watermark. */
  rested(place: PartitionPlace, facts: { readonly to: number; readonly pending: number; readonly watermark_us: number | null }): void;
  waiting(place: PartitionPlace, what: string, cause: Error): void;
  lost(place: PartitionPlace): void;
}

export interface EvaluatedFacts {
  readonly to: number;
  /** When the log took the last record, in ms since 1970. */
  readonly recorded_at: number;
  readonly events: number;
  readonly findings: number;
  /** Records that the ledger rejects, and batches that came again: not evaluated. */
  readonly rejected: number;
  readonly duplicates: number;
  readonly matches: number;
  /** The same by rule id. */
  readonly matches_of: ReadonlyMap<string, number>;
  readonly alerts: number;
  readonly replayed: boolean;
  readonly state: DetectionState;
}

/** What a partition's detection holds, and what it had no room for. Counts are since the partition was taken up. */
export interface DetectionState extends CorrelatorStats {
  /** Places of events that alerts may rest on, kept and forgotten: an alert leaves those forgotten out of its evidence, and counts them. */
  readonly places: number;
  readonly places_forgotten: number;
  /** Producers whose sequence is followed no more. */
  readonly producers_forgotten: number;
}

export interface DetectorSettings {
  readonly audience: string;
  readonly topic: string;
  readonly registry_topic: string;
  readonly group: string;
  readonly incarnation: number;
  readonly partitions: number;
  readonly read_records_max: number;
  readonly read_bytes_max: number;
  readonly read_wait_ms: number;
  readonly commit_interval_ms: number;
  /** How long a replay rests for the time that it works: 0 for a process of its own, more beside a ledger. */
  readonly replay_rest_ratio: number;
  readonly retry_ms: number;
  /** How far an event's own time may lie beyond the time at which the log took it; the engine's setting. */
  readonly ahead_us: number;
  /**
   * How far behind the clock event time follows while a partition rests. Below 0 it goes ahead: by more than the allowance, and
   * what the log has now is evaluated to its end at once, for a detector that does not stay.
   */
  readonly idle_lag_ms: number;
  /** Silence of a producer that did not say goodbye, from which on it is a finding. */
  readonly silence_ms: number;
}

/**
 * How rules are compiled for a detector, so that both mean the same by time. A clock that runs ahead makes nobody's events
 * late, since it is capped before the allowance ends. Alerts of correlations wait for the allowance.
 */
export const DETECTION_TIMES: { readonly allowance_us: number; readonly ahead_us: number } = {
  allowance_us: 10_000_000,
  ahead_us: 5_000_000,
};

export const DETECTOR_LIMITS: Pick<
  DetectorSettings,
  | 'read_records_max'
  | 'read_bytes_max'
  | 'read_wait_ms'
  | 'commit_interval_ms'
  | 'replay_rest_ratio'
  | 'retry_ms'
  | 'ahead_us'
  | 'idle_lag_ms'
  | 'silence_ms'
> = {
  read_records_max: 256,
  read_bytes_max: 8_388_608,
  read_wait_ms: 500,
  commit_interval_ms: 1_000,
  replay_rest_ratio: 0,
  retry_ms: 500,
  ahead_us: DETECTION_TIMES.ahead_us,
  idle_lag_ms: 2_000,
  silence_ms: 180_000,
};
