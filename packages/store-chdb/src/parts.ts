/** An engine that reads past parts which it cannot read. */
import { passingBy as passed, type UnreadablePart } from '@sealtrail/ledger-store/sql';
import type { Engine } from './engine.ts';

/** The same engine, which reads as if these parts were not there. It inserts nothing, and closing it closes nothing. */
export function passingBy(engine: Engine, parts: readonly UnreadablePart[]): Engine {
  const pass = passed(parts);
  const runAll = async (statements: readonly string[], format?: string): Promise<Uint8Array> => engine.runAll(statements.map(pass), format);
  return {
    runAll,
    run: (sql, format) => runAll([sql], format),
    onConnection: (use) => engine.onConnection((connection) => use({ run: async (sql, format) => connection.run(pass(sql), format) })),
    assertOpen: engine.assertOpen,
    close: async () => undefined,
  };
}
