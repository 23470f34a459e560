import type { LogRecord } from '@sealtrail/event-log';
import {
  appendLeaf,
  compareBytes,
  EMPTY_FRONTIER,
  type Frontier,
  frontierRoot,
  HASH_BYTES,
  rootOfLeaves,
  type Sha256,
  sameBytes,
} from '@sealtrail/merkle';
import {
  type BatchManifest,
  type Duplicate,
  duplicateCodec,
  FORMAT_VERSION,
  headCodec,
  type LogHead,
  logId,
  manifestCodec,
  type PredecessorLog,
  type Rejection,
  type Round,
  RULES_VERSION,
  rejectionCodec,
  roundCodec,
  type WalkedBatch,
} from '@sealtrail/wire';
import { type ExaminedRecord, recordedAtOf } from './examine.ts';
import type { Registry } from './registry.ts';
import { isSealed, type SealedHeaderKey, sealedHeaderKeyText, sequenceKey, withSealed } from './sequences.ts';
import type { PartitionIdentity, PartitionState, SequenceIntervals, TenantState } from './state.ts';

/** A batch with its place. */
export interface SealedBatch {
  readonly batch: WalkedBatch;
  readonly manifest: BatchManifest;
  readonly manifest_bytes: Uint8Array;
  readonly manifest_hash: Uint8Array;
}

export interface SealedHead {
  readonly tenant: string;
  readonly head: LogHead;
  readonly frontier: Frontier;
}

export interface RejectedRecord {
  readonly rejection: Rejection;
  readonly detail: string;
  readonly recorded_at: number;
  readonly record: LogRecord;
}

export interface DuplicateRecord {
  readonly duplicate: Duplicate;
  readonly tenant: string;
  readonly recorded_at: number;
}

export interface SealedRound {
  readonly round: Round;
  readonly bytes: Uint8Array;
  /** SHA-256(0x00 ‖ "R" ‖ 0x01 ‖ bytes): the operator log's leaf. */
  readonly hash: Uint8Array;
  readonly batches: readonly SealedBatch[];
  readonly heads: readonly SealedHead[];
  readonly rejected: readonly RejectedRecord[];
  readonly duplicates: readonly DuplicateRecord[];
  /** What stands once the round is committed; nothing of the given state was changed. */
  readonly next: { readonly partition: PartitionState; readonly tenants: ReadonlyMap<string, TenantState> };
}

export interface SealInput {
  readonly sha256: Sha256;
  readonly identity: PartitionIdentity;
  readonly state: PartitionState;
  readonly registry: Registry;
  /** Every tenant of `tenantsNeeded`; a new tenant has an empty state (`emptyTenant`). */
  readonly tenants: ReadonlyMap<string, TenantState>;
  /** Header hashes by `sealedHeaderKeyText`, for all of `headersNeeded`. */
  readonly sealedHeaders: ReadonlyMap<string, Uint8Array>;
  /** In order of offset, at least one; `to` of the round is the last offset + 1. */
  readonly examined: readonly ExaminedRecord[];
}

export type SealErrorCode = 'no_records' | 'offset_gap' | 'tenant_missing' | 'header_missing';

/** A call that breaks the contract of `sealRound`: a bug of the caller, or a log with a hole. */
export class SealError extends Error {
  readonly code: SealErrorCode;
  constructor(code: SealErrorCode, message: string) {
    super(message);
    this.name = 'SealError';
    this.code = code;
  }
}

const ZEROS: Uint8Array = new Uint8Array(HASH_BYTES);

export const emptyPartition = (): PartitionState => ({
  next_offset: 0,
  recorded_at: 0,
  rounds: 0,
  previous: ZEROS,
  operator: EMPTY_FRONTIER,
});

export function emptyTenant(sha256: Sha256, identity: PartitionIdentity, tenant: string, predecessor: PredecessorLog | null): TenantState {
  const { audience, topic, incarnation, partition } = identity;
  const log = logId(sha256, { audience, tenant, topic, incarnation, partition, predecessor });
  return { tenant, log, predecessor, size: 0, entries: 0, last: ZEROS, frontier: EMPTY_FRONTIER, sequences: new Map() };
}

/** Tenants whose state `sealRound` must be given. */
export function tenantsNeeded(examined: readonly ExaminedRecord[]): readonly string[] {
  const tenants = new Set<string>();
  for (const one of examined) if (one.kind === 'sound') tenants.add(one.batch.header.tenant);
  return [...tenants];
}

