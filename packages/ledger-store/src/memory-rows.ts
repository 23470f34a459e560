/**
 * The memory adapter's rows. Like the columns of the real tables they keep decoded values and nothing else: bytes are
 * encoded again whenever they are read, so that whoever alters one column is found as he would be there.
 */

import { sameBytes } from '@sealtrail/merkle';
import { sha256 as nodeSha256 } from '@sealtrail/merkle/node';
import type { DuplicateRecord, SealedBatch } from '@sealtrail/seal';
import {
  type AuditEvent,
  type BatchHeader,
  type BatchManifest,
  type EventSchema,
  encodeHeader,
  hashEventLeaves,
  knownEventSchemas,
  manifestCodec,
  type Round,
  roundCodec,
  WireError,
} from '@sealtrail/wire';
import { copyOf } from './copy.ts';
import {
  type CheckpointRow,
  type CommitRow,
  type HeadRow,
  type KeyRecordRow,
  LedgerStoreError,
  type PartitionKey,
  type RejectedRow,
  type RoundRow,
  type StoredEntry,
  type StoredManifest,
  type StoredRound,
} from './port.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** One row of entries, flat: the names of the event's fields and of the columns that place it differ. */
export type EntryColumns = Mutable<Omit<StoredEntry, 'bytes'>> & Mutable<AuditEvent>;

export type ManifestColumns = {
  claim: Uint8Array;
  manifest_hash: Uint8Array;
  manifest: Mutable<Omit<BatchManifest, 'header'>> & { header: Mutable<BatchHeader> };
};

export type RoundColumns = Mutable<Omit<RoundRow, 'bytes' | 'round'>> & { round: Mutable<Round> };

/** Rows of a partition that stand or fall with a claim. */
export type Claimed<T> = Mutable<T> & Mutable<PartitionKey> & { claim: Uint8Array };

export interface MemoryTables {
  readonly entries: EntryColumns[];
  readonly manifests: ManifestColumns[];
  readonly heads: Claimed<HeadRow>[];
  readonly rejected: Claimed<RejectedRow>[];
  readonly duplicates: Claimed<DuplicateRecord>[];
  readonly rounds: RoundColumns[];
  readonly commits: Mutable<CommitRow>[];
  readonly checkpoints: Mutable<CheckpointRow>[];
  readonly keyRecords: Mutable<KeyRecordRow>[];
}

export const emptyTables = (): MemoryTables => ({
  entries: [],
  manifests: [],
  heads: [],
  rejected: [],
  duplicates: [],
  rounds: [],
  commits: [],
  checkpoints: [],
  keyRecords: [],
});

/** The rows of a batch: one an event, decoded from the record's bytes. */
export function entryRows(key: PartitionKey, claim: Uint8Array, sealed: SealedBatch): EntryColumns[] {
  const { batch, manifest } = sealed;
  const rows: EntryColumns[] = [];
  let start = batch.first_event;
  for (let index = 0; index < batch.header.count; index++) {
    const end = batch.ends[index * 3 + 2] as number;
    // What is decoded may point into the record, which is the caller's.
    const event = batch.schema.decode(batch.record, start, end);
    const place = {
      topic: key.topic,
      incarnation: key.incarnation,
      partition: key.partition,
      tenant: manifest.header.tenant,
      log: manifest.log,
      producer: manifest.header.producer,
      delivery: manifest.header.delivery,
      entry: manifest.first_entry + index,
      position: manifest.position,
      batch_index: index,
      batch_size: manifest.header.count,
      event_schema: manifest.header.event_schema,
      recorded_at: manifest.recorded_at,
      offset: manifest.offset,
      claim,
      leaf_hash: batch.leaves.subarray(index * 32, index * 32 + 32),
      actor_digest: null,
      object_digest: null,
    };
    rows.push(copyOf({ ...event, ...place }));
    start = end;
  }
  return rows;
}

/** Reads rows back as the port gives them. Holds one buffer, so one reader serves one store. */
export interface RowReader {
  entry(row: EntryColumns): StoredEntry;
  manifest(row: ManifestColumns): StoredManifest;
  round(row: RoundColumns): StoredRound;
  /** The leaf that the columns recompute to, as the engine's CHECK does. For rows that were not erased. */
  leaf(row: EntryColumns): Uint8Array;
  headerHash(row: ManifestColumns): Uint8Array;
}

export function rowReader(): RowReader {
  const sha256 = nodeSha256();
  // Altered columns may encode to more than an event can hold; the codec then refuses.
  const scratch = new Uint8Array(EVENT_SCRATCH_BYTES);
  const encode = (row: EntryColumns, schema: EventSchema): Uint8Array => scratch.slice(0, schema.encode(row, scratch, 0));
  return {
    entry(row) {
      const schema = schemaOf(row.event_schema);
      return { ...copyOf(placeOf(row)), bytes: schema === undefined ? null : encodedOrNull(() => encode(row, schema)) };
    },
    manifest(row) {
      const { claim, manifest, manifest_hash } = copyOf(row);
      const bytes = encodedOrNull(() => manifestCodec().encode(manifest));
      return { manifest, bytes, tenant: manifest.header.tenant, manifest_hash, claim };
    },
    round(row) {
      const { round, hash, operator } = copyOf(row);
      return { round, bytes: encodedOrNull(() => roundCodec().encode(round)), hash, operator };
    },
    leaf(row) {
      const schema = schemaOf(row.event_schema);
      if (schema === undefined) return new Uint8Array(0);
      const bytes = corrupt(`entry ${row.entry} of tenant ${row.tenant}`, () => encode(row, schema));
      const ends = new Uint32Array(3);
      schema.walk(bytes, 0, bytes.length, ends, 0, { reason: 'malformed', detail: '' });
      const leaf = new Uint8Array(32);
      hashEventLeaves(sha256, bytes, 0, 1, ends, leaf);
      return leaf;
    },
    headerHash: ({ manifest }) => corrupt(manifestName(manifest), () => sha256.digest(encodeHeader(manifest.header))),
  };
}

const placeOf = (row: EntryColumns): Omit<StoredEntry, 'bytes'> => ({
  topic: row.topic,
  incarnation: row.incarnation,
  partition: row.partition,
  tenant: row.tenant,
  log: row.log,
  producer: row.producer,
  delivery: row.delivery,
  entry: row.entry,
  position: row.position,
  batch_index: row.batch_index,
  batch_size: row.batch_size,
  event_schema: row.event_schema,
  recorded_at: row.recorded_at,
  offset: row.offset,
  claim: row.claim,
  leaf_hash: row.leaf_hash,
  actor_digest: row.actor_digest,
  object_digest: row.object_digest,
});

const EVENT_SCRATCH_BYTES = 65_536;

const manifestName = (manifest: BatchManifest): string => `manifest ${manifest.position} of tenant ${manifest.header.tenant}`;

const schemaOf = (sha256: Uint8Array): EventSchema | undefined => knownEventSchemas().find((known) => sameBytes(known.sha256, sha256));

/** null for values without a canonical encoding: one altered row must not end the reading of all others. */
function encodedOrNull(encode: () => Uint8Array): Uint8Array | null {
  try {
    return encode();
  } catch (error) {
    if (error instanceof WireError) return null;
    throw error;
  }
}

function corrupt<T>(what: string, encode: () => T): T {
  try {
    return encode();
  } catch (cause) {
    throw new LedgerStoreError('store_corrupt', `${what}: its columns have no canonical encoding; restore the row`, { cause });
  }
}
