import type { Alert, Engine, Level, RuleHead } from '@sealtrail/detection';
import type { Incident, TrafficDay } from './traffic.ts';

/** How one rule did. Counts are of alerts and of incidents that are meant for the rule. */
export interface RuleScore {
  readonly name: string;
  readonly level: Level;
  /** Reported each time by design, whoever does it: counted, and left out of precision. */
  readonly notice: boolean;
  readonly incidents: number;
  readonly found: number;
  /** Incidents, meant for it or not, that its alerts rest on. */
  readonly found_any: number;
  /** Alerts of which at least one event belongs to an attack or fault. */
  readonly true_alerts: number;
  /** Alerts that rest on benign events alone. */
  readonly false_alerts: number;
}

export interface Accuracy {
  readonly benign_events: number;
  readonly attack_events: number;
  readonly incidents: number;
  /** Incidents that some alert of level medium or above rests on, or for those meant for a notice: any alert. */
  readonly incidents_found: number;
  readonly rules: readonly RuleScore[];
  /** Examples of false alerts: rule, group and tenant. */
  readonly false_examples: readonly string[];
  readonly missed: readonly string[];
}

/** Rules of these levels tell what was changed or seen, for reviews. */
const NOTICE_LEVELS: readonly Level[] = ['informational', 'low'];
const EXAMPLES_MAX = 400;

/** Runs traffic through an engine and compares its alerts with the labels. `heads` are the rules that alert. */
export function measure(days: Iterable<TrafficDay>, engine: Engine, heads: readonly RuleHead[]): Accuracy {
  const labels = new Map<string, string>();
  const incidents: Incident[] = [];
  const foundBy = new Map<string, Set<string>>();
  const trueAlerts = new Map<string, number>();
  const falseAlerts = new Map<string, number>();
  const false_examples: string[] = [];
  let benign_events = 0;
  let attack_events = 0;

  const judge = (alert: Alert): void => {
    const name = alert.rule.name ?? alert.rule.id;
    const of = new Set(alert.events.map((id) => labels.get(`${alert.tenant} ${id}`)).filter((label) => label !== undefined));
    for (const incident of of) foundBy.set(incident, (foundBy.get(incident) ?? new Set()).add(name));
    const tally = of.size > 0 ? trueAlerts : falseAlerts;
    tally.set(name, (tally.get(name) ?? 0) + 1);
    if (of.size === 0 && false_examples.length < EXAMPLES_MAX && !NOTICE_LEVELS.includes(alert.rule.level))
      false_examples.push(`${name} ${alert.tenant} ${JSON.stringify(alert.group)} ${alert.events_count} ${alert.anchor} ${alert.first_us}`);
  };

  for (const day of days) {
    incidents.push(...day.incidents);
    for (const event of day.events) {
      if (event.incident === null) benign_events++;
      else {
        attack_events++;
        labels.set(`${event.tenant} ${event.id}`, event.incident);
      }
      for (const alert of engine.evaluate(event).alerts) judge(alert);
    }
  }
  for (const alert of engine.advance(Number.MAX_SAFE_INTEGER)) judge(alert);

  const isNotice = (name: string): boolean => NOTICE_LEVELS.includes(heads.find((head) => head.name === name)?.level ?? 'medium');
  const loud = (incident: Incident): boolean => {
    const names = [...(foundBy.get(incident.id) ?? [])];
    return names.some((name) => !isNotice(name) || name === incident.meant_for);
  };
  return {
    benign_events,
    attack_events,
    incidents: incidents.length,
    incidents_found: incidents.filter(loud).length,
    rules: heads.map(({ name, id, level }) => {
      const meant = incidents.filter(({ meant_for }) => meant_for === name);
      return {
        name: name ?? id,
        level,
        notice: NOTICE_LEVELS.includes(level),
        incidents: meant.length,
        found_any: incidents.filter((incident) => foundBy.get(incident.id)?.has(name ?? id)).length,
        found: meant.filter((incident) => foundBy.get(incident.id)?.has(name ?? id)).length,
        true_alerts: trueAlerts.get(name ?? id) ?? 0,
        false_alerts: falseAlerts.get(name ?? id) ?? 0,
      };
    }),
    false_examples,
    missed: incidents.filter((incident) => !foundBy.get(incident.id)?.has(incident.meant_for)).map(({ id }) => id),
  };
}
