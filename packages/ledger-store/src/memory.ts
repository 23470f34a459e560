/** The memory adapter: tables as arrays of rows, for tests, demos and as the plainest reading of the port. */

import { compareBytes, hexOf, sameBytes } from '@sealtrail/merkle';
import type { SealedBatch, SequenceIntervals } from '@sealtrail/seal';
import { copyOf } from './copy.ts';
import { type EntryColumns, emptyTables, entryRows, type ManifestColumns, type MemoryTables, rowReader } from './memory-rows.ts';
import {
  type BatchLeaves,
  type HeadRow,
  type InsertOutcome,
  type LedgerStore,
  LedgerStoreError,
  type PartitionKey,
  type RowQuery,
} from './port.ts';
import { compareText, sequenceIntervals } from './sequences.ts';
import { comparePartitions, largestCommits, partitionText, visibility, visibleIntervals } from './visible.ts';

export { createMemoryAlertStore } from './alerts/memory.ts';
export type { Claimed, EntryColumns, ManifestColumns, MemoryTables, RoundColumns } from './memory-rows.ts';

export interface MemoryStoreOptions {
  /** Rows of one page at most; 1,000 when absent. */
  readonly page_rows_max?: number;
  /** Refuse entries whose leaf does not recompute from their columns, as the engine's CHECK does; false when absent. */
  readonly check_leaves?: boolean;
}

export interface MemoryLedgerStore extends LedgerStore {
  /** The rows themselves, for tests: what is changed here is what readers find. */
  readonly tables: MemoryTables;
}

const stored: InsertOutcome = { kind: 'stored' };
const closedError = (): LedgerStoreError => new LedgerStoreError('store_closed', 'the ledger store was closed: open another');

