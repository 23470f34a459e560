import type { Alert, DetectionEvent, Match, RuleHead, Sha256 } from '../model.ts';
import { EventClock } from '../time/event-clock.ts';
import { compareMoments, type Moment } from '../time/order.ts';
import { ReorderHeap } from '../time/reorder-heap.ts';
import { NUMBER_MAX } from './aggregate.ts';
import { alertId, shortened } from './alert-id.ts';
import type { Evidence } from './hit.ts';
import { KeyStore } from './key-store.ts';
import type { Correlations, LinkedCorrelation } from './link.ts';
import { CORRELATOR_DEFAULTS, type CorrelatorOptions, type CorrelatorStats } from './options.ts';
import { isMetric } from './parse-condition.ts';
import { receive } from './receive.ts';
import { numberOf, parted, type Route, routesOf, VALUE_CHARACTERS_MAX, valueOf, valuesOf } from './route.ts';
import { Tally } from './tally.ts';
import type { Arrival, Part, Window } from './window.ts';
import { windowsOf } from './windows-of.ts';

/** Correlates the matches of one partition in event time. Bounded; reads no clock; the same events give the same alerts. */
export interface Correlator {
  /** Takes one event and the rules that it matched, also none: its time moves the watermark. Gives the alerts that are now certain. */
  evaluate(event: DetectionEvent, matches: readonly Match[]): readonly Alert[];
  /**
   * Says that event time has come to `time_us` as if an event of that time had come: for partitions without events, and, with
   * Number.MAX_SAFE_INTEGER, for the end of a history. What comes with an earlier time (less the allowance) is late from then on.
   */
  advance(time_us: number): readonly Alert[];
  stats(): CorrelatorStats;
}

/** A hit on its way: what is needed of an event is taken out at once, and the event let go. */
interface Pending {
  readonly node: number;
  readonly key: string;
  readonly slot: string | number;
  readonly number: number;
  readonly outer: readonly Pending[];
}
interface PendingEvent extends Moment {
  readonly tenant: string;
  readonly late: boolean;
  readonly hits: readonly Pending[];
}
/** Hits of one event that have come as far as one correlation. */
interface Work {
  readonly moment: Moment;
  readonly pending: Pending;
  readonly rests_on: Evidence | null;
}

const NONE: readonly Alert[] = [];
const NO_ROUTES: readonly Route[] = [];
const NO_HITS: readonly Pending[] = [];
/** How far the watermark moves before keys are dropped that no hit has dropped. */
const SWEEP_US = 1_000_000;

