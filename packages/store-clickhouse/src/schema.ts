/**
 * The schema on a server. It is a list of steps, each with the SHA-256 of its statements: a step is run when the database
 * has no such checksum for it, or lacks what it makes, and all its statements are harmless when they are run again. So
 * several ledgers may open one database at once, and a crash in between is made whole by the next one.
 */
import { createHash } from 'node:crypto';
import { LedgerStoreError } from '@sealtrail/ledger-store';
import {
  alignStatements,
  createTable,
  DATABASE,
  derivedStatements,
  functionStatements,
  lackingStatements,
  quoted,
  SCHEMA_VERSION,
  schemaStatements,
  type TableDefinition,
  table,
  tableDefinitions,
  versionStatement,
} from '@sealtrail/ledger-store/sql';
import { type Dialect, dialectOf } from './dialect.ts';
import type { Server } from './server.ts';

/** Settings that statements name came with this one; older ones are not known to work. */
const SERVER_VERSION_MIN: readonly [number, number] = [25, 8];

const STEPS_TABLE = 'schema_steps';
const stepsTable = (): string =>
  `CREATE TABLE IF NOT EXISTS ${table(STEPS_TABLE)} (step String COMMENT 'What was made.', checksum String COMMENT 'SHA-256 of its statements, in hex.', ` +
  `applied_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When.') ENGINE = MergeTree ORDER BY (step, applied_at) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`;

interface Step {
  readonly name: string;
  /** What is made anew when the step is run. */
  readonly statements: readonly string[];
  /** Of a step that makes a table. */
  readonly definition?: TableDefinition;
}

function stepsOf(checked: boolean): readonly Step[] {
  const versionTable = schemaStatements(checked).filter((sql) => sql.startsWith('CREATE TABLE') && sql.includes(table('schema_version')));
  return [
    { name: 'functions', statements: functionStatements() },
    ...tableDefinitions().map((definition) => ({
      name: `table ${definition.name}`,
      statements: [createTable(definition, checked)],
      definition,
    })),
    { name: 'views', statements: derivedStatements() },
    { name: 'table schema_version', statements: versionTable },
  ];
}

const checksumOf = (statements: readonly string[]): string => createHash('sha256').update(statements.join(';\n')).digest('hex');

/**
 * Brings the database up to what this build wants. Throws `LedgerStoreError`: `schema_mismatch` (of another version, or not
 * replicated as configured), `store_unavailable` (no such database, and it may not be made; a server too old).
 */
export async function prepareSchema(server: Server): Promise<void> {
  const { settled } = server;
  const dialect = dialectOf(settled);
  await checkServer(server);
  await makeDatabase(server, dialect);
  const engines = await enginesNow(server);
  checkEngines(server, engines);
  await checkVersion(server, engines.has('schema_version') ? await versionsNow(server) : []);
  if (!engines.has(STEPS_TABLE)) await server.define(dialect(stepsTable()));
  const applied = new Map(
    await rowsOf(server, `SELECT step, argMax(checksum, applied_at) FROM ${table(STEPS_TABLE)} GROUP BY step`).then(pairs),
  );
  for (const step of stepsOf(settled.check_leaves)) await apply(server, dialect, step, applied.get(step.name), engines);
  // Last: a database without it is one that was not finished.
  if ((await versionsNow(server)).length === 0) await server.define(dialect(versionStatement()));
}

async function apply(
  server: Server,
  dialect: Dialect,
  step: Step,
  applied: string | undefined,
  engines: ReadonlyMap<string, string>,
): Promise<void> {
  const checksum = checksumOf(step.statements.map(dialect));
  const isThere = step.definition === undefined || engines.has(step.definition.name);
  if (applied === checksum && isThere) return;
  const { definition } = step;
  if (definition === undefined) for (const statement of step.statements) await server.define(dialect(statement));
  else await alignTable(server, dialect, definition);
  await server.define(dialect(`INSERT INTO ${table(STEPS_TABLE)} (step, checksum) VALUES (${quoted(step.name)}, '${checksum}')`));
}

async function alignTable(server: Server, dialect: Dialect, definition: TableDefinition): Promise<void> {
  const checked = server.settled.check_leaves;
  const ofTable = `database = ${quoted(server.settled.database)} AND table = ${quoted(definition.name)}`;
  const columns = new Set((await rowsOf(server, `SELECT name FROM system.columns WHERE ${ofTable}`)).map(([name = '']) => name));
  for (const statement of lackingStatements(definition, columns, checked)) await server.define(dialect(statement));
  const alignment = async (): Promise<readonly string[]> => {
    const [created] = await rowsOf(server, `SELECT create_table_query FROM system.tables WHERE ${ofTable.replace('table =', 'name =')}`);
    return alignStatements(definition, created?.[0] ?? '', checked);
  };
  for (const statement of await alignment()) {
    try {
      await server.define(dialect(statement));
    } catch (error) {
      // Another ledger that opens the same database may have added the check first.
      if ((await alignment()).length > 0) throw error;
    }
  }
}

