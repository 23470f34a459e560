import { EventLogError } from '@sealtrail/event-log';
import { type Database, open, type RootDatabase } from 'lmdb';

export type Table = Database<Buffer, Buffer>;

/** One LMDB environment; keys and values are bytes as rows.ts lays them out. */
export interface LogTables {
  readonly env: RootDatabase<Buffer, Buffer>;
  /** The format, and counts. */
  readonly meta: Table;
  /** By name. */
  readonly topics: Table;
  /** By topic and partition. */
  readonly heads: Table;
  /** By topic, partition and offset. */
  readonly records: Table;
  /** By the SHA-256 of the source. */
  readonly positions: Table;
  /** By topic, partition and group. */
  readonly holders: Table;
  /** By topic, partition and group. */
  readonly offsets: Table;
}

/** In `meta`: bytes of records that are held, and how many topics there are. */
export const bytes_held_key: Buffer = Buffer.from('bytes_held');
export const topics_key: Buffer = Buffer.from('topics');
const format_key = Buffer.from('format');
const format = 'sealtrail event log 1';

/** What is mapped at first. LMDB maps more when the file grows; this only spares it the first steps. */
const mapped_bytes = 2 ** 30;

/** Opens or makes the environment in `dir`. Throws EventLogError `log_unavailable` or `log_corrupt`. */
export async function openTables(dir: string): Promise<LogTables> {
  const bytes = { encoding: 'binary', keyEncoding: 'binary' } as const;
  let env: RootDatabase<Buffer, Buffer>;
  let tables: LogTables;
  try {
    env = open<Buffer, Buffer>({
      path: dir,
      noSubdir: false,
      mapSize: mapped_bytes,
      maxDbs: 16,
      // A commit is flushed before it is told: with overlapping flushes a failed one is never told.
      overlappingSync: false,
      // With event turn batches a commit that fails for want of space also rejects a promise that nobody holds.
      eventTurnBatching: false,
      ...bytes,
    });
    const table = (name: string): Table => env.openDB({ name, ...bytes });
    tables = {
      env,
      meta: table('meta'),
      topics: table('topics'),
      heads: table('heads'),
      records: table('records'),
      positions: table('positions'),
      holders: table('holders'),
      offsets: table('offsets'),
    };
  } catch (thrown) {
    throw new EventLogError('log_unavailable', `cannot open the event log in ${dir}: check that the directory can be written`, {
      cause: thrown,
    });
  }
  const found = env.transactionSync(() => {
    const stored = tables.meta.getBinary(format_key);
    if (stored === undefined) tables.meta.putSync(format_key, Buffer.from(format));
    return stored?.toString() ?? format;
  });
  if (found === format) return tables;
  await env.close();
  throw new EventLogError(
    'log_corrupt',
    `the event log in ${dir} has the format "${found}", not "${format}": open it with its own version`,
  );
}
