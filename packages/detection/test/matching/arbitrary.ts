import fc from 'fast-check';
import { type Event_, namesLike, type OracleCondition, type OracleItem, type OracleSelection, type Scalar, type Value } from './oracle.ts';

/** Few letters, so that texts meet: with case in several alphabets, wildcards, backslashes, pairs of surrogates. */
const LETTERS = ['a', 'A', 'b', 'B', 'é', 'É', 'ß', 'ẞ', 'σ', 'ς', 'Σ', '\u212a', 'k', '😀', '-', '1'];
const FIELDS = ['f', 'g', 'h'];

const text = fc.array(fc.constantFrom(...LETTERS), { maxLength: 5 }).map((letters) => letters.join(''));
const pattern = fc
  .array(fc.constantFrom(...LETTERS, '*', '?', '\\', '\\*', '\\?', '\\\\'), { maxLength: 6 })
  .map((parts) => parts.join(''));
const number = fc.constantFrom(0, 1, -1, 11, 1.5, 1e21);
const scalar: fc.Arbitrary<Scalar> = fc.oneof({ weight: 4, arbitrary: text }, number, fc.boolean(), fc.constant(null));
const value: fc.Arbitrary<Value> = fc.oneof(
  { weight: 3, arbitrary: scalar },
  fc.array(scalar, { maxLength: 3 }),
  fc.array(fc.array(scalar, { maxLength: 2 }), { maxLength: 2 }),
);

export const event: fc.Arbitrary<Event_> = fc.dictionary(fc.constantFrom(...FIELDS), value, { maxKeys: 3, noNullPrototype: true });

const list = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<readonly T[]> => fc.array(of, { minLength: 1, maxLength: 3 });
const withAll = (item: OracleItem, all: boolean, neq: boolean): OracleItem => ({
  ...item,
  modifiers: [
    ...item.modifiers,
    ...(all && item.values.length > 1 ? ['all'] : []),
    ...(neq && !item.modifiers.includes('exists') ? ['neq'] : []),
  ],
});

/** Regular expressions that re2 and JavaScript (with the flag u) read alike. */
const regex = fc.constantFrom(
  'a+b',
  '^a',
  'b$',
  'é|ß',
  '[ab]{2,}',
  '(?:aa|bb)-?',
  '.-.',
  'abab',
  'k1',
  '^(a|b)*$',
  'aa.bb',
  '1\\.5',
  'ab+c?a',
  'σ',
);
const field = fc.constantFrom(...FIELDS);

const item: fc.Arbitrary<OracleItem> = fc
  .oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        field: fc.option(field, { nil: null, freq: 6 }),
        modifiers: fc.uniqueArray(fc.constantFrom('contains', 'startswith', 'endswith', 'cased'), { maxLength: 2 }),
        values: list<Scalar>(fc.oneof({ weight: 4, arbitrary: pattern }, fc.constantFrom(1, 11))),
      }),
    },
    fc.record({ field, modifiers: fc.constant([]), values: list<Scalar>(fc.oneof(pattern, number, fc.boolean())) }),
    fc.record({ field, modifiers: fc.constant([]), values: fc.constant([null]) }),
    fc.record({ field, modifiers: fc.constant(['exists']), values: fc.boolean().map((exists) => [exists]) }),
    fc.record({ field, modifiers: fc.constantFrom(['lt'], ['lte'], ['gt'], ['gte']), values: list<Scalar>(number) }),
    fc.record({
      field: fc.option(field, { nil: null, freq: 6 }),
      modifiers: fc.subarray(['i', 'm', 's']).map((flags) => ['re', ...flags]),
      values: list<Scalar>(regex),
    }),
    fc.record({
      field,
      modifiers: fc
        .tuple(fc.constantFrom([], ['startswith'], ['endswith'], ['contains']), fc.boolean())
        .map(([place, cased]) => [...(cased ? ['cased'] : []), 'fieldref', ...place]),
      values: list<Scalar>(field),
    }),
  )
  // A keyword must hold something besides wildcards.
  .filter(({ field: name, values }) => name !== null || values.every((one) => typeof one !== 'string' || /[^*]/.test(one)))
  .chain((made) => fc.tuple(fc.boolean(), fc.nat({ max: 5 })).map(([all, neq]) => withAll(made, all, neq === 0)));

/** Keys of one map are distinct: two lines of one key would be one. */
const selection: fc.Arbitrary<OracleSelection> = fc.uniqueArray(item, { minLength: 1, maxLength: 3, selector: keyOf });

export function keyOf({ field: name, modifiers }: OracleItem): string {
  return [name ?? '', ...modifiers].join('|');
}

const NAMES = ['sel_a', 'sel_b', 'filter', '_own'];

export interface Detection {
  readonly selections: Readonly<Record<string, OracleSelection>>;
  readonly condition: OracleCondition;
}

export const detection: fc.Arbitrary<Detection> = fc.uniqueArray(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 4 }).chain((names) =>
  fc.record({
    selections: fc
      .tuple(...names.map(() => selection))
      .map((made) => Object.fromEntries(names.map((name, i) => [name, made[i] as OracleSelection]))),
    condition: conditionOver(names),
  }),
);

function conditionOver(names: readonly string[]): fc.Arbitrary<OracleCondition> {
  const patterns = ['them', '*', 'sel_*', '*_*', '_*', 'f*r', ...names].filter((like) => namesLike(like, names).length > 0);
  const { node } = fc.letrec<{ node: OracleCondition; leaf: OracleCondition }>((tie) => ({
    leaf: fc.oneof(
      fc.constantFrom(...names).map((name): OracleCondition => ({ is: 'name', name })),
      ...(patterns.length === 0
        ? []
        : [
            fc
              .constantFrom(...patterns)
              .chain((like) =>
                fc
                  .oneof(fc.constant('all' as const), fc.integer({ min: 1, max: namesLike(like, names).length }))
                  .map((count): OracleCondition => ({ is: 'of', count, pattern: like })),
              ),
          ]),
    ),
    node: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      tie('leaf'),
      tie('node').map((of): OracleCondition => ({ is: 'not', of })),
      fc
        .tuple(fc.constantFrom('and' as const, 'or' as const), fc.array(tie('node'), { minLength: 2, maxLength: 3 }))
        .map(([is, of]): OracleCondition => ({ is, of })),
    ),
  }));
  return node;
}

/** The condition as a rule writes it: with no more parentheses than the grammar needs. */
export function conditionText(condition: OracleCondition, above: 'top' | 'or' | 'and' | 'not' = 'top'): string {
  const grouped = (text: string, needed: boolean): string => (needed ? `(${text})` : text);
  switch (condition.is) {
    case 'name':
      return condition.name;
    case 'of':
      return `${condition.count} of ${condition.pattern}`;
    case 'not':
      return `not ${conditionText(condition.of, 'not')}`;
    case 'and':
      return grouped(condition.of.map((part) => conditionText(part, 'and')).join(' and '), above === 'not');
    case 'or':
      return grouped(condition.of.map((part) => conditionText(part, 'or')).join(' or '), above === 'not' || above === 'and');
  }
}
