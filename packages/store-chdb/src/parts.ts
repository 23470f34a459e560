/** Parts of tables whose files are not what they were: found by the checksums beside them, and passed by. */
import { LedgerStoreError } from '@sealtrail/ledger-store';
import { quoted, table, tableDefinitions } from '@sealtrail/ledger-store/sql';
import type { Engine } from './engine.ts';

/** A part of a table that the engine cannot read. */
export interface UnreadablePart {
  readonly table: string;
  /** Name of the part's folder. */
  readonly part: string;
}

/** Reads the files of all tables, and gives the parts that do not give their checksums. Throws `LedgerStoreError`. */
export async function unreadableParts(engine: Engine): Promise<readonly UnreadablePart[]> {
  const found: UnreadablePart[] = [];
  for (const { name } of tableDefinitions()) {
    const answer = await engine.run(`CHECK TABLE ${table(name)} SETTINGS check_query_single_value_result = 0`, 'JSONCompactEachRow');
    for (const line of new TextDecoder().decode(answer).split('\n')) {
      if (line === '') continue;
      const [part, passed] = JSON.parse(line) as readonly [string, unknown];
      if (Number(passed) !== 1) found.push({ table: name, part });
    }
  }
  return found;
}

/** The same engine, which reads as if these parts were not there. It inserts nothing, and closing it closes nothing. */
export function passingBy(engine: Engine, parts: readonly UnreadablePart[]): Engine {
  const byTable = new Map<string, string[]>();
  for (const { table: name, part } of parts) byTable.set(name, [...(byTable.get(name) ?? []), quoted(part)]);
  // A condition on the part, beside all others, keeps the engine from opening it; its setting for filters does not.
  const without = [...byTable].map(([name, names]) => [
    table(name),
    `(SELECT * FROM ${table(name)} WHERE _part NOT IN (${names.join(', ')}))`,
  ]);
  const passed = (sql: string): string => {
    if (/^\s*INSERT/i.test(sql))
      throw new LedgerStoreError('store_unavailable', 'a store that is read without some of its parts takes no rows: restore them first');
    return without.reduce((text, [from, to]) => text.replaceAll(from as string, to as string), sql);
  };
  const runAll = async (statements: readonly string[], format?: string): Promise<Uint8Array> =>
    engine.runAll(statements.map(passed), format);
  return {
    runAll,
    run: (sql, format) => runAll([sql], format),
    onConnection: (use) => engine.onConnection((connection) => use({ run: (sql, format) => connection.run(passed(sql), format) })),
    assertOpen: engine.assertOpen,
    close: async () => undefined,
  };
}
