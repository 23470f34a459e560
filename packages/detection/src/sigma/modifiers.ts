import { checkNetwork } from '../values/network.ts';
import { checkRegex, quoteRegex } from '../values/regex.ts';
import { base64, base64Offsets, encodeText, type TextEncoding } from './encoding.ts';
import { ItemFault } from './item-fault.ts';
import {
  ANY_RUN,
  joinPatterns,
  literalPattern,
  mapLiterals,
  openEnd,
  openStart,
  type Pattern,
  parsePattern,
  plainText,
} from './pattern.ts';
import { EXPANSIONS_MAX, expandPattern, expandText, type Placeholders, product } from './placeholders.ts';
import type { Comparison, RawItem, RawValue, TestItem, TimeUnit, ValueTest } from './value-test.ts';

/** A value between two modifiers. */
type Value =
  | {
      readonly kind: 'text';
      readonly pattern: Pattern;
      readonly cased: boolean;
      readonly encoding: TextEncoding;
      readonly source: string | null;
      readonly expanded: boolean;
      readonly open: boolean;
    }
  | Exclude<ValueTest, { kind: 'text' | 'any_of' }>;
type Text = Extract<Value, { kind: 'text' }>;
type Regex = Extract<Value, { kind: 'regex' }>;
type FieldRef = Extract<Value, { kind: 'field' }>;

interface Context {
  readonly modifier: string;
  readonly field: string | null;
  readonly placeholders: Placeholders | null;
}
/** One value to one or more, of which one is enough. */
type Modifier = (value: Value, context: Context) => readonly Value[];

const misplaced = (message: string): ItemFault => new ItemFault('modifier_misplaced', message);

const NAMES = {
  text: 'a text',
  regex: 'a regular expression',
  field: 'a field reference',
  number: 'a number',
  boolean: 'true or false',
  null: 'null',
} as const;
const nameOf = (value: Value): string => (value.kind in NAMES ? NAMES[value.kind as keyof typeof NAMES] : `what ${value.kind} has made`);

function asText(value: Value, { modifier }: Context): Text {
  if (value.kind === 'text') return value;
  // Sigma takes all values for texts; only for whole numbers and truth values is it certain what was written.
  if ((value.kind === 'number' && Number.isSafeInteger(value.value)) || value.kind === 'boolean') return textOf(String(value.value));
  if (value.kind === 'number') throw misplaced(`${modifier} needs a text: put ${value.value} in quotes`);
  throw misplaced(`${modifier} does not go with ${nameOf(value)}`);
}
const textOf = (source: string): Text => ({
  kind: 'text',
  pattern: parsePattern(source),
  cased: false,
  encoding: 'utf8',
  source,
  expanded: false,
  open: false,
});

/** The text as it was written, where nothing has changed it yet. */
function unmodified(value: Value, context: Context): Text & { readonly source: string } {
  const text = asText(value, context);
  if (text.source === null) throw misplaced(`${context.modifier} goes with a text that no other modifier has changed`);
  return { ...text, source: text.source };
}

const part =
  (text: (pattern: Pattern) => Pattern, regex: (value: Regex) => Regex, place: (place: FieldRef['place']) => FieldRef['place']): Modifier =>
  (value, context) => {
    if (value.kind === 'regex') return [regex(value)];
    if (value.kind === 'field') return [{ ...value, place: place(value.place) }];
    const { pattern, ...rest } = asText(value, context);
    return [{ ...rest, pattern: text(pattern), source: null, open: true }];
  };
const wrapped =
  (before: string, after: string) =>
  (value: Regex): Regex => ({ ...value, source: `${before}(?:${value.source})${after}` });

const flag: Modifier = (value, { modifier }) => {
  if (value.kind !== 'regex') throw misplaced(`${modifier} goes behind re`);
  return [value.flags.includes(modifier) ? value : { ...value, flags: value.flags + modifier }];
};

const encoded =
  (encoding: TextEncoding): Modifier =>
  (value, context) => {
    const text = asText(value, context);
    if (text.encoding !== 'utf8') throw misplaced(`${context.modifier} goes with a text that is not encoded yet`);
    return [{ ...text, encoding, source: null }];
  };

const inBase64 =
  (digits: (bytes: Uint8Array) => readonly string[]): Modifier =>
  (value, context) => {
    const text = asText(value, context);
    const plain = plainText(text.pattern);
    if (plain === null) throw misplaced(`${context.modifier} does not go with wildcards: put contains, startswith or endswith behind it`);
    const bytes = encodeText(plain, text.encoding);
    if (bytes === null) throw new ItemFault('field_invalid', `${context.modifier} needs well-formed Unicode`);
    return digits(bytes).map((form) => ({ ...text, pattern: literalPattern(form), encoding: 'utf8', source: null }));
  };

