import type { Expression } from '../sigma/expression.ts';
import type { TestItem } from '../sigma/value-test.ts';
import { allHold, compileItem, oneHolds, type Predicate } from './compile-item.ts';
import type { EventFields } from './event-fields.ts';

/** Compiles expressions; lines that several rules have are evaluated once for each event. */
export interface ExpressionCompiler {
  readonly compile: (expression: Expression<TestItem>) => Predicate;
}

/** @param all every expression that will be compiled, to know which lines are shared. */
export function createExpressionCompiler(all: readonly Expression<TestItem>[], fields: EventFields): ExpressionCompiler {
  const uses = new Map<string, number>();
  const count = (expression: Expression<TestItem>): void => {
    if (expression.kind === 'leaf') uses.set(keyOf(expression.leaf), (uses.get(keyOf(expression.leaf)) ?? 0) + 1);
    else if (expression.kind === 'not') count(expression.of);
    else expression.of.forEach(count);
  };
  all.forEach(count);
  const compiled = new Map<string, Predicate>();

  const leaf = (item: TestItem): Predicate => {
    const key = keyOf(item);
    let predicate = compiled.get(key);
    if (predicate === undefined) {
      predicate = compileItem(item, fields);
      if ((uses.get(key) ?? 0) > 1) predicate = once(predicate, fields);
      compiled.set(key, predicate);
    }
    const shared = predicate;
    return item.negated ? () => !shared() : shared;
  };

  const compile = (expression: Expression<TestItem>): Predicate => {
    switch (expression.kind) {
      case 'leaf':
        return leaf(expression.leaf);
      case 'not': {
        const of = compile(expression.of);
        return () => !of();
      }
      case 'and':
        return allOf(byCost(expression.of).map(compile));
      case 'or':
        return anyOf(byCost(expression.of).map(compile));
      case 'at_least': {
        const parts = expression.of.map(compile);
        return () => {
          let missing = expression.count;
          for (const part of parts) if (part() && --missing === 0) return true;
          return false;
        };
      }
    }
  };
  return { compile };
}

/** A line but for its `neq`. */
const keyOf = ({ field, tests, link }: TestItem): string => JSON.stringify([field, link, tests]);

function allOf(parts: readonly Predicate[]): Predicate {
  const [first, second] = parts;
  if (first === undefined) return () => true;
  if (second === undefined) return first;
  if (parts.length === 2) return () => first() && second();
  return allHold(parts);
}

function anyOf(parts: readonly Predicate[]): Predicate {
  const [first, second] = parts;
  if (first === undefined) return () => false;
  if (second === undefined) return first;
  if (parts.length === 2) return () => first() || second();
  return oneHolds(parts);
}

/** Remembers the answer for the event at hand. */
function once(predicate: Predicate, fields: EventFields): Predicate {
  let epoch = 0;
  let answer = false;
  return () => {
    if (epoch !== fields.epoch) {
      answer = predicate();
      epoch = fields.epoch;
    }
    return answer;
  };
}

/** Cheap ones first: the order of AND and OR is no matter to what they say. */
const byCost = (parts: readonly Expression<TestItem>[]): readonly Expression<TestItem>[] => parts.toSorted((a, b) => costOf(a) - costOf(b));

function costOf(expression: Expression<TestItem>): number {
  if (expression.kind === 'not') return costOf(expression.of);
  if (expression.kind !== 'leaf') return expression.of.reduce((sum, part) => sum + costOf(part), 0);
  const { field, tests } = expression.leaf;
  const dear = tests.filter(({ kind }) => kind !== 'number' && kind !== 'boolean' && kind !== 'null' && kind !== 'exists');
  const regexes = dear.filter(({ kind }) => kind === 'regex').length;
  return (field === null ? 10_000 : 1) + Math.min(dear.length, 100) + regexes * 100;
}
