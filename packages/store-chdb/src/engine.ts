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

export interface Engine {
  /** Runs one statement on a connection of its own. Throws `LedgerStoreError`. */
  run(sql: string, format?: string): Promise<Uint8Array>;
  /** Runs statements one after the other on one connection; gives the last one's answer. */
  runAll(statements: readonly string[], format?: string): Promise<Uint8Array>;
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

  async function onOwnConnection(statements: readonly string[], format: string): Promise<Uint8Array> {
    const session = open();
    try {
      let answer: Uint8Array = new Uint8Array(0);
      for (const sql of statements) answer = (await session.queryAsync(sql, { format })).bytes();
      return answer;
    } catch (cause) {
      throw engineError(cause);
    } finally {
      session.close();
    }
  }

  const assertOpen = (): void => {
    if (closing !== null) throw new LedgerStoreError('store_closed', 'the ledger store was closed: open another');
  };
  const runAll = async (statements: readonly string[], format = 'Avro'): Promise<Uint8Array> => {
    assertOpen();
    const request = onOwnConnection(statements, format);
    running.add(request);
    try {
      return await request;
    } finally {
      running.delete(request);
    }
  };
  return {
    run: (sql, format) => runAll([sql], format),
    runAll,
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
