import { DetectionError } from '../errors.ts';
import type { FieldValue } from '../model.ts';
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

/** A file of tests of rules. rules/tests/README.md describes the format. */
export interface RuleTestFile {
  readonly file: string;
  /** Names of the rules that are tested: alerts of all others are not compared. */
  readonly rules: readonly string[];
  readonly tests: readonly RuleTest[];
}

export interface RuleTest {
  readonly title: string;
  readonly line: number;
  /** Time of 0s, µs since 1970. */
  readonly start_us: number;
  readonly arrive: Arrive;
  readonly steps: readonly TestStep[];
  readonly alerts: readonly ExpectedAlert[];
}

/** In which order the events reach the engine: by their times, as the steps stand in the file, or by their times backwards. */
export type Arrive = 'in_time' | 'as_written' | 'reversed';

/** One event, or the same one several times. */
export interface TestStep {
  readonly line: number;
  readonly at_us: number;
  readonly repeat: number;
  readonly every_us: number;
  readonly tenant: string;
  /** Base, shape and overrides laid over each other. `{n}` in a text is the number of the repetition, from 1. */
  readonly fields: Readonly<Record<string, FieldValue>>;
}

export interface ExpectedAlert {
  readonly line: number;
  /** By its name. */
  readonly rule: string;
  /** Compared only where it is given. */
  readonly group: Readonly<Record<string, string>> | null;
  /** Time of the event that completes it, since 0s; compared only where it is given. */
  readonly at_us: number | null;
  readonly tenant: string | null;
}

export interface ParsedRuleTests {
  /** Null where there is an error. */
  readonly tests: RuleTestFile | null;
  readonly errors: readonly DetectionError[];
}

export const REPEAT_MAX = 5_000;
const TENANT = 'acme';
const START_US = 1_772_442_000_000_000; // Monday, 2 March 2026, 09:00 UTC
const FILE_KEYS = ['rules', 'start', 'base', 'shapes', 'tests'];
const TEST_KEYS = ['title', 'start', 'arrive', 'events', 'alerts'];
const STEP_KEYS = ['at', 'shape', 'repeat', 'every', 'tenant', 'with'];
const ALERT_KEYS = ['rule', 'group', 'at', 'tenant'];
const ARRIVE: readonly Arrive[] = ['in_time', 'as_written', 'reversed'];

type Fields = Record<string, FieldValue>;

/** Reads a file of tests. Errors have the codes `yaml_malformed`, `field_missing` and `field_invalid`, and a line. */
export function parseRuleTests(file: string, text: string): ParsedRuleTests {
  const { documents, errors } = parseYaml(file, text);
  const [document, more] = documents;
  if (errors.length > 0 || document === undefined) {
    const empty = new DetectionError('field_missing', { file, line: 1 }, null, 'has no document: write rules and tests');
    return { tests: null, errors: errors.length > 0 ? errors : [empty] };
  }
  const reader = new Reader(document);
  if (more !== undefined) reader.refuse([], 'has more than one document: write one');
  const tests = reader.file();
  return reader.errors.length > 0 ? { tests: null, errors: reader.errors } : { tests, errors: [] };
}

class Reader {
  readonly errors: DetectionError[] = [];
  readonly #document: YamlDocument;

  constructor(document: YamlDocument) {
    this.#document = document;
  }

