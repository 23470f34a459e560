import type { CommitRow, PartitionKey } from '@sealtrail/ledger-store';
import { sameBytes } from '@sealtrail/merkle';
import { type Round, roundCodec } from '@sealtrail/wire';
import { partitionName } from '../partition-name.ts';
import type { FsckInput } from './context.ts';

/** The commit rows of one partition. */
export interface PartitionCommits {
  /** As they stand in the store: what its readers go by. */
  readonly shown: readonly CommitRow[];
  /** Those whose round belongs to the partition, or to none that is known; the last of them reaches furthest. */
  readonly own: readonly CommitRow[];
  /** Those that stand under another partition though their round belongs here. */
  readonly moved: CommitRow[];
}

/** Sorts the commit rows of all partitions by the rounds that they name. There are as many rows as there were claims. */
export async function sortCommits(input: FsckInput, keys: readonly PartitionKey[]): Promise<ReadonlyMap<string, PartitionCommits>> {
  const sorted = new Map<string, { shown: readonly CommitRow[]; own: readonly CommitRow[]; moved: CommitRow[] }>();
  for (const key of keys) sorted.set(partitionName(key), { shown: [], own: [], moved: [] });
  for (const key of keys) {
    const name = partitionName(key);
    const shown = await input.store.commits(key);
    const own: CommitRow[] = [];
    /** The row that fits its round and reaches furthest, with that round. */
    let furthest: { readonly row: CommitRow; readonly round: Round } | null = null;
    for (const row of shown) {
      const round = await soundRound(input, row);
      const owner = round === null ? undefined : sorted.get(partitionName(round));
      if (owner !== undefined && owner !== sorted.get(name)) owner.moved.push(row);
      else own.push(row);
      if (round?.to === row.to && row.to > (furthest?.row.to ?? 0)) furthest = { row, round };
    }
    const last = own.at(-1);
    if (furthest !== null && last !== undefined && last !== furthest.row && own.includes(furthest.row)) {
      // The last claim has the highest ordinal, unless ordinals were altered or a row was added: then the rounds tell.
      const isLast = last.to >= furthest.row.to && (await reachesBeyond(input, key, last, furthest.round));
      if (!isLast) own.push(...own.splice(own.indexOf(furthest.row), 1));
    }
    Object.assign(sorted.get(name) as object, { shown, own });
  }
  return sorted;
}

/** Whether anything beyond a committed round is a commit row's: a round by its hash or by its end, or rows that it shows. */
async function reachesBeyond(input: FsckInput, key: PartitionKey, row: CommitRow, committed: Round): Promise<boolean> {
  const { store } = input;
  const named = await soundRound(input, row);
  if (named !== null && named.to > committed.to) return true;
  for await (const page of store.rounds(key, { from: committed.index + 1, to: Number.MAX_SAFE_INTEGER }))
    if (page.some(({ round }) => round.to === row.to)) return true;
  const query = { partition: key, offsets: { from: committed.to, to: row.to } };
  for (const rows of [store.heads(query), store.rejected(query), store.duplicates(query)])
    for await (const page of rows) if (page.length > 0) return true;
  return false;
}

/** The round that a commit row or the group's commit names; null when it is not there or not what it was. */
export async function soundRound({ store, sha256 }: FsckInput, row: Pick<CommitRow, 'round_hash'>): Promise<Round | null> {
  const found = await store.round(row.round_hash);
  if (found === null || found.bytes === null || !sameBytes(roundCodec().leafHash(sha256, found.bytes), row.round_hash)) return null;
  return found.round;
}
