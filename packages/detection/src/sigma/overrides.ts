import { isYamlMap, type YamlDocument, type YamlMap, type YamlValue } from './yaml.ts';

/** What an operator changes about one rule, filter or correlation, by its id. */
export interface Override {
  /** false leaves the document out. */
  readonly enabled?: boolean;
  /** Put over the document: maps are merged key by key, anything else replaces what was there. */
  readonly set?: YamlMap;
}
export type Overrides = Readonly<Record<string, Override>>;

/** The document with its override; errors in it are told at the line of the nearest part that the file has. */
export function overridden(document: YamlDocument, override: Override | undefined): YamlDocument {
  return override?.set === undefined ? document : { ...document, value: merged(document.value, override.set) };
}

function merged(base: YamlValue, over: YamlValue): YamlValue {
  if (!isYamlMap(base) || !isYamlMap(over)) return over;
  const result = Object.assign(Object.create(null) as Record<string, YamlValue>, base);
  for (const [key, value] of Object.entries(over)) result[key] = Object.hasOwn(base, key) ? merged(base[key] as YamlValue, value) : value;
  return result;
}
