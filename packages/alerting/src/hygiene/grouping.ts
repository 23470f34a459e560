import { type Alert, type Labels, type Level, moreUrgent } from '../alert.ts';
import type { MessageGroup } from '../message.ts';
import { type AlertBytes, alertFromState, alertToState } from './kept-alerts.ts';

/** group_wait, group_interval and repeat_interval mean what they mean in Prometheus' Alertmanager. */
export interface GroupingSettings {
  /** Alerts with the same values of these labels are one group. */
  readonly by: readonly string[];
  /** From a group's first alert to its first message: what belongs together arrives together. */
  readonly group_wait_ms: number;
  /** Between two messages about a group that has new alerts. */
  readonly group_interval_ms: number;
  /** Between two messages about a group that has none, as long as it is active. */
  readonly repeat_interval_ms: number;
  /** A group is active this long after its last alert: an alert is a point in time, and nothing says that it is over. */
  readonly active_for_ms: number;
  /** Alerts that a message shows; it counts the others. */
  readonly listed_max: number;
  /** Groups at the same time; alerts beyond them share one group. */
  readonly groups_max: number;
}

const MINUTE_MS = 60_000;
export const GROUPING_DEFAULTS: GroupingSettings = {
  by: ['tenant', 'rule'],
  group_wait_ms: 30_000,
  group_interval_ms: 5 * MINUTE_MS,
  repeat_interval_ms: 240 * MINUTE_MS,
  active_for_ms: 1_440 * MINUTE_MS,
  listed_max: 10,
  groups_max: 10_000,
};
/** Of an alert that waits in a group; the whole is stored before. */
const EVIDENCE_LISTED_MAX = 10;

interface Span {
  count: number;
  level: Level;
  first_seen: number;
  last_seen: number;
  alerts: readonly Alert[];
}
interface Group extends Span {
  readonly key: string;
  readonly id: string;
  readonly labels: readonly (readonly [string, string])[];
  readonly rule_title: string;
  /** Alerts since the last message; null where there are none. */
  fresh: Span | null;
  last_added_ms: number;
  last_sent_ms: number | null;
  next_ms: number;
  acknowledged: boolean;
}

type KeptSpan = Omit<Span, 'alerts'> & { readonly alerts: readonly AlertBytes[] };
export type GroupingState = readonly (KeptSpan & Omit<Group, keyof Span | 'fresh'> & { readonly fresh: KeptSpan | null })[];

/** A group that wants to be told of. */
export interface DueGroup {
  readonly key: string;
  readonly repeated: boolean;
  /** When it became due. */
  readonly since_ms: number;
  readonly content: MessageGroup;
}

export interface Grouping {
  /** Gives the id of the alert's group. */
  add(alert: Alert, labels: Labels, now_ms: number): string;
  /** Groups that are due, and stay so until they are `sent`. Forgets groups that are no longer active. */
  due(now_ms: number): readonly DueGroup[];
  sent(key: string, now_ms: number): void;
  /** Looks at the group again a group_interval later. */
  hold(key: string, now_ms: number): void;
  /** Somebody looks after the group: it is told of again only when an alert comes. False where there is no such group. */
  acknowledge(id: string): boolean;
  /** When `due` should be asked again; null where nothing waits. */
  nextAt(): number | null;
  readonly size: number;
  state(): GroupingState;
}

export interface GroupingOptions {
  readonly settings: GroupingSettings;
  /** Names a group by its labels: hex, the same for ever. */
  readonly digest: (text: string) => string;
}

/** Labels of the group that takes what the others have no room for. */
const OVERFLOW: readonly (readonly [string, string])[] = [];

