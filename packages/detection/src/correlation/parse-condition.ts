import { isYamlList, isYamlMap, type YamlMap, type YamlPath, yamlField } from '../sigma/yaml.ts';
import { type Comparison, type CorrelationType, holds, type Operator } from './model.ts';

/** Largest count that a condition may compare with: what a key keeps is in proportion to it. */
export const THRESHOLD_MAX = 100_000;

const OPERATORS: readonly Operator[] = ['gt', 'gte', 'lt', 'lte', 'eq', 'neq'];
/** How many fields a group or a value may have. */
export const FIELDS_MAX = 16;

export const isTemporal = (type: CorrelationType): boolean => type === 'temporal' || type === 'temporal_ordered';
/** Whether a type computes with a field's numbers over the whole window. */
export const isMetric = (type: CorrelationType): boolean => type.startsWith('value_') && type !== 'value_count';

const at = (key: string): YamlPath => ['condition', key];

export interface ParsedComparisons {
  readonly comparisons: readonly Comparison[];
  readonly fields: readonly string[];
  readonly percentile: number | null;
}

/** Reads a condition that is a map: one or more comparisons, which all have to hold, and for value types the field. */
export function parseComparisons(
  section: YamlMap,
  type: CorrelationType,
  members: number,
  refuse: (path: YamlPath, reason: string) => void,
): ParsedComparisons {
  const everyMember: ParsedComparisons = { comparisons: [{ operator: 'gte', threshold: members }], fields: [], percentile: null };
  const value = yamlField(section, 'condition');
  if (isTemporal(type) && (value === undefined || typeof value === 'string')) return everyMember;
  if (!isYamlMap(value)) {
    refuse(['condition'], `condition of ${type} must be a map such as "gte: 10"`);
    return everyMember;
  }
  const comparisons: Comparison[] = [];
  for (const [key, threshold] of Object.entries(value)) {
    const operator = OPERATORS.find((name) => name === key);
    if (operator === undefined) {
      if (key !== 'field' && key !== 'percentile') refuse(at(key), `"${key}" is not part of a condition: use ${OPERATORS.join(', ')}`);
    } else if (typeof threshold !== 'number') refuse(at(key), `${key} must be a number`);
    else if (!isMetric(type) && !Number.isInteger(threshold)) refuse(at(key), `${key} must be a whole number`);
    else if (!isMetric(type) && Math.abs(threshold) > THRESHOLD_MAX) refuse(at(key), `${key} must be at most ${THRESHOLD_MAX}`);
    else comparisons.push({ operator, threshold });
  }
  if (comparisons.length === 0) refuse(['condition'], `condition of ${type} has no comparison: add one of ${OPERATORS.join(', ')}`);
  else if (!isMetric(type) && !canHold(comparisons, type, members))
    refuse(
      ['condition'],
      type === 'temporal_ordered'
        ? 'condition of temporal_ordered must ask for all of its rules: a part of a sequence has no meaning that the standard fixes'
        : 'condition can never be true at an event, where at least one is there: absence cannot be detected by a correlation',
    );
  const fields = parseFields(value, type, refuse);
  return { comparisons, fields, percentile: parsePercentile(value, type, refuse) };
}

/** Whether some count that an event can see satisfies the condition; for an ordered sequence, whether the full count alone does. */
function canHold(comparisons: readonly Comparison[], type: CorrelationType, members: number): boolean {
  if (type === 'temporal_ordered') {
    for (let count = 1; count < members; count++) if (holds(comparisons, count)) return false;
    return holds(comparisons, members);
  }
  // Between and beyond the thresholds nothing changes, so looking beside each of them is looking everywhere.
  const beside = comparisons.flatMap(({ threshold }) => [threshold - 1, threshold, threshold + 1]);
  return [1, ...beside].some((count) => count >= 1 && (type !== 'temporal' || count <= members) && holds(comparisons, count));
}

function parseFields(condition: YamlMap, type: CorrelationType, refuse: (path: YamlPath, reason: string) => void): readonly string[] {
  const value = yamlField(condition, 'field');
  const valued = type.startsWith('value_');
  if (value === undefined || value === null) {
    if (valued) refuse(['condition'], `condition of ${type} needs "field"`);
    return [];
  }
  if (!valued) refuse(['condition', 'field'], `condition of ${type} has no field`);
  const list = isYamlList(value) ? value : [value];
  const fields = list.filter((item): item is string => typeof item === 'string' && item !== '');
  if (fields.length !== list.length || fields.length === 0 || new Set(fields).size !== fields.length)
    refuse(['condition', 'field'], 'field must be a name, or a list of different names');
  if (fields.length > FIELDS_MAX) refuse(['condition', 'field'], `field has more than ${FIELDS_MAX} names`);
  if (isMetric(type) && type !== 'value_percentile' && fields.length > 1) refuse(['condition', 'field'], `${type} computes with one field`);
  return fields;
}

function parsePercentile(condition: YamlMap, type: CorrelationType, refuse: (path: YamlPath, reason: string) => void): number | null {
  const value = yamlField(condition, 'percentile');
  if (value === undefined || value === null) return null;
  if (type !== 'value_percentile') refuse(['condition', 'percentile'], `condition of ${type} has no percentile`);
  if (typeof value !== 'number' || value < 0 || value > 100)
    refuse(['condition', 'percentile'], 'percentile must be a number from 0 to 100');
  else if (isYamlList(yamlField(condition, 'field'))) refuse(['condition', 'field'], 'a percentile is computed of one field');
  return typeof value === 'number' ? value : null;
}
