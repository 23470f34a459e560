/**
 * Whether two versions of a schema may stand beside each other for ever: what either wrote, the other reads (FULL), for
 * every pair of published versions (TRANSITIVE). Avro's own resolution, by avsc, and this project's stricter rules
 * (docs/spec/canonical-avro.md): rows are recomputed from columns, so what exists keeps its place, type and meaning.
 */
import avro from 'avsc';

interface Field {
  readonly name: string;
  readonly type: unknown;
  readonly section?: string;
  readonly default?: unknown;
}
type Named = { readonly type: string; readonly name: string; readonly fields?: readonly Field[] };

const SECTIONS = ['actor', 'object', 'rest'];

/** Why `newer` may not follow `older`; empty when it may. */
export function incompatibilities(older: unknown, newer: unknown): readonly string[] {
  const faults: string[] = [];
  const typeOf = (schema: unknown): avro.Type | null => {
    try {
      return avro.Type.forSchema(schema as avro.Schema, { wrapUnions: false });
    } catch (error) {
      faults.push(`no Avro schema: ${(error as Error).message}`);
      return null;
    }
  };
  const before = typeOf(older);
  const after = typeOf(newer);
  if (before === null || after === null) return faults;
  for (const [reader, writer, name] of [
    [after, before, 'the newer does not read the older'],
    [before, after, 'the older does not read the newer'],
  ] as const) {
    try {
      reader.createResolver(writer);
    } catch (error) {
      faults.push(`${name}: ${(error as Error).message}`);
    }
  }
  const [a, b] = [older as Named, newer as Named];
  if (a.name !== b.name) faults.push(`${a.name} became ${b.name}`);
  return [...faults, ...fieldFaults(a.fields ?? [], b.fields ?? [])];
}

function fieldFaults(older: readonly Field[], newer: readonly Field[]): readonly string[] {
  const faults: string[] = [];
  const kept = newer.filter((field) => older.some(({ name }) => name === field.name));
  for (const [i, field] of older.entries()) {
    const now = newer.find(({ name }) => name === field.name);
    if (now === undefined) faults.push(`${field.name} is gone`);
    else if (plain(now.type) !== plain(field.type)) faults.push(`${field.name} has another type`);
    else if (now.section !== field.section) faults.push(`${field.name} went to another section`);
    else if (plain(now.default) !== plain(field.default)) faults.push(`${field.name} has another default`);
    else if (kept[i]?.name !== field.name) faults.push(`${field.name} has another place among the fields that were there`);
  }
  for (const field of newer) {
    if (older.some(({ name }) => name === field.name)) continue;
    // Old rows have no such value, and null is the one value that every table and reader takes for that.
    if (!Array.isArray(field.type) || field.type[0] !== 'null' || field.default !== null)
      faults.push(`${field.name} is new and does not default to null`);
    const section = field.section ?? null;
    const last = newer.filter((one) => (one.section ?? null) === section).slice(-1)[0];
    const following = newer.slice(newer.indexOf(field) + 1).filter((one) => (one.section ?? null) === section);
    if (following.some((one) => older.some(({ name }) => name === one.name)))
      faults.push(`${field.name} is new and stands before ${last?.name ?? ''}`);
    if (section !== null && !SECTIONS.includes(section)) faults.push(`${field.name} is in no known section`);
  }
  return faults;
}

/** Without documentation, which may be corrected; logical types stay, though Avro's resolution does not look at them. */
const plain = (value: unknown): string => JSON.stringify(value, (key, inner: unknown) => (key === 'doc' ? undefined : inner)) ?? 'none';

export interface LockEntry {
  readonly version: number;
  readonly file: string;
  readonly sha256: string;
}
export type Lock = Readonly<Record<string, readonly LockEntry[]>>;

/** What is wrong with a folder of schemas by its lock file. `read` gives a file's bytes, or null; `digest` their SHA-256 in hex. */
export function lockFaults(
  lock: Lock,
  files: readonly string[],
  read: (file: string) => Uint8Array | null,
  digest: (bytes: Uint8Array) => string,
): readonly string[] {
  const faults: string[] = [];
  for (const [name, versions] of Object.entries(lock)) {
    versions.forEach(({ version, file, sha256 }, i) => {
      if (version !== i + 1) faults.push(`${name}: version ${version} stands at place ${i + 1}`);
      const isLast = i === versions.length - 1;
      const wanted = isLast ? `${name}.avsc` : `${name}.v${version}.avsc`;
      if (file !== wanted) faults.push(`${name} version ${version} is kept in ${file}: it belongs in ${wanted}`);
      const bytes = read(file);
      if (bytes === null) faults.push(`${file} is gone`);
      else if (digest(bytes) !== sha256) faults.push(`${file} was published and has changed: make a new version beside it`);
    });
    if (versions.length === 0) faults.push(`${name} has no version`);
  }
  const known = new Set(Object.values(lock).flatMap((versions) => versions.map(({ file }) => file)));
  for (const file of files) if (!known.has(file)) faults.push(`${file} is not in the lock file`);
  return faults;
}
