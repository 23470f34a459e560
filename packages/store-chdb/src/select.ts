/**
 * Questions of analysts. Read-only by construction: the connection is set to readonly, which cannot be unset on it; what is
 * asked stands as a subquery, where nothing but a SELECT can stand; and the parsed statement names only tables of the
 * ledger's database and functions that compute.
 */
import { LedgerStoreError, type SqlResult } from '@sealtrail/ledger-store';
import { DATABASE, readResult, textLiteral } from '@sealtrail/ledger-store/sql';
import type { Connection, Engine } from './engine.ts';
import { engineCode, engineError, engineText } from './errors.ts';
import { type EngineFunction, type FunctionRule, functionRule, refusalOf } from './select-rules.ts';

export interface SelectLimits {
  /** An answer with more rows is an error: part of an answer could be taken for the whole. */
  readonly rows_max?: number;
  readonly time_ms_max?: number;
}

const ROWS_MAX = 10_000;
const TIME_MS_MAX = 30_000;
const MEMORY_BYTES_MAX = 2_000_000_000;

/** Codes of the engine for what the connection may not do. */
const READONLY = 164;
const ACCESS_DENIED = 497;

/** What a question may call, asked of the engine itself. */
export async function readFunctionRule(engine: Engine): Promise<FunctionRule> {
  const sql =
    'SELECT name, is_aggregate = 1 AS is_aggregate, case_insensitive = 1 AS case_insensitive, alias_to, categories AS category FROM system.functions';
  const { rows } = readResult(await engine.run(sql, 'RowBinaryWithNamesAndTypes'));
  return functionRule(
    rows.map(
      (row) => ({ ...row, is_aggregate: row['is_aggregate'] === 1, case_insensitive: row['case_insensitive'] === 1 }) as EngineFunction,
    ),
  );
}

/** Throws `LedgerStoreError`: `query_refused` (it does more than read the ledger), `query_failed` (the engine's words). */
export async function selectRows(engine: Engine, rule: FunctionRule, sql: string, limits: SelectLimits): Promise<SqlResult> {
  const rowsMax = limits.rows_max ?? ROWS_MAX;
  const timeMsMax = limits.time_ms_max ?? TIME_MS_MAX;
  return engine.onConnection(async (connection) => {
    try {
      await connection.run(`USE ${DATABASE}`);
      // Together, and last: from here on nothing on this connection can be set.
      await connection.run(
        `SET max_execution_time = ${timeMsMax / 1000}, timeout_overflow_mode = 'throw', max_memory_usage = ${MEMORY_BYTES_MAX}, ` +
          'use_query_condition_cache = 0, query_plan_remove_redundant_sorting = 0, optimize_duplicate_order_by_and_distinct = 0, ' +
          'allow_introspection_functions = 0, readonly = 1',
      );
      const question = await normalized(connection, sql);
      const statement = `SELECT * FROM (${question}) LIMIT ${Math.trunc(rowsMax) + 1}`;
      const refusal = refusalOf(await parsed(connection, statement), rule);
      if (refusal !== null) throw refused(refusal);
      const result = readResult(await connection.run(statement, 'RowBinaryWithNamesAndTypes'));
      if (result.rows.length > rowsMax) {
        throw new LedgerStoreError('query_failed', `the answer has more than ${rowsMax} rows: add LIMIT, or allow more`);
      }
      return result;
    } catch (error) {
      throw queryError(error, timeMsMax);
    }
  });
}

const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** The one statement that the text holds, as the engine's own parser writes it: without comments, every bracket closed. */
async function normalized(connection: Connection, sql: string): Promise<string> {
  const question = textOf(await connection.run(`SELECT formatQuerySingleLine(${textLiteral(sql)})`, 'TSVRaw')).trim();
  if (/^(SELECT|WITH|\()/.test(question)) return question;
  throw refused('only SELECT can be asked');
}

/** The parse of the statement in full. What parses alone and not as a subquery is more than a SELECT. */
async function parsed(connection: Connection, statement: string): Promise<string> {
  try {
    return textOf(await connection.run(`EXPLAIN AST ${statement}`, 'TSVRaw'));
  } catch (error) {
    if (engineCode(error) === SYNTAX_ERROR) throw refused('only SELECT can be asked, without INTO OUTFILE and FORMAT', error);
    throw error;
  }
}

const refused = (why: string, cause?: unknown): LedgerStoreError =>
  new LedgerStoreError('query_refused', `the query was refused: ${why}`, { cause });

const SYNTAX_ERROR = 62;
const TIMEOUT_EXCEEDED = 159;

function queryError(error: unknown, timeMsMax: number): LedgerStoreError {
  if (error instanceof LedgerStoreError) return error;
  const code = engineCode(error);
  const text = engineText(error);
  if (code === READONLY || code === ACCESS_DENIED) return refused('it does more than read', error);
  if (code === SYNTAX_ERROR && /Multi-statements/.test(text)) return refused('it has more than one statement', error);
  if (code === TIMEOUT_EXCEEDED) {
    return new LedgerStoreError('query_failed', `the query took longer than ${timeMsMax} ms: narrow it, or allow more time`, {
      cause: error,
    });
  }
  if (code === undefined) return engineError(error);
  return new LedgerStoreError('query_failed', engineWords(text), { cause: error });
}

const WORDS_MAX = 400;

/** The engine's message as one line: without its codes, its version, and the statement that it repeats. */
function engineWords(text: string): string {
  const words = text
    .replaceAll(/Code: \d+\. /g, '')
    .replaceAll(/DB::Exception: /g, '')
    .replaceAll(/\s*\(version [^)]*\)/g, '')
    .replace(/:? in scope [\s\S]*?(?=\. Maybe you meant|\. \([A-Z_]+\)|$)/i, '')
    .replace(/\. Expected one of: [^()]*(?=\. \([A-Z_]+\)|$)/, '')
    .replaceAll(/\s+/g, ' ')
    .trim();
  return words.length <= WORDS_MAX ? words : `${words.slice(0, WORDS_MAX)}…`;
}
