import { readFileSync } from 'node:fs';
import avro from 'avsc';

/** A published schema file, parsed. */
export const publishedSchema = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../../schemas/${name}.avsc`, import.meta.url), 'utf8'));

/** What avsc makes of a published schema. */
export const reference = (name: string): avro.Type => avro.Type.forSchema(publishedSchema(name) as avro.Schema, { wrapUnions: false });

/** A value of ours as avsc wants it: Buffers, and maps as objects with their keys sorted by bytes. */
export function forAvsc(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value);
  if (value instanceof Map) {
    const sorted = ([...value] as [string, string][]).sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    // A null prototype keeps a key such as "__proto__" a key.
    const object = Object.create(null) as Record<string, string>;
    for (const [key, one] of sorted) object[key] = one;
    return object;
  }
  if (Array.isArray(value)) return value.map(forAvsc);
  if (value !== null && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, forAvsc(one)]));
  return value;
}

const ROOM = Buffer.alloc(1 << 20);

/** avsc's encoder gives wrong lengths from its pooled buffer for some short strings: encode into a buffer of known size. */
export function encodeWithAvsc(type: avro.Type, value: unknown): Buffer {
  const end = type.encode(forAvsc(value) as never, ROOM, 0);
  return Buffer.from(ROOM.subarray(0, end));
}