const compared =
  (comparison: Comparison): Modifier =>
  (value, { modifier }) => {
    if (value.kind === 'time' && value.comparison === 'eq') return [{ ...value, comparison }];
    if (value.kind !== 'number') throw misplaced(`${modifier} needs a number`);
    return [{ kind: 'compare', comparison, value: value.value }];
  };

/** Sigma 2.1, "Time Modifiers"; ISO 8601 knows a week 53. */
const TIME_RANGE: Readonly<Record<TimeUnit, readonly [number, number]>> = {
  minute: [0, 59],
  hour: [0, 23],
  day: [1, 31],
  week: [1, 53],
  month: [1, 12],
  year: [0, 9_999],
};
const timed =
  (unit: TimeUnit): Modifier =>
  (value, { modifier }) => {
    const [from, to] = TIME_RANGE[unit];
    if (value.kind !== 'number') throw misplaced(`${modifier} needs a number`);
    if (!Number.isInteger(value.value) || value.value < from || value.value > to)
      throw new ItemFault('field_invalid', `${modifier} needs a whole number from ${from} to ${to}`);
    return [{ kind: 'time', unit, comparison: 'eq', value: value.value }];
  };

/** Where a dash begins a flag: behind no letter or digit, before one. */
const FLAG_DASH = /(?<![\p{L}\p{N}_])[-/\u2013\u2014\u2015](?=[\p{L}\p{N}_])/u;
const DASHES: readonly string[] = ['-', '/', '\u2013', '\u2014', '\u2015'];

const windash: Modifier = (value, context) => {
  const text = asText(value, context);
  const alternatives = text.pattern.map((piece): readonly Pattern[] => {
    if ('wildcard' in piece) return [[piece]];
    const between = piece.literal.split(FLAG_DASH).map((literal) => [literal]);
    return product(between.flatMap((literal, i) => (i === 0 ? [literal] : [DASHES, literal]))).map((row) => literalPattern(row.join('')));
  });
  return product(alternatives).map((row) => ({ ...text, pattern: joinPatterns(row), source: null }));
};

const MODIFIERS: ReadonlyMap<string, Modifier> = new Map<string, Modifier>([
  [
    'contains',
    part(
      (pattern) => openEnd(openStart(pattern)),
      (value) => value,
      () => 'anywhere',
    ),
  ],
  ['startswith', part(openEnd, wrapped('\\A', ''), (place) => (place === 'whole' || place === 'start' ? 'start' : 'anywhere'))],
  ['endswith', part(openStart, wrapped('', '\\z'), (place) => (place === 'whole' || place === 'end' ? 'end' : 'anywhere'))],
  [
    'exists',
    (value, context) => {
      if (context.field === null) throw misplaced('exists needs a field');
      if (value.kind !== 'boolean') throw misplaced('exists needs true or false');
      return [{ kind: 'exists', exists: value.value }];
    },
  ],
  ['cased', (value, context) => [value.kind === 'field' ? { ...value, cased: true } : { ...asText(value, context), cased: true }]],
  ['windash', windash],
  [
    're',
    (value, context) => {
      const { source, expanded } = unmodified(value, context);
      if (expanded) throw misplaced('expand goes behind re');
      return [{ kind: 'regex', source, flags: '' }];
    },
  ],
  ['i', flag],
  ['m', flag],
  ['s', flag],
  ['base64', inBase64((bytes) => [base64(bytes)])],
  [
    'base64offset',
    inBase64((bytes) => {
      if (bytes.length < 2)
        throw new ItemFault('field_invalid', 'base64offset needs two bytes or more: of one, some positions leave no trace');
      return base64Offsets(bytes);
    }),
  ],
  ['utf16le', encoded('utf16le')],
  ['wide', encoded('utf16le')],
  ['utf16be', encoded('utf16be')],
  ['utf16', encoded('utf16')],
  ['lt', compared('lt')],
  ['lte', compared('lte')],
  ['gt', compared('gt')],
  ['gte', compared('gte')],
  ...(['minute', 'hour', 'day', 'week', 'month', 'year'] as const).map((unit): [string, Modifier] => [unit, timed(unit)]),
  [
    'cidr',
    (value, context) => {
      const { source: network, expanded } = unmodified(value, context);
      // While a rule is only read, a placeholder stands for its name.
      const fault = expanded && context.placeholders === null ? null : checkNetwork(network);
      if (fault !== null) throw new ItemFault('field_invalid', fault);
      return [{ kind: 'cidr', network }];
    },
  ],
  [
    'expand',
    (value, { placeholders }) => {
      if (value.kind === 'regex') return expandText(value.source, placeholders, quoteRegex).map((source) => ({ ...value, source }));
      if (value.kind !== 'text') throw misplaced('expand needs a text');
      // A text that was changed before has no source any more; one that was not keeps it for re and cidr behind.
      if (value.source === null) return expandPattern(value.pattern, placeholders).map((pattern) => ({ ...value, pattern }));
      return expandPattern(value.pattern, placeholders).map((pattern) => ({
        ...value,
        pattern,
        source: plainText(pattern),
        expanded: true,
      }));
    },
  ],
  [
    'fieldref',
    (value, context) => {
      const field = value.kind === 'text' && !value.open ? plainText(value.pattern) : null;
      if (value.kind !== 'text' || field === null || field === '' || value.encoding !== 'utf8')
        throw misplaced('fieldref needs the name of a field');
      if (context.field === null) throw misplaced('fieldref needs a field to compare with');
      return [{ kind: 'field', field, place: 'whole', cased: value.cased }];
    },
  ],
]);

