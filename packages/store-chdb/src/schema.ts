import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LedgerStoreError } from '@sealtrail/ledger-store';
import {
  addColumnStatement,
  checkStatements,
  createTable,
  DATABASE,
  derivedStatements,
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
  const there = new Set(
    linesOf(await engine.run(`SELECT concat(table, '.', name) FROM system.columns WHERE database = ${quoted(DATABASE)}`, 'TSVRaw')),
  );
  for (const definition of tableDefinitions()) {
    // A table that somebody dropped is one that somebody emptied: what is missing in it is found as its rows are.
    if (!definition.columns.some(({ name }) => there.has(`${definition.name}.${name}`))) await engine.run(createTable(definition, checked));
    else
      for (const column of definition.columns) {
        if (!there.has(`${definition.name}.${column.name}`)) await engine.run(addColumnStatement(definition, column));
      }
  }
}

/** Gives each table the checks that are asked for, or takes them away. They hold for what is inserted from then on. */
async function alignChecks(engine: Engine, checked: boolean): Promise<void> {
  for (const definition of tableDefinitions()) {
    const checks = Object.entries(definition.checks ?? {});
    if (checks.length === 0) continue;
    const created = linesOf(
      await engine.run(
        `SELECT create_table_query FROM system.tables WHERE database = ${quoted(DATABASE)} AND name = ${quoted(definition.name)}`,
        'TSVRaw',
      ),
    ).join('\n');
    const isAsWanted = checks.every(([name, expression]) => {
      const isThere = created.includes(`CONSTRAINT ${name} CHECK`);
      return checked ? isThere && schemasIn(expression).every((schema) => created.includes(schema)) : !isThere;
    });
    if (isAsWanted) continue;
    for (const statement of checkStatements(definition, checked)) await engine.run(statement);
  }
}

/** The event schemas that an expression has a branch for, by the hex of their SHA-256. */
const schemasIn = (expression: string): readonly string[] => expression.match(/[0-9a-f]{64}/gi) ?? [];
