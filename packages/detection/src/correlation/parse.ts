import { DetectionError } from '../errors.ts';
import type { RuleHead } from '../model.ts';
import { isYamlList, isYamlMap, type YamlDocument, type YamlMap, type YamlPath, type YamlValue, yamlField } from '../sigma/yaml.ts';
import { parseTimespan } from '../time/timespan.ts';
import { type CorrelationRule, type CorrelationType, type Expression, satisfied } from './model.ts';
import { FIELDS_MAX, isTemporal, parseComparisons } from './parse-condition.ts';
import { inOrderOf, parseExpression } from './parse-expression.ts';

/** A correlation, or every reason why the document is none that can be evaluated whole. */
export type ParsedCorrelation =
  | { readonly rule: CorrelationRule; readonly errors: readonly [] }
  | { readonly rule: null; readonly errors: readonly DetectionError[] };

/** How many rules one correlation may refer to. */
export const MEMBERS_MAX = 100;

const TYPES: readonly string[] = [
  'event_count',
  'value_count',
  'temporal',
  'temporal_ordered',
  'value_sum',
  'value_avg',
  'value_percentile',
  'value_median',
] satisfies readonly CorrelationType[];
const KEYS: readonly string[] = ['type', 'rules', 'group-by', 'timespan', 'condition', 'aliases', 'generate'];

/** Refuses at a path below `correlation`. */
type Refuse = (path: YamlPath, reason: string) => void;

/**
 * Reads the `correlation` section of a document (Sigma correlation rules 2.1; conditions over rules of temporal correlations
 * from 2.2). What it refers to is not looked up: `linkCorrelations` does that.
 *
 * @param head what the document says beside `correlation`, read by the same code as that of rules
 */
export function parseCorrelation(document: YamlDocument, head: RuleHead): ParsedCorrelation {
  const errors: DetectionError[] = [];
  const refuse: Refuse = (path, reason) => {
    const place = { file: document.file, line: document.lineOf(['correlation', ...path]) };
    errors.push(new DetectionError('correlation_invalid', place, head.id, reason));
  };
  const rule = isYamlMap(document.value) ? read(document, document.value, head, refuse) : null;
  if (rule === null && errors.length === 0) refuse([], 'the document has no correlation: write a map under "correlation"');
  return rule === null || errors.length > 0 ? { rule: null, errors } : { rule, errors: [] };
}

function read(document: YamlDocument, top: YamlMap, head: RuleHead, refuse: Refuse): CorrelationRule | null {
  const section = yamlField(top, 'correlation');
  if (!isYamlMap(section)) return null;
  for (const key of Object.keys(section))
    if (!KEYS.includes(key)) refuse([key], `"${key}" is not an attribute of a correlation: remove it (known: ${KEYS.join(', ')})`);
  const type = yamlField(section, 'type');
  if (typeof type !== 'string' || !TYPES.includes(type)) {
    refuse(['type'], `type ${shown(type)} is not supported: use one of ${TYPES.join(', ')}`);
    return null;
  }
  const known = type as CorrelationType;
  const { rules, expression } = readRules(section, known, refuse);
  const { comparisons, fields, percentile } = parseComparisons(section, known, rules.length, refuse);
  return {
    head,
    type: known,
    rules,
    rules_place: { file: document.file, line: document.lineOf(['correlation', 'rules']) },
    group_by: texts(section, 'group-by', FIELDS_MAX, refuse) ?? [],
    timespan_us: readTimespan(section, refuse),
    aliases: readAliases(section, refuse),
    generate: readGenerate(section, top, refuse),
    comparisons,
    expression,
    fields,
    percentile,
  };
}

