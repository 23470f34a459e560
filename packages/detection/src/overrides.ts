import { type CorrelationRule, holds } from './correlation/model.ts';
import { isMetric, isTemporal, THRESHOLD_MAX } from './correlation/parse-condition.ts';
import { DetectionError } from './errors.ts';
import type { RulePlace, Sha256 } from './model.ts';
import { versionOf } from './sigma/canonical-json.ts';
import type { RuleFile } from './sigma/load.ts';
import type { SigmaRule } from './sigma/rule.ts';
import { isYamlMap, parseYaml, type YamlDocument, type YamlPath, type YamlValue, yamlField } from './sigma/yaml.ts';
import { parseTimespan } from './time/timespan.ts';

/** What an operator changes about one rule or correlation. */
export interface RuleChange {
  readonly place: RulePlace;
  /** Takes the place of the one number that the rule compares with; null leaves it. */
  readonly threshold: number | null;
  /** Takes the place of its window; null leaves it. */
  readonly timespan_us: number | null;
  /** Leaves the rule out. */
  readonly disabled: boolean;
}
/** By the id of the rule. */
export type RuleChanges = ReadonlyMap<string, RuleChange>;

/** Changes for every tenant and for single ones, and why the file was not read otherwise: then there are none. */
export interface LoadedOverrides {
  /** For tenants that are not named. */
  readonly everyone: RuleChanges;
  /** For those that are, with what holds for everyone. */
  readonly tenants: ReadonlyMap<string, RuleChanges>;
  readonly errors: readonly DetectionError[];
}

/** Names every tenant. No tenant can be called so. */
const EVERYONE = '*';
const KEYS: readonly string[] = ['threshold', 'timespan', 'disabled'];

/**
 * Reads a file of overrides: rule id → tenant, or `*` for all → `threshold`, `timespan`, `disabled`. rules/README.md
 * Errors have the codes `yaml_malformed` and `field_invalid`. Whether the rules exist is looked at by `applyOverrides`.
 */
export function loadOverrides({ file, text }: RuleFile): LoadedOverrides {
  const { documents, errors: malformed } = parseYaml(file, text);
  const reader = new Reader(file);
  for (const document of documents) reader.document(document);
  const errors = [...malformed, ...reader.errors];
  if (errors.length > 0) return { everyone: new Map(), tenants: new Map(), errors };
  const { [EVERYONE]: everyone = new Map<string, RuleChange>(), ...named } = Object.fromEntries(reader.byTenant);
  // What is said of a tenant takes the place of what is said of everyone, rule by rule.
  return { everyone, tenants: new Map(Object.entries(named).map(([tenant, own]) => [tenant, new Map([...everyone, ...own])])), errors };
}

