/**
 * The embedded engine. Settings stick to a connection, and after a query that fails midway its partial output stands before
 * the next answer of that connection: every request has a connection of its own, and one more keeps the engine up.
 */
import { mkdirSync } from 'node:fs';
import { drainPending, Session } from 'chdb';

export interface Answer {
  readonly bytes: Uint8Array;
  readonly rows_read: number;
}

/** The connection of one request. Throws what the engine throws. */
export interface Connection {
  run(sql: string, format?: string): Promise<Answer>;
  /** Chunks of an answer in a format of rows that follow each other. */
  stream(sql: string, format: string): AsyncGenerator<Uint8Array>;
}

export interface Sessions {
  readonly version: string;
  withConnection<T>(use: (connection: Connection) => Promise<T>): Promise<T>;
  /** Waits for what runs. */
  close(): Promise<void>;
}

export function openSessions(dir: string): Sessions {
  mkdirSync(dir, { recursive: true });
  const anchor = new Session(dir);
  const running = new Set<Promise<unknown>>();

  const withSession = async <T>(use: (connection: Connection) => Promise<T>): Promise<T> => {
    const session = new Session(dir);
    try {
      return await use({
        async run(sql, format = 'TabSeparated') {
          const result = await session.queryAsync(sql, { format });
          return { bytes: result.bytes(), rows_read: result.rowsRead };
        },
        async *stream(sql, format) {
          for await (const chunk of session.queryStream(sql, { format })) yield chunk.raw();
        },
      });
    } finally {
      session.close();
    }
  };
  return {
    version: anchor.query('SELECT version()', 'TSVRaw').trim(),
    async withConnection(use) {
      const request = withSession(use);
      running.add(request);
      try {
        return await request;
      } finally {
        running.delete(request);
      }
    },
    async close() {
      await Promise.allSettled(running);
      anchor.close();
      await drainPending();
    },
  };
}
