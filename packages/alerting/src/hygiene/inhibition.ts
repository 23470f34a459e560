import type { Labels } from '../alert.ts';
import { AlertingError } from '../errors.ts';
import { checkMatchers, type Matcher, matchesAll } from '../matchers.ts';

/** For a while after an alert that `source` matches, alerts that `target` matches and whose `equal` labels are the same are held. */
export interface InhibitionRule {
  readonly name: string;
  readonly source: readonly Matcher[];
  readonly target: readonly Matcher[];
  /** `tenant` is always compared, named or not: one tenant's alerts never hold another's. */
  readonly equal: readonly string[];
  readonly for_ms: number;
}

export type InhibitionState = readonly (readonly [key: string, until_ms: number, source: string])[];

/** What holds an alert. */
export interface Inhibition {
  readonly rule: string;
  /** Id of the alert that holds it. */
  readonly source: string;
  readonly until_ms: number;
}

export interface Inhibitions {
  /** Changes nothing. */
  heldBy(labels: Labels, now_ms: number): Inhibition | null;
  /** Remembers an alert as a source, where a rule says so. */
  add(id: string, labels: Labels, now_ms: number): void;
  readonly forgotten: number;
  state(): InhibitionState;
}

/** Sources that are remembered; the oldest is forgotten first, and counted. */
const SOURCES_MAX = 100_000;

/** Throws AlertingError `settings_invalid`. */
export function createInhibitions(rules: readonly InhibitionRule[], state: InhibitionState = []): Inhibitions {
  for (const { name, source, target, for_ms } of rules) {
    checkMatchers([...source, ...target], `inhibition ${name}`);
    if (source.length === 0 || target.length === 0)
      throw new AlertingError('settings_invalid', `inhibition ${name}: source and target each need a matcher, or all alerts would be held`);
    if (!(for_ms > 0)) throw new AlertingError('settings_invalid', `inhibition ${name}: for_ms must be more than 0`);
  }
  const sources = new Map(state.map(([key, until_ms, source]) => [key, { until_ms, source }]));
  let forgotten = 0;
  const keyOf = (rule: InhibitionRule, labels: Labels): string =>
    JSON.stringify([rule.name, ...[...new Set(['tenant', ...rule.equal])].map((label) => labels.get(label) ?? '')]);
  return {
    heldBy(labels, now_ms) {
      for (const rule of rules) {
        // An alert that is a source itself is not held by its own kind.
        if (!matchesAll(rule.target, labels) || matchesAll(rule.source, labels)) continue;
        const source = sources.get(keyOf(rule, labels));
        if (source !== undefined && now_ms < source.until_ms) return { rule: rule.name, source: source.source, until_ms: source.until_ms };
      }
      return null;
    },
    add(id, labels, now_ms) {
      for (const rule of rules) {
        if (!matchesAll(rule.source, labels)) continue;
        const key = keyOf(rule, labels);
        sources.delete(key);
        sources.set(key, { until_ms: now_ms + rule.for_ms, source: id });
        for (const [oldest, { until_ms }] of sources) {
          if (until_ms > now_ms && sources.size <= SOURCES_MAX) break;
          if (until_ms > now_ms) forgotten++;
          sources.delete(oldest);
        }
      }
    },
    get forgotten() {
      return forgotten;
    },
    state: () => Array.from(sources, ([key, { until_ms, source }]) => [key, until_ms, source] as const),
  };
}
