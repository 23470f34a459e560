import type { CorrelationRule } from './correlation/model.ts';
import type { Engine } from './engine.ts';
import { DetectionError, type DetectionErrorCode } from './errors.ts';
import type { Alert } from './model.ts';
import type { LoadedRules } from './sigma/load.ts';
import type { Override, Overrides } from './sigma/overrides.ts';
import { isYamlMap, parseYaml, type YamlMap, type YamlPath, type YamlValue, yamlField } from './sigma/yaml.ts';
import { joinedStats } from './tenant-stats.ts';
import { parseTimespan } from './time/timespan.ts';

/** What operators change about rules, for every tenant and for single ones. */
export interface TenantOverrides {
  /** For tenants that are not named. */
  readonly everyone: Overrides;
  /** For those that are, with what holds for everyone. */
  readonly tenants: ReadonlyMap<string, Overrides>;
}

export interface ParsedOverrides {
  /** Null where there is an error. */
  readonly overrides: TenantOverrides | null;
  readonly errors: readonly DetectionError[];
}

/** Names every tenant. No tenant can be called so. */
const EVERYONE = '*';
const KEYS = ['threshold', 'timespan', 'disabled'];

/**
 * Reads a file of overrides: rule id → tenant, or `*` for all → `threshold`, `timespan`, `disabled`. rules/README.md
 * Errors have the codes `yaml_malformed`, `rule_unknown` and `field_invalid`, and a line.
 *
 * @param loaded the rules as they are without overrides: a threshold takes the place of the one that a rule has
 */
export function parseTenantOverrides(file: string, text: string, loaded: Pick<LoadedRules, 'rules' | 'correlations'>): ParsedOverrides {
  const { documents, errors: malformed } = parseYaml(file, text);
  if (malformed.length > 0) return { overrides: null, errors: malformed };
  const errors: DetectionError[] = [];
  const byTenant = new Map<string, Map<string, Override>>();
  for (const document of documents) {
    const refuse = (code: DetectionErrorCode, path: YamlPath, rule: string | null, reason: string): void => {
      errors.push(new DetectionError(code, { file, line: document.lineOf(path) }, rule, reason));
    };
    for (const [id, tenants] of entriesOf(document.value, [], refuse)) {
      const correlation = loaded.correlations.find(({ head }) => head.id === id) ?? null;
      if (correlation === null && !loaded.rules.some(({ head }) => head.id === id)) {
        refuse('rule_unknown', [id], id, 'no rule has this id: look it up in the rule, an override goes by id');
        continue;
      }
      for (const [tenant, change] of entriesOf(tenants, [id], refuse)) {
        const override = overrideOf(change, correlation, (key, reason) => refuse('field_invalid', [id, tenant, ...key], id, reason));
        byTenant.set(tenant, (byTenant.get(tenant) ?? new Map<string, Override>()).set(id, override));
      }
    }
  }
  if (errors.length > 0) return { overrides: null, errors };
  const everyone = Object.fromEntries(byTenant.get(EVERYONE) ?? []);
  byTenant.delete(EVERYONE);
  // What is said of a tenant takes the place of what is said of everyone, rule by rule.
  const tenants = new Map([...byTenant].map(([tenant, own]) => [tenant, { ...everyone, ...Object.fromEntries(own) }]));
  return { overrides: { everyone, tenants }, errors: [] };
}

type Refuse = (code: DetectionErrorCode, path: YamlPath, rule: string | null, reason: string) => void;

function entriesOf(value: YamlValue, path: YamlPath, refuse: Refuse): readonly [string, YamlValue][] {
  if (isYamlMap(value)) return Object.entries(value);
  refuse('field_invalid', path, null, 'must be a map: rule id → tenant, or "*" → threshold, timespan or disabled');
  return [];
}

function overrideOf(
  change: YamlValue,
  correlation: CorrelationRule | null,
  refuse: (key: readonly string[], reason: string) => void,
): Override {
  if (!isYamlMap(change)) {
    refuse([], 'must be a map with threshold, timespan or disabled');
    return {};
  }
  for (const key of Object.keys(change)) if (!KEYS.includes(key)) refuse([key], `"${key}" is not known here: use ${KEYS.join(', ')}`);
  const disabled = yamlField(change, 'disabled') ?? false;
  if (typeof disabled !== 'boolean') refuse(['disabled'], 'disabled must be true or false');
  const set: Record<string, YamlValue> = {};
  const threshold = yamlField(change, 'threshold');
  if (threshold !== undefined)
    Object.assign(set, { condition: conditionOf(threshold, correlation, (reason) => refuse(['threshold'], reason)) });
  const timespan = yamlField(change, 'timespan');
  if (timespan !== undefined) {
    if (correlation === null) refuse(['timespan'], 'the rule is no correlation: it has no timespan');
    else if (typeof timespan !== 'string' || parseTimespan(timespan) === null) refuse(['timespan'], 'timespan must be a text such as 15m');
    set['timespan'] = timespan;
  }
  return { ...(disabled === true ? { enabled: false } : {}), ...(Object.keys(set).length > 0 ? { set: { correlation: set } } : {}) };
}

/** The one comparison of a count, with another number. */
function conditionOf(threshold: YamlValue, correlation: CorrelationRule | null, refuse: (reason: string) => void): YamlMap {
  const [comparison, more] = correlation?.comparisons ?? [];
  if (correlation === null) refuse('the rule is no correlation: it has no threshold');
  else if (correlation.type.startsWith('temporal')) refuse('the rule counts nothing: set the threshold of the rules that it rests on');
  else if (more !== undefined) refuse('the rule compares twice: write a rule of your own');
  if (typeof threshold !== 'number') refuse('threshold must be a number');
  return { [comparison?.operator ?? 'gte']: threshold };
}

/** Event time that may pass before the engines of other tenants are told. */
const TELL_US = 1_000_000;

/**
 * One engine whose rules differ by tenant: tenants share no state, so each one that is named has an engine of its own.
 *
 * @param engineOf compiles the rules with overrides, with empty state
 */
export function createTenantEngine(overrides: TenantOverrides, engineOf: (overrides: Overrides) => Engine): Engine {
  return withEngines(engineOf(overrides.everyone), new Map([...overrides.tenants].map(([tenant, own]) => [tenant, engineOf(own)])));
}

function withEngines(everyone: Engine, named: ReadonlyMap<string, Engine>): Engine {
  const all = [everyone, ...named.values()];
  let told_us = Number.NEGATIVE_INFINITY;
  const advanceOthers = (engine: Engine, time_us: number): readonly Alert[] => {
    if (!(time_us >= told_us + TELL_US)) return [];
    told_us = time_us;
    return all.flatMap((other) => (other === engine ? [] : other.advance(time_us)));
  };
  return {
    evaluate(event) {
      const engine = named.get(event.tenant) ?? everyone;
      const { matches, alerts } = engine.evaluate(event);
      if (named.size === 0) return { matches, alerts };
      // Never ahead of when the log took it: one wrong clock must not make another tenant's events late.
      const others = advanceOthers(engine, Math.min(event.time_us, event.received_us ?? event.time_us));
      return { matches, alerts: others.length === 0 ? alerts : [...alerts, ...others] };
    },
    advance: (time_us) => all.flatMap((engine) => engine.advance(time_us)),
    fresh: () => withEngines(everyone.fresh(), new Map([...named].map(([tenant, engine]) => [tenant, engine.fresh()]))),
    stats: () => joinedStats(all.map((engine) => engine.stats())),
  };
}
