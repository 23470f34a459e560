import type { Alert, DetectionEvent, Match, RuleHead, Sha256 } from '../model.ts';
import { EventClock } from '../time/event-clock.ts';
import { compareMoments, type Moment } from '../time/order.ts';
import { ReorderHeap } from '../time/reorder-heap.ts';
import { alertId, shortened } from './alert-id.ts';
import type { Evidence } from './hit.ts';
import { keySpacesOf } from './key-spaces.ts';
import { type KeyState, KeyStore } from './key-store.ts';
import type { Correlations, LinkedCorrelation } from './link.ts';
import { CORRELATOR_DEFAULTS, type CorrelatorOptions, type CorrelatorStats } from './options.ts';
import { isMetric } from './parse-condition.ts';
import { receive } from './receive.ts';
import {
  computes,
  joinedAt,
  parted,
  type Route,
  type RuleRoutes,
  routesOf,
  type TakenValue,
  takeFields,
  VALUE_CHARACTERS_MAX,
} from './route.ts';
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

/** What one rule took of an event. The event itself is let go at once: it may be large, and many wait. */
interface Taken {
  readonly of: RuleRoutes;
  readonly values: readonly TakenValue[];
  /** What another rule took of the same event. */
  readonly next: Taken | null;
}
interface PendingEvent extends Moment {
  readonly tenant: string;
  readonly late: boolean;
  readonly taken: Taken;
}
/** A hit of the event in hand that has come as far as one correlation. */
interface Work extends Part {
  readonly moment: Moment;
  readonly key: string;
  readonly number: number;
  readonly route: Route;
  readonly values: readonly TakenValue[];
}

