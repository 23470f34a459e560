import type { LogSource } from '../model.ts';
import { isWithin } from '../sigma/apply-filters.ts';

/** What stands for the rules of an event's log source; null where no rule is of it. */
export type Router<Route> = (logsource: LogSource) => Route | null;

const PARTS = ['category', 'product', 'service'] as const;
type Part = (typeof PARTS)[number];

/**
 * Routes events to rules by log source: a rule is asked of an event whose log source has every part that the rule's has.
 * What no rule names counts as unknown, so that there are only as many routes as the rules can tell apart; each is built when it
 * is first taken.
 */
export function createRouter<Route>(sources: readonly LogSource[], build: (rules: readonly number[]) => Route): Router<Route> {
  const known: Readonly<Record<Part, ReadonlyMap<string, number>>> = {
    category: numbered(sources, 'category'),
    product: numbered(sources, 'product'),
    service: numbered(sources, 'service'),
  };
  const routes = new Map<number, Route | null>();
  const numberOf = (part: Part, value: string | null): number =>
    value === null ? 0 : (known[part].get(value) ?? known[part].get(value.toLowerCase()) ?? 0);
  let last: LogSource | null = null;
  let lastRoute: Route | null = null;
  return (logsource) => {
    if (logsource === last) return lastRoute;
    const [category, product, service] = PARTS.map((part) => numberOf(part, logsource[part])) as [number, number, number];
    const key = (category * (known.product.size + 1) + product) * (known.service.size + 1) + service;
    let route = routes.get(key);
    if (route === undefined) {
      const lowered = { category: lower(logsource.category), product: lower(logsource.product), service: lower(logsource.service) };
      const rules = [...sources.keys()].filter((rule) => isWithin(lowered, sources[rule] as LogSource));
      routes.set(key, (route = rules.length === 0 ? null : build(rules)));
    }
    [last, lastRoute] = [logsource, route];
    return route;
  };
}

const lower = (text: string | null): string | null => text?.toLowerCase() ?? null;

function numbered(sources: readonly LogSource[], part: Part): ReadonlyMap<string, number> {
  const values = new Map<string, number>();
  for (const source of sources) {
    const value = source[part];
    if (value !== null && !values.has(value)) values.set(value, values.size + 1);
  }
  return values;
}
