/** Questions of analysts, on a connection of their own that is set to readonly, which cannot be unset on it. */
import type { SqlResult } from '@sealtrail/ledger-store';
import {
  askQuestion,
  DATABASE,
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
import type { Engine } from './engine.ts';
import { engineCode, engineError, engineText } from './errors.ts';

/** What a question may call, asked of the engine itself. */
export const readRule = (engine: Engine): Promise<FunctionRule> => readFunctionRule((sql, format) => engine.run(sql, format));

/** Throws `LedgerStoreError`: `query_refused` (it does more than read the ledger), `query_failed` (the engine's words). */
export async function selectRows(engine: Engine, rule: FunctionRule, sql: string, limits: SelectLimits): Promise<SqlResult> {
  const timeMsMax = limits.time_ms_max ?? SELECT_TIME_MS_MAX;
  return engine.onConnection(async (connection) => {
    const asked: Questioner = { run: connection.run, codeOf: engineCode, textOf: engineText };
    try {
      await connection.run(`USE ${DATABASE}`);
      // Together, and last: from here on nothing on this connection can be set.
      const settings = Object.entries(SELECT_SETTINGS).map(([name, value]) => `${name} = ${value}`);
      await connection.run(
        `SET max_execution_time = ${timeMsMax / 1000}, timeout_overflow_mode = 'throw', max_memory_usage = ${SELECT_MEMORY_BYTES_MAX}, ` +
          `${settings.join(', ')}, readonly = 1`,
      );
      return await askQuestion(asked, sql, rule, limits.rows_max ?? SELECT_ROWS_MAX);
    } catch (error) {
      throw questionError(asked, error, timeMsMax) ?? engineError(error);
    }
  });
}