const NONE: readonly Alert[] = [];
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
  const creates = linked.map(({ rule }) => windowsOf(rule, limits.hits_per_key_max, () => truncated.add(rule.head.id)));
  const crowdedOut = new Tally();
  const spaces = keySpacesOf(linked);
  /** Names the correlations that a key had state of. */
  const tell = ({ space, windows }: KeyState, tally: Tally): void => {
    for (const [slot, node] of (spaces.nodes[space] ?? []).entries()) if (windows[slot] !== null) tally.add(linkedAt(node).rule.head.id);
  };
  const slots = spaces.nodes.map((nodes) => nodes.length);
  const keys = new KeyStore(slots, limits, {
    evicted(state) {
      const tally = evicted.get(state.tenant.id) ?? new Tally();
      evicted.set(state.tenant.id, tally);
      tell(state, tally);
    },
    crowdedOut: (state) => tell(state, crowdedOut),
  });
  const short = (text: string): string => shortened(sha256, text, VALUE_CHARACTERS_MAX);
  /** By correlation: what has come to it of the event in hand. */
  const work: Work[][] = linked.map(() => []);
  let released: Moment | null = null;
  let swept_us = Number.NEGATIVE_INFINITY;

  const linkedAt = (node: number): LinkedCorrelation => linked[node] as LinkedCorrelation;

  function take(event: DetectionEvent, of: RuleRoutes, next: Taken | null): Taken {
    const values = takeFields(event, of.fields, short);
    if (values.includes(null)) for (const route of of.routes) countMissing(route, values);
    return { of, values, next };
  }

  function countMissing(route: Route, values: readonly TakenValue[]): void {
    const { rule } = linkedAt(route.node);
    if (route.group_by.some((index) => values[index] === null)) withoutGroup.add(rule.head.id);
    else if (route.value.some((index) => values[index] === null)) withoutValue.add(rule.head.id);
    else for (const outer of route.outer) countMissing(outer, values);
  }

  /** Sends a hit on to the correlation of a route; one that lacks a field goes nowhere. */
  function send(route: Route, values: readonly TakenValue[], moment: Moment, rests_on: Evidence | null): void {
    const key = joinedAt(values, route.group_by);
    if (key === null) return;
    const { rule } = linkedAt(route.node);
    let slot: string | number = '';
    let number = 0;
    if (rule.fields.length === 0) slot = rule.type === 'event_count' ? 0 : route.member;
    else {
      const value = computes(rule) ? (values[route.value[0] as number] as number | null) : joinedAt(values, route.value);
      if (value === null) return;
      if (typeof value === 'number') number = value;
      else slot = value;
    }
    (work[route.node] as Work[]).push({ moment, key, slot, number, rests_on, route, values });
  }

  function process(event: PendingEvent, alerts: Alert[]): void {
    // By the event's time, not the watermark: which keys are there, and so which one a limit evicts, is then the same however far
    // the watermark had come when this event was taken.
    if (!event.late) keys.expire(event.time_us);
    for (let taken: Taken | null = event.taken; taken !== null; taken = taken.next)
      for (const route of taken.of.routes) send(route, taken.values, event, null);
    // A correlation stands after those that it refers to, so all that comes to it is there when its turn is.
    for (let node = 0; node < work.length; node++) {
      const come = work[node] as Work[];
      if (come.length === 0) continue;
      if (come.length === 1) {
        apply(node, event, [come.pop() as Work], alerts);
        continue;
      }
      let left: readonly Work[] = come.splice(0);
      while (left.length > 0) {
        const [first, ...rest] = left as [Work, ...Work[]];
        const same = (other: Work): boolean => other.key === first.key && compareMoments(other.moment, first.moment) === 0;
        apply(node, event, [first, ...rest.filter(same)], alerts);
        left = rest.filter((other) => !same(other));
      }
    }
  }

  /** Takes the hits of one event for one key of one correlation. */
  function apply(node: number, event: PendingEvent, come: readonly Work[], alerts: Alert[]): void {
    const { rule, silent } = linkedAt(node);
    const { moment, key, number } = come[0] as Work;
    // What is late is kept as long as if it had come in time, or what comes late together would never meet.
    const expires_us = (event.late ? Math.max(clock.watermark_us, moment.time_us) : moment.time_us) + rule.timespan_us;
    const create = creates[node] as () => Window;
    const { space, slot } = spaces.of[node] as (typeof spaces.of)[number];
    const state = keys.use(space, event.tenant, key, expires_us);
    const own = keys.window(state, slot, create);
    const before = state.keptAt(slot);
    const arrival: Arrival = {
      time_us: moment.time_us,
      id: moment.id,
      late: event.late,
      parts: come.length === 1 ? come : partsOf(rule.type, come),
      number,
    };
    const { window, effect } = receive(state, slot, own, arrival, create, rule.timespan_us);
    keys.settle(state, state.keptAt(slot) - before);
    if (effect.kind === 'duplicate') counts.duplicates++;
    if (effect.kind !== 'true') return;
    const isTold = effect.rises && !silent;
    // While a condition goes on to hold, nobody asks what it rests on: that costs the whole window.
    if (!isTold && !come.some(({ route }) => goesOn(route, effect.rises))) return;
    const { evidence, value } = window.explain(effect.anchor);
    if (isTold) alerts.push(alertOf(rule, event, key, effect.anchor, evidence, value));
    for (const { route, values } of come)
      for (const outer of route.outer) if (isSent(outer, effect.rises)) send(outer, values, effect.anchor, evidence);
  }

  const goesOn = (route: Route, rises: boolean): boolean => route.outer.some((outer) => isSent(outer, rises));
  const isSent = (outer: Route, rises: boolean): boolean => rises || followsTruth(linkedAt(outer.node).rule.type);

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
      let taken: Taken | null = null;
      for (const { rule } of matches) {
        const of = routes.get(rule.id);
        if (of !== undefined) taken = take(event, of, taken);
      }
      clock.observe(time_us);
      if (taken !== null) {
        const pending: PendingEvent = { time_us, id: event.id, tenant: event.tenant, late, taken };
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
  const parts: Part[] = [];
  for (const { slot, rests_on } of come) {
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
