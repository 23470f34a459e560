import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { generateSchemasModule } from '../../packages/wire/generate/schemas.ts';
import { compileSchema } from '../../packages/wire/src/avro/plan.ts';
import { incompatibilities, type Lock, lockFaults } from './compatibility.ts';

const folder = new URL('../../schemas/', import.meta.url);
const read = (file: string): Uint8Array | null => (existsSync(new URL(file, folder)) ? readFileSync(new URL(file, folder)) : null);
const json = (file: string): Record<string, unknown> => JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Record<string, unknown>;
const lock = json('schemas.lock.json') as unknown as Lock;
const files = readdirSync(folder).filter((file) => file.endsWith('.avsc'));
const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

describe('published schemas', () => {
  it('are what the lock file says they are', () => expect(lockFaults(lock, files, read, digest)).toEqual([]));

  it('are found when one byte of them changes, when they go, and when one is not in the lock file', () => {
    for (const file of files) {
      const changed = (wanted: string): Uint8Array | null => {
        const bytes = read(wanted);
        return wanted === file && bytes !== null ? Buffer.concat([bytes, Buffer.from(' ')]) : bytes;
      };
      expect(lockFaults(lock, files, changed, digest)).toEqual([`${file} was published and has changed: make a new version beside it`]);
      expect(lockFaults(lock, files, (wanted) => (wanted === file ? null : read(wanted)), digest)).toEqual([`${file} is gone`]);
    }
    expect(lockFaults(lock, [...files, 'other.avsc'], read, digest)).toEqual(['other.avsc is not in the lock file']);
    const versions = [{ version: 2, file: 'duplicate.avsc', sha256: digest(read('duplicate.avsc') as Uint8Array) }];
    expect(lockFaults({ ...lock, duplicate: versions }, files, read, digest)).toEqual(['duplicate: version 2 stands at place 1']);
  });

  it('can be compiled by the codec', () => {
    for (const file of files) expect(() => compileSchema(json(file)), file).not.toThrow();
  });

  it('are in the module that packages read', () => {
    const generated = readFileSync(new URL('../../packages/wire/src/generated/schemas.ts', import.meta.url), 'utf8');
    expect(generated === generateSchemasModule(folder), 'run npm run generate').toBe(true);
  });

  for (const [name, versions] of Object.entries(lock)) {
    it(`${name}: each version reads what each other one wrote`, () => {
      for (const [i, older] of versions.entries()) {
        for (const newer of versions.slice(i)) {
          expect(incompatibilities(json(older.file), json(newer.file)), `version ${older.version} and ${newer.version}`).toEqual([]);
        }
      }
    });
  }
});

describe('the next version of the event', () => {
  interface Field {
    name: string;
    type: unknown;
    section?: string;
    default?: unknown;
    doc?: string;
  }
  const event = json('audit-event.avsc');
  const next = (change: (fields: Field[]) => unknown): readonly string[] => {
    const copy = structuredClone(event) as { fields: Field[] };
    change(copy.fields);
    return incompatibilities(event, copy);
  };
  const field = (fields: Field[], name: string): Field => fields.find((one) => one.name === name) as Field;
  const added = (section: string): Field => ({ name: 'approval_id', type: ['null', 'string'], default: null, section, doc: 'Approval.' });

  it('may say more in a comment, and may have a field more at the end of a section', () => {
    expect(next((fields) => Object.assign(field(fields, 'action'), { doc: 'What was done.' }))).toEqual([]);
    expect(next((fields) => fields.push(added('rest')))).toEqual([]);
    expect(
      next((fields) =>
        fields.splice(
          fields.findIndex(({ name }) => name === 'event_id'),
          0,
          added('object'),
        ),
      ),
    ).toEqual([]);
  });

  it.each<[string, (fields: Field[]) => unknown, RegExp]>([
    ['lose a field', (fields) => fields.splice(2, 1), /actor_id is gone/],
    ['rename a field', (fields) => Object.assign(field(fields, 'action'), { name: 'verb' }), /action is gone/],
    ['exchange two fields', (fields) => fields.splice(2, 0, ...fields.splice(3, 1)), /another place/],
    ['widen an int', (fields) => Object.assign(field(fields, 'redactions'), { type: 'long' }), /another type/],
    [
      'make a field optional',
      (fields) => Object.assign(field(fields, 'action'), { type: ['null', 'string'], default: null }),
      /another type/,
    ],
    ['make a field required', (fields) => Object.assign(field(fields, 'reason'), { type: 'string', default: '' }), /another type/],
    [
      'count a time in another unit',
      (fields) => Object.assign(field(fields, 'occurred_at'), { type: { type: 'long', logicalType: 'timestamp-millis' } }),
      /another type/,
    ],
    ['drop a logical type', (fields) => Object.assign(field(fields, 'occurred_at'), { type: 'long' }), /another type/],
    [
      'have a symbol more',
      (fields) => (field(fields, 'outcome').type as { symbols: string[] }).symbols.push('UNKNOWN'),
      /does not read.*|another type/,
    ],
    [
      'have symbols in another order',
      (fields) => (field(fields, 'outcome').type as { symbols: string[] }).symbols.reverse(),
      /another type/,
    ],
    ['have a longer fixed', (fields) => Object.assign(field(fields, 'event_id').type as object, { size: 20 }), /another type/],
    ['move a field to another section', (fields) => Object.assign(field(fields, 'user_agent'), { section: 'rest' }), /another section/],
    ['have a required field more', (fields) => fields.push({ name: 'approval_id', type: 'string', section: 'rest' }), /does not read/],
    [
      'have a field more that defaults to a value',
      (fields) => fields.push({ name: 'approval_id', type: 'string', default: '', section: 'rest' }),
      /does not default to null/,
    ],
    [
      'have a field more in the middle of a section',
      (fields) => fields.splice(fields.length - 1, 0, added('rest')),
      /stands before personal/,
    ],
    ['have a field more in a section of its own', (fields) => fields.push(added('extra')), /no known section/],
    ['have another default', (fields) => Object.assign(field(fields, 'action'), { default: '' }), /another default/],
  ])('may not %s', (_, change, fault) => expect(next(change).join('\n')).toMatch(fault));

  it('may not have another name, nor be something else', () => {
    expect(incompatibilities(event, { ...event, name: 'Other' }).join('\n')).toMatch(/AuditEvent became Other/);
    expect(incompatibilities(event, 'nonsense').join('\n')).toMatch(/no Avro schema/);
  });
});