/** Makes the views and functions again, and gives the names of those that were not what they are now. */
export async function renewDerived(server: Server): Promise<readonly string[]> {
  const dialect = dialectOf(server.settled);
  const before = await derivedNow(server);
  for (const statement of derivedStatements()) await server.define(dialect(statement));
  const after = await derivedNow(server);
  return [...after].filter(([name, made]) => before.get(name) !== made).map(([name]) => name);
}

/** The statement that the server has of each view and function, by name. */
async function derivedNow(server: Server): Promise<ReadonlyMap<string, string>> {
  const sql = `SELECT name, create_table_query AS made FROM system.tables WHERE database = ${quoted(server.settled.database)} AND engine = 'View'
UNION ALL SELECT name, create_query FROM system.functions WHERE origin = 'SQLUserDefined' AND startsWith(name, 'sealtrail_') ORDER BY name`;
  return new Map(pairs(await rowsOf(server, sql)));
}

const pairs = (rows: readonly (readonly string[])[]): [string, string][] => rows.map(([first = '', second = '']) => [first, second]);

async function rowsOf(server: Server, sql: string): Promise<readonly (readonly string[])[]> {
  const answer = new TextDecoder().decode(await server.read(dialectOf(server.settled)(sql), 'JSONCompactStringsEachRow'));
  return answer
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as string[]);
}

async function checkServer(server: Server): Promise<void> {
  const version = (await rowsOf(server, 'SELECT version()'))[0]?.[0] ?? '';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [majorMin, minorMin] = SERVER_VERSION_MIN;
  if (major > majorMin || (major === majorMin && minor >= minorMin)) return;
  throw new LedgerStoreError(
    'store_unavailable',
    `${server.settled.name}: the server is ClickHouse ${version.slice(0, 40)}: ${majorMin}.${minorMin} or later is needed`,
  );
}

async function makeDatabase(server: Server, dialect: Dialect): Promise<void> {
  const { database, name, create_database } = server.settled;
  if ((await rowsOf(server, `SELECT name FROM system.databases WHERE name = ${quoted(database)}`)).length > 0) return;
  const missing = `${name}: there is no database ${database}`;
  if (!create_database) throw new LedgerStoreError('store_unavailable', `${missing}, and none is made by configuration: create it`);
  try {
    await server.define(dialect(`CREATE DATABASE IF NOT EXISTS ${DATABASE}`));
  } catch (cause) {
    throw new LedgerStoreError('store_unavailable', `${missing}, and it cannot be made: create it, or grant CREATE DATABASE`, { cause });
  }
}

/** Tables and views of the database, with their engines. */
const enginesNow = async (server: Server): Promise<ReadonlyMap<string, string>> =>
  new Map(pairs(await rowsOf(server, `SELECT name, engine FROM system.tables WHERE database = ${quoted(server.settled.database)}`)));

function checkEngines({ settled }: Server, engines: ReadonlyMap<string, string>): void {
  const wanted = settled.replicated !== undefined;
  for (const { name } of tableDefinitions()) {
    const engine = engines.get(name);
    // The servers of ClickHouse's own cloud replicate by other means, under another name.
    if (engine === undefined || engine.startsWith('Shared') || engine.startsWith('Replicated') === wanted) continue;
    throw new LedgerStoreError(
      'schema_mismatch',
      `${settled.name}: table ${name} is a ${engine}, and configuration says ${wanted ? '' : 'not '}replicated; correct it, or move the rows`,
    );
  }
}

const versionsNow = async (server: Server): Promise<readonly string[]> =>
  (await rowsOf(server, `SELECT DISTINCT version FROM ${table('schema_version')} ORDER BY version`)).map(([version]) => version as string);

async function checkVersion({ settled }: Server, versions: readonly string[]): Promise<void> {
  if (versions.length === 0 || (versions.length === 1 && versions[0] === String(SCHEMA_VERSION))) return;
  throw new LedgerStoreError(
    'schema_mismatch',
    `${settled.name}: the store has schema version ${versions.join(' and ')}, this build reads ${SCHEMA_VERSION}; use the build that wrote it, or one that migrates it`,
  );
}