class Reader {
  readonly errors: DetectionError[] = [];
  readonly byTenant = new Map<string, Map<string, RuleChange>>();
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  document(document: YamlDocument): void {
    for (const [id, tenants] of this.#entries(document, document.value, [])) {
      for (const [tenant, change] of this.#entries(document, tenants, [id])) {
        const changes = this.byTenant.get(tenant) ?? new Map<string, RuleChange>();
        if (changes.has(id)) this.#refuse(document, [id, tenant], 'is overridden for this tenant by another document already');
        this.byTenant.set(tenant, changes.set(id, this.#change(document, change, [id, tenant])));
      }
    }
  }

  #entries(document: YamlDocument, value: YamlValue, path: YamlPath): readonly [string, YamlValue][] {
    if (isYamlMap(value)) return Object.entries(value);
    this.#refuse(document, path, 'must be a map: rule id → tenant, or "*" → threshold, timespan or disabled');
    return [];
  }

  #change(document: YamlDocument, value: YamlValue, path: YamlPath): RuleChange {
    const map = isYamlMap(value) ? value : {};
    if (!isYamlMap(value) || Object.keys(value).length === 0) this.#refuse(document, path, `must be a map with one of ${KEYS.join(', ')}`);
    for (const key of Object.keys(map))
      if (!KEYS.includes(key)) this.#refuse(document, [...path, key], `"${key}" is not known here: use ${KEYS.join(', ')}`);
    const threshold = yamlField(map, 'threshold') ?? null;
    if (threshold !== null && typeof threshold !== 'number') this.#refuse(document, [...path, 'threshold'], 'threshold must be a number');
    const timespan = yamlField(map, 'timespan') ?? null;
    const timespan_us = typeof timespan === 'string' ? parseTimespan(timespan) : null;
    if (timespan !== null && timespan_us === null) this.#refuse(document, [...path, 'timespan'], 'timespan must be a text such as 15m');
    const disabled = yamlField(map, 'disabled') ?? false;
    if (typeof disabled !== 'boolean') this.#refuse(document, [...path, 'disabled'], 'disabled must be true or false');
    const place = { file: this.#file, line: document.lineOf(path) };
    return { place, threshold: typeof threshold === 'number' ? threshold : null, timespan_us, disabled: disabled === true };
  }

  #refuse(document: YamlDocument, path: YamlPath, reason: string): void {
    const rule = typeof path[0] === 'string' ? path[0] : null;
    this.errors.push(new DetectionError('field_invalid', { file: this.#file, line: document.lineOf(path) }, rule, reason));
  }
}

/** Rules as `loadRules` gives them. */
export interface RuleSet {
  readonly rules: readonly SigmaRule[];
  readonly correlations: readonly CorrelationRule[];
}

/**
 * The rules with the changes. A changed rule has another version, and so other ids of alerts. A change that does not fit its
 * rule is refused (`rule_unknown`, `field_invalid`) and the rule stays as it is.
 */
export function applyOverrides(
  { rules, correlations }: RuleSet,
  changes: RuleChanges,
  sha256: Sha256,
): RuleSet & { readonly errors: readonly DetectionError[] } {
  const errors: DetectionError[] = [];
  const known = new Set([...rules, ...correlations].map(({ head }) => head.id));
  for (const [id, { place }] of changes)
    if (!known.has(id)) errors.push(new DetectionError('rule_unknown', place, id, 'no rule has this id: look it up in the rule'));
  const refuse = (id: string, { place }: RuleChange, reason: string): void => {
    errors.push(new DetectionError('field_invalid', place, id, reason));
  };
  return {
    errors,
    rules: rules.filter(({ head: { id } }) => {
      const change = changes.get(id);
      if (change !== undefined && (change.threshold !== null || change.timespan_us !== null))
        refuse(id, change, 'the rule is no correlation: it has neither threshold nor timespan');
      return change?.disabled !== true;
    }),
    correlations: correlations.flatMap((rule) => {
      const change = changes.get(rule.head.id);
      if (change === undefined) return [rule];
      if (change.disabled) return [];
      const fault = faultOf(rule, change);
      if (fault === null) return [changed(rule, change, sha256)];
      refuse(rule.head.id, change, fault);
      return [rule];
    }),
  };
}

function faultOf({ type, comparisons }: CorrelationRule, { threshold }: RuleChange): string | null {
  if (threshold === null) return null;
  const [comparison, more] = comparisons;
  if (isTemporal(type)) return 'the rule counts nothing: set the threshold of the rules that it rests on';
  if (comparison === undefined || more !== undefined) return 'the rule compares more than once: write a rule of your own';
  if (isMetric(type)) return null;
  if (!Number.isInteger(threshold) || threshold < 1 || threshold > THRESHOLD_MAX)
    return `the threshold must be a whole number from 1 to ${THRESHOLD_MAX}`;
  const { operator } = comparison;
  const canHold = [1, threshold - 1, threshold + 1].some((count) => count >= 1 && holds([{ operator, threshold }], count));
  return canHold || operator === 'eq' ? null : 'with this threshold the condition can never be true';
}

function changed(rule: CorrelationRule, { threshold, timespan_us }: RuleChange, sha256: Sha256): CorrelationRule {
  const version = versionOf({ version: rule.head.version, threshold, timespan_us }, sha256);
  return {
    ...rule,
    head: { ...rule.head, version },
    timespan_us: timespan_us ?? rule.timespan_us,
    comparisons: threshold === null ? rule.comparisons : rule.comparisons.map(({ operator }) => ({ operator, threshold })),
  };
}
