import type { RulePlace } from '../model.ts';
import type { Pattern } from './pattern.ts';

export type TimeUnit = 'minute' | 'hour' | 'day' | 'week' | 'month' | 'year';
export type Comparison = 'lt' | 'lte' | 'gt' | 'gte';

/** One value of a rule with its modifiers applied: what is asked of a field's value. */
export type ValueTest =
  /** Text with wildcards. Without case unless `cased`. */
  | { readonly kind: 'text'; readonly pattern: Pattern; readonly cased: boolean }
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'boolean'; readonly value: boolean }
  /** The field is null or not there. */
  | { readonly kind: 'null' }
  /** RE2 syntax; found anywhere in the value. `flags` out of i, m and s. */
  | { readonly kind: 'regex'; readonly source: string; readonly flags: string }
  | { readonly kind: 'compare'; readonly comparison: Comparison; readonly value: number }
  /** An address inside a network. */
  | { readonly kind: 'cidr'; readonly network: string }
  | { readonly kind: 'exists'; readonly exists: boolean }
  /** The value of another field, whole or as a part. */
  | { readonly kind: 'field'; readonly field: string; readonly place: 'whole' | 'start' | 'end' | 'anywhere'; readonly cased: boolean }
  /** A part of a date; equal to the number, or compared with it. */
  | { readonly kind: 'time'; readonly unit: TimeUnit; readonly comparison: Comparison | 'eq'; readonly value: number }
  /** One value that became several; one of them is enough, under `all` too. */
  | { readonly kind: 'any_of'; readonly tests: readonly ValueTest[] };

/** A value as a rule writes it. */
export type RawValue = string | number | boolean | null;

/** One line of a selection as the rule writes it. */
export interface RawItem {
  /** null for keywords, which are looked for in every value of the event. */
  readonly field: string | null;
  readonly modifiers: readonly string[];
  readonly values: readonly RawValue[];
  /** Whether the values stood in a list, even in one of one. */
  readonly listed: boolean;
  readonly place: RulePlace;
}

/** One line of a selection, ready to be compiled. */
export interface TestItem {
  readonly field: string | null;
  readonly tests: readonly ValueTest[];
  /** Whether one test is enough. */
  readonly link: 'any' | 'all';
  /** `neq`: true where the tests are not. */
  readonly negated: boolean;
}
