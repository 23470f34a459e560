/** Questions of analysts, each request readonly: no statement of it can write, and none can set what the request has set. */
import type { ClickHouseSettings } from '@clickhouse/client';
import type { SqlQueries, SqlResult } from '@sealtrail/ledger-store';
import {
  askQuestion,
  createGate,
  type DatabaseNames,
  type FunctionRule,
  type Questioner,
  questionError,
  readFunctionRule,
  SELECT_MEMORY_BYTES_MAX,
  SELECT_ROWS_MAX,
  SELECT_SETTINGS,
  SELECT_TIME_MS_MAX,
  type SelectLimits,
} from '@sealtrail/ledger-store/sql';
import { RequestTimeout, serverCode, serverText, storeError } from './errors.ts';
import type { Server } from './server.ts';

/** An answer is in memory whole. */
const SELECTS_AT_ONCE_MAX = 4;

/** What is asked of a server once, before the first question. */
interface QuestionRules {
  readonly functions: FunctionRule;
  /** `readonly` of the user's profile: 0 may set it, 2 may set all else, 1 nothing. */
  readonly profile: 0 | 1 | 2;
}

/** Throws `LedgerStoreError`: `query_refused` (it does more than read the ledger), `query_failed` (the server's words). */
export function questionsOf(server: Server): SqlQueries['select'] {
  let rules: Promise<QuestionRules> | undefined;
  const atOnce = createGate(SELECTS_AT_ONCE_MAX);
  return async (sql, limits) => {
    server.assertOpen();
    // A failure is not kept: the next question asks again.
    rules ??= readRules(server).catch((error: unknown) => {
      rules = undefined;
      throw error;
    });
    const known = await rules;
    return atOnce(() => selectRows(server, known, sql, { ...server.settled.select, ...limits }));
  };
}

async function readRules(server: Server): Promise<QuestionRules> {
  const plain = (sql: string, format: string): Promise<Uint8Array> => server.question(sql, format, {});
  try {
    const value = new TextDecoder().decode(await plain("SELECT getSetting('readonly')", 'TSVRaw')).trim();
    return { functions: await readFunctionRule(plain), profile: value === '1' ? 1 : value === '2' ? 2 : 0 };
  } catch (error) {
    throw storeError(error, server.settled);
  }
}

async function selectRows(server: Server, rules: QuestionRules, sql: string, limits: SelectLimits): Promise<SqlResult> {
  const { settled } = server;
  const timeMsMax = Math.min(limits.time_ms_max ?? SELECT_TIME_MS_MAX, settled.request_timeout_ms);
  const settings = settingsOf(rules, timeMsMax);
  const asked: Questioner = { run: (text, format) => server.question(text, format, settings), codeOf: serverCode, textOf: serverText };
  try {
    return await askQuestion(asked, sql, rules.functions, limits.rows_max ?? SELECT_ROWS_MAX, await namesOf(asked, settled.database));
  } catch (error) {
    // Where the user's profile lets no limit be set, the request's own deadline is the limit.
    const told = error instanceof RequestTimeout ? null : questionError(asked, error, timeMsMax);
    throw told ?? storeError(error, settled);
  }
}

function settingsOf({ profile }: QuestionRules, timeMsMax: number): ClickHouseSettings {
  // No setting of the server: it may be asked by everybody.
  if (profile === 1) return { wait_end_of_query: 1 };
  return {
    ...SELECT_SETTINGS,
    max_execution_time: timeMsMax / 1000,
    timeout_overflow_mode: 'throw',
    max_memory_usage: String(SELECT_MEMORY_BYTES_MAX),
    wait_end_of_query: 1,
    cancel_http_readonly_queries_on_client_close: 1,
    ...(profile === 0 ? { readonly: '1' } : {}),
  };
}

/** Databases that there are beside the ledger's: `x IN other.table` names one without a FROM. */
async function namesOf(asked: Questioner, own: string): Promise<DatabaseNames> {
  const lines = new TextDecoder().decode(await asked.run('SELECT name FROM system.databases', 'JSONCompactEachRow'));
  const names = lines.split('\n').flatMap((line) => (line === '' ? [] : (JSON.parse(line) as string[])));
  return { own, others: new Set([...names, 'system', 'information_schema', 'INFORMATION_SCHEMA'].filter((name) => name !== own)) };
}
