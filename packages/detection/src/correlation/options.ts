import type { RuleHead, Sha256 } from '../model.ts';

/** What a correlator is made with. What is left out takes the value of CORRELATOR_DEFAULTS. */
export interface CorrelatorOptions {
  readonly sha256: Sha256;
  /** How far behind the latest event another may come and still be in time; an alert of a correlation waits as long. */
  readonly allowance_us?: number;
  /** How far an event's own time may lie beyond the time at which the log took it; beyond that it is capped. */
  readonly ahead_us?: number;
  /**
   * Keys of one tenant, over all correlations; those that group by the same fields over the same time share theirs. Beyond it the
   * least recently used goes.
   */
  readonly keys_per_tenant_max?: number;
  /** Hits kept for one tenant, over all keys; beyond it the least recently used key goes. */
  readonly hits_per_tenant_max?: number;
  /**
   * Bytes that the keys of all tenants take together, estimated: beyond it the tenant that holds most loses its least recently used
   * key, or one of the crowd, where that holds more than half. See KeyStore.
   */
  readonly state_bytes_max?: number;
  /** A tenant that never held more than this is one of the crowd: as many as there are, they take no more than half from the others. */
  readonly crowd_tenant_bytes_max?: number;
  /** Hits kept for one key of a correlation that needs the whole window; beyond it the oldest goes. */
  readonly hits_per_key_max?: number;
  /** Events that wait for the watermark; beyond it the earliest is evaluated before its time. */
  readonly pending_max?: number;
  /** The names under which a rule's events may carry a field that a correlation names, where a pipeline maps it. */
  readonly fieldsOf?: (rule: RuleHead, field: string) => readonly string[];
}

export const CORRELATOR_DEFAULTS: Required<Omit<CorrelatorOptions, 'sha256' | 'fieldsOf'>> = {
  allowance_us: 10_000_000,
  ahead_us: 60_000_000,
  keys_per_tenant_max: 100_000,
  hits_per_tenant_max: 1_000_000,
  state_bytes_max: 536_870_912,
  crowd_tenant_bytes_max: 131_072,
  hits_per_key_max: 100_000,
  pending_max: 100_000,
};

/** What a correlator holds, and what it could not do exactly. Counts are since it was made. */
export interface CorrelatorStats {
  /** Everything before this time has been evaluated; null before the first event. */
  readonly watermark_us: number | null;
  /** Events that wait for the watermark. */
  readonly pending: number;
  readonly keys: number;
  readonly hits: number;
  /** Hits that came after the watermark had passed them. They were evaluated with what was still known. */
  readonly late: number;
  /** Hits of an event that had been taken already. */
  readonly duplicates: number;
  /** Events whose time lay too far ahead and was capped. */
  readonly capped: number;
  /** Events whose time is no whole number of µs: their rules alert, no correlation sees them. */
  readonly untimed: number;
  /** Events that were evaluated before their time because too many waited. */
  readonly hurried: number;
  /** Hits that lack a group-by field, by correlation id. They count for no group. */
  readonly without_group: ReadonlyMap<string, number>;
  /** Hits that lack the field that is counted or computed with, or have no number there, by correlation id. */
  readonly without_value: ReadonlyMap<string, number>;
  /** Hits that a key's limit pushed out of a window that was still open, by correlation id. */
  readonly truncated: ReadonlyMap<string, number>;
  /** Keys that a tenant's limits pushed out, by tenant and correlation id. */
  readonly evicted: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** Keys that the room of all tenants together pushed out, by correlation id: not by tenant, of which there may be no end. */
  readonly crowded_out: ReadonlyMap<string, number>;
}
