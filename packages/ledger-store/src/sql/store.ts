/** The ledger store port over generated SQL: an adapter brings what runs statements, and how containers reach its engine. */
import type { Sha256 } from '@sealtrail/merkle';
import { encodeHeader } from '@sealtrail/wire';
import {
  type CheckpointRow,
  type CommitRow,
  type InsertOutcome,
  type KeyRecordRow,
  type LedgerStore,
  LedgerStoreError,
  type PartitionKey,
  type RowQuery,
} from '../port.ts';
import { comparePartitions, largestCommits, type VisibleInterval, visibleIntervals } from '../visible.ts';
import { READ_SETTINGS, readRows } from './avro-reader.ts';
import {
  checkpointInserts,
  commitInserts,
  duplicateInserts,
  entryInserts,
  headInserts,
  keyRecordInserts,
  manifestInserts,
  type PreparedInsert,
  rejectedInserts,
  roundInserts,
} from './inserts.ts';
import {
  commitsLookup,
  headLookup,
  keyRecordsLookup,
  type Lookup,
  latestCheckpointLookup,
  partitionsLookup,
  roundLookup,
  sealedHeaderLookup,
  sequencesLookup,
  unsealedCountLookup,
} from './lookups.ts';
import { type RowSource, readLeaves, readPages } from './pages.ts';
import {
  checkpointsQuery,
  duplicatesQuery,
  entriesQuery,
  headOf,
  headsQuery,
  logSizesQuery,
  manifestOf,
  manifestsQuery,
  type PagedQuery,
  rejectedQuery,
  roundOf,
  roundsQuery,
} from './reads.ts';
import { type SequenceRun, sequencesOf } from './sequences.ts';

export interface SqlStoreParts {
  readonly source: RowSource;
  /** Stores the containers of one call, in order; asks for them only when it can. Never throws. */
  insert(prepare: () => readonly PreparedInsert[]): Promise<InsertOutcome>;
  readonly sha256: Sha256;
  /** Rows of one page at most. */
  readonly page_rows_max: number;
  close(): Promise<void>;
}

export function sqlLedgerStore({ source, insert, sha256, page_rows_max, close }: SqlStoreParts): LedgerStore {
  const look = async (lookup: Lookup | null): Promise<Record<string, unknown>[]> => {
    source.assertOpen();
    return lookup === null ? [] : readRows(await source.run(`${lookup.sql} ${READ_SETTINGS}`), lookup.fields);
  };
  const commits = async (partition: PartitionKey): Promise<readonly CommitRow[]> =>
    largestCommits((await look(commitsLookup(partition))) as unknown as CommitRow[]);
  const intervalsOf = async (partition: PartitionKey): Promise<readonly VisibleInterval[]> => visibleIntervals(await commits(partition));

  /** The intervals are read once, so that all pages show one state: what is visible under them does not change. */
  const visiblePages = async function* <Row>(
    partition: PartitionKey,
    queryOf: (intervals: readonly VisibleInterval[]) => PagedQuery<Row>,
  ): AsyncGenerator<readonly Row[]> {
    yield* readPages(source, queryOf(await intervalsOf(partition)), page_rows_max);
  };
  const pagesOf = <Row>(
    query: RowQuery,
    queryOf: (query: RowQuery, intervals: readonly VisibleInterval[]) => PagedQuery<Row>,
  ): AsyncGenerator<readonly Row[]> => visiblePages(query.partition, (intervals) => queryOf(query, intervals));

  return {
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
    rounds: (partition, indexes) => readPages(source, roundsQuery(partition, indexes), page_rows_max),
    async head(partition, tenant) {
      const [row] = await look(headLookup(partition, await intervalsOf(partition), tenant));
      return row === undefined ? null : headOf(row);
    },
    logSizes: (partition) => visiblePages(partition, (intervals) => logSizesQuery(partition, intervals)),
    async unsealedCount(partition) {
      const [row] = await look(unsealedCountLookup(partition, await intervalsOf(partition)));
      return (row?.['count'] as number | undefined) ?? 0;
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
      yield* readLeaves(source, partition, offsets, await intervalsOf(partition), page_rows_max);
    },
    rejected: (query) => pagesOf(query, rejectedQuery),
    duplicates: (query) => pagesOf(query, duplicatesQuery),
    async latestCheckpoint(origin) {
      const [row] = (await look(latestCheckpointLookup(origin))) as unknown as CheckpointRow[];
      return row ?? null;
    },
    checkpoints: (origin) => readPages(source, checkpointsQuery(origin), page_rows_max),
    keyRecords: async () => (await look(keyRecordsLookup())) as unknown as KeyRecordRow[],
    close,
  };
}
