/** Parts of tables whose files are not what they were: found by the checksums beside them, and passed by. */
import { LedgerStoreError } from '../port.ts';
import { quoted, table } from './literals.ts';
import { tableDefinitions } from './tables.ts';

/** A part of a table that the engine cannot read. */
export interface UnreadablePart {
  readonly table: string;
  /** Name of the part's folder. */
  readonly part: string;
}

/** Reads the files of all tables, and gives the parts that do not give their checksums. Throws what `run` throws. */
export async function findUnreadableParts(run: (sql: string, format: string) => Promise<Uint8Array>): Promise<readonly UnreadablePart[]> {
  const found: UnreadablePart[] = [];
  for (const { name } of tableDefinitions()) {
    const answer = await run(`CHECK TABLE ${table(name)} SETTINGS check_query_single_value_result = 0`, 'JSONCompactEachRow');
    for (const line of new TextDecoder().decode(answer).split('\n')) {
      if (line === '') continue;
      const [part, passed] = JSON.parse(line) as readonly [string, unknown];
      if (Number(passed) !== 1) found.push({ table: name, part });
    }
  }
  return found;
}

/** Statements as if these parts were not there. Throws `store_unavailable` for an INSERT. */
export function passingBy(parts: readonly UnreadablePart[]): (sql: string) => string {
  const byTable = new Map<string, string[]>();
  for (const { table: name, part } of parts) byTable.set(name, [...(byTable.get(name) ?? []), quoted(part)]);
  // A condition on the part, beside all others, keeps the engine from opening it; its setting for filters does not.
  const without = [...byTable].map(([name, names]): readonly [string, string] => [
    table(name),
    `(SELECT * FROM ${table(name)} WHERE _part NOT IN (${names.join(', ')}))`,
  ]);
  return (sql) => {
    if (/^\s*INSERT/i.test(sql)) {
      throw new LedgerStoreError('store_unavailable', 'a store that is read without some of its parts takes no rows: restore them first');
    }
    return without.reduce((text, [from, to]) => text.replaceAll(from, to), sql);
  };
}