/** Numbers of this round that were sealed before it: their header hashes are needed to tell duplicate from conflict. */
export function headersNeeded(examined: readonly ExaminedRecord[], tenants: ReadonlyMap<string, TenantState>): readonly SealedHeaderKey[] {
  const needed = new Map<string, SealedHeaderKey>();
  for (const one of examined) {
    if (one.kind !== 'sound') continue;
    const { tenant, producer, instance, delivery, sequence } = one.batch.header;
    if (isSealed(tenants.get(tenant)?.sequences.get(sequenceKey(producer, instance, delivery)), sequence)) {
      const key = { tenant, producer, instance, delivery, sequence };
      needed.set(sealedHeaderKeyText(key), key);
    }
  }
  return [...needed.values()];
}

/** A tenant's log while a round is sealed: a private copy, written over. */
interface Draft {
  readonly before: TenantState;
  size: number;
  entries: number;
  last: Uint8Array;
  frontier: Frontier;
  /** Only what this round touched. */
  readonly sequences: Map<string, SequenceIntervals>;
}

/** Seals one round: the function that must be the same whenever it is run again on the same bytes. docs/spec/round.md */
export function sealRound(input: SealInput): SealedRound {
  const { sha256, identity, state, registry } = input;
  const first = input.examined[0];
  const final = input.examined[input.examined.length - 1];
  if (first === undefined || final === undefined) throw new SealError('no_records', 'a round has at least one record');

  const drafts = new Map<string, Draft>();
  const sealedNow = new Map<string, Uint8Array>();
  const batches: SealedBatch[] = [];
  const rejected: RejectedRecord[] = [];
  const duplicates: DuplicateRecord[] = [];
  let recordedAt = state.recorded_at;
  let offset = state.next_offset;

  for (const one of input.examined) {
    const { record } = one;
    if (record.offset !== offset) throw new SealError('offset_gap', `offset ${offset} is wanted, the log gave ${record.offset}`);
    offset++;
    recordedAt = recordedAtOf(record, recordedAt);
    if (one.kind === 'rejected') {
      rejected.push(rejectedRecord(sha256, record, one.reason, one.detail, recordedAt));
      continue;
    }
    const { header, header_hash } = one.batch;
    const draft = draftOf(input, drafts, header.tenant);
    const numberKey = sealedHeaderKeyText(header);
    const lifeKey = sequenceKey(header.producer, header.instance, header.delivery);
    const life = draft.sequences.get(lifeKey) ?? draft.before.sequences.get(lifeKey);
    if (isSealed(life, header.sequence)) {
      const sealedHash = sealedNow.get(numberKey) ?? input.sealedHeaders.get(numberKey);
      if (sealedHash === undefined) throw new SealError('header_missing', `the header sealed under ${numberKey} was not given`);
      if (sameBytes(sealedHash, header_hash)) {
        const duplicate = { offset: record.offset, header_hash, digest: sha256.digest(one.batch.record) };
        duplicates.push({ duplicate, tenant: header.tenant, recorded_at: recordedAt });
      } else {
        rejected.push(
          rejectedRecord(sha256, record, 'sequence_conflict', `number ${header.sequence} is sealed with another header`, recordedAt),
        );
      }
      continue;
    }
    batches.push(place(input, draft, one.batch, record.offset, recordedAt));
    sealedNow.set(numberKey, header_hash);
    draft.sequences.set(lifeKey, {
      producer: header.producer,
      instance: header.instance,
      delivery: header.delivery,
      intervals: withSealed(life?.intervals ?? [], header.sequence),
    });
  }

  const touched = [...drafts.values()]
    .filter((draft) => draft.size > draft.before.size)
    .sort((a, b) => compareBytes(a.before.log, b.before.log));
  const heads = touched.map((draft): SealedHead => {
    const head = {
      log: draft.before.log,
      size: draft.size,
      entries: draft.entries,
      last: draft.last,
      root: frontierRoot(sha256, draft.frontier),
    };
    return { tenant: draft.before.tenant, head, frontier: draft.frontier };
  });
  const round: Round = {
    version: FORMAT_VERSION,
    topic: identity.topic,
    incarnation: identity.incarnation,
    partition: identity.partition,
    index: state.rounds,
    from: state.next_offset,
    to: offset,
    recorded_at: recordedAt,
    record_hash: sha256.digest(final.record.value ?? new Uint8Array(0)),
    heads: heads.length,
    heads_root: headsRoot(
      sha256,
      heads.map(({ head }) => head),
    ),
    rejected: rejected.length,
    rejected_root: rejectionsRoot(
      sha256,
      rejected.map(({ rejection }) => rejection),
    ),
    duplicates: duplicates.length,
    duplicates_root: duplicatesRoot(
      sha256,
      duplicates.map(({ duplicate }) => duplicate),
    ),
    registry_size: registry.size,
    registry_root: registry.root,
    rules_version: RULES_VERSION,
    previous: state.previous,
  };
  const bytes = roundCodec().encode(round);
  const hash = roundCodec().leafHash(sha256, bytes);
  const partition: PartitionState = {
    next_offset: offset,
    recorded_at: recordedAt,
    rounds: state.rounds + 1,
    previous: hash,
    operator: appendLeaf(sha256, state.operator, hash),
  };
  return {
    round,
    bytes,
    hash,
    batches,
    heads,
    rejected,
    duplicates,
    next: { partition, tenants: new Map(touched.map((draft) => [draft.before.tenant, tenantAfter(draft)])) },
  };
}

