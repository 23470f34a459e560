import type { CommitRow, StoredRound } from '@sealtrail/ledger-store';
import { hexOf, rootOfLeaves } from '@sealtrail/merkle';
import { duplicatesRoot, headsRoot, rejectionsRoot } from '@sealtrail/seal';
import type { BatchHeader, LogHead } from '@sealtrail/wire';
import type { Partition } from './partition.ts';

export type RowsFound =
  | { readonly kind: 'complete' }
  /** Rows are missing, or not to be read yet. */
  | { readonly kind: 'missing'; readonly what: string }
  /** There is more than there should be, or something else: no rebuild mends that. */
  | { readonly kind: 'disagrees'; readonly what: string };

const complete: RowsFound = { kind: 'complete' };
const missing = (what: string): RowsFound => ({ kind: 'missing', what });
const disagrees = (what: string): RowsFound => ({ kind: 'disagrees', what });

/**
 * Whether the visible rows of a round give the roots that the round records. Manifests are held against the heads, and
 * entries, by their leaf hashes, against the manifests' headers; that columns give their leaf hashes is fsck's to check.
 */
export async function checkRows(partition: Partition, { round }: StoredRound): Promise<RowsFound> {
  const { key, ports } = partition;
  const { store, sha256 } = ports;
  const offsets = { from: round.from, to: round.to };
  const query = { partition: key, offsets };

  const heads: LogHead[] = [];
  for await (const page of store.heads(query)) for (const { head } of page) heads.push(head);
  const counted = compareCount('heads', heads.length, round.heads);
  if (counted !== complete) return counted;
  if (!same(headsRoot(sha256, heads), round.heads_root)) return disagrees('the heads do not give the round’s root');

  const rejections = [];
  for await (const page of store.rejected(query)) rejections.push(...page);
  const rejectedCounted = compareCount('rejected records', rejections.length, round.rejected);
  if (rejectedCounted !== complete) return rejectedCounted;
  if (!same(rejectionsRoot(sha256, rejections), round.rejected_root)) return disagrees('the rejected records do not give the round’s root');

  const duplicates = [];
  for await (const page of store.duplicates(query)) duplicates.push(...page);
  const duplicatesCounted = compareCount('duplicates', duplicates.length, round.duplicates);
  if (duplicatesCounted !== complete) return duplicatesCounted;
  if (
    !same(
      duplicatesRoot(
        sha256,
        duplicates.map(({ duplicate }) => duplicate),
      ),
      round.duplicates_root,
    )
  )
    return disagrees('the duplicates do not give the round’s root');

  const headers = new Map<number, BatchHeader>();
  const lastOf = new Map<string, { readonly position: number; readonly hash: Uint8Array }>();
  for await (const page of store.manifests(query)) {
    for (const { manifest, manifest_hash } of page) {
      if (headers.has(manifest.offset)) return disagrees(`offset ${manifest.offset} has two manifests`);
      headers.set(manifest.offset, manifest.header);
      const log = hexOf(manifest.log);
      if ((lastOf.get(log)?.position ?? -1) < manifest.position) lastOf.set(log, { position: manifest.position, hash: manifest_hash });
    }
  }
  const manifestsCounted = compareCount('manifests', headers.size, round.to - round.from - round.rejected - round.duplicates);
  if (manifestsCounted !== complete) return manifestsCounted;
  for (const head of heads) {
    const last = lastOf.get(hexOf(head.log));
    if (last?.position !== head.size - 1 || !same(last.hash, head.last))
      return disagrees(`log ${hexOf(head.log)}: its last manifest is not its head’s`);
  }

  const withEntries = new Set([...headers].filter(([, header]) => header.count > 0).map(([offset]) => offset));
  for await (const page of store.batchLeaves(key, offsets)) {
    for (const { offset, leaves } of page) {
      const header = headers.get(offset);
      if (header === undefined) return disagrees(`offset ${offset} has entries and no manifest`);
      if (!withEntries.delete(offset)) return disagrees(`offset ${offset} has entries of two batches`);
      const entriesCounted = compareCount(`entries of offset ${offset}`, leaves.length / 32, header.count);
      if (entriesCounted !== complete) return entriesCounted;
      if (!same(rootOfLeaves(sha256, leaves, header.count), header.root))
        return disagrees(`the entries of offset ${offset} do not give its root`);
    }
  }
  const [first] = withEntries;
  return first === undefined ? complete : missing(`the entries of offset ${first}`);
}

function compareCount(what: string, found: number, wanted: number): RowsFound {
  if (found === wanted) return complete;
  return found < wanted ? missing(`${wanted - found} of ${wanted} ${what}`) : disagrees(`${found} ${what} where the round has ${wanted}`);
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** The claim that was committed last, by the commit rows alone. */
export const lastCommit = (commits: readonly CommitRow[]): CommitRow | undefined => commits[commits.length - 1];
