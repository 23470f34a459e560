import { partitionOf } from '@sealtrail/event-log';
import { type AlertRecord, CANARY_TENANT_PREFIX } from '@sealtrail/wire';

/** Id of the shipped rule that canaries must raise: rules/canary.yml. */
export const CANARY_RULE_ID = '628f3c20-3477-4be7-84c7-3a260bcef00e';
/** What canaries do. */
export const CANARY_ACTION = 'canary.emit';

/** Whether an alert tells of a canary: that rule, in one of those tenants, and nothing else. */
export const isCanaryAlert = ({ rule_id, tenant }: Pick<AlertRecord, 'rule_id' | 'tenant'>): boolean =>
  rule_id === CANARY_RULE_ID && tenant.startsWith(CANARY_TENANT_PREFIX);

/** Where a canary goes: a partition, by the tenant whose name leads there. */
export interface CanaryTarget {
  readonly partition: number;
  readonly tenant: string;
}

const NUMBERS_TRIED_MAX = 1_000_000;

/** A target for each partition. Throws RangeError where `partitions` is no count of a topic's. */
export function canaryTargets(partitions: number): readonly CanaryTarget[] {
  const tenants = new Map<number, string>();
  for (let number = 0; tenants.size < partitions && number < NUMBERS_TRIED_MAX; number++) {
    const tenant = `${CANARY_TENANT_PREFIX}${number}`;
    const partition = partitionOf(new TextEncoder().encode(tenant), partitions);
    if (!tenants.has(partition)) tenants.set(partition, tenant);
  }
  if (tenants.size !== partitions) throw new RangeError(`no canaries for ${partitions} partitions; pass the topic's pinned count`);
  return [...tenants].map(([partition, tenant]) => ({ partition, tenant })).sort((a, b) => a.partition - b.partition);
}

export interface CanarySettings {
  /** Between two canaries of a partition; while it is red they come no further apart than the bound, so that green is seen soon. */
  readonly interval_ms: number;
  /** From the moment at which a canary is to be emitted until its alert must stand in the topic of alerts. */
  readonly bound_ms: number;
}

/** A rule of one event alerts at once, so the bound need not hold the allowance that correlations wait for. */
export const CANARY_DEFAULTS: CanarySettings = { interval_ms: 30_000, bound_ms: 10_000 };

export type CanaryHealth =
  | { readonly kind: 'ok' }
  /** `fault` is the part of the reason that stays the same while nothing else happens. */
  | { readonly kind: 'failing'; readonly reason: string; readonly fault: string };

/** Since the process started. */
export interface CanaryCounts {
  readonly sent: number;
  /** Answered within the bound. */
  readonly seen: number;
  /** Not answered within the bound, those answered later included. */
  readonly missed: number;
  /** Not answered, and still within the bound. */
  readonly out: number;
  /** Of the latest answer, in time or not; null before the first. */
  readonly round_trip_ms: number | null;
}

export interface CanaryAnswered {
  readonly partition: number;
  readonly round_trip_ms: number;
  readonly in_time: boolean;
}

interface Canary {
  readonly target: CanaryTarget;
  /** On the watch's own time, which never goes back. */
  readonly sent_ms: number;
  emission: 'under way' | 'done' | { readonly failed: string };
}

interface Lane {
  readonly target: CanaryTarget;
  due_ms: number;
  /** Why the latest canary that was judged missed; null where it was seen, or none was judged. */
  fault: string | null;
  /** How long the latest alert took that came, and came late; null after one in time. */
  late_ms: number | null;
  /** When the latest canary that was judged had been sent. */
  judged_ms: number;
}

/** Missed ones whose alert is still recognised, to say how late it came. */
const MISSED_KEPT_MAX = 256;

/**
 * Which canaries are out, and what that says. Pure: time comes in with each call. The clock may go back or leap: its steps
 * back count as standing still. What another process emitted is not known here and is passed by, so neither a restart nor a
 * neighbour makes health red.
 */
export class CanaryWatch {
  readonly #settings: CanarySettings;
  readonly #lanes: ReadonlyMap<string, Lane>;
  readonly #out = new Map<string, Canary>();
  readonly #missed = new Map<string, Canary>();
  #clock_ms: number | null = null;
  #time_ms = 0;
  #sent = 0;
  #seen = 0;
  #missedCount = 0;
  #roundTrip_ms: number | null = null;

