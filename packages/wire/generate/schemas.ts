import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';

interface Lock {
  readonly [schema: string]: readonly { readonly version: number; readonly file: string; readonly sha256: string }[];
}

/** The module with the published schemas' texts, for packages that read no files. Deterministic. */
export function generateSchemasModule(schemasFolder: URL): string {
  const read = (file: string): string => readFileSync(new URL(file, schemasFolder), 'utf8');
  const lock = JSON.parse(read('schemas.lock.json')) as Lock;
  const names = readdirSync(schemasFolder)
    .filter((file) => file.endsWith('.avsc'))
    .map((file) => file.slice(0, -'.avsc'.length))
    .sort();
  const texts = names.map((name) => `  ${JSON.stringify(name)}: ${JSON.stringify(read(`${name}.avsc`))},`);
  const events = (lock['audit-event'] ?? []).map(({ file }) => {
    const text = read(file);
    const { fields } = JSON.parse(text) as { readonly fields: readonly { readonly name: string }[] };
    return [
      '  {',
      `    sha256: '${createHash('sha256').update(text).digest('hex')}',`,
      `    text: ${JSON.stringify(text)},`,
      `    valuesOf: (event) => [${fields.map(({ name }) => `event.${name}`).join(', ')}],`,
      `    eventOf: (values) => ({ ${fields.map(({ name }, i) => `${name}: values[${i}]`).join(', ')} }),`,
      '  },',
    ].join('\n');
  });
  return [
    '// Made by `npm run generate` from schemas/*.avsc; do not edit.',
    `export type SchemaName = ${names.map((name) => `'${name}'`).join(' | ')};`,
    'export const SCHEMA_TEXTS: Readonly<Record<SchemaName, string>> = {',
    ...texts,
    '};',
    'export interface PublishedEventSchema {',
    '  readonly sha256: string;',
    '  readonly text: string;',
    '  /** An event as the values of its fields, in order. Names that stand in the code cost a third of computed ones. */',
    '  readonly valuesOf: (event: any) => unknown[];',
    '  readonly eventOf: (values: readonly unknown[]) => unknown;',
    '}',
    '/** Every published version of the event schema, oldest first. */',
    'export const PUBLISHED_EVENT_SCHEMAS: readonly PublishedEventSchema[] = [',
    ...events,
    '];',
    '',
  ].join('\n');
}
