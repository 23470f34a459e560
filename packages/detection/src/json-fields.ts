import type { FieldValue } from './model.ts';

/** Reads fields of parsed JSON by their paths. */
export interface JsonFields {
  /**
   * The value at a path with dots (`userIdentity.type`), or under that very name. A list on the way stands for its items. An
   * object is its JSON text: rules look for words in it. undefined where there is nothing.
   */
  readonly field: (record: unknown, name: string) => FieldValue | undefined;
  /** Every value in the record that is no object and no list. */
  readonly values: (record: unknown) => readonly FieldValue[];
}

/** A reader that remembers the pieces of paths: as many as rules have fields. */
export function createJsonFields(): JsonFields {
  const paths = new Map<string, readonly string[]>();
  return {
    field: (record, name) => {
      let path = paths.get(name);
      if (path === undefined) paths.set(name, (path = name.split('.')));
      return path.length > 1 && isObject(record) && Object.hasOwn(record, name) ? leaf(record[name]) : at(record, path);
    },
    values: valuesOf,
  };
}

type JsonObject = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

function at(record: unknown, path: readonly string[]): FieldValue | undefined {
  let value = record;
  for (let i = 0; i < path.length; i++) {
    if (Array.isArray(value)) return throughList(value, path.slice(i));
    const name = path[i] as string;
    if (!isObject(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return leaf(value);
}

/** Nested lists count as one; undefined where no item has the path. */
function throughList(list: readonly unknown[], path: readonly string[]): FieldValue | undefined {
  const found = flattened(list)
    .map((item) => at(item, path))
    .filter((value) => value !== undefined);
  return found.length === 0 ? undefined : found;
}

function leaf(value: unknown): FieldValue | undefined {
  if (Array.isArray(value)) return flattened(value).map((item) => (isObject(item) ? jsonText(item) : (item as FieldValue)));
  return isObject(value) ? jsonText(value) : (value as FieldValue | undefined);
}

/** The items of a list and of lists in it, in order. How deep they nest is the record's choice: no recursion. */
function flattened(list: readonly unknown[]): readonly unknown[] {
  if (!list.some((item) => Array.isArray(item))) return list;
  const items: unknown[] = [];
  const open: unknown[] = list.toReversed();
  while (open.length > 0) {
    const item = open.pop();
    if (Array.isArray(item)) for (let i = item.length - 1; i >= 0; i--) open.push(item[i]);
    else items.push(item);
  }
  return items;
}

function valuesOf(record: unknown): readonly FieldValue[] {
  const values: FieldValue[] = [];
  const open: unknown[] = [record];
  while (open.length > 0) {
    const value = open.pop();
    if (Array.isArray(value)) for (let i = value.length - 1; i >= 0; i--) open.push(value[i]);
    else if (isObject(value)) for (const name of Object.keys(value).toReversed()) open.push(value[name]);
    else if (value !== undefined) values.push(value as FieldValue);
  }
  return values;
}

/** As JSON.stringify writes it, but however deep it nests. */
function jsonText(root: JsonObject): string {
  let text = '';
  /** Values to write and, as one-item tuples, text that stands between them. */
  const open: ({ readonly value: unknown } | { readonly between: string })[] = [{ value: root }];
  while (open.length > 0) {
    const next = open.pop() as (typeof open)[number];
    if ('between' in next) text += next.between;
    else if (Array.isArray(next.value)) {
      open.push({ between: ']' });
      for (let i = next.value.length - 1; i >= 0; i--) open.push({ value: next.value[i] }, { between: i === 0 ? '' : ',' });
      text += '[';
    } else if (isObject(next.value)) {
      const names = Object.keys(next.value).filter((name) => (next.value as JsonObject)[name] !== undefined);
      open.push({ between: '}' });
      for (let i = names.length - 1; i >= 0; i--) {
        const name = names[i] as string;
        open.push({ value: next.value[name] }, { between: `${i === 0 ? '' : ','}${JSON.stringify(name)}:` });
      }
      text += '{';
    } else text += JSON.stringify(next.value ?? null);
  }
  return text;
}