export function createMemoryLedgerStore(options: MemoryStoreOptions = {}): MemoryLedgerStore {
  const pageRowsMax = options.page_rows_max ?? 1000;
  const tables = emptyTables();
  const reader = rowReader();
  let closed = false;

  const insert = async (write: () => InsertOutcome | undefined): Promise<InsertOutcome> =>
    closed ? { kind: 'in_doubt', cause: closedError() } : (write() ?? stored);
  const read = async <T>(answer: () => T): Promise<T> => {
    if (closed) throw closedError();
    return answer();
  };
  /** Chooses and orders at once, so that one iteration sees one state; gives back page by page. */
  const pages = async function* <Row, Given>(choose: () => Row[], give: (row: Row) => Given): AsyncGenerator<readonly Given[]> {
    const rows = await read(choose);
    for (let at = 0; at < rows.length; at += pageRowsMax) {
      yield await read(() => rows.slice(at, at + pageRowsMax).map(give));
    }
  };
  const visible = (key: PartitionKey): ((claim: Uint8Array, offset: number) => boolean) => {
    const here = partitionText(key);
    return visibility(visibleIntervals(tables.commits.filter((row) => partitionText(row) === here)));
  };
  const visibleManifests = (key: PartitionKey, tenant: string | undefined): MemoryTables['manifests'] => {
    const sees = visible(key);
    return tables.manifests.filter(
      (row) =>
        samePartition(row.manifest, key) &&
        (tenant === undefined || row.manifest.header.tenant === tenant) &&
        sees(row.claim, row.manifest.offset),
    );
  };
  const visibleHeads = (key: PartitionKey): MemoryTables['heads'] => {
    const sees = visible(key);
    return tables.heads.filter((row) => samePartition(row, key) && sees(row.claim, row.offset));
  };

  return {
    tables,

    insertEntries: (key, claim, batches) =>
      insert(() => {
        const rows = batches.flatMap((sealed) => entryRows(key, claim, sealed));
        const wrong = options.check_leaves ? rows.find((row) => !sameBytes(reader.leaf(row), row.leaf_hash)) : undefined;
        if (wrong !== undefined) return refusedLeaf(wrong);
        append(tables.entries, rows);
      }),
    insertManifests: (_key, claim, batches) =>
      insert(() =>
        append(
          tables.manifests,
          batches.map((sealed) => manifestRow(claim, sealed)),
        ),
      ),
    insertHeads: (key, claim, heads) =>
      insert(() =>
        append(
          tables.heads,
          heads.map((head) => copyOf({ ...partitionOf(key), claim, ...headOf(head) })),
        ),
      ),
    insertRejected: (key, claim, rows) =>
      insert(() =>
        append(
          tables.rejected,
          rows.map((row) => copyOf({ ...row, ...partitionOf(key), claim })),
        ),
      ),
    insertDuplicates: (key, claim, rows) =>
      insert(() =>
        append(
          tables.duplicates,
          rows.map(({ duplicate, tenant, recorded_at }) => copyOf({ ...partitionOf(key), claim, duplicate, tenant, recorded_at })),
        ),
      ),
    insertRound: ({ round, hash, operator }) => insert(() => append(tables.rounds, [copyOf({ round, hash, operator })])),
    insertCommit: (row) => insert(() => append(tables.commits, [copyOf(row)])),
    insertCheckpoint: (row) => insert(() => append(tables.checkpoints, [copyOf(row)])),
    insertKeyRecords: (rows) => insert(() => append(tables.keyRecords, copyOf(rows))),

    partitions: () =>
      read(() => {
        const keys = new Map<string, PartitionKey>();
        for (const row of [...tables.commits, ...tables.rounds.map((r) => r.round)]) keys.set(partitionText(row), partitionOf(row));
        return [...keys.values()].sort(comparePartitions);
      }),
    commits: (key) => read(() => copyOf(largestCommits(tables.commits.filter((row) => samePartition(row, key))))),
    round: (hash) =>
      read(() => {
        const row = tables.rounds.find((candidate) => sameBytes(candidate.hash, hash));
        return row === undefined ? null : reader.round(row);
      }),
    rounds: (key, indexes) =>
      pages(() => {
        const distinct = new Map<string, MemoryTables['rounds'][number]>();
        for (const row of tables.rounds) {
          if (samePartition(row.round, key) && within(row.round.index, indexes)) distinct.set(hexOf(row.hash), row);
        }
        return [...distinct.values()].sort((a, b) => a.round.index - b.round.index || compareBytes(a.hash, b.hash));
      }, reader.round),
    head: (key, tenant) =>
      read(() => {
        let largest: HeadRow | null = null;
        for (const row of visibleHeads(key)) {
          if (row.tenant === tenant && (largest === null || row.head.size > largest.head.size)) largest = row;
        }
        return largest === null ? null : copyOf(headOf(largest));
      }),
    logSizes: (key) =>
      pages(
        () => {
          const sizes = new Map<string, number>();
          for (const { tenant, head } of visibleHeads(key)) sizes.set(tenant, Math.max(sizes.get(tenant) ?? head.size, head.size));
          return [...sizes].sort(([a], [b]) => compareText(a, b));
        },
        ([tenant, size]) => ({ tenant, size }),
      ),
    unsealedCount: (key) =>
      read(() => {
        const sees = visible(key);
        const rejected = tables.rejected.filter((row) => samePartition(row, key) && sees(row.claim, row.offset));
        const duplicates = tables.duplicates.filter((row) => samePartition(row, key) && sees(row.claim, row.duplicate.offset));
        return rejected.length + duplicates.length;
      }),
    heads: (query) =>
      pages(
        () =>
          visibleHeads(query.partition)
            .filter((row) => matches(query, row.offset, row.tenant, row.head.log))
            .sort((a, b) => a.offset - b.offset || compareBytes(a.head.log, b.head.log)),
        (row) => copyOf(headOf(row)),
      ),
    sequences: (key, tenant) =>
      read((): readonly SequenceIntervals[] => sequenceIntervals(visibleManifests(key, tenant).map((row) => row.manifest.header))),
    sealedHeader: (key, wanted) =>
      read(() => {
        const row = visibleManifests(key, wanted.tenant).find(
          ({ manifest: { header } }) =>
            header.sequence === wanted.sequence &&
            header.delivery === wanted.delivery &&
            header.producer === wanted.producer &&
            sameBytes(header.instance, wanted.instance),
        );
        return row === undefined ? null : reader.headerHash(row);
      }),
    manifests: (query) =>
      pages(
        () =>
          visibleManifests(query.partition, query.tenant)
            .filter(({ manifest }) => matches(query, manifest.offset, manifest.header.tenant, manifest.log, manifest.position))
            .sort(
              ({ manifest: a }, { manifest: b }) =>
                compareText(a.header.tenant, b.header.tenant) ||
                compareBytes(a.log, b.log) ||
                a.position - b.position ||
                a.offset - b.offset,
            ),
        reader.manifest,
      ),
    entries: (query) =>
      pages(() => {
        const sees = visible(query.partition);
        return tables.entries
          .filter(
            (row) =>
              samePartition(row, query.partition) &&
              matches(query, row.offset, row.tenant, row.log, row.entry) &&
              sees(row.claim, row.offset),
          )
          .sort((a, b) => compareText(a.tenant, b.tenant) || compareBytes(a.log, b.log) || a.entry - b.entry || a.offset - b.offset);
      }, reader.entry),
    batchLeaves: (key, offsets) =>
      pages(
        () => {
          const sees = visible(key);
          const rows = tables.entries
            .filter((row) => samePartition(row, key) && within(row.offset, offsets) && sees(row.claim, row.offset))
            .sort(
              (a, b) =>
                a.offset - b.offset ||
                compareBytes(a.log, b.log) ||
                a.position - b.position ||
                a.batch_index - b.batch_index ||
                compareBytes(a.leaf_hash, b.leaf_hash),
            );
          const batches = new Map<string, EntryColumns[]>();
          for (const row of rows) {
            const batch = `${row.offset} ${hexOf(row.log)} ${row.position}`;
            batches.set(batch, [...(batches.get(batch) ?? []), row]);
          }
          return [...batches.values()];
        },
        (rows): BatchLeaves => {
          const { offset, log, position } = rows[0] as EntryColumns;
          return copyOf({ offset, log, position, leaves: Uint8Array.from(rows.flatMap((row) => [...row.leaf_hash])) });
        },
      ),
    rejected: (query) =>
      pages(
        () => {
          const sees = visible(query.partition);
          return tables.rejected
            .filter((row) => samePartition(row, query.partition) && matches(query, row.offset) && sees(row.claim, row.offset))
            .sort((a, b) => a.offset - b.offset);
        },
        ({ claim: _claim, ...row }) => copyOf(row),
      ),
    duplicates: (query) =>
      pages(
        () => {
          const sees = visible(query.partition);
          return tables.duplicates
            .filter(
              (row) =>
                samePartition(row, query.partition) &&
                matches(query, row.duplicate.offset, row.tenant) &&
                sees(row.claim, row.duplicate.offset),
            )
            .sort((a, b) => a.duplicate.offset - b.duplicate.offset);
        },
        ({ duplicate, tenant, recorded_at }) => copyOf({ duplicate, tenant, recorded_at }),
      ),
    latestCheckpoint: (origin) =>
      read(() => {
        const rows = tables.checkpoints.filter((row) => row.origin === origin);
        return rows.length === 0 ? null : copyOf(rows.reduce((latest, row) => (row.size > latest.size ? row : latest)));
      }),
    checkpoints: (origin) =>
      pages(() => {
        const distinct = new Map<string, MemoryTables['checkpoints'][number]>();
        for (const row of tables.checkpoints) {
          if (row.origin === origin) distinct.set(`${row.size}:${hexOf(row.root)}:${row.note}`, row);
        }
        return [...distinct.values()].sort((a, b) => a.size - b.size || compareText(a.note, b.note));
      }, copyOf),
    keyRecords: () =>
      read(() => {
        const distinct = new Map<string, MemoryTables['keyRecords'][number]>();
        for (const row of tables.keyRecords) distinct.set(`${row.index}:${hexOf(row.bytes)}`, row);
        return copyOf([...distinct.values()].sort((a, b) => a.index - b.index));
      }),
    close: async () => {
      closed = true;
    },
  };
}

