/**
 * The one way to the embedded engine. Settings stick to a connection, and after a query that fails midway its partial
 * output stands before the next result of that connection: so every request has a connection of its own, on the same
 * path, and one more is kept open so that the engine stays up between them.
 */
import { mkdirSync } from 'node:fs';
import { LedgerStoreError } from '@sealtrail/ledger-store';
import { drainPending, Session } from 'chdb';
import { connectionError, engineError, inUseError } from './errors.ts';
import { holderOf } from './lock.ts';

/** A connection of one request. Throws what the engine throws. */
export interface Connection {
  run(sql: string, format?: string): Promise<Uint8Array>;
}

export interface Engine {
  /** Runs one statement on a connection of its own. Throws `LedgerStoreError`. */
  run(sql: string, format?: string): Promise<Uint8Array>;
  /** Runs statements one after the other on one connection; gives the last one's answer. */
  runAll(statements: readonly string[], format?: string): Promise<Uint8Array>;
  /** Gives `use` a connection of its own, for as long as it runs. */
  onConnection<T>(use: (connection: Connection) => Promise<T>): Promise<T>;
  /** Throws `store_closed` after `close`. */
  assertOpen(): void;
  /** Waits for what runs, then lets go of the folder. */
  close(): Promise<void>;
}

/** Throws `store_in_use` when another process, or another store of this process, holds an engine. */
export function openEngine(folder: string): Engine {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (cause) {
    throw connectionError(folder, cause);
  }
  const holder = holderOf(folder);
  if (holder !== null && holder !== process.pid) throw inUseError(folder, holder);
  const open = (): Session => {
    try {
      return new Session(folder);
    } catch (cause) {
      throw connectionError(folder, cause);
    }
  };
  const anchor = open();
  const running = new Set<Promise<unknown>>();
  let closing: Promise<void> | null = null;

  const assertOpen = (): void => {
    if (closing !== null) throw new LedgerStoreError('store_closed', 'the ledger store was closed: open another');
  };
  const withSession = async <T>(use: (connection: Connection) => Promise<T>): Promise<T> => {
    const session = open();
    try {
      return await use({ run: async (sql, format = 'Avro') => (await session.queryAsync(sql, { format })).bytes() });
    } finally {
      session.close();
    }
  };
  const onConnection = async <T>(use: (connection: Connection) => Promise<T>): Promise<T> => {
    assertOpen();
    const request = withSession(use);
    running.add(request);
    try {
      return await request;
    } finally {
      running.delete(request);
    }
  };
  const runAll = async (statements: readonly string[], format?: string): Promise<Uint8Array> => {
    try {
      return await onConnection(async (connection) => {
        let answer: Uint8Array = new Uint8Array(0);
        for (const sql of statements) answer = await connection.run(sql, format);
        return answer;
      });
    } catch (error) {
      throw engineError(error);
    }
  };
  return {
    run: (sql, format) => runAll([sql], format),
    runAll,
    onConnection,
    assertOpen,
    close() {
      closing ??= (async () => {
        await Promise.allSettled(running);
        anchor.close();
        await drainPending();
      })();
      return closing;
    },
  };
}