export function createGrouping({ settings, digest }: GroupingOptions, state: GroupingState = []): Grouping {
  const groups = new Map<string, Group>(state.map((kept) => [kept.key, fromState(kept)]));

  // State is asked for at every alert of a storm, and holds the same alerts each time.
  const encoded = new WeakMap<Alert, AlertBytes>();
  const bytesOf = (alert: Alert): AlertBytes => {
    const known = encoded.get(alert) ?? alertToState(alert);
    encoded.set(alert, known);
    return known;
  };

  // The soonest `next_ms`; undefined where it has to be looked for.
  let soonest: number | null | undefined;

  const nextAt = (): number | null => {
    if (soonest === undefined) {
      soonest = null;
      for (const { next_ms } of groups.values()) soonest = Math.min(soonest ?? next_ms, next_ms);
    }
    return soonest;
  };

  const place = (alert: Alert, labels: Labels, now_ms: number): Group => {
    const own = settings.by.map((label) => [label, labels.get(label) ?? ''] as const);
    const key = JSON.stringify(own);
    const known = groups.get(key);
    if (known !== undefined) return known;
    const isFull = groups.size >= settings.groups_max;
    const overflowKey = JSON.stringify(OVERFLOW);
    const overflow = isFull ? groups.get(overflowKey) : undefined;
    if (overflow !== undefined) return overflow;
    const group: Group = {
      ...emptySpan(alert),
      key: isFull ? overflowKey : key,
      id: digest(isFull ? overflowKey : key),
      labels: isFull ? OVERFLOW : own,
      rule_title: isFull ? 'Alerts of further groups' : alert.rule_title,
      fresh: null,
      last_added_ms: now_ms,
      last_sent_ms: null,
      next_ms: now_ms + settings.group_wait_ms,
      acknowledged: false,
    };
    groups.set(group.key, group);
    if (soonest !== undefined) soonest = Math.min(soonest ?? group.next_ms, group.next_ms);
    return group;
  };

  return {
    add(alert, labels, now_ms) {
      const group = place(alert, labels, now_ms);
      const kept =
        group.alerts.length < settings.listed_max || (group.fresh?.alerts.length ?? 0) < settings.listed_max ? trimmed(alert) : null;
      extend(group, alert, kept, settings.listed_max);
      group.fresh ??= emptySpan(alert);
      extend(group.fresh, alert, kept, settings.listed_max);
      group.last_added_ms = now_ms;
      group.acknowledged = false;
      return group.id;
    },
    due(now_ms) {
      const next = nextAt();
      if (next === null || next > now_ms) return [];
      const found: DueGroup[] = [];
      soonest = undefined;
      for (const group of groups.values()) {
        if (group.next_ms > now_ms) continue;
        const isActive = now_ms < group.last_added_ms + settings.active_for_ms;
        const repeats =
          isActive && !group.acknowledged && group.last_sent_ms !== null && now_ms >= group.last_sent_ms + settings.repeat_interval_ms;
        if (group.fresh !== null || repeats) {
          const span = group.fresh ?? group;
          found.push({ key: group.key, repeated: group.fresh === null, since_ms: group.next_ms, content: contentOf(group, span) });
        } else if (isActive) group.next_ms = now_ms + settings.group_interval_ms;
        else groups.delete(group.key);
      }
      return found;
    },
    sent(key, now_ms) {
      const group = groups.get(key);
      if (group === undefined) return;
      soonest = undefined;
      group.fresh = null;
      group.last_sent_ms = now_ms;
      group.next_ms = now_ms + settings.group_interval_ms;
    },
    hold(key, now_ms) {
      const group = groups.get(key);
      if (group === undefined) return;
      soonest = undefined;
      group.next_ms = now_ms + settings.group_interval_ms;
    },
    acknowledge(id) {
      for (const group of groups.values()) {
        if (group.id !== id) continue;
        group.acknowledged = true;
        return true;
      }
      return false;
    },
    nextAt,
    get size() {
      return groups.size;
    },
    state: () => Array.from(groups.values(), (group) => toState(group, bytesOf)),
  };
}

const emptySpan = (alert: Alert): Span => ({
  count: 0,
  level: alert.level,
  first_seen: alert.first_seen,
  last_seen: alert.last_seen,
  alerts: [],
});

function extend(span: Span, alert: Alert, kept: Alert | null, listedMax: number): void {
  span.count++;
  span.level = moreUrgent(span.level, alert.level);
  span.first_seen = Math.min(span.first_seen, alert.first_seen);
  span.last_seen = Math.max(span.last_seen, alert.last_seen);
  if (kept !== null && span.alerts.length < listedMax) span.alerts = [...span.alerts, kept];
}

const trimmed = (alert: Alert): Alert =>
  alert.evidence.length <= EVIDENCE_LISTED_MAX ? alert : { ...alert, evidence: alert.evidence.slice(0, EVIDENCE_LISTED_MAX) };

const contentOf = (group: Group, { count, level, first_seen, last_seen, alerts }: Span): MessageGroup => ({
  id: group.id,
  labels: group.labels,
  rule_title: group.rule_title,
  level,
  count,
  first_seen,
  last_seen,
  first: group.last_sent_ms === null,
  alerts,
});

type BytesOf = (alert: Alert) => AlertBytes;
const keptSpan = ({ count, level, first_seen, last_seen, alerts }: Span, bytesOf: BytesOf): KeptSpan => ({
  count,
  level,
  first_seen,
  last_seen,
  alerts: alerts.map(bytesOf),
});
const toState = (group: Group, bytesOf: BytesOf): GroupingState[number] => ({
  ...group,
  ...keptSpan(group, bytesOf),
  fresh: group.fresh === null ? null : keptSpan(group.fresh, bytesOf),
});
const spanOf = ({ count, level, first_seen, last_seen, alerts }: KeptSpan): Span => ({
  count,
  level,
  first_seen,
  last_seen,
  alerts: alerts.map(alertFromState),
});
const fromState = (kept: GroupingState[number]): Group => ({
  ...kept,
  ...spanOf(kept),
  fresh: kept.fresh === null ? null : spanOf(kept.fresh),
});
