/** Looks into a parsed JSON value whose shape nobody promises. */

export type JsonObject = Readonly<Record<string, unknown>>;

const NOTHING: JsonObject = Object.freeze({});

export const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The object under a name; an empty one when there is none. */
export function objectAt(from: JsonObject, name: string): JsonObject {
  const value = own(from, name);
  return isObject(value) ? value : NOTHING;
}

/** The text at a path, when it is one and not empty. */
export function textAt(from: JsonObject, ...path: readonly string[]): string | null {
  let value: unknown = from;
  for (const name of path) value = isObject(value) ? own(value, name) : undefined;
  return typeof value === 'string' && value !== '' ? value : null;
}

/** Not what the prototype has: a key may be called `constructor`. */
export const own = (from: JsonObject, name: string): unknown => (Object.hasOwn(from, name) ? from[name] : undefined);

/** A list, also when it is wrapped as EC2 wraps its sets: `{"items":[…]}`. */
export function listOf(value: unknown): readonly unknown[] | null {
  if (Array.isArray(value)) return value;
  if (!isObject(value)) return null;
  const names = Object.keys(value);
  const only = names.length === 1 ? names[0] : undefined;
  if (only !== 'items' && only !== 'item') return null;
  const wrapped = own(value, only);
  return Array.isArray(wrapped) ? wrapped : null;
}
