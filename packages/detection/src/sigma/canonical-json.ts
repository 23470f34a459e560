import type { Sha256 } from '../model.ts';
import { isYamlList, isYamlMap, type YamlValue } from './yaml.ts';

/** JSON with the keys of every map in the order of their code units and no space: one text for one value. */
export function canonicalJson(value: YamlValue): string {
  if (isYamlList(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (!isYamlMap(value)) return JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`).join(',')}}`;
}

/** Hex SHA-256 of a document's canonical JSON: the version of what it says. */
export function versionOf(value: YamlValue, sha256: Sha256): string {
  const digest = sha256(new TextEncoder().encode(canonicalJson(value)));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
