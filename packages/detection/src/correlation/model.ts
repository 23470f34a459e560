import type { RuleHead, RulePlace } from '../model.ts';

/** The types of Sigma 2.1, and the median of pySigma (percentile 50 with the mean of the middle two). */
export type CorrelationType =
  | 'event_count'
  | 'value_count'
  | 'temporal'
  | 'temporal_ordered'
  | 'value_sum'
  | 'value_avg'
  | 'value_percentile'
  | 'value_median';

export type Operator = 'gt' | 'gte' | 'lt' | 'lte' | 'eq' | 'neq';

/** One comparison of a condition; a condition is a list of them that all hold. */
export interface Comparison {
  readonly operator: Operator;
  readonly threshold: number;
}

/** A condition over member rules, as in `a and (b or not c)`: which of them have a hit in the window. Members by index. */
export type Expression =
  | { readonly kind: 'member'; readonly member: number }
  | { readonly kind: 'not'; readonly of: Expression }
  | { readonly kind: 'and' | 'or'; readonly of: readonly Expression[] };

/** A correlation as it stands in its document. What it refers to is looked up by `linkCorrelations`. */
export interface CorrelationRule {
  readonly head: RuleHead;
  readonly type: CorrelationType;
  /** Ids or names of rules and correlations, as written; for `temporal_ordered` in the order in which they must come. */
  readonly rules: readonly string[];
  /** Where `rules` stands. */
  readonly rules_place: RulePlace;
  /** Fields or aliases; one state for each combination of their values. Empty: one state for the tenant. */
  readonly group_by: readonly string[];
  readonly timespan_us: number;
  /** Alias → rule (id or name, as written) → field. */
  readonly aliases: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** Whether the rules that it refers to alert by themselves as well. */
  readonly generate: boolean;
  readonly comparisons: readonly Comparison[];
  /** For `temporal` with a condition over rules; null for all others. */
  readonly expression: Expression | null;
  /** The fields whose value is counted, summed, …; several are one value together. Empty for event_count and temporal types. */
  readonly fields: readonly string[];
  /** For `value_percentile`: which percentile is compared, 0 to 100; null compares the share, in percent, of the event's own value. */
  readonly percentile: number | null;
}

/** Whether every comparison holds. */
export function holds(comparisons: readonly Comparison[], value: number): boolean {
  for (const { operator, threshold } of comparisons) if (!compare(operator, value, threshold)) return false;
  return true;
}

function compare(operator: Operator, value: number, threshold: number): boolean {
  switch (operator) {
    case 'gt':
      return value > threshold;
    case 'gte':
      return value >= threshold;
    case 'lt':
      return value < threshold;
    case 'lte':
      return value <= threshold;
    case 'eq':
      return value === threshold;
    case 'neq':
      return value !== threshold;
  }
}

/** Whether an expression holds, given which members have a hit. */
export function satisfied(expression: Expression, present: (member: number) => boolean): boolean {
  switch (expression.kind) {
    case 'member':
      return present(expression.member);
    case 'not':
      return !satisfied(expression.of, present);
    case 'and':
      return expression.of.every((part) => satisfied(part, present));
    case 'or':
      return expression.of.some((part) => satisfied(part, present));
  }
}
