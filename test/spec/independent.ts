/** What the examples of docs/spec are checked against: avsc, node:crypto and a tree written as RFC 9162 defines it. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import avro from 'avsc';

export const vectors = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../docs/spec/vectors/${name}.json`, import.meta.url), 'utf8'));
export const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');
export const sha256 = (...parts: readonly (Uint8Array | string)[]): string => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};
/** SHA-256(0x00 ‖ letter ‖ 0x01 ‖ bytes). */
export const leafOf = (letter: string, content: string): string => sha256(Buffer.of(0, letter.charCodeAt(0), 1), bytes(content));

/** RFC 9162 2.1.1, word for word. */
export function treeRoot(leaves: readonly string[]): string {
  if (leaves.length === 0) return sha256('');
  if (leaves.length === 1) return leaves[0] as string;
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return sha256(Buffer.of(1), bytes(treeRoot(leaves.slice(0, split))), bytes(treeRoot(leaves.slice(split))));
}

type Json = string | number | null | readonly Json[] | { readonly [key: string]: Json };

/** Hexadecimal becomes bytes and pairs become maps, where the schema says so. */
export function valueOf(schema: unknown, json: unknown): unknown {
  const named = new Map<string, Json>();
  const collect = (node: Json): void => {
    if (node === null || typeof node !== 'object') return;
    for (const inner of Object.values(node)) collect(inner as Json);
    const { name, type } = node as { readonly [key: string]: Json };
    if (typeof name === 'string' && ['record', 'enum', 'fixed'].includes(type as string)) named.set(name, node);
  };
  collect(schema as Json);
  const convert = (type: Json, value: unknown): unknown => {
    if (Array.isArray(type)) return value === null ? null : convert((type as readonly Json[])[1] as Json, value);
    if (typeof type === 'string') {
      const known = named.get(type);
      if (known !== undefined) return convert(known, value);
      return type === 'bytes' ? bytes(value as string) : value;
    }
    const object = type as { readonly [key: string]: Json };
    switch (object['type']) {
      case 'record': {
        const fields = object['fields'] as unknown as readonly { readonly name: string; readonly type: Json }[];
        return Object.fromEntries(fields.map((field) => [field.name, convert(field.type, (value as Record<string, unknown>)[field.name])]));
      }
      case 'array':
        return (value as readonly unknown[]).map((item) => convert(object['items'] as Json, item));
      case 'map':
        return new Map(value as readonly [string, string][]);
      case 'fixed':
        return bytes(value as string);
      case 'enum':
        return value;
      default:
        return convert(object['type'] as Json, value);
    }
  };
  return convert(schema as Json, json);
}

export const avroType = (schema: unknown): avro.Type => avro.Type.forSchema(schema as avro.Schema, { wrapUnions: false });

/** avsc's own long ends at 2^53 - 2; this one is exact. */
export const bigLong: avro.Type = avro.types.LongType.__with({
  fromBuffer: (buffer: Buffer) => buffer.readBigInt64LE(),
  toBuffer: (value: bigint) => {
    const buffer = Buffer.alloc(8);
    buffer.writeBigInt64LE(value);
    return buffer;
  },
  fromJSON: BigInt,
  toJSON: String,
  isValid: (value: unknown) => typeof value === 'bigint',
  compare: (a: bigint, b: bigint) => (a === b ? 0 : a < b ? -1 : 1),
});