  refuse(path: YamlPath, reason: string): void {
    this.errors.push(new DetectionError('field_invalid', { file: this.#document.file, line: this.#document.lineOf(path) }, null, reason));
  }

  file(): RuleTestFile {
    const top = this.#map(this.#document.value, [], FILE_KEYS);
    const rules = (this.#list(top, 'rules', []) ?? []).map((name) => String(name));
    const start_us = this.#start(top, [], START_US);
    const base = this.#fields(yamlField(top, 'base'), ['base']);
    const shapes = new Map<string, Fields>();
    for (const [name, value] of Object.entries(this.#map(yamlField(top, 'shapes') ?? {}, ['shapes'], null)))
      shapes.set(name, this.#fields(value, ['shapes', name]));
    const tests = (this.#list(top, 'tests', []) ?? []).map((value, i) => this.#test(value, ['tests', i], start_us, base, shapes));
    return { file: this.#document.file, rules, tests };
  }

  #test(value: YamlValue, path: YamlPath, start_us: number, base: Fields, shapes: ReadonlyMap<string, Fields>): RuleTest {
    const map = this.#map(value, path, TEST_KEYS);
    const arrive = yamlField(map, 'arrive') ?? 'in_time';
    const known = ARRIVE.find((name) => name === arrive);
    if (known === undefined) this.refuse([...path, 'arrive'], `arrive must be one of ${ARRIVE.join(', ')}`);
    return {
      title: this.#text(map, 'title', path) ?? '',
      line: this.#document.lineOf(path),
      start_us: this.#start(map, path, start_us),
      arrive: known ?? 'in_time',
      steps: (this.#list(map, 'events', path) ?? []).map((step, i) => this.#step(step, [...path, 'events', i], base, shapes)),
      alerts: (this.#list(map, 'alerts', path) ?? []).map((alert, i) => this.#alert(alert, [...path, 'alerts', i])),
    };
  }

  #step(value: YamlValue, path: YamlPath, base: Fields, shapes: ReadonlyMap<string, Fields>): TestStep {
    const map = this.#map(value, path, STEP_KEYS);
    const name = this.#text(map, 'shape', path, '');
    const shape = name === '' || name === null ? {} : shapes.get(name);
    if (shape === undefined) this.refuse([...path, 'shape'], `no shape is called ${name}: add it under shapes`);
    const repeat = yamlField(map, 'repeat') ?? 1;
    if (typeof repeat !== 'number' || !Number.isInteger(repeat) || repeat < 1 || repeat > REPEAT_MAX)
      this.refuse([...path, 'repeat'], `repeat must be a whole number from 1 to ${REPEAT_MAX}`);
    return {
      line: this.#document.lineOf(path),
      at_us: this.#duration(map, 'at', path) ?? 0,
      repeat: typeof repeat === 'number' ? repeat : 1,
      every_us: this.#duration(map, 'every', path) ?? 0,
      tenant: this.#text(map, 'tenant', path, TENANT) ?? TENANT,
      fields: { ...base, ...shape, ...this.#fields(yamlField(map, 'with'), [...path, 'with']) },
    };
  }

  #alert(value: YamlValue, path: YamlPath): ExpectedAlert {
    const map = this.#map(value, path, ALERT_KEYS);
    const group = yamlField(map, 'group');
    return {
      line: this.#document.lineOf(path),
      rule: this.#text(map, 'rule', path) ?? '',
      group:
        group === undefined
          ? null
          : Object.fromEntries(Object.entries(this.#map(group, [...path, 'group'], null)).map(([field, of]) => [field, String(of)])),
      at_us: this.#duration(map, 'at', path),
      tenant: this.#text(map, 'tenant', path, ''),
    };
  }

  #map(value: YamlValue | undefined, path: YamlPath, keys: readonly string[] | null): YamlMap {
    if (!isYamlMap(value)) {
      this.refuse(path, 'must be a map');
      return {};
    }
    for (const key of Object.keys(value))
      if (keys !== null && !keys.includes(key)) this.refuse([...path, key], `"${key}" is not known here: use ${keys.join(', ')}`);
    return value;
  }

  #list(map: YamlMap, key: string, path: YamlPath): readonly YamlValue[] | null {
    const value = yamlField(map, key);
    if (isYamlList(value)) return value;
    this.refuse([...path, key], `${key} must be a list, which may be empty`);
    return null;
  }

  /** Without `otherwise` the text is required. */
  #text(map: YamlMap, key: string, path: YamlPath, otherwise?: string): string | null {
    const value = yamlField(map, key);
    if (value === undefined && otherwise !== undefined) return otherwise === '' ? null : otherwise;
    if (typeof value === 'string' && value !== '') return value;
    this.refuse([...path, key], `${key} must be a text`);
    return null;
  }

  /** Numbers and texts, and lists of them: what a field of an event can be. */
  #fields(value: YamlValue | undefined, path: YamlPath): Fields {
    if (value === undefined) return {};
    const fields: Fields = {};
    for (const [name, of] of Object.entries(this.#map(value, path, null))) {
      if (isYamlMap(of)) this.refuse([...path, name], `${name} must be a value or a list; write attributes as attributes.NAME`);
      else fields[name] = of as FieldValue;
    }
    return fields;
  }

  #duration(map: YamlMap, key: string, path: YamlPath): number | null {
    const value = yamlField(map, key);
    if (value === undefined) return null;
    const us = typeof value === 'string' ? durationUs(value) : null;
    if (us === null) this.refuse([...path, key], `${key} must be a duration such as 90s, 1h30m or 15m0.5s`);
    return us;
  }

  #start(map: YamlMap, path: YamlPath, otherwise: number): number {
    const value = yamlField(map, 'start');
    if (value === undefined) return otherwise;
    const us = typeof value === 'string' ? instantUs(value) : null;
    if (us === null) this.refuse([...path, 'start'], 'start must be a time in UTC such as "2026-03-02 09:00"');
    return us ?? otherwise;
  }
}

const UNITS_US = { d: 86_400_000_000, h: 3_600_000_000, m: 60_000_000, s: 1_000_000 } as const;

/** `1h30m`, `0.5s`, `-10s`: units from large to small, each once. Null for anything else. */
function durationUs(text: string): number | null {
  const found = /^(-?)(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d{1,6})?)s)?$/.exec(text);
  if (found === null || /^-?$/.test(text)) return null;
  const [, sign, d = '0', h = '0', m = '0', s = '0'] = found;
  const us = Number(d) * UNITS_US.d + Number(h) * UNITS_US.h + Number(m) * UNITS_US.m + Math.round(Number(s) * UNITS_US.s);
  return sign === '-' ? -us : us;
}

/** Days of the proleptic Gregorian calendar, counted in years that begin in March. */
function instantUs(text: string): number | null {
  const found = /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d)$/.exec(text);
  if (found === null) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0] = found.slice(1).map(Number);
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59) return null;
  const y = month < 3 ? year - 1 : year;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const days = y * 365 + Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400) + dayOfYear - 719_468;
  return ((days * 24 + hour) * 60 + minute) * UNITS_US.m;
}
