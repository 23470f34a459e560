import type { Correlations, Member } from './correlation/link.ts';
import { CORRELATOR_DEFAULTS } from './correlation/options.ts';
import type { Compiled, CompileOptions, Engine } from './engine.ts';
import type { DetectionError } from './errors.ts';
import type { DetectionEvent, Sha256 } from './model.ts';
import { applyOverrides, type LoadedOverrides, type RuleSet } from './overrides.ts';
import { joinedStats } from './tenant-stats.ts';
import { EventClock } from './time/event-clock.ts';

/**
 * One engine whose rules differ by tenant. Tenants share no state, so each one that is named has rules and state of its own;
 * time is one for all of them, so an engine without differences gives the same alerts. Costs a little for each named tenant
 * at each event.
 *
 * @param compileOne compiles rules as they are
 */
export function compileByTenant(
  loaded: RuleSet,
  overrides: LoadedOverrides,
  options: CompileOptions,
  compileOne: (rules: RuleSet) => Compiled,
): Compiled {
  const errors = new Map<string, DetectionError>();
  const note = (found: readonly DetectionError[]): void => {
    for (const error of found) errors.set(error.message, error); // what holds for everyone is refused for each tenant
  };
  note(overrides.errors);
  const compiled = (changes: LoadedOverrides['everyone'], sha256: Sha256): Compiled => {
    const applied = applyOverrides(loaded, changes, sha256);
    const result = compileOne(applied);
    note([...applied.errors, ...result.errors]);
    return result;
  };
  const everyone = compiled(overrides.everyone, options.sha256);
  const named = new Map([...overrides.tenants].map(([tenant, changes]) => [tenant, compiled(changes, options.sha256)]));
  const engines = new Map([...named].map(([tenant, { engine }]) => [tenant, engine]));
  const ahead_us = options.ahead_us ?? CORRELATOR_DEFAULTS.ahead_us;
  return {
    engine: engines.size === 0 ? everyone.engine : joinedEngine(everyone.engine, engines, new EventClock(0, ahead_us)),
    matcher: everyone.matcher,
    correlations: joinedCorrelations([everyone, ...named.values()].map(({ correlations }) => correlations)),
    errors: [...errors.values()],
  };
}

function joinedEngine(everyone: Engine, named: ReadonlyMap<string, Engine>, clock: EventClock): Engine {
  const all = [everyone, ...named.values()];
  return {
    evaluate(event: DetectionEvent) {
      const own = named.get(event.tenant) ?? everyone;
      const { matches, alerts } = own.evaluate(event);
      const time_us = clock.timeOf(event);
      if (time_us === null) return { matches, alerts };
      const others = all.flatMap((engine) => (engine === own ? [] : engine.advance(time_us)));
      return { matches, alerts: others.length === 0 ? alerts : [...alerts, ...others] };
    },
    advance: (time_us) => all.flatMap((engine) => engine.advance(time_us)),
    fresh: () => joinedEngine(everyone.fresh(), new Map([...named].map(([tenant, engine]) => [tenant, engine.fresh()])), clock),
    stats: () => joinedStats(all.map((engine) => engine.stats())),
  };
}

/** The correlations of all, so that a replay reaches back as far as the longest window of any tenant. */
function joinedCorrelations(parts: readonly Correlations[]): Correlations {
  const [first] = parts;
  if (first === undefined || parts.length === 1) return first ?? { linked: [], silent_rules: new Set() };
  let before = 0;
  const linked = parts.flatMap((part) => {
    const shift = before;
    before += part.linked.length;
    const shifted = (member: Member): Member => (member.kind === 'rule' ? member : { ...member, index: member.index + shift });
    return part.linked.map((one) => ({ ...one, members: one.members.map(shifted) }));
  });
  return { linked, silent_rules: first.silent_rules };
}
