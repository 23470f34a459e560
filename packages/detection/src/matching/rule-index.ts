import type { Expression } from '../sigma/expression.ts';
import type { TestItem } from '../sigma/value-test.ts';
import type { EventFields, FieldSlot } from './event-fields.ts';
import { type FragmentFinder, fragmentFinder } from './fragments.ts';
import { countNeeds, type Need, needsOf } from './needs.ts';

/** Names the rules that an event could match; others cost nothing. A rule may be named more than once. */
export type Candidates = (onRule: (rule: number) => void) => void;

/** What one field is looked up for. */
interface FieldIndex {
  readonly slot: FieldSlot;
  readonly byValue: ReadonlyMap<string, readonly number[]>;
  readonly finder: FragmentFinder | null;
  readonly byFragment: readonly (readonly number[])[];
}

/** Builds the index of the rules of one log source, by what each needs. `rules` are their numbers. */
export function indexRules(
  rules: readonly number[],
  expressionOf: (rule: number) => Expression<TestItem>,
  fields: EventFields,
): Candidates {
  const counts = countNeeds(rules.map(expressionOf));
  const always: number[] = [];
  const byField = new Map<string | null, [need: Need, rule: number][]>();
  for (const rule of rules) {
    const needs = needsOf(expressionOf(rule), counts);
    if (needs === null) always.push(rule);
    for (const need of needs ?? []) {
      const entries = byField.get(need.field);
      if (entries === undefined) byField.set(need.field, [[need, rule]]);
      else entries.push([need, rule]);
    }
  }
  const indexes = [...byField].map(([field, entries]) => indexField(fields.slotOf(field), entries));
  return (onRule) => {
    for (const rule of always) onRule(rule);
    for (const index of indexes) lookUp(index, fields, onRule);
  };
}

function indexField(slot: FieldSlot, entries: readonly (readonly [Need, number])[]): FieldIndex {
  const byValue = new Map<string, number[]>();
  const byFragment = new Map<string, number[]>();
  for (const [{ kind, text }, rule] of entries) {
    const map = kind === 'value' ? byValue : byFragment;
    const rules = map.get(text);
    if (rules === undefined) map.set(text, [rule]);
    else if (rules.at(-1) !== rule) rules.push(rule);
  }
  return {
    slot,
    byValue,
    finder: byFragment.size === 0 ? null : fragmentFinder([...byFragment.keys()]),
    byFragment: [...byFragment.values()],
  };
}

function lookUp({ slot, byValue, finder, byFragment }: FieldIndex, fields: EventFields, onRule: (rule: number) => void): void {
  const read = fields.read(slot);
  for (let i = 0; i < read.count; i++) {
    const fold = read.foldAt(i);
    if (fold === null) continue;
    const rules = byValue.get(fold);
    if (rules !== undefined) for (const rule of rules) onRule(rule);
    if (finder !== null) lookForFragments(fold, finder, byFragment, onRule);
  }
}

/** Apart, since it makes a function: most fields are looked up by whole values alone. */
function lookForFragments(
  fold: string,
  finder: FragmentFinder,
  byFragment: FieldIndex['byFragment'],
  onRule: (rule: number) => void,
): void {
  finder.find(fold, (fragment) => {
    for (const rule of byFragment[fragment] as readonly number[]) onRule(rule);
    return false;
  });
}
