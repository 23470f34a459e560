/** The embedded adapter: the real ClickHouse engine in process. One process a folder. */
import { join, resolve } from 'node:path';
import {
  type CheckpointRow,
  type CommitRow,
  comparePartitions,
  type InsertOutcome,
  type KeyRecordRow,
  type LedgerStore,
  LedgerStoreError,
  largestCommits,
  type PartitionKey,
  type RowQuery,
  type SqlQueries,
  type VisibleInterval,
  visibleIntervals,
} from '@sealtrail/ledger-store';
import {
  checkpointInserts,
  checkpointsQuery,
  commitInserts,
  commitsLookup,
  duplicateInserts,
  duplicatesQuery,
  entriesQuery,
  entryInserts,
  headInserts,
  headLookup,
  headOf,
  headsQuery,
  keyRecordInserts,
  keyRecordsLookup,
  type Lookup,
  latestCheckpointLookup,
  manifestInserts,
  manifestOf,
  manifestsQuery,
  type PagedQuery,
  type PreparedInsert,
  partitionsLookup,
  READ_SETTINGS,
  readRows,
  rejectedInserts,
  rejectedQuery,
  roundInserts,
  roundLookup,
  roundOf,
  roundsQuery,
  type SequenceRun,
  sealedHeaderLookup,
  sequencesLookup,
  sequencesOf,
} from '@sealtrail/ledger-store/sql';
import { sha256 as nodeSha256 } from '@sealtrail/merkle/node';
import { encodeHeader } from '@sealtrail/wire';
import { emptyFolder, withContainer } from './containers.ts';
import type { Engine } from './engine.ts';
import { ConstraintViolated, engineError } from './errors.ts';
import { createGate } from './gate.ts';
import { readLeaves, readPages } from './pages.ts';
import { passingBy, type UnreadablePart, unreadableParts } from './parts.ts';
import { openRoomyEngine } from './room.ts';
import { prepareSchema, renewDerived } from './schema.ts';
import { readFunctionRule, type SelectLimits, selectRows } from './select.ts';
import type { FunctionRule } from './select-rules.ts';

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
  const rowsMax = options.page_rows_max ?? PAGE_ROWS_MAX;
  const sha256 = nodeSha256();
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
  const look = async (lookup: Lookup | null): Promise<Record<string, unknown>[]> => {
    engine.assertOpen();
    return lookup === null ? [] : readRows(await engine.run(`${lookup.sql} ${READ_SETTINGS}`), lookup.fields);
  };
  const commits = async (partition: PartitionKey): Promise<readonly CommitRow[]> =>
    largestCommits((await look(commitsLookup(partition))) as unknown as CommitRow[]);
  const intervalsOf = async (partition: PartitionKey): Promise<readonly VisibleInterval[]> => visibleIntervals(await commits(partition));

  /** The intervals are read once, so that all pages show one state: what is visible under them does not change. */
  const visiblePages = async function* <Row>(
    partition: PartitionKey,
    queryOf: (intervals: readonly VisibleInterval[]) => PagedQuery<Row>,
  ): AsyncGenerator<readonly Row[]> {
    yield* readPages(engine, queryOf(await intervalsOf(partition)), rowsMax);
  };
  const pagesOf = <Row>(
    query: RowQuery,
    queryOf: (query: RowQuery, intervals: readonly VisibleInterval[]) => PagedQuery<Row>,
  ): AsyncGenerator<readonly Row[]> => visiblePages(query.partition, (intervals) => queryOf(query, intervals));

  return {
    dir,
    insertEntries: (partition, claim, batches) => insert(() => entryInserts(partition, claim, batches)),
    insertManifests: (_partition, claim, batches) => insert(() => manifestInserts(claim, batches)),
    insertHeads: (partition, claim, heads) => insert(() => headInserts(partition, claim, heads)),
    insertRejected: (partition, claim, rows) => insert(() => rejectedInserts(partition, claim, rows)),
    insertDuplicates: (partition, claim, rows) => insert(() => duplicateInserts(partition, claim, rows)),
    insertRound: (row) => insert(() => roundInserts(row)),
    insertCommit: (row) => insert(() => commitInserts(row)),
    insertCheckpoint: (row) => insert(() => checkpointInserts(row)),
    insertKeyRecords: (rows) => insert(() => keyRecordInserts(rows)),

    partitions: async () => ((await look(partitionsLookup())) as unknown as PartitionKey[]).sort(comparePartitions),
    commits,
    async round(hash) {
      const [row] = await look(roundLookup(hash));
      return row === undefined ? null : roundOf(row);
    },
    rounds: (partition, indexes) => readPages(engine, roundsQuery(partition, indexes), rowsMax),
    async head(partition, tenant) {
      const [row] = await look(headLookup(partition, await intervalsOf(partition), tenant));
      return row === undefined ? null : headOf(row);
    },
    heads: (query) => pagesOf(query, headsQuery),
    async sequences(partition, tenant) {
      return sequencesOf((await look(sequencesLookup(partition, await intervalsOf(partition), tenant))) as unknown as SequenceRun[]);
    },
    async sealedHeader(partition, key) {
      const [row] = await look(sealedHeaderLookup(partition, await intervalsOf(partition), key));
      if (row === undefined) return null;
      const { manifest } = manifestOf(row);
      try {
        return sha256.digest(encodeHeader(manifest.header));
      } catch (cause) {
        const name = `manifest ${manifest.position} of tenant ${manifest.header.tenant}`;
        throw new LedgerStoreError('store_corrupt', `${name}: its columns have no canonical encoding; restore the row`, { cause });
      }
    },
    manifests: (query) => pagesOf(query, manifestsQuery),
    entries: (query) => pagesOf(query, entriesQuery),
    batchLeaves: async function* (partition, offsets) {
      yield* readLeaves(engine, partition, offsets, await intervalsOf(partition), rowsMax);
    },
    rejected: (query) => pagesOf(query, rejectedQuery),
    duplicates: (query) => pagesOf(query, duplicatesQuery),
    async latestCheckpoint(origin) {
      const [row] = (await look(latestCheckpointLookup(origin))) as unknown as CheckpointRow[];
      return row ?? null;
    },
    checkpoints: (origin) => readPages(engine, checkpointsQuery(origin), rowsMax),
    keyRecords: async () => (await look(keyRecordsLookup())) as unknown as KeyRecordRow[],

    async select(sql, limits) {
      engine.assertOpen();
      rule ??= await readFunctionRule(engine);
      const known = rule;
      return atOnce(() => selectRows(engine, known, sql, { ...options.select, ...limits }));
    },
    async alterUnguarded(sql) {
      await engine.runAll(['USE sealtrail', 'SET mutations_sync = 2', sql]);
    },
    renewViews: () => renewDerived(engine),
    unreadableParts: () => unreadableParts(engine),
    withoutParts: (parts) => storeOver(passingBy(engine, parts), dir, inserts, options),
    close: () => engine.close(),
  };
}
