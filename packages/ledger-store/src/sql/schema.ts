/** The store's schema as statements, and its version. */
import { codecOf, columnType } from './column-types.ts';
import { functionStatements } from './functions.ts';
import { DATABASE, identifier, quoted, table } from './literals.ts';
import { createTable, type TableColumn, type TableDefinition, tableDefinitions } from './tables.ts';
import { verifyStatements } from './verify/index.ts';
import { auditEventsView, intervalsView } from './views.ts';

/** Raised by every change of a table. A store of another version is not opened (`schema_mismatch`). */
export const SCHEMA_VERSION = 1;

/** Functions and views: nothing is kept in them, so every build brings its own. */
export const derivedStatements = (): readonly string[] => [
  ...functionStatements(),
  intervalsView(),
  auditEventsView(),
  ...verifyStatements(),
];

/** Creates what is lacking; harmless when run again. The version is written last, by `versionStatement`. */
export const schemaStatements = (checked: boolean): readonly string[] => [
  `CREATE DATABASE IF NOT EXISTS ${DATABASE}`,
  ...functionStatements(),
  ...tableDefinitions().map((definition) => createTable(definition, checked)),
  ...derivedStatements(),
  `CREATE TABLE IF NOT EXISTS ${table('schema_version')} (version UInt32 COMMENT 'Version of the tables in this database.') ENGINE = MergeTree ORDER BY version SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`,
];

export const versionStatement = (): string => `INSERT INTO ${table('schema_version')} VALUES (${SCHEMA_VERSION})`;

/** Adds a column that a later event schema brought: rows of earlier ones have its type's default there. */
export const addColumnStatement = (definition: TableDefinition, { name, type, doc }: TableColumn): string =>
  `ALTER TABLE ${table(definition.name)} ADD COLUMN IF NOT EXISTS ${identifier(name)} ${columnType(type, name)} COMMENT ${quoted(doc)} CODEC(${codecOf(name)})`;

/** Statements that give a table its checks, or take them away. The engine checks what is inserted from then on. */
export function checkStatements(definition: TableDefinition, on: boolean): readonly string[] {
  return Object.entries(definition.checks ?? {}).flatMap(([name, expression]) => {
    const alter = `ALTER TABLE ${table(definition.name)}`;
    const drop = `${alter} DROP CONSTRAINT IF EXISTS ${identifier(name)}`;
    return on ? [drop, `${alter} ADD CONSTRAINT ${identifier(name)} CHECK ${expression}`] : [drop];
  });
}

/**
 * What brings a table up to date, `columns` being those that it has: the table itself when it has none, else the columns
 * that later event schemas brought. A table that somebody dropped is one that somebody emptied: what is missing in it is
 * found as its rows are.
 */
export function lackingStatements(definition: TableDefinition, columns: ReadonlySet<string>, checked: boolean): readonly string[] {
  if (!definition.columns.some(({ name }) => columns.has(name))) return [createTable(definition, checked)];
  return definition.columns.filter(({ name }) => !columns.has(name)).map((column) => addColumnStatement(definition, column));
}

/**
 * What gives a table the checks that are asked for, or takes them away; `created` is the statement that the engine has of
 * it. They hold for what is inserted from then on.
 */
export function alignStatements(definition: TableDefinition, created: string, checked: boolean): readonly string[] {
  const isAsWanted = Object.entries(definition.checks ?? {}).every(([name, expression]) => {
    const isThere = created.includes(`CONSTRAINT ${name} CHECK`);
    return checked ? isThere && schemasIn(expression).every((schema) => created.includes(schema)) : !isThere;
  });
  return isAsWanted ? [] : checkStatements(definition, checked);
}

/** The event schemas that an expression has a branch for, by the hex of their SHA-256. */
const schemasIn = (expression: string): readonly string[] => expression.match(/[0-9a-f]{64}/gi) ?? [];