/** Makes a correlator for one partition. */
export function createCorrelator(correlations: Correlations, options: CorrelatorOptions): Correlator {
  const { sha256 } = options;
  const limits = { ...CORRELATOR_DEFAULTS, ...options };
  const { linked, silent_rules } = correlations;
  const routes = routesOf(correlations, options.fieldsOf ?? ((_rule, field) => [field]));
  const clock = new EventClock(limits.allowance_us, limits.ahead_us);
  const heap = new ReorderHeap<PendingEvent>();
  const counts = { late: 0, duplicates: 0, capped: 0, untimed: 0, hurried: 0 };
  const withoutGroup = new Tally();
  const withoutValue = new Tally();
  const truncated = new Tally();
  const evicted = new Map<string, Tally>();
  const windows = linked.map(({ rule }) => windowsOf(rule, limits.hits_per_key_max, () => truncated.add(rule.head.id)));
  const crowdedOut = new Tally();
  const keys = new KeyStore(linked.length, limits, {
    evicted({ tenant, node }) {
      const tally = evicted.get(tenant.id) ?? new Tally();
      evicted.set(tenant.id, tally);
      tally.add(ruleAt(node).head.id);
    },
    crowdedOut: ({ node }) => crowdedOut.add(ruleAt(node).head.id),
  });
  const short = (text: string): string => shortened(sha256, text, VALUE_CHARACTERS_MAX);
  /** By correlation: what has come to it of the event in hand. */
  const work: Work[][] = linked.map(() => []);
  let released: Moment | null = null;
  let swept_us = Number.NEGATIVE_INFINITY;

  function ruleAt(node: number): LinkedCorrelation['rule'] {
    return (linked[node] as LinkedCorrelation).rule;
  }

  function take(event: DetectionEvent, route: Route): Pending | null {
    const { rule } = linked[route.node] as LinkedCorrelation;
    const key = valuesOf(event, route.group_by, short);
    if (key === null) {
      withoutGroup.add(rule.head.id);
      return null;
    }
    let slot: string | number = rule.fields.length === 0 ? route.member : '';
    let number = 0;
    if (rule.fields.length > 0) {
      const numeric = isMetric(rule.type) && (rule.type !== 'value_percentile' || rule.percentile !== null);
      const value = numeric ? numberOf(valueOf(event, route.value[0] ?? []), NUMBER_MAX) : valuesOf(event, route.value, short);
      if (value === null) {
        withoutValue.add(rule.head.id);
        return null;
      }
      if (typeof value === 'number') number = value;
      else slot = value;
    }
    return { node: route.node, key, slot, number, outer: takeAll(event, route.outer) };
  }

  function takeAll(event: DetectionEvent, from: readonly Route[]): readonly Pending[] {
    if (from.length === 0) return NO_HITS;
    const taken: Pending[] = [];
    for (const route of from) {
      const pending = take(event, route);
      if (pending !== null) taken.push(pending);
    }
    return taken;
  }

  function process(event: PendingEvent, alerts: Alert[]): void {
    // By the event's time, not the watermark: which keys are there, and so which one a limit evicts, is then the same however far
    // the watermark had come when this event was taken.
    if (!event.late) keys.expire(event.time_us);
    for (const pending of event.hits) work[pending.node]?.push({ moment: event, pending, rests_on: null });
    // A correlation stands after those that it refers to, so all that comes to it is there when its turn is.
    for (let node = 0; node < work.length; node++) {
      let come = work[node] as Work[];
      if (come.length === 0) continue;
      work[node] = [];
      if (come.length === 1) {
        apply(node, event, come, alerts);
        continue;
      }
      while (come.length > 0) {
        const [first, ...rest] = come as [Work, ...Work[]];
        const same = (other: Work): boolean => other.pending.key === first.pending.key && compareMoments(other.moment, first.moment) === 0;
        apply(node, event, [first, ...rest.filter(same)], alerts);
        come = rest.filter((other) => !same(other));
      }
    }
  }

  /** Takes the hits of one event for one key of one correlation. */
  function apply(node: number, event: PendingEvent, come: readonly Work[], alerts: Alert[]): void {
    const { rule, silent } = linked[node] as LinkedCorrelation;
    const { moment, pending } = come[0] as Work;
    // What is late is kept as long as if it had come in time, or what comes late together would never meet.
    const expires_us = (event.late ? Math.max(clock.watermark_us, moment.time_us) : moment.time_us) + rule.timespan_us;
    const create = windows[node] as () => Window;
    const state = keys.use(node, event.tenant, pending.key, expires_us, create);
    const arrival: Arrival = {
      time_us: moment.time_us,
      id: moment.id,
      late: event.late,
      parts: partsOf(rule.type, come),
      number: pending.number,
    };
    const { window, effect } = receive(state, arrival, rule.timespan_us, create);
    keys.settle(state);
    if (effect.kind === 'duplicate') counts.duplicates++;
    if (effect.kind !== 'true') return;
    const outer = outerOf(come, effect.rises);
    const isTold = effect.rises && !silent;
    // While a condition goes on to hold, nobody asks what it rests on: that costs the whole window.
    if (!isTold && outer.length === 0) return;
    const { evidence, value } = window.explain(effect.anchor);
    if (isTold) alerts.push(alertOf(rule, event, pending.key, effect.anchor, evidence, value));
    for (const next of outer) work[next.node]?.push({ moment: effect.anchor, pending: next, rests_on: evidence });
  }

  function outerOf(come: readonly Work[], rises: boolean): readonly Pending[] {
    if (come.every(({ pending }) => pending.outer.length === 0)) return NO_HITS;
    return come.flatMap((work) => work.pending.outer).filter((next) => rises || followsTruth(ruleAt(next.node).type));
  }

  function alertOf(
    rule: LinkedCorrelation['rule'],
    { tenant, late }: PendingEvent,
    key: string,
    anchor: Moment,
    evidence: Evidence,
    value: number | null,
  ): Alert {
    const values = parted(key, rule.group_by.length);
    const group = rule.group_by.map((name, i) => [name, values[i] ?? ''] as const);
    return {
      id: alertId(sha256, { rule: rule.head.id, version: rule.head.version, tenant, group, anchor: anchor.id }),
      rule: rule.head,
      tenant,
      group: Object.fromEntries(group),
      first_us: evidence.first_us,
      last_us: anchor.time_us,
      anchor: anchor.id,
      events: evidence.witnesses.map(({ id }) => id),
      events_count: evidence.count,
      value,
      late: late || evidence.late,
    };
  }

  function release(alerts: Alert[]): void {
    const { watermark_us } = clock;
    for (let first = heap.first; first !== undefined; first = heap.first) {
      const hurried = heap.size > limits.pending_max && first.time_us >= watermark_us;
      if (first.time_us >= watermark_us && !hurried) break;
      if (hurried) counts.hurried++;
      released = first;
      heap.take();
      process(first, alerts);
    }
    if (watermark_us < swept_us + SWEEP_US) return;
    swept_us = watermark_us;
    keys.expire(watermark_us);
  }

  return {
    evaluate(event, matches) {
      const time_us = clock.timeOf(event);
      const late =
        time_us !== null &&
        (time_us < clock.watermark_us || (released !== null && compareMoments({ time_us, id: event.id }, released) < 0));
      const alerts: Alert[] = [];
      for (const { rule } of matches)
        if (!silent_rules.has(rule.id)) alerts.push(ofRule(sha256, rule, event, time_us ?? event.received_us ?? 0, late));
      if (time_us === null) {
        counts.untimed++;
        return alerts;
      }
      if (time_us < event.time_us) counts.capped++;
      let hits = NO_HITS;
      for (const { rule } of matches) {
        const taken = takeAll(event, routes.get(rule.id) ?? NO_ROUTES);
        hits = hits.length === 0 ? taken : [...hits, ...taken];
      }
      clock.observe(time_us);
      if (hits.length > 0) {
        const pending: PendingEvent = { time_us, id: event.id, tenant: event.tenant, late, hits };
        if (late) {
          counts.late++;
          process(pending, alerts);
        } else heap.push(pending);
      }
      release(alerts);
      return alerts.length === 0 ? NONE : alerts;
    },
    advance(time_us) {
      const alerts: Alert[] = [];
      clock.observe(time_us);
      release(alerts);
      return alerts;
    },
    stats: () => ({
      watermark_us: Number.isFinite(clock.watermark_us) ? clock.watermark_us : null,
      pending: heap.size,
      keys: keys.keys,
      hits: keys.hits,
      ...counts,
      without_group: withoutGroup.counts,
      without_value: withoutValue.counts,
      truncated: truncated.counts,
      evicted: new Map([...evicted].map(([tenant, tally]) => [tenant, tally.counts])),
      crowded_out: crowdedOut.counts,
    }),
  };
}

