import { and, type Expression, not, or } from './expression.ts';

/** Why a condition was refused, and whether the grammar or a name is at fault. */
export class ConditionFault extends Error {
  readonly kind: 'condition_malformed' | 'selection_unknown' | 'limit_exceeded';
  constructor(kind: ConditionFault['kind'], message: string) {
    super(message);
    this.name = 'ConditionFault';
    this.kind = kind;
  }
}

/** Parentheses and `not` may nest this deep. */
export const CONDITION_DEPTH_MAX = 64;
export const CONDITION_TOKENS_MAX = 10_000;

const RESERVED: ReadonlySet<string> = new Set(['and', 'or', 'not', 'of', 'all', 'any', 'them']);
const NAME = /^[\p{L}\p{N}_.-]+$/u;
const PATTERN = /^[\p{L}\p{N}_.*-]+$/u;

/** Whether a selection may have this name: what the grammar can refer to. */
export const isSelectionName = (name: string): boolean => NAME.test(name) && !RESERVED.has(name);

/**
 * Reads one condition and puts the selections in the places of their names.
 *
 * Sigma 2.1, "Condition": `or` binds least, then `and`, `not`, `1 of` / `all of`, parentheses. `any of` is `1 of`; a larger
 * number asks for that many. `them` is every selection whose name does not begin with `_`; a pattern leaves those out too,
 * unless it begins with `_` itself. Throws ConditionFault.
 */
export function parseCondition<Leaf>(text: string, selections: ReadonlyMap<string, Expression<Leaf>>): Expression<Leaf> {
  const tokens = tokensOf(text);
  let at = 0;
  let depth = 0;

  const peek = (): string | undefined => tokens[at];
  const deeper = <T>(read: () => T): T => {
    if (++depth > CONDITION_DEPTH_MAX)
      throw new ConditionFault('limit_exceeded', `the condition nests more than ${CONDITION_DEPTH_MAX} deep`);
    const result = read();
    depth--;
    return result;
  };
  const chain = (word: 'or' | 'and', next: () => Expression<Leaf>): Expression<Leaf> => {
    const parts = [next()];
    while (peek() === word) {
      at++;
      parts.push(next());
    }
    return word === 'or' ? or(parts) : and(parts);
  };
  const disjunction = (): Expression<Leaf> => chain('or', () => chain('and', negation));
  const negation = (): Expression<Leaf> => {
    if (peek() !== 'not') return operand();
    at++;
    return deeper(() => not(negation()));
  };
  const operand = (): Expression<Leaf> => {
    const token = tokens[at++];
    if (token === undefined) throw new ConditionFault('condition_malformed', 'the condition ends where a selection is expected');
    if (token === '(') {
      const inner = deeper(disjunction);
      if (tokens[at++] !== ')') throw new ConditionFault('condition_malformed', 'a parenthesis is not closed');
      return inner;
    }
    if (peek() === 'of') {
      at++;
      return quantified(token, tokens[at++]);
    }
    const selection = selections.get(token);
    if (selection !== undefined && isSelectionName(token)) return selection;
    throw unexpected(token, selections);
  };
  const quantified = (quantifier: string, target: string | undefined): Expression<Leaf> => {
    if (target === undefined || !(target === 'them' || (PATTERN.test(target) && !RESERVED.has(target))))
      throw new ConditionFault('condition_malformed', `"${quantifier} of" needs "them" or a pattern of names behind it`);
    const of = named(target, selections);
    if (of.length === 0) throw new ConditionFault('selection_unknown', `no selection has a name like "${target}"`);
    if (quantifier === 'all') return and(of);
    const count = quantifier === 'any' ? 1 : Number(quantifier);
    if (quantifier !== 'any' && !/^[1-9][0-9]{0,5}$/.test(quantifier))
      throw new ConditionFault('condition_malformed', `"${quantifier} of" is not known: write 1 of, a larger number, any of, or all of`);
    if (count > of.length)
      throw new ConditionFault('condition_malformed', `"${quantifier} of ${target}" can never be: there are ${of.length}`);
    return count === 1 ? or(of) : count === of.length ? and(of) : { kind: 'at_least', count, of };
  };

  const expression = disjunction();
  if (at < tokens.length) throw unexpected(tokens[at] as string, selections, true);
  return expression;
}

function tokensOf(text: string): readonly string[] {
  if (text.includes('|'))
    throw new ConditionFault('condition_malformed', 'aggregation behind a pipe is no part of Sigma 2: write a correlation');
  const tokens = text.match(/[()]|[^\s()]+/g) ?? [];
  if (tokens.length === 0) throw new ConditionFault('condition_malformed', 'the condition is empty');
  if (tokens.length > CONDITION_TOKENS_MAX)
    throw new ConditionFault('limit_exceeded', `the condition has more than ${CONDITION_TOKENS_MAX} words`);
  return tokens;
}

function unexpected(token: string, selections: ReadonlyMap<string, unknown>, operatorExpected = false): ConditionFault {
  const lower = token.toLowerCase();
  if (token !== lower && RESERVED.has(lower)) return new ConditionFault('condition_malformed', `write "${lower}" in lower case`);
  if (operatorExpected) return new ConditionFault('condition_malformed', `"${token}" stands where "and", "or" or the end is expected`);
  if (token === ')' || RESERVED.has(token))
    return new ConditionFault('condition_malformed', `"${token}" stands where a selection is expected`);
  if (!NAME.test(token))
    return new ConditionFault(
      'condition_malformed',
      `"${token}" is no name of a selection${token.includes('*') ? ': write 1 of or all of before a pattern' : ''}`,
    );
  return new ConditionFault(
    'selection_unknown',
    `the condition names "${token}"; there are ${[...selections.keys()].join(', ') || 'no selections'}`,
  );
}

function named<Leaf>(target: string, selections: ReadonlyMap<string, Expression<Leaf>>): readonly Expression<Leaf>[] {
  const hidden = target.startsWith('_');
  const fits = target === 'them' ? () => true : matcherOf(target);
  return [...selections].filter(([name]) => (hidden || !name.startsWith('_')) && fits(name)).map(([, selection]) => selection);
}

/** `*` stands for any number of characters, anywhere in the pattern. */
function matcherOf(pattern: string): (name: string) => boolean {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return (name) => name === pattern;
  return (name) => {
    if (!name.startsWith(first) || name.length < first.length + last.length || !name.endsWith(last)) return false;
    let from = first.length;
    const end = name.length - last.length;
    for (const part of rest) {
      const found = name.indexOf(part, from);
      if (found < 0 || found + part.length > end) return false;
      from = found + part.length;
    }
    return true;
  };
}
