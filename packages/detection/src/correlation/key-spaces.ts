import type { LinkedCorrelation } from './link.ts';

/**
 * Correlations that group by the same fields over the same time share the states of their keys: one that is hit is mostly hit
 * for all of them, and then looked up once.
 */
export interface KeySpaces {
  /** By correlation: its space, and which of a key's windows is its own. */
  readonly of: readonly { readonly space: number; readonly slot: number }[];
  /** By space: its correlations, in the order of their slots. */
  readonly nodes: readonly (readonly number[])[];
}

export function keySpacesOf(linked: readonly LinkedCorrelation[]): KeySpaces {
  const spaces = new Map<string, number>();
  const nodes: number[][] = [];
  const of = linked.map(({ rule }, node) => {
    const name = JSON.stringify([rule.timespan_us, rule.group_by]);
    const space = spaces.get(name) ?? spaces.size;
    spaces.set(name, space);
    const own = (nodes[space] ??= []);
    return { space, slot: own.push(node) - 1 };
  });
  return { of, nodes };
}
