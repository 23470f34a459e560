import type { CheckpointFault } from './checkpoint.ts';
import type { EventView } from './event-view.ts';
import type { ProofRefusal } from './proof-file.ts';

export type Axis = 'producer_signature' | 'inclusion' | 'consistency' | 'checkpoint' | 'witness' | 'identity_evidence' | 'completeness';

/** What an axis failed for. docs/spec/proof.md */
export type AxisFault =
  | CheckpointFault
  /** The checkpoint is of another operator log than the one that the proof belongs to. */
  | 'checkpoint_origin'
  /** The public key in the file is not the one that the header names. */
  | 'producer_key_mismatch'
  | 'producer_signature_invalid'
  | 'event_not_in_batch'
  | 'batch_not_in_log'
  | 'head_not_in_round'
  | 'round_not_in_operator_log'
  /** Two records of the proof contradict each other. */
  | 'places_disagree'
  /** A checkpoint kept earlier has the same size and another root. */
  | 'split_view';

export interface AxisVerdict {
  readonly verdict: 'verified' | 'failed' | 'not_checked';
  /** Set when it failed. */
  readonly code?: AxisFault;
  /** One line for people. */
  readonly reason: string;
}

/** Where the entry stands. Hashes and ids in hex; times in ms since 1970. */
export interface EntryPlace {
  readonly audience: string;
  readonly tenant: string;
  readonly log: string;
  readonly entry: number;
  readonly position: number;
  readonly batch_index: number;
  readonly batch_size: number;
  readonly producer: string;
  readonly key_id: string;
  readonly instance: string;
  readonly delivery: string;
  readonly sequence: number;
  readonly event_schema: string;
  readonly topic: string;
  readonly incarnation: number;
  readonly partition: number;
  readonly offset: number;
  readonly recorded_at: number;
  readonly leaf_hash: string;
  readonly round: number;
  readonly checkpoint: { readonly origin: string; readonly size: number; readonly root: string };
}

/** Plain JSON, all of it. */
export interface Verdict {
  /** producer_signature, inclusion and checkpoint are verified, and no axis failed. */
  readonly ok: boolean;
  /** Why the file could not be read as a proof at all; then nothing was checked. */
  readonly refusal: { readonly code: ProofRefusal; readonly detail: string } | null;
  readonly axes: Readonly<Record<Axis, AxisVerdict>>;
  /** Only of a proof that holds: what is not proven is not shown. */
  readonly event?: EventView;
  readonly place?: EntryPlace;
}
