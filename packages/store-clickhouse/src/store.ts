/** The adapter to ClickHouse servers: the ledger store port over HTTP, on the official client. */
import { type AlertStore, type InsertOutcome, type LedgerStore, LedgerStoreError, type SqlQueries } from '@sealtrail/ledger-store';
import {
  createGate,
  findUnreadableParts,
  type PreparedInsert,
  passingBy,
  sqlAlertStore,
  sqlLedgerStore,
  type UnreadablePart,
} from '@sealtrail/ledger-store/sql';
import { sha256 as nodeSha256 } from '@sealtrail/merkle/node';
import { dialectOf } from './dialect.ts';
import { ConstraintViolated, storeError } from './errors.ts';
import { type ClickHouseStoreOptions, settle } from './options.ts';
import { prepareSchema, renewDerived } from './schema.ts';
import { questionsOf } from './select.ts';
import { openServer, type Server } from './server.ts';

export interface ClickHouseLedgerStore extends LedgerStore, SqlQueries {
  /** Server and database, without user and password. */
  readonly name: string;
  /** Alerts, in the same database. Closed with the store. */
  readonly alerts: AlertStore;
  /**
   * Makes the views and functions that analysts read through again, whatever stands there; gives the names of those that
   * somebody had altered or dropped. Throws `LedgerStoreError`.
   */
  renewViews(): Promise<readonly string[]>;
  /**
   * Parts of tables whose files do not give their checksums, after a read threw `store_corrupt`. The server reads all
   * files of the tables: those of the replica that answers. Throws `LedgerStoreError`.
   */
  unreadableParts(): Promise<readonly UnreadablePart[]>;
  /** The same store, read as if these parts were not there. It takes no rows, and need not be closed. */
  withoutParts(parts: readonly UnreadablePart[]): LedgerStore;
}

/**
 * Opens the store on a server and makes its schema where it lacks. Throws `LedgerStoreError`: `store_unavailable` (cannot be
 * reached, who asks is not accepted or may not, no database), `schema_mismatch`, `store_no_space`.
 */
export async function openClickHouseStore(options: ClickHouseStoreOptions): Promise<ClickHouseLedgerStore> {
  const server = openServer(settle(options));
  try {
    await prepareSchema(server);
  } catch (error) {
    await server.close();
    throw storeError(error, server.settled);
  }
  return storeOver(server);
}

/** What an analyst needs: questions alone. */
export interface ClickHouseQueries extends SqlQueries {
  /** Server and database, without user and password. */
  readonly name: string;
  close(): Promise<void>;
}

/**
 * Opens nothing but questions, for a user who may read `audit_events` and no more: no table is looked at and none is made.
 * Throws `store_unavailable` for options that cannot be; all else is found by the first question.
 */
export function openClickHouseQueries(options: ClickHouseStoreOptions): ClickHouseQueries {
  const server = openServer(settle(options));
  return { name: server.settled.name, select: questionsOf(server), close: server.close };
}

function storeOver(server: Server): ClickHouseLedgerStore {
  const { settled } = server;
  const dialect = dialectOf(settled);
  const sha256 = nodeSha256();
  const queues = new Map<string, ReturnType<typeof createGate>>();

  /** Quorum inserts into one table refuse each other on the server: here they wait for each other instead. */
  const inTurn = <T>(table: string, run: () => Promise<T>): Promise<T> => {
    if (settled.replicated === undefined) return run();
    const queue = queues.get(table) ?? createGate(1);
    queues.set(table, queue);
    return queue(run);
  };
  /** In doubt whatever went wrong, save that the server refused the first rows: then nothing of the call was stored. */
  const insert = async (prepare: () => readonly PreparedInsert[]): Promise<InsertOutcome> => {
    let done = 0;
    try {
      server.assertOpen();
      for (const one of prepare()) {
        const sql = dialect(one.statement((structure) => `input(${structure})`));
        await inTurn(one.table, () => server.insert(sql, one.parts, one.rows));
        done++;
      }
      return { kind: 'stored' };
    } catch (error) {
      const cause = storeError(error, settled);
      return { kind: cause instanceof ConstraintViolated && done === 0 ? 'refused' : 'in_doubt', cause };
    }
  };
  const read = (sql: string): Promise<Uint8Array> => server.read(dialect(sql), 'Avro');
  const parts = { insert, sha256, page_rows_max: settled.page_rows_max };

  const source = { run: read, assertOpen: server.assertOpen };

  return {
    ...sqlLedgerStore({ ...parts, source, close: server.close }),
    alerts: sqlAlertStore({ source, insert }),
    name: settled.name,
    select: questionsOf(server),
    renewViews: () => renewDerived(server),
    unreadableParts: () => findUnreadableParts((sql, format) => server.read(dialect(sql), format)),
    withoutParts(unreadable) {
      const pass = passingBy(unreadable);
      return sqlLedgerStore({
        ...parts,
        insert: async (prepare) => (prepare().length === 0 ? { kind: 'stored' } : { kind: 'in_doubt', cause: takesNoRows(settled.name) }),
        source: { run: async (sql) => read(pass(sql)), assertOpen: server.assertOpen },
        close: async () => undefined,
      });
    },
  };
}

const takesNoRows = (name: string): LedgerStoreError =>
  new LedgerStoreError('store_unavailable', `${name}: a store that is read without some of its parts takes no rows: restore them first`);
