import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const folder = new URL('../../schemas/', import.meta.url);
const read = (name: string): unknown => JSON.parse(readFileSync(new URL(name, folder), 'utf8'));

/** Every definition of a named type in a schema, by name, with inner named types replaced by their names. */
function definitions(schema: unknown, found: Map<string, unknown> = new Map()): Map<string, unknown> {
  const shallow = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(shallow);
    if (node === null || typeof node !== 'object') return node;
    const record = node as Record<string, unknown>;
    const inner = Object.fromEntries(Object.entries(record).map(([key, value]) => [key, shallow(value)]));
    delete inner['namespace'];
    if (typeof record['name'] === 'string' && ['record', 'enum', 'fixed'].includes(record['type'] as string)) {
      found.set(record['name'], inner);
      return record['name'];
    }
    return inner;
  };
  shallow(schema);
  return found;
}

describe('schemas', () => {
  const files = readdirSync(folder).filter((name) => name.endsWith('.avsc'));
  it('define a type the same way wherever they define it', () => {
    const seen = new Map<string, { file: string; definition: unknown }>();
    for (const file of files) {
      for (const [name, definition] of definitions(read(file))) {
        const earlier = seen.get(name);
        if (earlier) {
          const plain = (value: unknown): string => JSON.stringify(value).replaceAll(/,?"doc":"[^"]*"/g, '');
          expect(plain(definition), `${name} in ${file} and ${earlier.file}`).toBe(plain(earlier.definition));
        } else seen.set(name, { file, definition });
      }
    }
    expect(seen.has('AuditEvent')).toBe(true);
    expect(seen.has('BatchHeader')).toBe(true);
  });
});
