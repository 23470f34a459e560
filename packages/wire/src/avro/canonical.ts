/**
 * Avro's Parsing Canonical Form and its CRC-64-AVRO fingerprint (Avro 1.12 specification, "Transforming into Parsing
 * Canonical Form", "Schema Fingerprints"): what single-object encoding names a schema by.
 */

const ORDER = ['name', 'type', 'fields', 'symbols', 'items', 'values', 'size'] as const;
const PRIMITIVES = ['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'];

export function parsingCanonicalForm(schema: unknown): string {
  return JSON.stringify(canonical(schema, ''));
}

function canonical(schema: unknown, namespace: string): unknown {
  if (typeof schema === 'string')
    return PRIMITIVES.includes(schema) || schema.includes('.') || namespace === '' ? schema : `${namespace}.${schema}`;
  if (Array.isArray(schema)) return schema.map((branch) => canonical(branch, namespace));
  const object = schema as Record<string, unknown>;
  const type = object['type'] as string;
  if (PRIMITIVES.includes(type)) return type;
  const own = (object['namespace'] as string | undefined) ?? namespace;
  const out: Record<string, unknown> = {};
  for (const key of ORDER) {
    const value = object[key];
    if (value === undefined) continue;
    if (key === 'name') out[key] = (value as string).includes('.') || own === '' ? value : `${own}.${value as string}`;
    else if (key === 'type') out[key] = value;
    else if (key === 'fields') {
      out[key] = (value as Record<string, unknown>[]).map((field) => ({ name: field['name'], type: canonical(field['type'], own) }));
    } else if (key === 'items' || key === 'values') out[key] = canonical(value, own);
    else out[key] = value;
  }
  return out;
}

const EMPTY = 0xc15d213aa4d7a795n;

/** CRC-64-AVRO of a text, as the 8 bytes, little-endian, of single-object encoding. */
export function crc64Avro(text: string): Uint8Array {
  const table = Array.from({ length: 256 }, (_, i) => {
    let value = BigInt(i);
    for (let j = 0; j < 8; j++) value = (value >> 1n) ^ (value & 1n ? EMPTY : 0n);
    return value;
  });
  let crc = EMPTY;
  for (const byte of new TextEncoder().encode(text)) crc = (crc >> 8n) ^ (table[Number((crc ^ BigInt(byte)) & 0xffn)] as bigint);
  return Uint8Array.from({ length: 8 }, (_, i) => Number((crc >> BigInt(8 * i)) & 0xffn));
}
