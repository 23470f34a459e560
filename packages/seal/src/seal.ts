import type { LogRecord } from '@sealtrail/event-log';
import type { Ed25519Verify, Frontier, Sha256 } from '@sealtrail/merkle';
import type {
  BatchManifest,
  Delivery,
  Duplicate,
  LogHead,
  PredecessorLog,
  Rejection,
  RejectReason,
  Round,
  WalkedBatch,
} from '@sealtrail/wire';
import type { Registry } from './registry.ts';

const todo = (): never => {
  throw new Error('not written yet');
};

/** What stands fixed for a partition as long as an assignment lasts. */
export interface PartitionIdentity {
  readonly audience: string;
  readonly topic: string;
  readonly incarnation: number;
  readonly partition: number;
  /** The pinned partition count. */
  readonly partitions: number;
}

/** Where a partition stands after its last committed round. */
export interface PartitionState {
  readonly next_offset: number;
  /** recorded_at of the last record; 0 at the start. */
  readonly recorded_at: number;
  /** Committed rounds so far: the index of the next. */
  readonly rounds: number;
  /** Hash of the last round; zeros at the start. */
  readonly previous: Uint8Array;
  /** Frontier of the operator log, whose leaves are the rounds' hashes. */
  readonly operator: Frontier;
}

/** Numbers sealed of one (producer, instance, delivery): half-open, ascending, not touching. */
export interface SequenceIntervals {
  readonly producer: string;
  readonly instance: Uint8Array;
  readonly delivery: Delivery;
  readonly intervals: readonly { readonly from: number; readonly to: number }[];
}

/** A tenant's log after the last committed round. */
export interface TenantState {
  readonly tenant: string;
  readonly log: Uint8Array;
  readonly predecessor: PredecessorLog | null;
  /** Manifests so far: the position of the next. */
  readonly size: number;
  readonly entries: number;
  /** Leaf hash of the last manifest; zeros at the start. */
  readonly last: Uint8Array;
  readonly frontier: Frontier;
  /** By `sequenceKey`. */
  readonly sequences: ReadonlyMap<string, SequenceIntervals>;
}

/** A record judged on its own: all but its sequence number, which needs the tenant's state. */
export type ExaminedRecord =
  | { readonly kind: 'sound'; readonly record: LogRecord; readonly batch: WalkedBatch }
  | { readonly kind: 'rejected'; readonly record: LogRecord; readonly reason: RejectReason; readonly detail: string };

export interface ExamineContext {
  readonly sha256: Sha256;
  readonly verify: Ed25519Verify;
  readonly identity: PartitionIdentity;
  readonly registry: Registry;
}

/**
 * Judges one record: limits and header first, then audience, partition, key, signature, then the events. A pure function of
 * the bytes, the identity, `recordedAt` and the registry.
 */
export const examineRecord = (context: ExamineContext, record: LogRecord, recordedAt: number): ExaminedRecord => (
  void context, void record, void recordedAt, todo()
);

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

/** What `sealRound` must be given of the store: tenants touched, and headers sealed under numbers that come again. */
export interface RoundNeeds {
  readonly tenants: readonly string[];
}
export interface SealedHeaderKey {
  readonly tenant: string;
  readonly producer: string;
  readonly instance: Uint8Array;
  readonly delivery: Delivery;
  readonly sequence: number;
}

export const sequenceKey = (producer: string, instance: Uint8Array, delivery: Delivery): string => (
  void producer, void instance, void delivery, todo()
);
export const tenantsNeeded = (examined: readonly ExaminedRecord[]): readonly string[] => (void examined, todo());
/** Numbers of this round that were sealed before it: their header hashes are needed to tell duplicate from conflict. */
export const headersNeeded = (
  examined: readonly ExaminedRecord[],
  tenants: ReadonlyMap<string, TenantState>,
): readonly SealedHeaderKey[] => (void examined, void tenants, todo());
export const sealedHeaderKeyText = (key: SealedHeaderKey): string => (void key, todo());

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

export const emptyPartition = (): PartitionState => todo();
export const emptyTenant = (
  sha256: Sha256,
  identity: PartitionIdentity,
  tenant: string,
  predecessor: PredecessorLog | null,
): TenantState => (void sha256, void identity, void tenant, void predecessor, todo());
/** Seals one round: the function that must be the same whenever it is run again on the same bytes. */
export const sealRound = (input: SealInput): SealedRound => (void input, todo());