/** The member rules and, for a temporal type, the condition over them. A condition over rules may stand without `rules`. */
function readRules(section: YamlMap, type: CorrelationType, refuse: Refuse): { rules: readonly string[]; expression: Expression | null } {
  const listed = texts(section, 'rules', MEMBERS_MAX, refuse);
  const condition = yamlField(section, 'condition');
  const parsed = typeof condition === 'string' && isTemporal(type) ? parseExpression(condition) : null;
  if (typeof parsed === 'string') refuse(['condition'], parsed);
  if (parsed === null || typeof parsed === 'string') {
    if (listed === null || listed.length === 0) refuse(['rules'], 'rules is missing: list the ids or names of the rules to correlate');
    return { rules: listed ?? [], expression: null };
  }
  const rules = listed ?? parsed.rules;
  if (rules.length > MEMBERS_MAX) refuse(['condition'], `condition names more than ${MEMBERS_MAX} rules`);
  const unlike = [...rules.filter((name) => !parsed.rules.includes(name)), ...parsed.rules.filter((name) => !rules.includes(name))];
  if (unlike.length > 0) {
    refuse(['condition'], `condition and rules must name the same rules: ${unlike.slice(0, 3).join(', ')} stands in one alone`);
    return { rules, expression: null };
  }
  const expression = inOrderOf(rules, parsed);
  if (type === 'temporal_ordered') {
    // A sequence with alternatives or absences has no meaning that the standard fixes.
    const plain =
      expression.kind === 'member' ||
      (expression.kind === 'and' && expression.of.every((part, i) => part.kind === 'member' && part.member === i));
    if (!plain)
      refuse(['condition'], 'a condition of temporal_ordered can only join all rules with "and", in the order in which they come');
    return { rules, expression: null };
  }
  if (!canHold(expression, rules.length)) refuse(['condition'], 'condition can never be true when one of its rules has just matched');
  return { rules, expression };
}

/** Looks at every set of members up to a number where that costs nothing; beyond it, takes the author's word. */
function canHold(expression: Expression, members: number): boolean {
  if (members > 12) return true;
  for (let set = 1; set < 2 ** members; set++) if (satisfied(expression, (member) => (set & (1 << member)) !== 0)) return true;
  return false;
}

function readTimespan(section: YamlMap, refuse: Refuse): number {
  const text = yamlField(section, 'timespan');
  const span_us = typeof text === 'string' ? parseTimespan(text) : null;
  if (span_us === null)
    refuse(['timespan'], `timespan ${shown(text)} is not supported: write a whole number and s, m, h, d, w, M or y, at most ten years`);
  return span_us ?? 0;
}

function readAliases(section: YamlMap, refuse: Refuse): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const aliases = new Map<string, ReadonlyMap<string, string>>();
  const value = yamlField(section, 'aliases');
  if (value === undefined) return aliases;
  if (!isYamlMap(value)) {
    refuse(['aliases'], 'aliases must be a map: alias → rule → field');
    return aliases;
  }
  for (const [alias, fields] of Object.entries(value)) {
    const of = new Map<string, string>();
    if (!isYamlMap(fields)) refuse(['aliases', alias], `alias ${alias} must be a map: rule → field`);
    else
      for (const [rule, field] of Object.entries(fields)) {
        if (typeof field !== 'string' || field === '') refuse(['aliases', alias, rule], `alias ${alias} must name a field for ${rule}`);
        else of.set(rule, field);
      }
    aliases.set(alias, of);
  }
  return aliases;
}

/** In the correlation as pySigma has it, or beside it as the specification's schema has it. */
function readGenerate(section: YamlMap, top: YamlMap, refuse: Refuse): boolean {
  const inside = yamlField(section, 'generate');
  const value = inside ?? yamlField(top, 'generate') ?? false;
  if (typeof value !== 'boolean') refuse(['generate'], `generate ${shown(value)} is not supported: write true or false`);
  return value === true;
}

/** A text or a list of texts, each once; null where there is none. */
function texts(section: YamlMap, key: string, max: number, refuse: Refuse): readonly string[] | null {
  const value = yamlField(section, key);
  if (value === undefined || value === null) return null;
  const list = isYamlList(value) ? value : [value];
  const found = list.filter((item): item is string => typeof item === 'string' && item !== '');
  if (found.length !== list.length) refuse([key], `${key} must be a list of texts`);
  if (found.length > max) refuse([key], `${key} has more than ${max} items`);
  if (new Set(found).size !== found.length) refuse([key], `${key} names something twice`);
  return found;
}

const shown = (value: YamlValue | undefined): string => (value === undefined ? '(missing)' : JSON.stringify(value).slice(0, 60));
