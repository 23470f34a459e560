import { readSelection } from '../sigma/detection.ts';
import type { Refusals } from '../sigma/refusals.ts';
import { isYamlList, isYamlMap, type YamlMap, type YamlPath, type YamlValue, yamlField } from '../sigma/yaml.ts';
import type { FieldCondition, RuleCondition, Transformation } from './model.ts';

/** One map of a pipeline: reads its fields, refuses what is wrong, and at the end what it was not asked for. */
export interface Reader {
  readonly type: string | null;
  readonly text: (key: string) => string;
  readonly scalar: (key: string) => string | number | boolean;
  readonly flag: (key: string) => boolean;
  readonly texts: (key: string) => readonly string[];
  readonly optionalText: (key: string) => string | null;
  readonly mapping: () => ReadonlyMap<string, readonly string[]>;
  readonly map: (key: string) => YamlMap;
  readonly pathOf: (key: string) => YamlPath;
  readonly refuse: (key: string, reason: string) => void;
  /** Refuses every key that nothing has read. */
  readonly close: () => void;
}

export function readerOf(map: YamlMap, path: YamlPath, refusals: Refusals, known: readonly string[]): Reader {
  const read = new Set<string>(['type', ...known]);
  const refuse = (key: string, reason: string): void => refusals.at('pipeline_invalid', [...path, key], reason);
  const value = (key: string): YamlValue | undefined => {
    read.add(key);
    return yamlField(map, key) ?? undefined;
  };
  const text = (key: string): string => {
    const found = value(key);
    if (typeof found === 'string') return found;
    refuse(key, `${key} must be a text`);
    return '';
  };
  const listOfTexts = (found: YamlValue | undefined, key: string): readonly string[] => {
    const items = isYamlList(found) ? found : [found];
    const texts = items.filter((item): item is string => typeof item === 'string' && item !== '');
    if (texts.length === 0 || texts.length < items.length) refuse(key, `${key} must be a text or a list of texts`);
    return texts;
  };
  const type = yamlField(map, 'type');
  return {
    type: typeof type === 'string' ? type : null,
    text,
    optionalText: (key) => (value(key) === undefined ? null : text(key)),
    scalar: (key) => {
      const found = value(key);
      if (typeof found === 'string' || typeof found === 'number' || typeof found === 'boolean') return found;
      refuse(key, `${key} must be a text, a number, true or false`);
      return '';
    },
    flag: (key) => {
      const found = value(key) ?? false;
      if (typeof found !== 'boolean') refuse(key, `${key} must be true or false`);
      return found === true;
    },
    texts: (key) => listOfTexts(value(key), key),
    mapping: () => {
      const found = value('mapping');
      if (!isYamlMap(found)) {
        refuse('mapping', 'mapping must be a map from names to names');
        return new Map();
      }
      return new Map(Object.entries(found).map(([from, to]) => [from, listOfTexts(to, 'mapping')]));
    },
    map: (key) => {
      const found = value(key);
      if (isYamlMap(found)) return found;
      refuse(key, `${key} must be a map`);
      return {};
    },
    pathOf: (key) => [...path, key],
    refuse,
    close: () => {
      for (const key of Object.keys(map)) if (!read.has(key)) refuse(key, `"${key}" is not supported here`);
    },
  };
}

const logsourceOf = (reader: Reader): { category: string | null; product: string | null; service: string | null } => ({
  category: reader.optionalText('category')?.toLowerCase() ?? null,
  product: reader.optionalText('product')?.toLowerCase() ?? null,
  service: reader.optionalText('service')?.toLowerCase() ?? null,
});

/** Each transformation that is supported, by its name in pySigma. */
export const TRANSFORMATIONS: ReadonlyMap<string, (reader: Reader, refusals: Refusals) => Transformation> = new Map<
  string,
  (reader: Reader, refusals: Refusals) => Transformation
>([
  ['field_name_mapping', (reader) => ({ type: 'field_name_mapping', mapping: reader.mapping() })],
  ['field_name_prefix_mapping', (reader) => ({ type: 'field_name_prefix_mapping', mapping: reader.mapping() })],
  ['field_name_prefix', (reader) => ({ type: 'field_name_prefix', prefix: reader.text('prefix') })],
  ['field_name_suffix', (reader) => ({ type: 'field_name_suffix', suffix: reader.text('suffix') })],
  ['change_logsource', (reader) => ({ type: 'change_logsource', logsource: logsourceOf(reader) })],
  [
    'add_condition',
    (reader, refusals) => {
      reader.optionalText('name');
      if (reader.flag('template')) reader.refuse('template', 'templates are not supported: write one item for each log source');
      const selection = readSelection(reader.map('conditions'), reader.pathOf('conditions'), refusals);
      return { type: 'add_condition', selection, negated: reader.flag('negated') };
    },
  ],
  ['set_state', (reader) => ({ type: 'set_state', key: reader.text('key'), value: reader.scalar('val') })],
  ['drop_detection_item', () => ({ type: 'drop_detection_item' })],
  ['rule_failure', (reader) => ({ type: 'rule_failure', message: reader.text('message') })],
]);

/** Each condition on rules that is supported. */
export const RULE_CONDITIONS: ReadonlyMap<string, (reader: Reader) => RuleCondition> = new Map<string, (reader: Reader) => RuleCondition>([
  ['logsource', (reader) => ({ type: 'logsource', logsource: logsourceOf(reader) })],
  ['contains_field', (reader) => ({ type: 'contains_field', field: reader.text('field') })],
  ['processing_item_applied', (reader) => ({ type: 'processing_item_applied', item: reader.text('processing_item_id') })],
  [
    'processing_state',
    (reader) => {
      const op = reader.optionalText('op') ?? 'eq';
      if (op !== 'eq') reader.refuse('op', 'only op: eq is supported');
      return { type: 'processing_state', key: reader.text('key'), value: reader.scalar('val') };
    },
  ],
  ['tag', (reader) => ({ type: 'tag', tag: reader.text('tag') })],
  ['is_sigma_rule', () => ({ type: 'is_sigma_rule' })],
  ['is_sigma_correlation_rule', () => ({ type: 'is_sigma_correlation_rule' })],
]);

/** Each condition on field names that is supported. */
export const FIELD_CONDITIONS: ReadonlyMap<string, (reader: Reader) => FieldCondition> = new Map<
  string,
  (reader: Reader) => FieldCondition
>([
  ['include_fields', (reader) => ({ type: 'include_fields', fields: plainFields(reader) })],
  ['exclude_fields', (reader) => ({ type: 'exclude_fields', fields: plainFields(reader) })],
]);

function plainFields(reader: Reader): readonly string[] {
  if ((reader.optionalText('mode') ?? 'plain') !== 'plain') reader.refuse('mode', 'only mode: plain is supported');
  return reader.texts('fields');
}