const partitionOf = ({ topic, incarnation, partition }: PartitionKey): PartitionKey => ({ topic, incarnation, partition });
const samePartition = (a: PartitionKey, b: PartitionKey): boolean =>
  a.topic === b.topic && a.incarnation === b.incarnation && a.partition === b.partition;
const within = (n: number, range: { readonly from: number; readonly to: number }): boolean => range.from <= n && n < range.to;
const headOf = ({ tenant, head, frontier, offset }: HeadRow): HeadRow => ({ tenant, head, frontier, offset });

function append<Row>(table: Row[], rows: readonly Row[]): undefined {
  for (const row of rows) table.push(row);
}

function manifestRow(claim: Uint8Array, { manifest, manifest_hash }: SealedBatch): ManifestColumns {
  return copyOf({ claim, manifest, manifest_hash });
}

/** Whether a row lies in the ranges and under the names that the query gives; what rows of a table lack does not narrow it. */
function matches(query: RowQuery, offset: number, tenant?: string, log?: Uint8Array, number?: number): boolean {
  return (
    (query.offsets === undefined || within(offset, query.offsets)) &&
    (query.tenant === undefined || tenant === undefined || tenant === query.tenant) &&
    (query.log === undefined || log === undefined || sameBytes(log, query.log)) &&
    (query.numbers === undefined || number === undefined || within(number, query.numbers))
  );
}

const refusedLeaf = (row: EntryColumns): InsertOutcome => ({
  kind: 'refused',
  cause: new LedgerStoreError('store_corrupt', `entry ${row.entry} of tenant ${row.tenant}: leaf_hash does not recompute from its columns`),
});
