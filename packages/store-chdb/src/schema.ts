import { LedgerStoreError } from '@sealtrail/ledger-store';
import {
  checkStatements,
  DATABASE,
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

/** Creates the schema in an empty store; throws `schema_mismatch` for a store of another version. */
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
  } else if (versions.length > 1 || versions[0] !== String(SCHEMA_VERSION)) {
    throw new LedgerStoreError(
      'schema_mismatch',
      `${folder}: the store has schema version ${versions.join(' and ')}, this build reads ${SCHEMA_VERSION}; use the build that wrote it, or one that migrates it`,
    );
  }
  await alignChecks(engine, checked);
}

/** Gives each table the checks that are asked for, or takes them away. They hold for what is inserted from then on. */
async function alignChecks(engine: Engine, checked: boolean): Promise<void> {
  for (const definition of tableDefinitions()) {
    const names = Object.keys(definition.checks ?? {});
    if (names.length === 0) continue;
    const created = linesOf(
      await engine.run(
        `SELECT create_table_query FROM system.tables WHERE database = ${quoted(DATABASE)} AND name = ${quoted(definition.name)}`,
        'TSVRaw',
      ),
    ).join('\n');
    const present = names.filter((name) => created.includes(`CONSTRAINT ${name} CHECK`));
    if (present.length === (checked ? names.length : 0)) continue;
    for (const statement of checkStatements(definition, checked)) await engine.run(statement);
  }
}