/** What an event comes as: once for what counts events or computes, and once for each member or value for what tells them apart. */
function partsOf(type: LinkedCorrelation['rule']['type'], come: readonly Work[]): readonly Part[] {
  const [only] = come;
  if (only !== undefined && come.length === 1) return [{ slot: type === 'event_count' ? 0 : only.pending.slot, rests_on: only.rests_on }];
  const parts: Part[] = [];
  for (const { pending, rests_on } of come) {
    const slot = type === 'event_count' ? 0 : pending.slot;
    const known = isMetric(type) || type === 'event_count' ? 0 : parts.findIndex((part) => part.slot === slot);
    const part = parts[known];
    if (part === undefined) parts.push({ slot, rests_on });
    else if (part.rests_on === null && rests_on !== null) parts[known] = { slot: part.slot, rests_on };
  }
  return parts;
}

/** An alert of a rule by itself: one event, at once. */
function ofRule(sha256: Sha256, rule: RuleHead, { id, tenant }: DetectionEvent, time_us: number, late: boolean): Alert {
  return {
    id: alertId(sha256, { rule: rule.id, version: rule.version, tenant, group: [], anchor: id }),
    rule,
    tenant,
    group: {},
    first_us: time_us,
    last_us: time_us,
    anchor: id,
    events: [id],
    events_count: 1,
    value: null,
    late,
  };
}

/**
 * What a correlation takes from one that it refers to. Proximity and distinct values ask whether the inner condition holds:
 * at each hit at which it does. Counts and computations count how often it came to hold: its alerts.
 */
const followsTruth = (type: LinkedCorrelation['rule']['type']): boolean =>
  type === 'temporal' || type === 'temporal_ordered' || type === 'value_count';