/** Modifiers of the whole line. */
const ALL = 'all';
const NEQ = 'neq';

/** Every modifier of Sigma 2.1. */
export const MODIFIER_NAMES: readonly string[] = [...MODIFIERS.keys(), ALL, NEQ].sort();

/**
 * Applies the modifiers of one line in their order. Without `placeholders` the line is only checked: `expand` then takes
 * any name. Throws ItemFault (`modifier_unknown`, `modifier_misplaced`, `field_invalid`, `regex_unsupported`,
 * `placeholder_missing`, `limit_exceeded`).
 */
export function applyModifiers(item: RawItem, placeholders: Placeholders | null): TestItem {
  const { field, modifiers } = item;
  for (const modifier of modifiers)
    if (!MODIFIER_NAMES.includes(modifier)) throw new ItemFault('modifier_unknown', `the modifier "${modifier}" is not one of Sigma 2.1`);
  const repeated = modifiers.find((modifier, i) => modifiers.indexOf(modifier) < i);
  if (repeated !== undefined) throw misplaced(`${repeated} stands twice`);
  const link = modifiers.includes(ALL) ? 'all' : 'any';
  if (link === 'all' && item.values.length < 2) throw misplaced('all needs a list of two values or more');
  if (modifiers.includes('exists') && (modifiers.length > 1 || item.listed)) throw misplaced('exists stands alone, with one value');
  const chain = modifiers.filter((modifier) => modifier !== ALL && modifier !== NEQ);
  const tests = item.values.map((value) => oneOf(applied(value, chain, field, placeholders).map((result) => finished(result, field))));
  return { field, tests, link, negated: modifiers.includes(NEQ) };
}

function applied(raw: RawValue, chain: readonly string[], field: string | null, placeholders: Placeholders | null): readonly Value[] {
  let values: readonly Value[] = [initial(raw)];
  for (const modifier of chain) {
    values = values.flatMap((value) => (MODIFIERS.get(modifier) as Modifier)(value, { modifier, field, placeholders }));
    if (values.length > EXPANSIONS_MAX) throw new ItemFault('limit_exceeded', `one value becomes more than ${EXPANSIONS_MAX}`);
  }
  return values;
}

function initial(raw: RawValue): Value {
  if (raw === null) return { kind: 'null' };
  if (typeof raw === 'number') return { kind: 'number', value: raw };
  return typeof raw === 'boolean' ? { kind: 'boolean', value: raw } : textOf(raw);
}

const oneOf = (tests: readonly ValueTest[]): ValueTest => (tests.length === 1 ? (tests[0] as ValueTest) : { kind: 'any_of', tests });

/** What a value asks once no modifier is left. */
function finished(value: Value, field: string | null): ValueTest {
  if (value.kind === 'regex') {
    const fault = checkRegex(value.source, value.flags);
    if (fault !== null) throw new ItemFault('regex_unsupported', fault);
    return value;
  }
  if (field === null) return keyword(value);
  return value.kind === 'text' ? { kind: 'text', pattern: decoded(value), cased: value.cased } : value;
}

/** Keywords are looked for anywhere in a value, unless a modifier says where. */
function keyword(value: Value): ValueTest {
  if (value.kind !== 'text' && value.kind !== 'number' && value.kind !== 'boolean') throw misplaced(`${nameOf(value)} needs a field`);
  const text = asText(value, { modifier: 'a keyword', field: null, placeholders: null });
  const pattern = decoded(text);
  if (pattern.every((piece) => piece === ANY_RUN)) throw new ItemFault('field_invalid', 'a keyword must hold something to look for');
  return { kind: 'text', pattern: text.open ? pattern : openEnd(openStart(pattern)), cased: text.cased };
}

/** An encoded text that no Base64 follows: its bytes, taken for text. Outside of ASCII they are none. */
function decoded({ pattern, encoding }: Text): Pattern {
  if (encoding === 'utf8') return pattern;
  const bytes = mapLiterals(pattern, (text) => {
    if (!/^[\0-\x7f]*$/.test(text)) throw misplaced(`${encoding} needs base64 or base64offset behind it where the text is not ASCII`);
    return [...text].map((c) => (encoding === 'utf16be' ? `\0${c}` : `${c}\0`)).join('');
  });
  return encoding === 'utf16' ? joinPatterns([literalPattern('\ufeff'), bytes]) : bytes;
}