/** RFC 9162 root over the heads that a round touched; they stand sorted by log. */
export const headsRoot = (sha256: Sha256, heads: readonly LogHead[]): Uint8Array => rootOf(sha256, heads, headCodec());
/** RFC 9162 root over a round's rejections, by offset. */
export const rejectionsRoot = (sha256: Sha256, rejections: readonly Rejection[]): Uint8Array =>
  rootOf(sha256, rejections, rejectionCodec());
/** RFC 9162 root over a round's duplicates, by offset. */
export const duplicatesRoot = (sha256: Sha256, duplicates: readonly Duplicate[]): Uint8Array =>
  rootOf(sha256, duplicates, duplicateCodec());

function rootOf<T>(
  sha256: Sha256,
  values: readonly T[],
  codec: { encode(value: T): Uint8Array; leafHash(sha256: Sha256, bytes: Uint8Array): Uint8Array },
): Uint8Array {
  const leaves = new Uint8Array(values.length * HASH_BYTES);
  values.forEach((value, i) => leaves.set(codec.leafHash(sha256, codec.encode(value)), i * HASH_BYTES));
  return rootOfLeaves(sha256, leaves, values.length);
}

function draftOf(input: SealInput, drafts: Map<string, Draft>, tenant: string): Draft {
  let draft = drafts.get(tenant);
  if (draft === undefined) {
    const before = input.tenants.get(tenant);
    if (before === undefined) throw new SealError('tenant_missing', `the state of tenant ${tenant} was not given`);
    draft = { before, size: before.size, entries: before.entries, last: before.last, frontier: before.frontier, sequences: new Map() };
    drafts.set(tenant, draft);
  }
  return draft;
}

/** Gives a batch the next place in its tenant's log. */
function place(input: SealInput, draft: Draft, batch: WalkedBatch, offset: number, recordedAt: number): SealedBatch {
  const { sha256, identity, registry } = input;
  const manifest: BatchManifest = {
    version: FORMAT_VERSION,
    log: draft.before.log,
    predecessor: draft.size === 0 ? draft.before.predecessor : null,
    position: draft.size,
    previous: draft.last,
    first_entry: draft.entries,
    topic: identity.topic,
    incarnation: identity.incarnation,
    partition: identity.partition,
    offset,
    recorded_at: recordedAt,
    registry_size: registry.size,
    header: batch.header,
    signature: batch.signature,
  };
  const bytes = manifestCodec().encode(manifest);
  const hash = manifestCodec().leafHash(sha256, bytes);
  draft.size += 1;
  draft.entries += batch.header.count;
  draft.last = hash;
  draft.frontier = appendLeaf(sha256, draft.frontier, hash);
  return { batch, manifest, manifest_bytes: bytes, manifest_hash: hash };
}

function tenantAfter(draft: Draft): TenantState {
  const { before, size, entries, last, frontier } = draft;
  const sequences = new Map(before.sequences);
  for (const [key, life] of draft.sequences) sequences.set(key, life);
  return { ...before, size, entries, last, frontier, sequences };
}

function rejectedRecord(
  sha256: Sha256,
  record: LogRecord,
  reason: Rejection['reason'],
  detail: string,
  recordedAt: number,
): RejectedRecord {
  const value = record.value ?? new Uint8Array(0);
  return {
    rejection: { offset: record.offset, reason, length: value.length, digest: sha256.digest(value) },
    detail,
    recorded_at: recordedAt,
    record,
  };
}
