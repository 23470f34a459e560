/** A boolean expression over leaves. Used for what a rule says and for what is compiled from it. */
export type Expression<Leaf> =
  | { readonly kind: 'and'; readonly of: readonly Expression<Leaf>[] }
  | { readonly kind: 'or'; readonly of: readonly Expression<Leaf>[] }
  | { readonly kind: 'not'; readonly of: Expression<Leaf> }
  /** At least `count` of them are true. */
  | { readonly kind: 'at_least'; readonly count: number; readonly of: readonly Expression<Leaf>[] }
  | { readonly kind: 'leaf'; readonly leaf: Leaf };

/** All of them; the only one as itself. */
export const and = <Leaf>(of: readonly Expression<Leaf>[]): Expression<Leaf> =>
  of.length === 1 ? (of[0] as Expression<Leaf>) : { kind: 'and', of };

/** One of them; the only one as itself. */
export const or = <Leaf>(of: readonly Expression<Leaf>[]): Expression<Leaf> =>
  of.length === 1 ? (of[0] as Expression<Leaf>) : { kind: 'or', of };

/** The opposite. */
export const not = <Leaf>(of: Expression<Leaf>): Expression<Leaf> => ({ kind: 'not', of });

/** Replaces every leaf by an expression. Depth is that of the rule, which the reader bounds. */
export function mapLeaves<From, To>(expression: Expression<From>, replace: (leaf: From) => Expression<To>): Expression<To> {
  switch (expression.kind) {
    case 'leaf':
      return replace(expression.leaf);
    case 'not':
      return not(mapLeaves(expression.of, replace));
    case 'at_least':
      return { kind: 'at_least', count: expression.count, of: expression.of.map((part) => mapLeaves(part, replace)) };
    case 'and':
    case 'or':
      return { kind: expression.kind, of: expression.of.map((part) => mapLeaves(part, replace)) };
  }
}

/** Every leaf, in the order of the rule. */
export function leavesOf<Leaf>(expression: Expression<Leaf>): readonly Leaf[] {
  if (expression.kind === 'leaf') return [expression.leaf];
  return expression.kind === 'not' ? leavesOf(expression.of) : expression.of.flatMap(leavesOf);
}
