/**
 * Questions of analysts, whatever engine answers them. Read-only by construction: the connection must be one on which
 * nothing can be written or set; what is asked stands as a subquery, where nothing but a SELECT can stand; and the parsed
 * statement names only tables of the ledger's database and functions that compute.
 */
import { LedgerStoreError, type SqlResult } from '../port.ts';
import { textLiteral } from './literals.ts';
import { readResult } from './results.ts';
import { type DatabaseNames, type EngineFunction, type FunctionRule, functionRule, refusalOf } from './select-rules.ts';

export interface SelectLimits {
  /** An answer with more rows is an error: part of an answer could be taken for the whole. 10,000 when absent. */
  readonly rows_max?: number;
  /** 30,000 when absent. */
  readonly time_ms_max?: number;
}

export const SELECT_ROWS_MAX = 10_000;
export const SELECT_TIME_MS_MAX = 30_000;
export const SELECT_MEMORY_BYTES_MAX = 2_000_000_000;

/** Settings of a question beside its limits: what is cached or left out must not change an answer. */
export const SELECT_SETTINGS: Readonly<Record<string, number>> = {
  use_query_condition_cache: 0,
  query_plan_remove_redundant_sorting: 0,
  optimize_duplicate_order_by_and_distinct: 0,
  allow_introspection_functions: 0,
};

/** A connection that reads only. `run` throws what its engine throws. */
export interface Questioner {
  run(sql: string, format: string): Promise<Uint8Array>;
  /** ClickHouse's code of an error; undefined for one that is not the engine's. */
  codeOf(error: unknown): number | undefined;
  /** The engine's text of an error. */
  textOf(error: unknown): string;
}

/** ClickHouse's error codes that mean something here (its src/Common/ErrorCodes.cpp). */
const SYNTAX_ERROR = 62;
const TIMEOUT_EXCEEDED = 159;
const READONLY = 164;
const ACCESS_DENIED = 497;

/** What a question may call, asked of the engine itself. */
export async function readFunctionRule(run: (sql: string, format: string) => Promise<Uint8Array>): Promise<FunctionRule> {
  const sql =
    'SELECT name, is_aggregate = 1 AS is_aggregate, case_insensitive = 1 AS case_insensitive, alias_to, categories AS category FROM system.functions';
  const { rows } = readResult(await run(sql, 'RowBinaryWithNamesAndTypes'));
  return functionRule(
    rows.map(
      (row) => ({ ...row, is_aggregate: row['is_aggregate'] === 1, case_insensitive: row['case_insensitive'] === 1 }) as EngineFunction,
    ),
  );
}

/** Throws `LedgerStoreError` `query_refused` (it does more than read the ledger), or what the questioner throws: see `questionError`. */
export async function askQuestion(
  asked: Questioner,
  sql: string,
  rule: FunctionRule,
  rowsMax: number,
  names?: DatabaseNames,
): Promise<SqlResult> {
  const question = await normalized(asked, sql);
  const statement = `SELECT * FROM (${question}) LIMIT ${Math.trunc(rowsMax) + 1}`;
  const refusal = refusalOf(await parsed(asked, statement), rule, names);
  if (refusal !== null) throw refused(refusal);
  const result = readResult(await asked.run(statement, 'RowBinaryWithNamesAndTypes'));
  if (result.rows.length > rowsMax) {
    throw new LedgerStoreError('query_failed', `the answer has more than ${rowsMax} rows: add LIMIT, or allow more`);
  }
  return result;
}

const textOfBytes = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** The one statement that the text holds, as the engine's own parser writes it: without comments, every bracket closed. */
async function normalized(asked: Questioner, sql: string): Promise<string> {
  const question = textOfBytes(await asked.run(`SELECT formatQuerySingleLine(${textLiteral(sql)})`, 'TSVRaw')).trim();
  if (/^(SELECT|WITH|\()/.test(question)) return question;
  throw refused('only SELECT can be asked');
}

/** The parse of the statement in full. What parses alone and not as a subquery is more than a SELECT. */
async function parsed(asked: Questioner, statement: string): Promise<string> {
  try {
    return textOfBytes(await asked.run(`EXPLAIN AST ${statement}`, 'TSVRaw'));
  } catch (error) {
    if (asked.codeOf(error) === SYNTAX_ERROR) throw refused('only SELECT can be asked, without INTO OUTFILE and FORMAT', error);
    throw error;
  }
}

const refused = (why: string, cause?: unknown): LedgerStoreError =>
  new LedgerStoreError('query_refused', `the query was refused: ${why}`, { cause });

/** What is told of an error of a question: `query_refused`, `query_failed` with the engine's words; null where it is none of the engine's. */
export function questionError(asked: Questioner, error: unknown, timeMsMax: number): LedgerStoreError | null {
  if (error instanceof LedgerStoreError) return error;
  const code = asked.codeOf(error);
  const text = asked.textOf(error);
  if (code === READONLY || code === ACCESS_DENIED) return refused('it does more than read', error);
  if (code === SYNTAX_ERROR && /Multi-statements/.test(text)) return refused('it has more than one statement', error);
  if (code === TIMEOUT_EXCEEDED) {
    return new LedgerStoreError('query_failed', `the query took longer than ${timeMsMax} ms: narrow it, or allow more time`, {
      cause: error,
    });
  }
  return code === undefined ? null : new LedgerStoreError('query_failed', engineWords(text), { cause: error });
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
