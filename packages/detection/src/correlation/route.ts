import type { DetectionEvent, FieldValue, RuleHead } from '../model.ts';
import { NUMBER_MAX } from './aggregate.ts';
import { type Correlations, callsMember, type LinkedCorrelation, type Member } from './link.ts';
import { isMetric } from './parse-condition.ts';

/** A field that is taken of an event: the names under which the event may carry it, of which the first that has a value counts. */
export interface TakenField {
  readonly names: readonly string[];
  /** Taken as a number; as text otherwise. */
  readonly is_number: boolean;
}

/** How an event that matched a rule comes to a correlation: which member it counts as, and which of its taken fields are read. */
export interface Route {
  /** Index of the correlation. */
  readonly node: number;
  readonly member: number;
  /** Indexes of fields, in the order of the correlation's group-by. */
  readonly group_by: readonly number[];
  /** Indexes of the fields that are counted, told apart or computed with. */
  readonly value: readonly number[];
  /** Where the correlation's own hits go on to, with fields of the same event. */
  readonly outer: readonly Route[];
}

/** What is taken of the events of one rule, each field once, and where it goes. */
export interface RuleRoutes {
  readonly fields: readonly TakenField[];
  readonly routes: readonly Route[];
}

/** The names under which a rule's events may carry a field that a correlation names: a pipeline may map it. */
export type FieldsOf = (rule: RuleHead, field: string) => readonly string[];

/** The routes of each rule that a correlation refers to, by its id. */
export function routesOf({ linked }: Correlations, fieldsOf: FieldsOf): ReadonlyMap<string, RuleRoutes> {
  const uses = new Map<string, { readonly node: number; readonly member: number }[]>();
  for (const [node, { members }] of linked.entries())
    for (const [member, { head }] of members.entries()) uses.set(head.id, [...(uses.get(head.id) ?? []), { node, member }]);

  /** @param resolve what the member calls a field → what the event calls it */
  function into(id: string, resolve: (field: string) => readonly string[], fields: TakenFields): readonly Route[] {
    return (uses.get(id) ?? []).map(({ node, member }) => {
      const { rule, members } = linked[node] as LinkedCorrelation;
      const aliased = new Map<string, string>();
      for (const [alias, names] of rule.aliases)
        for (const [name, field] of names) if (callsMember(name, members[member] as Member, rule.rules[member])) aliased.set(alias, field);
      const inner = (field: string): readonly string[] => resolve(aliased.get(field) ?? field);
      return {
        node,
        member,
        group_by: rule.group_by.map((field) => fields.indexOf(inner(field), false)),
        value: rule.fields.map((field) => fields.indexOf(inner(field), computes(rule))),
        outer: into(rule.head.id, inner, fields),
      };
    });
  }

  const routes = new Map<string, RuleRoutes>();
  for (const { members } of linked)
    for (const { kind, head } of members)
      if (kind === 'rule' && !routes.has(head.id)) {
        const fields = new TakenFields();
        const own = into(head.id, (field) => fieldsOf(head, field), fields);
        routes.set(head.id, { fields: fields.all, routes: own });
      }
  return routes;
}

/** Whether a correlation computes with its field; the share of a value is told by its text. */
export const computes = ({ type, percentile }: LinkedCorrelation['rule']): boolean =>
  isMetric(type) && (type !== 'value_percentile' || percentile !== null);

/** Each field once, in the order in which they are first asked for. */
class TakenFields {
  readonly all: TakenField[] = [];
  readonly #indexes = new Map<string, number>();

  indexOf(names: readonly string[], is_number: boolean): number {
    const key = JSON.stringify([is_number, names]);
    const known = this.#indexes.get(key);
    if (known !== undefined) return known;
    this.#indexes.set(key, this.all.length);
    return this.all.push({ names, is_number }) - 1;
  }
}

/** A field's text or number; null where the event has none. */
export type TakenValue = string | number | null;

/** @param short shortens a long text, so that no two texts become one */
export function takeFields(event: DetectionEvent, fields: readonly TakenField[], short: (text: string) => string): TakenValue[] {
  return fields.map(({ names, is_number }) => {
    const value = valueOf(event, names);
    if (is_number) return numberOf(value, NUMBER_MAX);
    const text = textOf(value);
    return text === null ? null : short(text);
  });
}

/** Several of the taken texts as one, so that no two lists of texts give the same; null where one is missing. */
export function joinedAt(values: readonly TakenValue[], indexes: readonly number[]): string | null {
  if (indexes.length === 1) return values[indexes[0] as number] as string | null;
  let all = '';
  for (const index of indexes) {
    const value = values[index] as string | null;
    if (value === null) return null;
    all += `${value.length}:${value}`;
  }
  return all;
}

/** Values longer than this are kept as their start and a digest. */
export const VALUE_CHARACTERS_MAX = 256;

/**
 * A field's value as text, for comparing and grouping: a number or truth value as JSON writes it, a list of one as its item,
 * a longer list as JSON. Null for null, for an empty list, and for a field that is not there.
 */
function textOf(value: FieldValue | undefined): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value === 'string') return value;
  if (typeof value !== 'object') return String(value);
  if (value.length === 1) return textOf(value[0]);
  return value.length === 0 ? null : JSON.stringify(value);
}

/** A field's value as a number: a finite number, or a decimal in text. Null for all else. */
function numberOf(value: FieldValue | undefined, absolute_max: number): number | null {
  if (Array.isArray(value)) return value.length === 1 ? numberOf(value[0], absolute_max) : null;
  const number =
    typeof value === 'number'
      ? value
      : typeof value === 'string' && value.length <= 40 && /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?\s*$/i.test(value)
        ? Number(value)
        : Number.NaN;
  return Math.abs(number) <= absolute_max ? number + 0 : null;
}

/** The texts that `joinedAt` took, given how many there were. */
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
function valueOf(event: DetectionEvent, names: readonly string[]): FieldValue | undefined {
  for (const name of names) {
    const value = event.field(name);
    if (value !== undefined && value !== null) return value;
  }
  return undefined;
}
