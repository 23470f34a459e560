import type { LogSource, RuleHead, Sha256 } from '../model.ts';
import { readDetection } from './detection.ts';
import type { Expression } from './expression.ts';
import { checkTaxonomy, idOf, readHead, readLogSource, readTitle } from './head.ts';
import type { Refusals } from './refusals.ts';
import type { RawItem } from './value-test.ts';
import { isYamlList, isYamlMap, type YamlMap, yamlField } from './yaml.ts';

/** A rule as it was loaded, with the filters that apply to it. Modifiers and pipelines are applied when it is compiled. */
export interface SigmaRule {
  readonly head: RuleHead;
  readonly logsource: LogSource;
  readonly expression: Expression<RawItem>;
  /** Ids (or titles) of the filters that are in the expression. */
  readonly filters: readonly string[];
  /** The whole document, with overrides. */
  readonly document: YamlMap;
}

/** A filter as it was loaded: what it adds to the rules that it names. */
export interface SigmaFilter {
  /** The id, or the title of a filter without one. */
  readonly id: string;
  readonly title: string;
  readonly logsource: LogSource;
  /** Ids or names of rules; `any` for all of the log source. */
  readonly rules: 'any' | readonly string[];
  readonly expression: Expression<RawItem>;
  readonly document: YamlMap;
}

/** Reads a rule; null where something in it is refused, for the reasons in `refusals`. */
export function readRule(map: YamlMap, refusals: Refusals, sha256: Sha256, taxonomies: readonly string[]): SigmaRule | null {
  const head = readHead(map, refusals, sha256, taxonomies);
  const logsource = readLogSource(map, refusals);
  const section = yamlField(map, 'detection');
  if (!isYamlMap(section)) {
    refusals.at('field_invalid', ['detection'], 'detection must be a map of selections and a condition');
    return null;
  }
  const expression = readDetection(section, ['detection'], [], refusals);
  return expression === null || refusals.errors.length > 0 ? null : { head, logsource, expression, filters: [], document: map };
}

/** Reads a filter; null where something in it is refused. Its id is optional, as the standard has it. */
export function readFilter(map: YamlMap, refusals: Refusals, taxonomies: readonly string[]): SigmaFilter | null {
  const title = readTitle(map, refusals);
  checkTaxonomy(map, refusals, taxonomies);
  const logsource = readLogSource(map, refusals);
  const section = yamlField(map, 'filter');
  if (!isYamlMap(section)) {
    refusals.at('field_invalid', ['filter'], 'filter must be a map of rules, selections and a condition');
    return null;
  }
  const rules = readRules(section, refusals);
  if (typeof yamlField(section, 'condition') !== 'string')
    refusals.at('field_invalid', ['filter', 'condition'], 'a filter has one condition, a text');
  const expression = readDetection(section, ['filter'], ['rules'], refusals);
  if (expression === null || refusals.errors.length > 0) return null;
  return { id: idOf(map) ?? title, title, logsource, rules, expression, document: map };
}

/** `any` and `all` name every rule of the log source. */
function readRules(section: YamlMap, refusals: Refusals): 'any' | readonly string[] {
  const value = yamlField(section, 'rules');
  if (value === 'any' || value === 'all') return 'any';
  const items = isYamlList(value) ? value : [value];
  const names = items.filter((item): item is string => typeof item === 'string' && item !== '');
  if (names.length === 0 || names.length < items.length)
    refusals.at(
      value === undefined ? 'field_missing' : 'field_invalid',
      ['filter', 'rules'],
      'rules must be "any" or a list of ids or names of rules',
    );
  return names;
}
