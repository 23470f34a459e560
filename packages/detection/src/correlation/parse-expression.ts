import type { Expression } from './model.ts';

/** A condition over rules, and the rules that it names, each once, in the order in which they first appear. */
export interface ParsedExpression {
  readonly expression: Expression;
  readonly rules: readonly string[];
}

const EXPRESSION_TOKENS_MAX = 1_000;
const EXPRESSION_DEPTH_MAX = 50;

/**
 * Reads a condition over rules: `or` binds less than `and`, that less than `not`; parentheses; names and ids of rules.
 * Gives the reason as text where it cannot be read.
 */
export function parseExpression(text: string): ParsedExpression | string {
  const tokens = text.match(/[()]|[^\s()]+/g) ?? [];
  if (tokens.length > EXPRESSION_TOKENS_MAX) return `condition has more than ${EXPRESSION_TOKENS_MAX} words`;
  const rules: string[] = [];
  let at = 0;

  const word = (): string => (tokens[at] ?? '').toLowerCase();
  function list(kind: 'and' | 'or', depth: number): Expression {
    const part = (): Expression => (kind === 'or' ? list('and', depth) : unary(depth));
    const parts = [part()];
    while (word() === kind) {
      at++;
      parts.push(part());
    }
    return parts.length === 1 ? (parts[0] as Expression) : { kind, of: parts };
  }
  function unary(depth: number): Expression {
    if (depth > EXPRESSION_DEPTH_MAX) throw new RangeError(`condition is nested more than ${EXPRESSION_DEPTH_MAX} deep`);
    const token = tokens[at++];
    if (token === undefined) throw new RangeError('condition ends where a rule is expected');
    const lower = token.toLowerCase();
    if (lower === 'not') return { kind: 'not', of: unary(depth + 1) };
    if (token === '(') {
      const inner = list('or', depth + 1);
      if (tokens[at++] !== ')') throw new RangeError('condition lacks a closing parenthesis');
      return inner;
    }
    if (lower === 'and' || lower === 'or' || token === ')') throw new RangeError(`condition has "${token}" where a rule is expected`);
    if (!/^[\w.-]+$/.test(token)) throw new RangeError(`condition has "${token.slice(0, 40)}", which is no name of a rule`);
    const known = rules.indexOf(token);
    return { kind: 'member', member: known === -1 ? rules.push(token) - 1 : known };
  }

  try {
    const expression = list('or', 0);
    if (at < tokens.length) return `condition goes on with "${(tokens[at] ?? '').slice(0, 40)}" where "and" or "or" is expected`;
    return { expression, rules };
  } catch (error) {
    if (error instanceof RangeError) return error.message;
    throw error;
  }
}

/** The same expression with its members in the order of `order`, which names the same rules. */
export function inOrderOf(order: readonly string[], { expression, rules }: ParsedExpression): Expression {
  const renumber = (part: Expression): Expression => {
    switch (part.kind) {
      case 'member':
        return { kind: 'member', member: order.indexOf(rules[part.member] as string) };
      case 'not':
        return { kind: 'not', of: renumber(part.of) };
      default:
        return { kind: part.kind, of: part.of.map(renumber) };
    }
  };
  return renumber(expression);
}
