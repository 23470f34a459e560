import type { Expression } from '../sigma/expression.ts';
import type { Pattern } from '../sigma/pattern.ts';
import type { TestItem } from '../sigma/value-test.ts';
import { foldCase } from '../values/fold.ts';
import { foldPattern } from '../values/pattern-matcher.ts';
import { equalityKey, flattened } from './compile-item.ts';
import { requiredLiteral } from './regex-literal.ts';

/** Something that an event must have for a rule to be able to match, without case. */
export interface Need {
  /** null for any field's value. */
  readonly field: string | null;
  /** A value of the field equals the text, or contains it. */
  readonly kind: 'value' | 'fragment';
  readonly text: string;
}

/** One of these must be there; null where nothing is known to be needed. */
export type Needs = readonly Need[] | null;

/** How rules share needs. What rules often ask a field for, events often have there; what many look up is cheap for each. */
export interface NeedCounts {
  /** Lines that need it, by need. */
  readonly uses: ReadonlyMap<string, number>;
  /** The same, by field, of all its needs together. */
  readonly usesByField: ReadonlyMap<string | null, number>;
  /** Rules that could be looked up by the field, and those that could by a fragment of it. */
  readonly rulesByField: ReadonlyMap<string | null, number>;
  readonly rulesByFragment: ReadonlyMap<string | null, number>;
}

const keyOf = ({ field, kind, text }: Need): string => `${kind} ${JSON.stringify(field)} ${text}`;

/** Of evaluating one rule, in about ns; to look a field up, and to look for all fragments in it, costs about as much. */
const RULE_COST = 100;
const FIELD_COST = 100;
const FRAGMENTS_COST = 100;
/** So short a fragment is found nearly everywhere. */
const SHORT_CHARACTERS_MAX = 2;
/** A rule that would stand in the index more often is looked at for each event instead. */
const NEEDS_MAX = 50_000;

/** Counts the needs of every line of the rules that is not negated. */
export function countNeeds(expressions: readonly Expression<TestItem>[]): NeedCounts {
  const uses = new Map<string, number>();
  const usesByField = new Map<string | null, number>();
  const rulesByField = new Map<string | null, number>();
  const rulesByFragment = new Map<string | null, number>();
  const count = <K>(of: Map<K, number>, key: K): void => void of.set(key, (of.get(key) ?? 0) + 1);
  for (const expression of expressions) {
    const fields = new Set<string | null>();
    const searched = new Set<string | null>();
    for (const item of positiveItems(expression))
      for (const need of needsOfItem(item, null) ?? []) {
        count(uses, keyOf(need));
        count(usesByField, need.field);
        fields.add(need.field);
        if (need.kind === 'fragment') searched.add(need.field);
      }
    for (const field of fields) count(rulesByField, field);
    for (const field of searched) count(rulesByFragment, field);
  }
  return { uses, usesByField, rulesByField, rulesByFragment };
}

function positiveItems(expression: Expression<TestItem>): readonly TestItem[] {
  if (expression.kind === 'leaf') return [expression.leaf];
  return expression.kind === 'not' ? [] : expression.of.flatMap(positiveItems);
}

/** What an event must have at least one of, chosen so that as few other rules as possible share it. */
export function needsOf(expression: Expression<TestItem>, counts: NeedCounts): Needs {
  switch (expression.kind) {
    case 'leaf':
      return needsOfItem(expression.leaf, counts);
    case 'not':
      return null;
    case 'and':
      return best(
        expression.of.map((part) => needsOf(part, counts)),
        counts,
      );
    case 'or':
    case 'at_least':
      return union(expression.of.map((part) => needsOf(part, counts)));
  }
}

function union(all: readonly Needs[]): Needs {
  const joined: Need[] = [];
  for (const needs of all) {
    if (needs === null) return null;
    joined.push(...needs);
  }
  return joined.length > NEEDS_MAX ? null : joined;
}

function best(all: readonly Needs[], counts: NeedCounts | null): Needs {
  let chosen: Needs = null;
  let lowest = Number.POSITIVE_INFINITY;
  for (const needs of all) {
    if (needs === null) continue;
    const cost = costOf(needs, counts);
    if (cost < lowest) [chosen, lowest] = [needs, cost];
  }
  return chosen;
}

/** What it costs an event to look the rule up, and to evaluate it as often as that finds it. */
function costOf(needs: readonly Need[], counts: NeedCounts | null): number {
  let cost = 0;
  const fields = new Set<string | null>();
  const searched = new Set<string | null>();
  for (const need of needs) {
    const { field, kind, text } = need;
    const isEverywhere = kind === 'fragment' && text.length <= SHORT_CHARACTERS_MAX;
    const share = counts === null ? 1 : (counts.uses.get(keyOf(need)) ?? 1) / (counts.usesByField.get(field) ?? 1);
    cost += isEverywhere ? 10 * RULE_COST : share * RULE_COST;
    fields.add(field);
    if (kind === 'fragment') searched.add(field);
  }
  for (const field of fields) cost += FIELD_COST / (counts?.rulesByField.get(field) ?? 1);
  for (const field of searched) cost += FRAGMENTS_COST / (counts?.rulesByFragment.get(field) ?? 1);
  return cost;
}

function needsOfItem(item: TestItem, counts: NeedCounts | null): Needs {
  if (item.negated) return null;
  const each = item.tests.map((test) => union(flattened([test]).map((flat) => needOfTest(item.field, flat))));
  return item.link === 'all' ? best(each, counts) : union(each);
}

function needOfTest(field: string | null, test: ReturnType<typeof flattened>[number]): Needs {
  const key = equalityKey(test);
  if (key !== null) return [{ field, kind: 'value', text: key }];
  const fragment = test.kind === 'text' ? longestLiteral(test.pattern) : test.kind === 'regex' ? requiredLiteral(test.source) : null;
  return fragment === null || fragment === '' ? null : [{ field, kind: 'fragment', text: foldCase(fragment) }];
}

function longestLiteral(pattern: Pattern): string {
  return foldPattern(pattern).reduce(
    (longest, part) => ('literal' in part && part.literal.length > longest.length ? part.literal : longest),
    '',
  );
}
