import type { PartitionCheck } from './context.ts';
import { type LeafTree, swappedBetween } from './leaf-tree.ts';

/** A batch whose rows are at one with themselves and not with the signed root. */
export interface WrongBatch {
  readonly tenant: string;
  readonly log: string;
  readonly position: number;
  readonly offset: number;
  readonly first_entry: number;
  readonly count: number;
  readonly tree: LeafTree;
  readonly root: Uint8Array;
}

/** Batches that are kept to be compared with one another: each pair costs. */
const KEPT_MAX = 16;

/** Tells events that stand in another batch's place; what it cannot explain is a finding of the batch. */
export class WrongBatches {
  readonly #check: PartitionCheck;
  readonly #kept: WrongBatch[] = [];

  constructor(check: PartitionCheck) {
    this.#check = check;
  }

  add(batch: WrongBatch): void {
    if (this.#kept.length < KEPT_MAX) this.#kept.push(batch);
    else this.#report(batch);
  }

  settle(): void {
    const open = new Set(this.#kept);
    for (const a of this.#kept) {
      for (const b of this.#kept) {
        if (a === b || !open.has(a) || !open.has(b)) continue;
        const swapped = swappedBetween(a, b);
        if (swapped === null) continue;
        open.delete(a);
        open.delete(b);
        this.#swapped(a, swapped[0], b, swapped[1]);
        this.#swapped(b, swapped[1], a, swapped[0]);
      }
    }
    for (const batch of open) this.#report(batch);
  }

  #swapped({ tenant, log, position, offset, first_entry }: WrongBatch, index: number, other: WrongBatch, otherIndex: number): void {
    const entry = first_entry + index;
    const whose = `entry ${other.first_entry + otherIndex}${other.log === log ? '' : ` of ${other.tenant}, log ${other.log},`}`;
    this.#check.report('entry_altered', {
      tenant,
      log,
      entry,
      position,
      offset,
      detail: `entry ${entry}: the event of ${whose} stands here; restore the row`,
    });
  }

  #report({ tenant, log, position, offset, first_entry, count }: WrongBatch): void {
    const at = { tenant, log, position, entry: first_entry, offset };
    if (count === 1) {
      this.#check.report('entry_altered', {
        ...at,
        detail: `entry ${first_entry}: it is not what was signed, with a leaf_hash to match; restore the row`,
      });
      return;
    }
    this.#check.report('batch_root_mismatch', {
      ...at,
      detail: `one or more of the entries ${first_entry} to ${first_entry + count - 1} are not what was signed, with a leaf_hash to match; compare with the record in the event log and restore the rows`,
    });
  }
}
