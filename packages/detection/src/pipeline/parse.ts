import type { DetectionError } from '../errors.ts';
import { type Refusals, refusalsOf } from '../sigma/refusals.ts';
import {
  isYamlList,
  isYamlMap,
  parseYaml,
  type YamlDocument,
  type YamlMap,
  type YamlPath,
  type YamlValue,
  yamlField,
} from '../sigma/yaml.ts';
import type { Conditions, Pipeline, PipelineItem } from './model.ts';
import { FIELD_CONDITIONS, type Reader, RULE_CONDITIONS, readerOf, TRANSFORMATIONS } from './parse-transformation.ts';

/** Pipelines in the order in which they apply, and why others were refused. */
export interface LoadedPipelines {
  readonly pipelines: readonly Pipeline[];
  readonly errors: readonly DetectionError[];
}

const TOP_KEYS: readonly string[] = ['name', 'priority', 'transformations', 'allowed_backends'];
/** What pySigma does with queries once they are written; nothing is written here. */
const QUERY_KEYS: readonly string[] = ['postprocessing', 'finalizers'];
const ITEM_KEYS: readonly string[] = [
  'id',
  ...['rule', 'field_name', 'detection_item'].flatMap((kind) => [
    `${kind}_conditions`,
    `${kind}_cond_op`,
    `${kind}_cond_not`,
    `${kind}_cond_expr`,
  ]),
];

/**
 * Reads pipelines in pySigma's YAML. An unknown transformation or condition refuses its pipeline (`transformation_unknown`),
 * anything else that is wrong too (`pipeline_invalid`).
 */
export function loadPipelines(files: readonly { readonly file: string; readonly text: string }[]): LoadedPipelines {
  const pipelines: Pipeline[] = [];
  const errors: DetectionError[] = [];
  for (const { file, text } of files) {
    const read = parseYaml(file, text);
    errors.push(...read.errors);
    for (const document of read.documents) {
      const refusals = refusalsOf(document, null);
      const pipeline = readPipeline(document, refusals);
      if (pipeline !== null && refusals.errors.length === 0) pipelines.push(pipeline);
      errors.push(...refusals.errors);
    }
  }
  return { pipelines: pipelines.toSorted((a, b) => a.priority - b.priority), errors };
}

function readPipeline(document: YamlDocument, refusals: Refusals): Pipeline | null {
  const { value } = document;
  if (!isYamlMap(value)) {
    refusals.at('pipeline_invalid', [], 'a pipeline must be a map with transformations');
    return null;
  }
  for (const key of Object.keys(value)) {
    if (QUERY_KEYS.includes(key) && isEmpty(value[key])) continue;
    if (!TOP_KEYS.includes(key)) refusals.at('pipeline_invalid', [key], `"${key}" is not supported in a pipeline`);
  }
  const name = yamlField(value, 'name') ?? document.file;
  const priority = yamlField(value, 'priority') ?? 0;
  if (typeof name !== 'string') refusals.at('pipeline_invalid', ['name'], 'name must be a text');
  if (typeof priority !== 'number') refusals.at('pipeline_invalid', ['priority'], 'priority must be a number');
  const list = yamlField(value, 'transformations');
  if (!isYamlList(list)) {
    refusals.at('pipeline_invalid', ['transformations'], 'transformations must be a list');
    return null;
  }
  const items = list.map((item, i) => readItem(item, ['transformations', i], refusals)).filter((item) => item !== null);
  return { name: String(name), priority: Number(priority), items };
}

const isEmpty = (value: YamlValue | undefined): boolean => value === null || (isYamlList(value) && value.length === 0);

function readItem(value: YamlValue, path: YamlPath, refusals: Refusals): PipelineItem | null {
  if (!isYamlMap(value)) {
    refusals.at('pipeline_invalid', path, 'a transformation must be a map with a type');
    return null;
  }
  const reader = readerOf(value, path, refusals, ITEM_KEYS);
  const create = TRANSFORMATIONS.get(reader.type ?? '');
  if (create === undefined) {
    const reason = `the transformation ${JSON.stringify(reader.type)} is not supported: use one of ${[...TRANSFORMATIONS.keys()].join(', ')}`;
    refusals.at('transformation_unknown', [...path, 'type'], reason);
    return null;
  }
  const transformation = create(reader, refusals);
  reader.close();
  if (Object.hasOwn(value, 'detection_item_conditions'))
    refusals.at('transformation_unknown', [...path, 'detection_item_conditions'], 'conditions on detection items are not supported');
  const field = readConditions('field_name', value, path, FIELD_CONDITIONS, refusals);
  if (field.of.length > 0 && !(transformation.type.startsWith('field_name') || transformation.type === 'drop_detection_item'))
    refusals.at('pipeline_invalid', [...path, 'field_name_conditions'], `${transformation.type} does not go by field names`);
  if (transformation.type === 'drop_detection_item' && field.of.length === 0)
    refusals.at('pipeline_invalid', path, 'drop_detection_item without field_name_conditions would drop everything');
  return {
    id: reader.optionalText('id'),
    place: refusals.placeOf(path),
    transformation,
    rule: readConditions('rule', value, path, RULE_CONDITIONS, refusals),
    field,
  };
}

function readConditions<Condition>(
  kind: 'rule' | 'field_name',
  item: YamlMap,
  path: YamlPath,
  known: ReadonlyMap<string, (reader: Reader) => Condition>,
  refusals: Refusals,
): Conditions<Condition> {
  const key = `${kind}_conditions`;
  const invalid = (name: string, reason: string): void => refusals.at('pipeline_invalid', [...path, name], reason);
  if (Object.hasOwn(item, `${kind}_cond_expr`))
    invalid(`${kind}_cond_expr`, 'expressions over conditions are not supported: use a list and cond_op');
  const link = yamlField(item, `${kind}_cond_op`) ?? 'and';
  if (link !== 'and' && link !== 'or') invalid(`${kind}_cond_op`, 'must be "and" or "or"');
  const negated = yamlField(item, `${kind}_cond_not`) ?? false;
  if (typeof negated !== 'boolean') invalid(`${kind}_cond_not`, 'must be true or false');
  const list = yamlField(item, key) ?? [];
  if (!isYamlList(list)) invalid(key, 'must be a list');
  const of = (isYamlList(list) ? list : []).flatMap((condition, i) => {
    const at = [...path, key, i];
    const reader = isYamlMap(condition) ? readerOf(condition, at, refusals, []) : null;
    const create = known.get(reader?.type ?? '');
    if (reader === null || create === undefined) {
      refusals.at(
        'transformation_unknown',
        at,
        `the condition ${JSON.stringify(reader?.type ?? null)} is not supported: use one of ${[...known.keys()].join(', ')}`,
      );
      return [];
    }
    const result = create(reader);
    reader.close();
    return [result];
  });
  return { of, link: link === 'or' ? 'or' : 'and', negated: negated === true };
}
