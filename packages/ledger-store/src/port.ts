/**
 * The ledger's store: ClickHouse behind a port. Every adapter passes `@sealtrail/ledger-store/conformance`.
 * docs/spec/commit.md says what is visible and why.
 */
import type { Frontier } from '@sealtrail/merkle';
import type { DuplicateRecord, SealedBatch, SealedHead, SequenceIntervals } from '@sealtrail/seal';
import type { BatchManifest, Delivery, RejectReason, Round } from '@sealtrail/wire';

export interface PartitionKey {
  readonly topic: string;
  readonly incarnation: number;
  readonly partition: number;
}

export type InsertOutcome =
  | { readonly kind: 'stored' }
  /** May have been stored, in whole or in part, now or later. The claim must end. */
  | { readonly kind: 'in_doubt'; readonly cause: Error }
  /** The engine refused the rows themselves (the CHECK on leaf_hash). Nothing was stored; trying again cannot help. */
  | { readonly kind: 'refused'; readonly cause: Error };

/** One row a claim: readers see the largest `to` of a claim, whatever the order of arrival. */
export interface CommitRow extends PartitionKey {
  /** 16 random bytes. */
  readonly claim: Uint8Array;
  readonly ordinal: number;
  /** Start of the claim. */
  readonly from: number;
  readonly to: number;
  readonly round_hash: Uint8Array;
}

export interface RoundRow {
  readonly round: Round;
  readonly bytes: Uint8Array;
  readonly hash: Uint8Array;
  /** Operator log after this round; a function of the chain of rounds, kept so that appending never scans. */
  readonly operator: Frontier;
}

export interface HeadRow extends SealedHead {
  /** Last offset of the round (to - 1): what its visibility goes by. */
  readonly offset: number;
}

export interface RejectedRow extends PartitionKey {
  readonly offset: number;
  readonly reason: RejectReason;
  readonly detail: string;
  readonly length: number;
  readonly digest: Uint8Array;
  readonly recorded_at: number;
  /** The record's value (of one over 512 KiB the first 64 KiB), sealed to the ledger's key: a compact JWE. */
  readonly sealed_bytes: string;
}

export interface CheckpointRow {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
  readonly note: string;
}

export interface KeyRecordRow {
  readonly index: number;
  readonly bytes: Uint8Array;
}

/** A round as its columns give it. */
export interface StoredRound extends Omit<RoundRow, 'bytes'> {
  /** Encoded again from the columns; null when they were altered to values that have no canonical encoding. */
  readonly bytes: Uint8Array | null;
}

/** A manifest as its columns give it. */
export interface StoredManifest {
  readonly manifest: BatchManifest;
  /** Encoded again from the columns; null when they were altered to values that have no canonical encoding. */
  readonly bytes: Uint8Array | null;
  readonly tenant: string;
  readonly manifest_hash: Uint8Array;
  readonly claim: Uint8Array;
}

/** An entry as its columns give it. */
export interface StoredEntry extends PartitionKey {
  readonly tenant: string;
  readonly log: Uint8Array;
  readonly producer: string;
  readonly delivery: Delivery;
  readonly entry: number;
  readonly position: number;
  readonly batch_index: number;
  readonly batch_size: number;
  readonly event_schema: Uint8Array;
  readonly recorded_at: number;
  readonly offset: number;
  readonly claim: Uint8Array;
  readonly leaf_hash: Uint8Array;
  /** Set when the section was erased: then the section's bytes are those of its defaults. */
  readonly actor_digest: Uint8Array | null;
  readonly object_digest: Uint8Array | null;
  /** Canonical bytes of the event, encoded again from the columns; null when they were altered to values that have none. */
  readonly bytes: Uint8Array | null;
}

/** What of a batch's entries stands in the store: enough to tell whether it is there in full. */
export interface BatchLeaves {
  readonly offset: number;
  readonly log: Uint8Array;
  readonly position: number;
  /** leaf_hash as stored, 32 bytes an entry, by (batch_index, leaf_hash). */
  readonly leaves: Uint8Array;
}

/** Manifests in a tenant's log, by its heads. */
export interface LogSize {
  readonly tenant: string;
  readonly size: number;
}

export interface Range {
  readonly from: number;
  /** Excluded. */
  readonly to: number;
}

/** Selects visible rows of a partition. */
export interface RowQuery {
  readonly partition: PartitionKey;
  readonly offsets?: Range;
  readonly tenant?: string;
  readonly log?: Uint8Array;
  /** Of manifests: positions; of entries: entry numbers. */
  readonly numbers?: Range;
}

/**
 * Reads throw `LedgerStoreError`. Rows of one page come in the order that each says; pages are bounded by the adapter. A
 * row whose columns were altered, to whatever value, is given as it stands: finding it is the reader's work (fsck).
 */
