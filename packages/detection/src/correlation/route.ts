import type { DetectionEvent, FieldValue, RuleHead } from '../model.ts';
import { type Correlations, callsMember, type LinkedCorrelation, type Member } from './link.ts';

/** How an event that matched a rule comes to a correlation: which member it counts as, and which of its fields are read. */
export interface Route {
  /** Index of the correlation. */
  readonly node: number;
  readonly member: number;
  /** For each field the names under which the event may carry it; the first that has a value counts. */
  readonly group_by: readonly (readonly string[])[];
  readonly value: readonly (readonly string[])[];
  /** Where the correlation's own hits go on to, with fields of the same event. */
  readonly outer: readonly Route[];
}

/** The names under which a rule's events may carry a field that a correlation names: a pipeline may map it. */
export type FieldsOf = (rule: RuleHead, field: string) => readonly string[];

/** The routes of each rule, by its id. */
export function routesOf({ linked }: Correlations, fieldsOf: FieldsOf): ReadonlyMap<string, readonly Route[]> {
  const uses = new Map<string, { readonly node: number; readonly member: number }[]>();
  for (const [node, { members }] of linked.entries())
    for (const [member, { head }] of members.entries()) uses.set(head.id, [...(uses.get(head.id) ?? []), { node, member }]);

  /** @param resolve what the member calls a field → what the event calls it */
  function into(id: string, resolve: (field: string) => readonly string[]): readonly Route[] {
    return (uses.get(id) ?? []).map(({ node, member }) => {
      const { rule, members } = linked[node] as LinkedCorrelation;
      const aliased = new Map<string, string>();
      for (const [alias, fields] of rule.aliases)
        for (const [name, field] of fields) if (callsMember(name, members[member] as Member, rule.rules[member])) aliased.set(alias, field);
      const inner = (field: string): readonly string[] => resolve(aliased.get(field) ?? field);
      return {
        node,
        member,
        group_by: rule.group_by.map(inner),
        value: rule.fields.map(inner),
        outer: into(rule.head.id, inner),
      };
    });
  }

  const routes = new Map<string, readonly Route[]>();
  for (const { members } of linked)
    for (const { kind, head } of members)
      if (kind === 'rule' && !routes.has(head.id))
        routes.set(
          head.id,
          into(head.id, (field) => fieldsOf(head, field)),
        );
  return routes;
}

/** Values longer than this are kept as their start and a digest. */
export const VALUE_CHARACTERS_MAX = 256;

/**
 * A field's value as text, for comparing and grouping: a number or truth value as JSON writes it, a list of one as its item,
 * a longer list as JSON. Null for null, for an empty list, and for a field that is not there.
 */
export function textOf(value: FieldValue | undefined): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value === 'string') return value;
  if (typeof value !== 'object') return String(value);
  if (value.length === 1) return textOf(value[0]);
  return value.length === 0 ? null : JSON.stringify(value);
}

/** A field's value as a number: a finite number, or a decimal in text. Null for all else. */
export function numberOf(value: FieldValue | undefined, absolute_max: number): number | null {
  if (Array.isArray(value)) return value.length === 1 ? numberOf(value[0], absolute_max) : null;
  const number =
    typeof value === 'number'
      ? value
      : typeof value === 'string' && value.length <= 40 && /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?\s*$/i.test(value)
        ? Number(value)
        : Number.NaN;
  return Math.abs(number) <= absolute_max ? number + 0 : null;
}

/** Several values as one, so that no two lists of values give the same text. */
export function joined(values: readonly string[]): string {
  if (values.length === 1) return values[0] as string;
  return values.map((value) => `${value.length}:${value}`).join('');
}

/** The values that `joined` took, given how many there were. */
export function parted(text: string, count: number): readonly string[] {
  if (count === 1) return [text];
  const values: string[] = [];
  for (let at = 0; at < text.length; ) {
    const colon = text.indexOf(':', at);
    const end = colon + 1 + Number(text.slice(at, colon));
    values.push(text.slice(colon + 1, end));
    at = end;
  }
  return values;
}

/** The first value that an event has under one of several names; undefined where it has none. */
export function valueOf(event: DetectionEvent, names: readonly string[]): FieldValue | undefined {
  for (const name of names) {
    const value = event.field(name);
    if (value !== undefined && value !== null) return value;
  }
  return undefined;
}

/** The values of an event's fields, joined; null where one of them has none. */
export function valuesOf(event: DetectionEvent, fields: readonly (readonly string[])[], short: (text: string) => string): string | null {
  let all = '';
  for (const names of fields) {
    const text = textOf(valueOf(event, names));
    if (text === null) return null;
    const value = short(text);
    if (fields.length === 1) return value;
    all += `${value.length}:${value}`;
  }
  return all;
}
