import { ATTACKS } from './attacks/index.ts';
import { DAY_S, dayAt } from './calendar.ts';
import { type Draw, drawFrom } from './draw.ts';
import { createStage, type TrafficEvent } from './event.ts';
import { machinesDay, mishaps } from './machines.ts';
import { workday } from './workday.ts';
import { createWorld, type Tenant } from './world.ts';

export interface TrafficOptions {
  readonly seed: number;
  /** Benign events to make, about. */
  readonly benign_events: number;
  /** Benign events to one attack. */
  readonly benign_per_attack: number;
  /** Scales the number of people; 1 is about 1,000. */
  readonly size: number;
  /** Share of an attack's events that happen, each left out by chance; all when absent. Of an attack none of which is left nothing is expected. */
  readonly attack_share?: number;
}

export interface Incident {
  readonly id: string;
  /** Name of the rule that is meant to find it. */
  readonly meant_for: string;
  readonly events: number;
}

/** One day of all tenants, in the order in which the events reach the log. */
export interface TrafficDay {
  readonly events: readonly TrafficEvent[];
  readonly incidents: readonly Incident[];
}

/**
 * Days of traffic, until there are as many benign events as asked for. Attacks are drawn among the benign events: so many of
 * these to one of those, each kind as often as the others.
 */
export function* traffic({ seed, benign_events, benign_per_attack, size, attack_share = 1 }: TrafficOptions): Generator<TrafficDay> {
  const draw = drawFrom(seed, 'traffic');
  const tenants = createWorld(draw.named('world'), size);
  const kinds = inTurn(draw.named('kinds'), [...ATTACKS.keys()]);
  let made = 0;
  let attacks = 0;
  let carried: readonly Arrival[] = [];
  for (let index = 0; made < benign_events; index++) {
    const days = tenants.map((tenant) => ({ tenant, events: benignDay(draw.named(`${tenant.name}/${index}`), tenant, index, size) }));
    for (const { events } of days) made += events.length;
    const incidents: Incident[] = [];
    const all = days.map(({ events }) => events);
    for (; attacks < Math.floor(made / benign_per_attack); attacks++) {
      const meant_for = kinds.next().value as string;
      const own = draw.named(`attack/${attacks}`);
      const { tenant, events: day } = days[weighted(own, all)] as (typeof days)[number];
      const id = `${meant_for}-${attacks}`;
      const stage = createStage(tenant.name, dayAt(index).midnight_s, `x${attacks}`, id);
      ATTACKS.get(meant_for)?.({ draw: own, stage, tenant, tenants, start_s: stage.midnight_s + own.between(0.05, 0.75) * DAY_S, day });
      const thinning = own.named('thinning');
      const left = attack_share === 1 ? stage.events : stage.events.filter(() => thinning.chance(attack_share));
      if (left.length > 0) incidents.push({ id, meant_for, events: left.length });
      all.push(left);
    }
    // Night shifts and long attacks go on after midnight: what arrives then belongs to the next day's stream.
    const next_us = dayAt(index + 1).midnight_s * 1e6;
    const arrivals = [...carried, ...arrived(draw.named(`arrival/${index}`), all)].sort((a, b) => a.at_us - b.at_us);
    const today = arrivals.filter(({ at_us }) => at_us < next_us);
    carried = arrivals.slice(today.length);
    yield { events: today.map(({ event }) => event), incidents };
  }
  yield { events: carried.map(({ event }) => event), incidents: [] };
}

interface Arrival {
  readonly event: TrafficEvent;
  readonly at_us: number;
}

function benignDay(draw: Draw, tenant: Tenant, index: number, size: number): readonly TrafficEvent[] {
  const day = dayAt(index);
  const stage = createStage(tenant.name, day.midnight_s, `d${index}`, null);
  for (const [i, person] of tenant.people.entries()) workday(stage, draw.named(`p${i}`), tenant, person, day);
  machinesDay(stage, draw.named('machines'), tenant, size);
  stage.events.sort((a, b) => a.time_us - b.time_us);
  mishaps(stage, draw.named('mishaps'), tenant, day, [...stage.events]);
  return stage.events;
}

/** Events reach the log a little late: batches linger, and now and then a producer waits for the log. */
function arrived(draw: Draw, parts: readonly (readonly TrafficEvent[])[]): readonly Arrival[] {
  return parts.flatMap((events) =>
    events.map((event) => ({ event, at_us: event.time_us + draw.exponential(draw.chance(0.001) ? 8e6 : 2e5) })),
  );
}

/** Larger tenants are attacked more often. */
function weighted(draw: Draw, parts: readonly (readonly TrafficEvent[])[]): number {
  const sizes = parts.slice(0, 6).map(({ length }) => Math.sqrt(length));
  let roll = draw.next() * sizes.reduce((sum, size) => sum + size, 0);
  return Math.max(
    0,
    sizes.findIndex((size) => (roll -= size) < 0),
  );
}

function* inTurn<T>(draw: Draw, items: readonly T[]): Generator<T, never> {
  for (;;) {
    const left = [...items];
    while (left.length > 0) yield left.splice(draw.int(0, left.length - 1), 1)[0] as T;
  }
}
