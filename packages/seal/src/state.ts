import type { Frontier } from '@sealtrail/merkle';
import type { Delivery, PredecessorLog } from '@sealtrail/wire';

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
