import { ConditionFault, isSelectionName, parseCondition } from './condition.ts';
import { and, type Expression, or } from './expression.ts';
import { ItemFault } from './item-fault.ts';
import { applyModifiers } from './modifiers.ts';
import type { Refusals } from './refusals.ts';
import type { RawItem, RawValue } from './value-test.ts';
import { isYamlList, isYamlMap, type YamlMap, type YamlPath, type YamlValue, yamlField } from './yaml.ts';

/** Selections by name, in the order of the document. */
type Selections = ReadonlyMap<string, Expression<RawItem>>;

/** More values in one rule are a list that belongs elsewhere. */
export const VALUES_MAX = 100_000;

/**
 * Reads a section of selections and a condition: `detection` of a rule, `filter` of a filter. null where something in it is
 * refused; the reasons went to `refusals`. Sigma 2.1, "Detection".
 *
 * @param ignored keys that are no selections
 */
export function readDetection(
  section: YamlMap,
  path: YamlPath,
  ignored: readonly string[],
  refusals: Refusals,
): Expression<RawItem> | null {
  const before = refusals.errors.length;
  const selections = new Map<string, Expression<RawItem>>();
  for (const [name, value] of Object.entries(section)) {
    if (name === 'condition' || ignored.includes(name)) continue;
    const at = [...path, name];
    if (name === 'timeframe') refusals.at('field_invalid', at, 'timeframe is no part of Sigma 2: write a correlation');
    else if (!isSelectionName(name))
      refusals.at('field_invalid', at, `"${name}" cannot be the name of a selection: a condition could not refer to it`);
    else selections.set(name, readSelection(value, at, refusals));
  }
  if (refusals.errors.length > before) return null;
  const expression = readConditions(section, path, selections, refusals);
  return refusals.errors.length > before ? null : expression;
}

function readConditions(section: YamlMap, path: YamlPath, selections: Selections, refusals: Refusals): Expression<RawItem> {
  const condition = yamlField(section, 'condition');
  const at = [...path, 'condition'];
  if (condition === undefined || condition === null) {
    refusals.at('field_missing', path, 'there is no condition');
    return or([]);
  }
  const texts = isYamlList(condition) ? condition : [condition];
  if (texts.length === 0) refusals.at('field_invalid', at, 'the list of conditions is empty');
  return or(
    texts.flatMap((text, i) => {
      const place = isYamlList(condition) ? [...at, i] : at;
      if (typeof text !== 'string') {
        refusals.at('field_invalid', place, 'a condition must be a text');
        return [];
      }
      try {
        return [parseCondition(text, selections)];
      } catch (error) {
        if (!(error instanceof ConditionFault)) throw error;
        refusals.at(error.kind, place, error.message, error);
        return [];
      }
    }),
  );
}

/** A map is an AND of its lines; a list an OR of texts, which are keywords, and maps. */
export function readSelection(value: YamlValue, path: YamlPath, refusals: Refusals): Expression<RawItem> {
  if (isYamlMap(value)) return readMap(value, path, refusals);
  if (!isYamlList(value)) return readItem('', value, path, refusals);
  if (value.length === 0) refusals.at('field_invalid', path, 'the selection is empty');
  if (value.every(isScalar)) return readItem('', value, path, refusals);
  return or(
    value.map((part, i) => {
      const at = [...path, i];
      if (!isYamlList(part)) return isYamlMap(part) ? readMap(part, at, refusals) : readItem('', [part], at, refusals);
      refusals.at('field_invalid', at, 'a list inside a list means nothing: write texts or maps');
      return or([]);
    }),
  );
}

function readMap(map: YamlMap, path: YamlPath, refusals: Refusals): Expression<RawItem> {
  const entries = Object.entries(map);
  if (entries.length === 0) refusals.at('field_invalid', path, 'the selection is empty');
  return and(entries.map(([key, value]) => readItem(key, value, [...path, key], refusals)));
}

const isScalar = (value: YamlValue): value is RawValue => !isYamlList(value) && !isYamlMap(value);

function readItem(key: string, value: YamlValue, path: YamlPath, refusals: Refusals): Expression<RawItem> {
  const [name = '', ...modifiers] = key.split('|');
  const listed = isYamlList(value);
  const values = listed ? value : [value];
  const item: RawItem = {
    field: name === '' ? null : name,
    modifiers,
    values: values.filter(isScalar),
    listed,
    place: refusals.placeOf(path),
  };
  const fault = faultOf(item, values);
  if (fault !== null) refusals.at(fault.code, path, `${key === '' ? 'keywords' : key}: ${fault.message}`, fault);
  return { kind: 'leaf', leaf: item };
}

/** Why the line cannot be used. */
function faultOf(item: RawItem, values: readonly YamlValue[]): ItemFault | null {
  if (values.length === 0) return new ItemFault('field_invalid', 'the list of values is empty');
  if (values.length > VALUES_MAX) return new ItemFault('limit_exceeded', `more than ${VALUES_MAX} values`);
  if (item.values.length < values.length) return new ItemFault('field_invalid', 'a value must be a text, a number, true, false or null');
  // Sigma 2.1, "Special Field Values": null has no type in common with any other value.
  if (item.listed && values.length > 1 && values.includes(null))
    return new ItemFault('field_invalid', 'null cannot stand in a list: give it a selection of its own');
  try {
    applyModifiers(item, null);
    return null;
  } catch (error) {
    if (error instanceof ItemFault) return error;
    throw error;
  }
}
