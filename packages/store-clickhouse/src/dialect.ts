/** The generated statements as a deployment runs them: in its own database, on all servers of a cluster, replicated. */
import { DATABASE } from '@sealtrail/ledger-store/sql';
import type { Settled } from './options.ts';

export type Dialect = (sql: string) => string;

const DEFAULT_PATH = '/clickhouse/tables/{shard}/{database}/{table}';
const DEFAULT_REPLICA = '{replica}';

/** Texts from outside stand in statements as hex, so that none of this can meet one of them. */
export function dialectOf({ database, replicated }: Pick<Settled, 'database' | 'replicated'>): Dialect {
  const inDatabase: Dialect = (sql) =>
    database === DATABASE
      ? sql
      : sql
          .replaceAll(`${DATABASE}.\``, `${database}.\``)
          .replace(`CREATE DATABASE IF NOT EXISTS ${DATABASE}`, `CREATE DATABASE IF NOT EXISTS ${database}`);
  if (replicated === undefined) return inDatabase;
  const { cluster, path = DEFAULT_PATH, replica = DEFAULT_REPLICA } = replicated;
  const onCluster: Dialect = (sql) => (cluster === undefined ? sql : sql.replace(DEFINITION, `$1 ON CLUSTER '${cluster}'`));
  return (sql) => onCluster(replicatedEngine(inDatabase(sql), path, replica));
}

/** What is defined, up to its name. */
const DEFINITION =
  /^((?:CREATE DATABASE IF NOT EXISTS|CREATE TABLE IF NOT EXISTS|CREATE OR REPLACE VIEW|CREATE OR REPLACE FUNCTION|ALTER TABLE) [A-Za-z0-9_.`]+)/;

function replicatedEngine(sql: string, path: string, replica: string): string {
  if (!sql.startsWith('CREATE TABLE')) return sql;
  return sql.replace(/\) ENGINE = (\w*MergeTree)(?:\((\w+)\))?/, (_, engine: string, version?: string) => {
    const parameters = [`'${path}'`, `'${replica}'`, ...(version === undefined ? [] : [version])];
    return `) ENGINE = Replicated${engine}(${parameters.join(', ')})`;
  });
}
