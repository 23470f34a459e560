/** The embedded adapter: the real ClickHouse engine in process. One process a folder. */
import { join, resolve } from 'node:path';
import { type AlertStore, type InsertOutcome, type LedgerStore, LedgerStoreError, type SqlQueries } from '@sealtrail/ledger-store';
import {
  createGate,
  type FunctionRule,
  findUnreadableParts,
  type PreparedInsert,
  type SelectLimits,
  sqlAlertStore,
  sqlLedgerStore,
  type UnreadablePart,
} from '@sealtrail/ledger-store/sql';
import { sha256 as nodeSha256 } from '@sealtrail/merkle/node';
import { emptyFolder, withContainer } from './containers.ts';
import type { Engine } from './engine.ts';
import { ConstraintViolated, engineError } from './errors.ts';
import { passingBy } from './parts.ts';
import { openRoomyEngine } from './room.ts';
import { prepareSchema, renewDerived } from './schema.ts';
import { readRule, selectRows } from './select.ts';

export interface ChdbStoreOptions {
  /** Folder of the store; made when it is not there. One process at a time. */
  readonly dir: string;
  /** The engine refuses rows whose columns do not recompute to their hash; true when absent. */
  readonly check_leaves?: boolean;
  /** Rows of one page at most; 16,384 when absent. Pages of large rows have fewer. */
  readonly page_rows_max?: number;
  /** Limits of `select` where the caller gives none. */
  readonly select?: SelectLimits;
  /** What runs statements on the files below `dir`; the engine in this process when absent. The store closes it. */
  readonly engine?: Engine;
}

export interface ChdbLedgerStore extends LedgerStore, SqlQueries {
  /** Folder of the store, absolute. */
  readonly dir: string;
  /** Alerts, in the same database. Closed with the store. */
  readonly alerts: AlertStore;
  /**
   * Runs a statement with every right, past all that the port guards: what whoever holds the database can do. For
   * demonstrations and tests of tampering; the ledger never calls it. Throws `LedgerStoreError`.
   */
  alterUnguarded(sql: string): Promise<void>;
  /**
   * Makes the views and functions that analysts read through again, whatever stands there; gives the names of those that
   * somebody had altered or dropped. Throws `LedgerStoreError`: `store_no_space` where there is no room to write them.
   */
  renewViews(): Promise<readonly string[]>;
  /**
   * Parts of tables whose files do not give their checksums, after a read threw `store_corrupt`. Reads all files.
   * Throws `LedgerStoreError`.
   */
  unreadableParts(): Promise<readonly UnreadablePart[]>;
  /** The same store, read as if these parts were not there. It takes no rows, and need not be closed. */
  withoutParts(parts: readonly UnreadablePart[]): LedgerStore;
}

const PAGE_ROWS_MAX = 16_384;
/** A statement holds one of the four threads that Node has for such work: long questions must leave some to the ledger. */
const SELECTS_AT_ONCE_MAX = 2;

/**
 * Opens the store of a folder and makes it when there is none. Throws `LedgerStoreError`: `store_in_use` (another process
 * holds the folder, or this one holds another), `schema_mismatch`, `store_unavailable`, `store_no_space`.
 */
export async function openChdbStore(options: ChdbStoreOptions): Promise<ChdbLedgerStore> {
  const dir = resolve(options.dir);
  // The engine reads these in a file's name as a pattern or as the way into an archive.
  if (/[*?{}]|::/.test(dir)) {
    throw new LedgerStoreError('store_unavailable', `${dir}: a store's folder cannot have * ? { } or :: in its path; choose another`);
  }
  const engine = options.engine ?? openRoomyEngine(join(dir, 'engine'));
  const inserts = join(dir, 'inserts');
  try {
    await emptyFolder(inserts);
    await prepareSchema(engine, dir, options.check_leaves ?? true);
  } catch (error) {
    await engine.close();
    throw engineError(error);
  }
  return storeOver(engine, dir, inserts, options);
}

function storeOver(engine: Engine, dir: string, inserts: string, options: ChdbStoreOptions): ChdbLedgerStore {
  let rule: FunctionRule | undefined;
  const atOnce = createGate(SELECTS_AT_ONCE_MAX);

  /** In doubt whatever went wrong, save that the engine refused the first rows: then nothing of the call was stored. */
  const insert = async (prepare: () => readonly PreparedInsert[]): Promise<InsertOutcome> => {
    let done = 0;
    try {
      engine.assertOpen();
      for (const one of prepare()) {
        await withContainer(inserts, one, (statement) => engine.run(statement));
        done++;
      }
      return { kind: 'stored' };
    } catch (error) {
      const cause = engineError(error);
      return { kind: cause instanceof ConstraintViolated && done === 0 ? 'refused' : 'in_doubt', cause };
    }
  };
  return {
    dir,
    alerts: sqlAlertStore({ source: engine, insert }),
    ...sqlLedgerStore({
      source: engine,
      insert,
      sha256: nodeSha256(),
      page_rows_max: options.page_rows_max ?? PAGE_ROWS_MAX,
      close: () => engine.close(),
    }),
    async select(sql, limits) {
      engine.assertOpen();
      rule ??= await readRule(engine);
      const known = rule;
      return atOnce(() => selectRows(engine, known, sql, { ...options.select, ...limits }));
    },
    async alterUnguarded(sql) {
      await engine.runAll(['USE sealtrail', 'SET mutations_sync = 2', sql]);
    },
    renewViews: () => renewDerived(engine),
    unreadableParts: () => findUnreadableParts(engine.run),
    withoutParts: (parts) => storeOver(passingBy(engine, parts), dir, inserts, options),
  };
}
