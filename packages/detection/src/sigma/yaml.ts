import { type Document, isAlias, isCollection, isMap, isPair, isScalar, isSeq, LineCounter, type Node, parseAllDocuments } from 'yaml';
import { DetectionError } from '../errors.ts';

/** A plain value out of YAML: what JSON can say. Maps are objects with the keys of the document alone. */
export type YamlValue = string | number | boolean | null | readonly YamlValue[] | YamlMap;
export interface YamlMap {
  readonly [key: string]: YamlValue;
}
export type YamlPath = readonly (string | number)[];

/** One document of a file. */
export interface YamlDocument {
  /** As given by the caller. */
  readonly file: string;
  readonly value: YamlValue;
  /** The line, from 1, of what stands at a path: of the key in a map, of the item in a list; of the nearest part above it that exists. */
  readonly lineOf: (path: YamlPath) => number;
}

/** The parts of one file that were read, and why the others were not. */
export interface YamlFile {
  readonly documents: readonly YamlDocument[];
  readonly errors: readonly DetectionError[];
}

/** Limits, so that a hostile file costs no more than its size. */
export const YAML_CHARACTERS_MAX = 8_388_608;
export const YAML_ALIASES_MAX = 100;
export const YAML_DEPTH_MAX = 64;

/** Reads every document of a file; empty ones are left out. A document that cannot be read gives an error (`yaml_malformed`) and leaves the others be. */
export function parseYaml(file: string, text: string): YamlFile {
  const refused = (line: number, reason: string, cause?: unknown) =>
    new DetectionError('yaml_malformed', { file, line }, null, reason, { cause });
  if (text.length > YAML_CHARACTERS_MAX) return { documents: [], errors: [refused(1, `more than ${YAML_CHARACTERS_MAX} characters`)] };
  const line = deepestLine(text);
  if (line !== null) return { documents: [], errors: [refused(line, `nested more than ${YAML_DEPTH_MAX} deep`)] };
  const lines = new LineCounter();
  let parsed: readonly Document.Parsed[];
  try {
    const all = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, intAsBigInt: true, stringKeys: true });
    parsed = Array.isArray(all) ? all : [];
  } catch (error) {
    return { documents: [], errors: [refused(1, 'cannot be read as YAML', error)] };
  }
  const documents: YamlDocument[] = [];
  const errors: DetectionError[] = [];
  for (const document of parsed) {
    const start = lines.linePos(document.contents?.range[0] ?? document.range[0]).line;
    const wrong = document.errors[0] ?? document.warnings[0];
    if (wrong !== undefined) {
      errors.push(refused(lines.linePos(wrong.pos[0]).line, wrong.message, wrong));
      continue;
    }
    if (document.contents === null) continue;
    try {
      const value = plain(document.toJS({ maxAliasCount: YAML_ALIASES_MAX }), 0);
      if (value !== null) documents.push({ file, value, lineOf: (path) => lineOf(document, lines, path) });
    } catch (error) {
      errors.push(refused(start, error instanceof Error ? error.message : 'cannot be read as YAML', error));
    }
  }
  return { documents, errors };
}

/** Whether a value is a map. */
export const isYamlMap = (value: YamlValue | undefined): value is YamlMap =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Whether a value is a list. */
export const isYamlList = (value: YamlValue | undefined): value is readonly YamlValue[] => Array.isArray(value);

/** The value of a key; undefined where the map has none of its own. */
export const yamlField = (map: YamlMap, key: string): YamlValue | undefined => (Object.hasOwn(map, key) ? map[key] : undefined);

/**
 * The first line whose brackets or leading marks nest too deep: the YAML reader recurses, so this is looked at before. Counts
 * more than there is (brackets in text), never less; the exact depth is checked on the values.
 */
function deepestLine(text: string): number | null {
  let open = 0;
  for (const [i, line] of text.split('\n').entries()) {
    let marks = 0;
    for (let at = 0; at < line.length; at++) {
      const c = line[at];
      if (c === '[' || c === '{') open++;
      else if (c === ']' || c === '}') open = Math.max(0, open - 1);
      else if ((c === '-' || c === '?') && line[at + 1] === ' ' && /^[-? ]*$/.test(line.slice(Math.max(0, at - 4), at))) marks++;
    }
    if (open > DEPTH_GUARD || marks > DEPTH_GUARD) return i + 1;
    if (open > 0 && /^(?:---|\.\.\.)/.test(line)) open = 0;
  }
  return null;
}
/** Text may hold brackets that close nowhere; the reader itself stands far more than this. */
const DEPTH_GUARD = 1_000;

function plain(value: unknown, depth: number): YamlValue {
  if (depth > YAML_DEPTH_MAX) throw new RangeError(`nested more than ${YAML_DEPTH_MAX} deep`);
  if (typeof value === 'bigint') {
    const number = Number(value);
    if (!Number.isSafeInteger(number))
      throw new RangeError(`the integer ${String(value).slice(0, 40)} is too large for a number: put it in quotes`);
    return number;
  }
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new RangeError('not-a-number and infinity are no values');
    return value;
  }
  if (typeof value === 'string') return wellFormed(value);
  if (typeof value === 'boolean' || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => plain(item, depth + 1));
  if (typeof value !== 'object') throw new TypeError(`a value of type ${typeof value} is not supported`);
  const map = Object.create(null) as Record<string, YamlValue>;
  for (const [key, item] of Object.entries(value)) map[wellFormed(key)] = plain(item, depth + 1);
  return map;
}

/** Half of a surrogate pair is no character: comparing it would part pairs in events. */
function wellFormed(text: string): string {
  if (!text.isWellFormed()) throw new RangeError('a text is not well-formed Unicode: it has half of a surrogate pair');
  return text;
}

function lineOf(document: Document.Parsed, lines: LineCounter, path: YamlPath): number {
  let node: Node | null = document.contents;
  let offset = document.contents?.range[0] ?? document.range[0];
  for (const step of path) {
    if (isAlias(node)) node = node.resolve(document) ?? null;
    if (!isCollection(node)) break;
    const found: unknown = isMap(node)
      ? node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step))
      : isSeq(node) && typeof step === 'number'
        ? node.items[step]
        : undefined;
    if (found === undefined) break;
    const at = isPair(found) ? (found.key as Node) : (found as Node);
    offset = at.range?.[0] ?? offset;
    node = (isPair(found) ? found.value : found) as Node | null;
  }
  return lines.linePos(offset).line;
}
