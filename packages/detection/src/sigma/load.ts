import type { CorrelationRule } from '../correlation/model.ts';
import { parseCorrelation } from '../correlation/parse.ts';
import { DetectionError } from '../errors.ts';
import type { RulePlace, Sha256 } from '../model.ts';
import { applyFilters, type PlacedFilter } from './apply-filters.ts';
import { idOf, readHead } from './head.ts';
import { type Overrides, overridden } from './overrides.ts';
import { type Refusals, refusalsOf } from './refusals.ts';
import { readFilter, readRule, type SigmaFilter, type SigmaRule } from './rule.ts';
import { isYamlMap, parseYaml, type YamlDocument, type YamlMap } from './yaml.ts';

/** One file of rules. */
export interface RuleFile {
  /** A name for errors: a path relative to the folder that was loaded, or any other. */
  readonly file: string;
  readonly text: string;
}

export interface LoadOptions {
  readonly sha256: Sha256;
  /** By the id of the document. */
  readonly overrides?: Overrides;
  /** Taxonomies beside `sigma` whose field names the events, or a pipeline, know. */
  readonly taxonomies?: readonly string[];
}

/** What was read, and why the rest was not. A document is in one of them, never in part. */
export interface LoadedRules {
  readonly rules: readonly SigmaRule[];
  readonly correlations: readonly CorrelationRule[];
  readonly filters: readonly SigmaFilter[];
  readonly errors: readonly DetectionError[];
  /** Those of the errors that refuse a rule by itself: without them all that was read is what its author wrote. */
  readonly rule_errors: readonly DetectionError[];
}

const KINDS = ['detection', 'correlation', 'filter'] as const;
type Kind = (typeof KINDS)[number];

/**
 * Reads files of Sigma rules, correlations and filters, and adds the filters to their rules. Whatever is unknown, unsupported
 * or ambiguous refuses its document with file, line, id and reason (DetectionError) and leaves the others be.
 * docs/detection/sigma.md says what is read.
 */
export function loadRules(files: readonly RuleFile[], options: LoadOptions): LoadedRules {
  const { sha256, overrides = {} } = options;
  const taxonomies = ['sigma', ...(options.taxonomies ?? [])];
  const errors: DetectionError[] = [];
  const ruleErrors: DetectionError[] = [];
  const rules: SigmaRule[] = [];
  const correlations: CorrelationRule[] = [];
  const filters: PlacedFilter[] = [];
  const taken = new Map<string, RulePlace>();
  const overriddenIds = new Set<string>();

  for (const { file, text } of files) {
    const read = parseYaml(file, text);
    errors.push(...read.errors);
    for (const original of read.documents) {
      const id = isYamlMap(original.value) ? idOf(original.value) : null;
      const override = id !== null && Object.hasOwn(overrides, id) ? overrides[id] : undefined;
      if (override !== undefined) overriddenIds.add(id as string);
      if (override?.enabled === false) continue;
      const document = overridden(original, override);
      const refusals = refusalsOf(document, id);
      const kind = kindOf(document, refusals);
      if (kind !== null) readDocument(kind, document, document.value as YamlMap, refusals);
      errors.push(...refusals.errors);
      if (kind === 'detection') ruleErrors.push(...refusals.errors);
    }
  }
  for (const id of Object.keys(overrides))
    if (!overriddenIds.has(id))
      errors.push(
        new DetectionError('rule_unknown', { file: 'overrides', line: 1 }, id, 'there is an override for it, and no such document'),
      );

  const applied = applyFilters(rules, filters, sha256);
  return {
    rules: applied.rules,
    correlations,
    filters: filters.filter(({ refusals }) => refusals.errors.length === 0).map(({ filter }) => filter),
    errors: [...errors, ...applied.errors],
    rule_errors: ruleErrors,
  };

  function readDocument(kind: Kind, document: YamlDocument, map: YamlMap, refusals: Refusals): void {
    if (kind === 'filter') {
      const filter = readFilter(map, refusals, taxonomies);
      if (filter !== null && take([idOf(map)], refusals)) filters.push({ filter, refusals: refusalsOf(document, filter.id) });
    } else if (kind === 'detection') {
      const rule = readRule(map, refusals, sha256, taxonomies);
      if (rule !== null && take([rule.head.id, rule.head.name], refusals)) rules.push(rule);
    } else {
      const head = readHead(map, refusals, sha256, taxonomies);
      const parsed = parseCorrelation(document, head);
      errors.push(...parsed.errors);
      if (parsed.rule !== null && refusals.errors.length === 0 && take([head.id, head.name], refusals)) correlations.push(parsed.rule);
    }
  }

  /** Ids and names are one space: a correlation may refer to a rule by either. */
  function take(names: readonly (string | null)[], refusals: Refusals): boolean {
    const own = new Set(names.filter((name) => name !== null));
    for (const name of own) {
      const other = taken.get(name);
      if (other !== undefined)
        refusals.at('id_duplicate', ['id'], `${name} is the id or name of another document, at ${other.file}:${other.line}`);
    }
    if (refusals.errors.length > 0) return false;
    for (const name of own) taken.set(name, refusals.placeOf([]));
    return true;
  }
}

function kindOf(document: YamlDocument, refusals: Refusals): Kind | null {
  const { value } = document;
  if (!isYamlMap(value)) {
    refusals.at('document_unknown', [], 'the document is no map: a rule has title, logsource and detection');
    return null;
  }
  if (Object.hasOwn(value, 'action')) {
    refusals.at('document_unknown', ['action'], 'collections with actions are no part of Sigma 2: write each rule whole');
    return null;
  }
  const kinds = KINDS.filter((kind) => Object.hasOwn(value, kind));
  const [kind] = kinds;
  if (kind !== undefined && kinds.length === 1) return kind;
  refusals.at(
    'document_unknown',
    [],
    kind === undefined
      ? 'the document has neither detection, correlation nor filter'
      : `the document has ${kinds.join(' and ')}: write one of them`,
  );
  return null;
}
