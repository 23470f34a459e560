import type { PartitionKey } from '@sealtrail/ledger-store';
import { partitionName } from '../partition-name.ts';

/** What fsck can find. docs/spec/fsck.md says of each what it means and what to do. */
export type FsckCode =
  | 'view_altered'
  | 'part_unreadable'
  | 'entry_altered'
  | 'entry_missing'
  | 'entry_added'
  | 'batch_missing'
  | 'batch_root_mismatch'
  | 'manifest_altered'
  | 'manifest_missing'
  | 'manifest_added'
  | 'manifest_invalid'
  | 'signature_invalid'
  | 'key_not_in_force'
  | 'log_missing'
  | 'log_id_mismatch'
  | 'head_altered'
  | 'head_missing'
  | 'head_added'
  | 'head_mismatch'
  | 'round_altered'
  | 'round_missing'
  | 'round_invalid'
  | 'rows_missing'
  | 'rejected_altered'
  | 'rejected_missing'
  | 'rejected_added'
  | 'duplicate_altered'
  | 'duplicate_missing'
  | 'duplicate_added'
  | 'offset_not_sealed'
  | 'offset_sealed_twice'
  | 'commit_altered'
  | 'commit_gap'
  | 'commit_missing'
  | 'tail_missing'
  | 'commit_mismatch'
  | 'checkpoint_altered'
  | 'checkpoint_mismatch'
  | 'checkpoint_ahead'
  | 'saved_checkpoint_invalid'
  | 'saved_checkpoint_foreign'
  | 'saved_checkpoint_mismatch'
  | 'saved_checkpoint_ahead'
  | 'registry_altered'
  | 'registry_missing'
  | 'registry_added';

/** One fault and its place. Of a run of rows `entry` and `position` are the first, and the detail names the last. */
export interface FsckFinding {
  readonly code: FsckCode;
  /** `topic/incarnation/partition`. */
  readonly partition?: string;
  readonly tenant?: string;
  /** Hex. */
  readonly log?: string;
  readonly entry?: number;
  readonly position?: number;
  /** Index of the round. */
  readonly round?: number;
  readonly offset?: number;
  /** One line for people. */
  readonly detail: string;
}

export interface FsckReport {
  readonly ok: boolean;
  readonly entries: number;
  readonly batches: number;
  readonly rounds: number;
  readonly findings: readonly FsckFinding[];
  /** Findings beyond the most that a report holds. */
  readonly findings_dropped: number;
}

/** A finding without its partition. */
export type FindingAt = Omit<FsckFinding, 'code' | 'partition'>;

/** Gathers findings, up to a bound: a store that is altogether wrong must not fill the memory. */
export class Findings {
  readonly #list: FsckFinding[] = [];
  readonly #max: number;
  #dropped = 0;

  constructor(max: number) {
    this.#max = max;
  }

  add(code: FsckCode, partition: PartitionKey | null, at: FindingAt): void {
    if (this.#list.length >= this.#max) this.#dropped++;
    else this.#list.push({ code, ...(partition === null ? {} : { partition: partitionName(partition) }), ...at });
  }

  get count(): number {
    return this.#list.length + this.#dropped;
  }
  get list(): readonly FsckFinding[] {
    return this.#list;
  }
  get dropped(): number {
    return this.#dropped;
  }
}
