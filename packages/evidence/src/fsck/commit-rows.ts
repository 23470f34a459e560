import type { CommitRow, PartitionKey } from '@sealtrail/ledger-store';
import { roundCodec } from '@sealtrail/wire';
import { partitionName, sameBytes } from '../bytes.ts';
import type { FsckInput } from './context.ts';

/** The commit rows of one partition. */
export interface PartitionCommits {
  /** As they stand in the store: what its readers go by. */
  readonly shown: readonly CommitRow[];
  /** Those whose round belongs to the partition, or to none that is known. */
  readonly own: readonly CommitRow[];
  /** Those that stand under another partition though their round belongs here. */
  readonly moved: CommitRow[];
}

/** Sorts the commit rows of all partitions by the rounds that they name. There are as many rows as there were claims. */
export async function sortCommits(input: FsckInput, keys: readonly PartitionKey[]): Promise<ReadonlyMap<string, PartitionCommits>> {
  const sorted = new Map<string, PartitionCommits>(keys.map((key) => [partitionName(key), { shown: [], own: [], moved: [] }]));
  for (const key of keys) {
    const name = partitionName(key);
    const shown = await input.store.commits(key);
    const own: CommitRow[] = [];
    for (const row of shown) {
      const owner = await ownerOf(input, row);
      const there = owner === null || owner === name ? undefined : sorted.get(owner);
      if (there === undefined) own.push(row);
      else there.moved.push(row);
    }
    sorted.set(name, { shown, own, moved: sorted.get(name)?.moved ?? [] });
  }
  return sorted;
}

/** The partition of the round that a commit row names; null when the round is not there or not what it was. */
async function ownerOf({ store, sha256 }: FsckInput, row: CommitRow): Promise<string | null> {
  const found = await store.round(row.round_hash);
  if (found === null || found.bytes === null || !sameBytes(roundCodec().leafHash(sha256, found.bytes), row.round_hash)) return null;
  return partitionName(found.round);
}
