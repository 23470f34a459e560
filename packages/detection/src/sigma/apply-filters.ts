import { DetectionError } from '../errors.ts';
import type { LogSource, Sha256 } from '../model.ts';
import { versionOf } from './canonical-json.ts';
import { and } from './expression.ts';
import type { Refusals } from './refusals.ts';
import type { SigmaFilter, SigmaRule } from './rule.ts';

export interface PlacedFilter {
  readonly filter: SigmaFilter;
  readonly refusals: Refusals;
}

/** Whether a log source is, or is a part of, another that says less. */
export const isWithin = (inner: LogSource, outer: LogSource): boolean =>
  (outer.category === null || outer.category === inner.category) &&
  (outer.product === null || outer.product === inner.product) &&
  (outer.service === null || outer.service === inner.service);

/**
 * Adds each filter to the rules that it names: rule AND filter, as pySigma does. A filter's selections are put in the places
 * of their names before, so they meet neither those of the rule nor its `1 of them`. A rule with filters is another version.
 */
export function applyFilters(
  rules: readonly SigmaRule[],
  filters: readonly PlacedFilter[],
  sha256: Sha256,
): { readonly rules: readonly SigmaRule[]; readonly errors: readonly DetectionError[] } {
  const sound = filters.filter(({ filter, refusals }) => {
    for (const name of filter.rules === 'any' ? [] : filter.rules) checkTarget(name, filter, rules, refusals);
    return refusals.errors.length === 0;
  });
  const filtered = rules.map((rule) => {
    const fitting = sound.map(({ filter }) => filter).filter((filter) => appliesTo(filter, rule));
    if (fitting.length === 0) return rule;
    const version = versionOf({ rule: rule.document, filters: fitting.map(({ document }) => document) }, sha256);
    return {
      ...rule,
      head: { ...rule.head, version },
      expression: and([rule.expression, ...fitting.map(({ expression }) => expression)]),
      filters: fitting.map(({ id }) => id),
    };
  });
  return { rules: filtered, errors: filters.flatMap(({ refusals }) => refusals.errors) };
}

const isNamed = (rule: SigmaRule, name: string): boolean => rule.head.id === name || rule.head.name === name;

function checkTarget(name: string, filter: SigmaFilter, rules: readonly SigmaRule[], refusals: Refusals): void {
  const at = ['filter', 'rules'];
  const rule = rules.find((candidate) => isNamed(candidate, name));
  if (rule === undefined) refusals.at('rule_unknown', at, `the filter names the rule ${name}, which is not loaded`);
  else if (!isWithin(rule.logsource, filter.logsource))
    refusals.at('field_invalid', at, `the rule ${name} is of another log source than the filter`);
}

const appliesTo = (filter: SigmaFilter, rule: SigmaRule): boolean =>
  filter.rules === 'any' ? isWithin(rule.logsource, filter.logsource) : filter.rules.some((name) => isNamed(rule, name));