  constructor(targets: readonly CanaryTarget[], settings: CanarySettings) {
    this.#settings = settings;
    this.#lanes = new Map(
      targets.map((target) => [target.tenant, { target, due_ms: 0, fault: null, late_ms: null, judged_ms: Number.NEGATIVE_INFINITY }]),
    );
  }

  /** Targets whose turn it is, each once an interval, more often while it is red; the first time at once. */
  due(now_ms: number): readonly CanaryTarget[] {
    const { interval_ms, bound_ms } = this.#settings;
    const time_ms = this.#take(now_ms);
    const due: CanaryTarget[] = [];
    for (const lane of this.#lanes.values()) {
      if (lane.due_ms > time_ms) continue;
      lane.due_ms = time_ms + (lane.fault === null ? interval_ms : Math.min(interval_ms, bound_ms));
      due.push(lane.target);
    }
    return due;
  }

  /** A canary is about to be emitted. `id` is its event's, in hex. */
  sent(target: CanaryTarget, id: string, now_ms: number): void {
    this.#sent++;
    this.#out.set(id, { target, sent_ms: this.#take(now_ms), emission: 'under way' });
  }

  /** The event log has it. */
  emitted(id: string): void {
    const canary = this.#out.get(id);
    if (canary !== undefined) canary.emission = 'done';
  }

  /**
   * It was not emitted, or nobody knows. `code` tells why. Judged at once: an alert that comes all the same is a late one.
   * False where it was judged before.
   */
  failed(id: string, code: string): boolean {
    const canary = this.#out.get(id);
    if (canary === undefined) return false;
    canary.emission = { failed: code };
    this.#miss(id, canary);
    return true;
  }

  /** An alert of a canary was read. Null for one that this process did not emit, or that was answered before. */
  answered(id: string, now_ms: number): CanaryAnswered | null {
    const time_ms = this.#take(now_ms);
    const canary = this.#out.get(id) ?? this.#missed.get(id);
    if (canary === undefined) return null;
    const { partition, tenant } = canary.target;
    const round_trip_ms = time_ms - canary.sent_ms;
    const in_time = this.#out.has(id) && round_trip_ms <= this.#settings.bound_ms;
    if (!in_time && this.#out.has(id)) this.#miss(id, canary);
    this.#out.delete(id);
    this.#missed.delete(id);
    this.#roundTrip_ms = round_trip_ms;
    const lane = this.#lanes.get(tenant) as Lane;
    lane.late_ms = in_time ? null : round_trip_ms;
    if (in_time) {
      this.#seen++;
      this.#judge(lane, canary, null);
    }
    return { partition, round_trip_ms, in_time };
  }

  /** Judges what is overdue. Gives the partitions of canaries that were missed. */
  overdue(now_ms: number): readonly number[] {
    const time_ms = this.#take(now_ms);
    const partitions: number[] = [];
    for (const [id, canary] of this.#out) {
      if (time_ms - canary.sent_ms <= this.#settings.bound_ms) continue;
      this.#miss(id, canary);
      partitions.push(canary.target.partition);
    }
    return partitions;
  }

  /** How long nothing changes by time alone: until a canary is due, or one is overdue. At least 1. */
  rest_ms(now_ms: number): number {
    const time_ms = this.#take(now_ms);
    let until_ms = time_ms + this.#settings.interval_ms;
    for (const { due_ms } of this.#lanes.values()) until_ms = Math.min(until_ms, due_ms);
    for (const { sent_ms } of this.#out.values()) until_ms = Math.min(until_ms, sent_ms + this.#settings.bound_ms + 1);
    return Math.max(1, until_ms - time_ms);
  }

  /** Failing while the latest judged canary of some partition was missed. Names no tenant of a user's. */
  health(): CanaryHealth {
    const faults = [...this.#lanes.values()].filter(({ fault }) => fault !== null);
    const [first] = faults;
    if (first === undefined) return { kind: 'ok' };
    const more = faults.length === 1 ? '' : `; so in ${faults.length} of ${this.#lanes.size} partitions`;
    const fault = `partition ${first.target.partition}: the canary's alert ${first.fault}${more}`;
    const late = first.late_ms === null ? '' : `; the latest that came took ${seconds(first.late_ms)}`;
    return { kind: 'failing', reason: `${fault}${late}`, fault };
  }

  counts(): CanaryCounts {
    return {
      sent: this.#sent,
      seen: this.#seen,
      missed: this.#missedCount,
      out: this.#out.size,
      round_trip_ms: this.#roundTrip_ms,
    };
  }

  #miss(id: string, canary: Canary): void {
    const { emission, target } = canary;
    this.#out.delete(id);
    this.#missed.set(id, canary);
    if (this.#missed.size > MISSED_KEPT_MAX) this.#missed.delete(this.#missed.keys().next().value as string);
    this.#missedCount++;
    const bound = seconds(this.#settings.bound_ms);
    const why =
      emission === 'done'
        ? `did not come within ${bound}`
        : emission === 'under way'
          ? `cannot come: the event log has not taken the canary within ${bound}`
          : `cannot come: the canary was not emitted (${emission.failed})`;
    this.#judge(this.#lanes.get(target.tenant) as Lane, canary, why);
  }

  /** A canary that was sent before the one that was judged last says nothing new. */
  #judge(lane: Lane, { sent_ms }: Canary, fault: string | null): void {
    if (sent_ms < lane.judged_ms) return;
    lane.judged_ms = sent_ms;
    lane.fault = fault;
    if (fault !== null) lane.due_ms = Math.min(lane.due_ms, this.#time_ms + this.#settings.bound_ms);
  }

  #take(now_ms: number): number {
    if (this.#clock_ms !== null) this.#time_ms += Math.max(0, now_ms - this.#clock_ms);
    this.#clock_ms = now_ms;
    return this.#time_ms;
  }
}

const seconds = (ms: number): string => `${(ms / 1000).toLocaleString('en-US', { maximumFractionDigits: 1, useGrouping: false })} s`;
