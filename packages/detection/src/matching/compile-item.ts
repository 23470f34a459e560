import { plainText } from '../sigma/pattern.ts';
import type { Comparison, TestItem, ValueTest } from '../sigma/value-test.ts';
import { foldCase } from '../values/fold.ts';
import { networksMatcher } from '../values/network.ts';
import { numberOf } from '../values/number.ts';
import { foldPattern, patternMatcher } from '../values/pattern-matcher.ts';
import { regexMatcher } from '../values/regex.ts';
import { timePart } from '../values/time-part.ts';
import { compareFields } from './compare-fields.ts';
import type { EventFields, FieldSlot, Scalar } from './event-fields.ts';

/** Whether the event at hand satisfies something. */
export type Predicate = () => boolean;
/** Whether the i-th value of a field does. */
type ScalarTest = (slot: FieldSlot, i: number) => boolean;
type Flat = Exclude<ValueTest, { kind: 'any_of' }>;

/** What plain texts, numbers and truth values are looked up by; null for tests of another kind. */
export function equalityKey(test: ValueTest): string | null {
  if (test.kind === 'number' || test.kind === 'boolean') return foldCase(String(test.value));
  if (test.kind !== 'text' || test.cased) return null;
  const plain = plainText(test.pattern);
  return plain === null ? null : foldCase(plain);
}

/** One line of a rule as a function, without its `neq`. */
export function compileItem(item: TestItem, fields: EventFields): Predicate {
  const slot = fields.slotOf(item.field);
  const parts = item.link === 'all' ? item.tests.map((test) => anyOf([test], slot, fields)) : [anyOf(item.tests, slot, fields)];
  const [only] = parts;
  return only !== undefined && parts.length === 1 ? only : allHold(parts);
}

/** Loops: this runs for each event, and `every` would make a function each time. */
export const allHold =
  (parts: readonly Predicate[]): Predicate =>
  () => {
    for (const part of parts) if (!part()) return false;
    return true;
  };

export const oneHolds =
  (parts: readonly Predicate[]): Predicate =>
  () => {
    for (const part of parts) if (part()) return true;
    return false;
  };

export const flattened = (tests: readonly ValueTest[]): readonly Flat[] =>
  tests.flatMap((test) => (test.kind === 'any_of' ? flattened(test.tests) : [test]));

/** True where one of the tests is. Tests of one kind are joined into one look at the field. */
function anyOf(tests: readonly ValueTest[], slot: FieldSlot, fields: EventFields): Predicate {
  const flat = flattened(tests);
  const predicates: Predicate[] = [];
  const rest: Flat[] = [];
  const keys = new Set<string>();
  const networks: string[] = [];
  for (const test of flat) {
    const key = equalityKey(test);
    if (key !== null) keys.add(key);
    else if (test.kind === 'cidr') networks.push(test.network);
    else rest.push(test);
  }
  if (keys.size > 0) predicates.push(overValues(equalsOneOf(keys), slot, fields));
  if (networks.length > 0) {
    const matches = networksMatcher(networks);
    predicates.push(overValues((read, i) => typeof read.scalars[i] === 'string' && matches(read.scalars[i]), slot, fields));
  }
  predicates.push(...rest.map((test) => compileTest(test, slot, fields)));
  const [only] = predicates;
  return only !== undefined && predicates.length === 1 ? only : oneHolds(predicates);
}

function equalsOneOf(keys: ReadonlySet<string>): ScalarTest {
  const [only] = keys;
  if (keys.size === 1) return (slot, i) => slot.foldAt(i) === only;
  return (slot, i) => {
    const fold = slot.foldAt(i);
    return fold !== null && keys.has(fold);
  };
}

function compileTest(test: Flat, slot: FieldSlot, fields: EventFields): Predicate {
  switch (test.kind) {
    case 'null':
      return () => {
        const { present, count, scalars } = fields.read(slot);
        if (!present) return true;
        for (let i = 0; i < count; i++) if (scalars[i] === null) return true;
        return false;
      };
    case 'exists':
      return () => fields.read(slot).present === test.exists;
    case 'field': {
      const other = fields.slotOf(test.field);
      return () => compareFields(fields.read(slot), fields.read(other), test.place, test.cased);
    }
    default:
      return overValues(scalarTest(test), slot, fields);
  }
}

function overValues(test: ScalarTest, slot: FieldSlot, fields: EventFields): Predicate {
  return () => {
    const read = fields.read(slot);
    for (let i = 0; i < read.count; i++) if (test(read, i)) return true;
    return false;
  };
}

function scalarTest(test: Exclude<Flat, { kind: 'null' | 'exists' | 'field' }>): ScalarTest {
  switch (test.kind) {
    case 'text':
      return textTest(patternMatcher(test.cased ? test.pattern : foldPattern(test.pattern)), test.cased);
    case 'number':
    case 'boolean':
      return equalsOneOf(new Set([equalityKey(test) as string]));
    case 'regex':
      return textTest(regexMatcher(test.source, test.flags), true);
    case 'compare': {
      const compare = COMPARE[test.comparison];
      return (slot, i) => {
        const number = numberOf(slot.scalars[i] as Scalar);
        return number !== null && compare(number, test.value);
      };
    }
    case 'cidr': {
      const matches = networksMatcher([test.network]);
      return textTest(matches, true);
    }
    case 'time': {
      const compare = test.comparison === 'eq' ? (a: number, b: number): boolean => a === b : COMPARE[test.comparison];
      return (slot, i) => {
        const part = timePart(slot.scalars[i] as Scalar, test.unit);
        return part !== null && compare(part, test.value);
      };
    }
  }
}

const textTest =
  (matches: (text: string) => boolean, cased: boolean): ScalarTest =>
  (slot, i) => {
    const text = cased ? slot.textAt(i) : slot.foldAt(i);
    return text !== null && matches(text);
  };

const COMPARE: Readonly<Record<Comparison, (value: number, limit: number) => boolean>> = {
  lt: (value, limit) => value < limit,
  lte: (value, limit) => value <= limit,
  gt: (value, limit) => value > limit,
  gte: (value, limit) => value >= limit,
};