export interface LedgerStore {
  insertEntries(partition: PartitionKey, claim: Uint8Array, batches: readonly SealedBatch[]): Promise<InsertOutcome>;
  insertManifests(partition: PartitionKey, claim: Uint8Array, batches: readonly SealedBatch[]): Promise<InsertOutcome>;
  insertHeads(partition: PartitionKey, claim: Uint8Array, heads: readonly HeadRow[]): Promise<InsertOutcome>;
  insertRejected(partition: PartitionKey, claim: Uint8Array, rows: readonly RejectedRow[]): Promise<InsertOutcome>;
  insertDuplicates(partition: PartitionKey, claim: Uint8Array, rows: readonly DuplicateRecord[]): Promise<InsertOutcome>;
  /** Rounds are content, loaded by their hash: inserting one again is harmless. */
  insertRound(row: RoundRow): Promise<InsertOutcome>;
  insertCommit(row: CommitRow): Promise<InsertOutcome>;
  insertCheckpoint(row: CheckpointRow): Promise<InsertOutcome>;
  insertKeyRecords(rows: readonly KeyRecordRow[]): Promise<InsertOutcome>;

  partitions(): Promise<readonly PartitionKey[]>;
  /** One row a claim, with its largest `to` and that row's round hash; by ordinal, then claim. */
  commits(partition: PartitionKey): Promise<readonly CommitRow[]>;
  round(hash: Uint8Array): Promise<StoredRound | null>;
  /** Every distinct round content stored for the partition, committed or not, by index. */
  rounds(partition: PartitionKey, indexes: Range): AsyncIterable<readonly StoredRound[]>;
  /** The visible head of the tenant's log with the largest size. */
  head(partition: PartitionKey, tenant: string): Promise<HeadRow | null>;
  /** The largest size that visible heads give each tenant's log, by tenant. Reads every head row of the partition. */
  logSizes(partition: PartitionKey): AsyncIterable<readonly LogSize[]>;
  /** How many visible rejections and duplicates there are together: offsets that added to no log. */
  unsealedCount(partition: PartitionKey): Promise<number>;
  /** Every visible head row, by (offset, log). */
  heads(query: RowQuery): AsyncIterable<readonly HeadRow[]>;
  /** Sealed numbers of a tenant, from its visible manifests. */
  sequences(partition: PartitionKey, tenant: string): Promise<readonly SequenceIntervals[]>;
  /** Header hash of the visible manifest with this number; null when there is none. */
  sealedHeader(
    partition: PartitionKey,
    key: {
      readonly tenant: string;
      readonly producer: string;
      readonly instance: Uint8Array;
      readonly delivery: Delivery;
      readonly sequence: number;
    },
  ): Promise<Uint8Array | null>;
  /** Visible manifests, by (tenant, log, position). */
  manifests(query: RowQuery): AsyncIterable<readonly StoredManifest[]>;
  /** Visible entries, by (tenant, log, entry). */
  entries(query: RowQuery): AsyncIterable<readonly StoredEntry[]>;
  /** Leaves of the visible entries whose offset lies in the range, a batch each, by (offset, log, position). */
  batchLeaves(partition: PartitionKey, offsets: Range): AsyncIterable<readonly BatchLeaves[]>;
  /** Visible rejections, by offset. */
  rejected(query: RowQuery): AsyncIterable<readonly RejectedRow[]>;
  /** Visible duplicates, by offset. */
  duplicates(query: RowQuery): AsyncIterable<readonly DuplicateRecord[]>;
  /** The one with the largest size; null when there is none. */
  latestCheckpoint(origin: string): Promise<CheckpointRow | null>;
  /** Distinct ones, by (size, note). */
  checkpoints(origin: string): AsyncIterable<readonly CheckpointRow[]>;
  keyRecords(): Promise<readonly KeyRecordRow[]>;
  close(): Promise<void>;
}

export interface SqlColumn {
  readonly name: string;
  readonly type: string;
}
export interface SqlResult {
  readonly columns: readonly SqlColumn[];
  readonly rows: readonly Readonly<Record<string, unknown>>[];
}
/** What analysts use: read-only by construction. Throws `LedgerStoreError` `query_refused`, `query_failed`. */
export interface SqlQueries {
  select(sql: string, limits?: { readonly rows_max?: number; readonly time_ms_max?: number }): Promise<SqlResult>;
}

export type LedgerStoreErrorCode =
  | 'store_unavailable'
  | 'store_closed'
  | 'store_in_use'
  | 'store_no_space'
  | 'store_corrupt'
  | 'schema_mismatch'
  | 'query_refused'
  | 'query_failed';

export class LedgerStoreError extends Error {
  readonly code: LedgerStoreErrorCode;
  constructor(code: LedgerStoreErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'LedgerStoreError';
    this.code = code;
  }
}
