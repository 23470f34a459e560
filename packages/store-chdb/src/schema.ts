import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LedgerStoreError } from '@sealtrail/ledger-store';
import {
  alignStatements,
  DATABASE,
  derivedStatements,
  lackingStatements,
  quoted,
  SCHEMA_VERSION,
  schemaStatements,
  table,
  tableDefinitions,
  versionStatement,
} from '@sealtrail/ledger-store/sql';
import type { Engine } from './engine.ts';

const linesOf = (bytes: Uint8Array): string[] =>
  new TextDecoder()
    .decode(bytes)
    .split('\n')
    .filter((line) => line !== '');

/**
 * Creates the schema in an empty store, and brings that of an earlier build up to date: columns that later event schemas
 * brought, the checks over them, functions and views. Throws `schema_mismatch` for a store of another version.
 */
export async function prepareSchema(engine: Engine, folder: string, checked: boolean): Promise<void> {
  const known = linesOf(
    await engine.run(`SELECT name FROM system.tables WHERE database = ${quoted(DATABASE)} AND name = 'schema_version'`, 'TSVRaw'),
  );
  const versions =
    known.length === 0
      ? []
      : linesOf(await engine.run(`SELECT DISTINCT version FROM ${table('schema_version')} ORDER BY version`, 'TSVRaw'));
  if (versions.length === 0) {
    // A store that a crash left half made is made whole here: each statement creates only what is lacking.
    for (const statement of schemaStatements(checked)) await engine.run(statement);
    await engine.run(versionStatement());
    await alignChecks(engine, checked);
    return writeStamp(folder);
  }
  if (versions.length > 1 || versions[0] !== String(SCHEMA_VERSION)) {
    throw new LedgerStoreError(
      'schema_mismatch',
      `${folder}: the store has schema version ${versions.join(' and ')}, this build reads ${SCHEMA_VERSION}; use the build that wrote it, or one that migrates it`,
    );
  }
  await addLacking(engine, checked);
  await alignChecks(engine, checked);
  if ((await readStamp(folder)) === stamp()) return;
  await engine.runAll(derivedStatements());
  await writeStamp(folder);
}

/** Which functions and views stand in the store: renewing them at each open would cost it hundreds of ms. */
const STAMP_FILE = 'views.sha256';
const stamp = (): string => createHash('sha256').update(derivedStatements().join(';\n')).digest('hex');

async function readStamp(folder: string): Promise<string | null> {
  try {
    return (await readFile(join(folder, STAMP_FILE), 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

const writeStamp = (folder: string): Promise<void> => writeFile(join(folder, STAMP_FILE), `${stamp()}\n`);

/** Makes the views and functions again, and gives the names of those that were not what they are now. */
export async function renewDerived(engine: Engine): Promise<readonly string[]> {
  const before = await derivedNow(engine);
  await engine.runAll(derivedStatements());
  const after = await derivedNow(engine);
  return [...after].filter(([name, made]) => before.get(name) !== made).map(([name]) => name);
}

/** The statement that the engine has of each view and function, by name. */
async function derivedNow(engine: Engine): Promise<ReadonlyMap<string, string>> {
  const answer = await engine.run(
    `SELECT name, create_table_query AS made FROM system.tables WHERE database = ${quoted(DATABASE)} AND engine = 'View'
UNION ALL SELECT name, create_query FROM system.functions WHERE origin = 'SQLUserDefined' ORDER BY name`,
    'JSONCompactEachRow',
  );
  return new Map(linesOf(answer).map((line) => JSON.parse(line) as [string, string]));
}

async function addLacking(engine: Engine, checked: boolean): Promise<void> {
  const there = linesOf(
    await engine.run(`SELECT concat(table, '.', name) FROM system.columns WHERE database = ${quoted(DATABASE)}`, 'TSVRaw'),
  );
  for (const definition of tableDefinitions()) {
    const prefix = `${definition.name}.`;
    const columns = new Set(there.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length)));
    for (const statement of lackingStatements(definition, columns, checked)) await engine.run(statement);
  }
}

async function alignChecks(engine: Engine, checked: boolean): Promise<void> {
  for (const definition of tableDefinitions()) {
    if (Object.keys(definition.checks ?? {}).length === 0) continue;
    const created = linesOf(
      await engine.run(
        `SELECT create_table_query FROM system.tables WHERE database = ${quoted(DATABASE)} AND name = ${quoted(definition.name)}`,
        'TSVRaw',
      ),
    ).join('\n');
    for (const statement of alignStatements(definition, created, checked)) await engine.run(statement);
  }
}
