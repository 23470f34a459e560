/**
 * A direct and slow reading of the specification, to hold the compiled matcher to: no index, no sharing, no parser of the
 * package. It takes a detection as data, JavaScript's own regular expressions with the flags i and u for comparisons without
 * case, and the terms of the condition as a tree.
 */

export type Scalar = string | number | boolean | null;
export type Value = Scalar | readonly Value[];
export type Event_ = Readonly<Record<string, Value>>;

export interface OracleItem {
  readonly field: string | null;
  readonly modifiers: readonly string[];
  readonly values: readonly Scalar[];
}
/** A map is an AND of lines. */
export type OracleSelection = readonly OracleItem[];

export type OracleCondition =
  | { readonly is: 'name'; readonly name: string }
  | { readonly is: 'not'; readonly of: OracleCondition }
  | { readonly is: 'and' | 'or'; readonly of: readonly OracleCondition[] }
  | { readonly is: 'of'; readonly count: number | 'all'; readonly pattern: string };

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');

/** The text of a value as a regular expression, character by character. */
function expressionOf(text: string): string {
  let source = '';
  for (let i = 0; i < text.length; ) {
    const two = text.slice(i, i + 2);
    if (two === '\\*' || two === '\\?' || two === '\\\\') {
      source += escaped(two[1] as string);
      i += 2;
    } else {
      const c = String.fromCodePoint(text.codePointAt(i) as number);
      source += c === '*' ? '[^]*' : c === '?' ? '[^]' : escaped(c);
      i += c.length;
    }
  }
  return source;
}

const flat = (value: Value): readonly Scalar[] => (Array.isArray(value) ? value.flatMap((item: Value) => flat(item)) : [value as Scalar]);

function itemHolds(item: OracleItem, event: Event_): boolean {
  const { field, modifiers } = item;
  const has = (modifier: string): boolean => modifiers.includes(modifier);
  const present = field === null || Object.hasOwn(event, field);
  const scalars = field === null ? Object.values(event).flatMap(flat) : present ? flat(event[field] as Value) : [];
  const texts = scalars.filter((scalar) => scalar !== null).map(String);
  const one = (value: Scalar): boolean => {
    if (has('exists')) return present === value;
    if (value === null) return !present || scalars.includes(null);
    if (has('re')) {
      const flags = `${has('i') ? 'i' : ''}${has('m') ? 'm' : ''}${has('s') ? 's' : ''}u`;
      return texts.some((text) => new RegExp(String(value), flags).test(text));
    }
    for (const [name, compare] of Object.entries(COMPARE))
      if (has(name)) return scalars.some((scalar) => isNumber(scalar) && compare(Number(scalar), Number(value)));
    if (has('fieldref')) {
      const other = Object.hasOwn(event, String(value)) ? flat(event[String(value)] as Value).filter((scalar) => scalar !== null) : [];
      return texts.some((text) => other.some((part) => fits(text, escaped(String(part)), has)));
    }
    const pattern = expressionOf(String(value));
    const anywhere = field === null && !has('startswith') && !has('endswith') && !has('contains');
    return texts.some((text) => fits(text, pattern, (name) => has(name) || (anywhere && name === 'contains')));
  };
  const holds = has('all') ? item.values.every(one) : item.values.some(one);
  return has('neq') ? !holds : holds;
}

function fits(text: string, pattern: string, has: (modifier: string) => boolean): boolean {
  const before = has('endswith') || has('contains') ? '[^]*' : '';
  const after = has('startswith') || has('contains') ? '[^]*' : '';
  return new RegExp(`^${before}${pattern}${after}$`, has('cased') ? 'u' : 'iu').test(text);
}

const COMPARE: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  lt: (a, b) => a < b,
  lte: (a, b) => a <= b,
  gt: (a, b) => a > b,
  gte: (a, b) => a >= b,
};
const isNumber = (scalar: Scalar): boolean =>
  typeof scalar === 'number' || (typeof scalar === 'string' && /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(scalar));

/** Whether a detection matches an event. */
export function oracle(selections: Readonly<Record<string, OracleSelection>>, condition: OracleCondition, event: Event_): boolean {
  const holds = (name: string): boolean => (selections[name] as OracleSelection).every((item) => itemHolds(item, event));
  switch (condition.is) {
    case 'name':
      return holds(condition.name);
    case 'not':
      return !oracle(selections, condition.of, event);
    case 'and':
      return condition.of.every((part) => oracle(selections, part, event));
    case 'or':
      return condition.of.some((part) => oracle(selections, part, event));
    case 'of': {
      const all = namesLike(condition.pattern, Object.keys(selections));
      const count = all.filter(holds).length;
      return condition.count === 'all' ? count === all.length : count >= condition.count;
    }
  }
}

/** The names that `them` or a pattern means. */
export const namesLike = (pattern: string, names: readonly string[]): readonly string[] =>
  names.filter(
    (name) =>
      (pattern.startsWith('_') || !name.startsWith('_')) &&
      (pattern === 'them' || new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(name)),
  );
