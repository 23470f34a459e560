import type { CommitRow, HeadRow, LedgerStore, PartitionKey, StoredEntry, StoredManifest, StoredRound } from '@sealtrail/ledger-store';
import {
  appendLeaf,
  type Checkpoint,
  compareBytes,
  type Ed25519Verify,
  EMPTY_FRONTIER,
  frontierRoot,
  hexOf,
  inclusionProof,
  type Sha256,
  sameBytes,
} from '@sealtrail/merkle';
import { emptyRegistry, extendRegistry, type Registry } from '@sealtrail/seal';
import { formatProof, operatorLogOrigin, sectionEnds, verifyProof } from '@sealtrail/verify';
import { type EntryProof, headCodec, knownEventSchemas, type PredecessorLog } from '@sealtrail/wire';
import { EvidenceError } from './errors.ts';
import { joined } from './joined-hashes.ts';
import { partitionName } from './partition-name.ts';
import { isPerfect, rootFrom, siblingsOf } from './paths.ts';

export interface ProveOptions {
  readonly tenant: string;
  readonly entry: number;
  /** Log id in hex; needed where the tenant has the entry number in several logs. */
  readonly log?: string | null;
  /** Where to look; every partition of the store when absent. */
  readonly partitions?: readonly PartitionKey[];
  readonly sha256: Sha256;
  readonly ed25519Verify: Ed25519Verify;
  /** The key registry; read from the store when absent. */
  readonly registry?: Registry;
  /**
   * Where the checkpoint comes from: `sign` makes a note of the operator log as it is committed now, `stored` takes the
   * newest of the store.
   */
  readonly checkpoint:
    | { readonly kind: 'sign'; readonly sign: (checkpoint: Checkpoint, partition: PartitionKey) => string | Promise<string> }
    | { readonly kind: 'stored' };
}

/** An entry with the partition that it stands on. */
interface Found {
  readonly partition: PartitionKey;
  readonly entry: StoredEntry;
}

/**
 * The proof file of one entry. Reads the entry's batch, its round and a few rounds more: as many as the operator tree is
 * high. What it gives out was verified; rows that do not lead to the checkpoint are an error, never a proof.
 * Throws EvidenceError `tenant_not_found`, `entry_not_found`, `log_not_found`, `several_logs`, `checkpoint_behind`,
 * `not_provable`; LedgerStoreError of the store.
 */
export async function proveEntry(store: LedgerStore, options: ProveOptions): Promise<string> {
  const { sha256 } = options;
  const { partition, entry } = await findEntry(store, options);
  const what = `entry ${entry.entry} of ${entry.tenant}`;
  const of = { partition, tenant: entry.tenant, log: entry.log };

  const stored = await first(store.manifests({ ...of, numbers: { from: entry.position, to: entry.position + 1 } }));
  if (stored === null || stored.bytes === null) throw notProvable(what, `manifest ${entry.position} is missing or altered`);
  const { manifest } = stored;
  const leaves = await batchLeaves(store, of, stored, what);
  const index = entry.entry - manifest.first_entry;
  if (index < 0 || index >= manifest.header.count) throw notProvable(what, `manifest ${manifest.position} does not cover it`);

  const tip = await committedTip(store, partition, what);
  const round = await roundCovering(store, partition, tip, manifest.offset, what);
  const inRound = { from: round.round.from, to: round.round.to };
  const heads = await all(store.heads({ partition, offsets: { from: inRound.to - 1, to: inRound.to } }));
  heads.sort((a, b) => compareBytes(a.head.log, b.head.log));
  const headIndex = heads.findIndex(({ head }) => sameBytes(head.log, entry.log));
  const head = heads[headIndex];
  if (head === undefined) throw notProvable(what, `round ${round.round.index} has no head of its log`);
  const headLeaves = heads.map((row) => headCodec().leafHash(sha256, headCodec().encode(row.head)));

  const signed = await checkpointFor(store, partition, tip, round, manifest.header.audience, options, what);
  const registry = options.registry ?? (await storedRegistry(store, sha256));
  const publicKey = registry.recordsOf(manifest.header.key_id)[0]?.public_key;
  if (publicKey === undefined) throw notProvable(what, `the registry has no key ${hexOf(manifest.header.key_id)}`);

  const proof: EntryProof = {
    version: 1,
    ...sectionsOf(entry, what),
    batch_index: index,
    batch_path: inclusionProof(sha256, joined(leaves), leaves.length, index),
    manifest: stored.bytes,
    log_predecessor: await predecessorOf(store, of, stored),
    log_path: await logPath(store, sha256, of, stored, head, inRound, what),
    head: headCodec().encode(head.head),
    head_index: headIndex,
    heads_path: inclusionProof(sha256, joined(headLeaves), headLeaves.length, headIndex),
    round: round.bytes as Uint8Array,
    public_key: publicKey,
  };
  const path = await operatorPath(store, sha256, partition, round.round.index, signed.size, tip, what);
  const text = formatProof({ entry: proof, index: round.round.index, path, checkpoint: signed.note });
  const { axes, refusal } = verifyProof(new TextEncoder().encode(text), { keys: [], sha256, ed25519Verify: options.ed25519Verify });
  if (refusal !== null) throw notProvable(what, refusal.detail);
  for (const axis of [axes.producer_signature, axes.inclusion]) if (axis.verdict !== 'verified') throw notProvable(what, axis.reason);
  return text;
}

const notProvable = (what: string, why: string): EvidenceError =>
  new EvidenceError('not_provable', `${what} cannot be proven: ${why}; run fsck`);

async function findEntry(store: LedgerStore, options: ProveOptions): Promise<Found> {
  const { tenant, entry } = options;
  const numbers = { from: entry, to: entry + 1 };
  const found: Found[] = [];
  let known = false;
  const logs = new Set<string>();
  for (const partition of options.partitions ?? (await store.partitions())) {
    const head = await store.head(partition, tenant);
    if (head !== null) logs.add(hexOf(head.head.log));
    known ||= head !== null;
    for await (const page of store.entries({ partition, tenant, numbers })) for (const row of page) found.push({ partition, entry: row });
  }
  for (const { entry: row } of found) logs.add(hexOf(row.log));
  const where = `${tenant} has logs ${[...logs].sort().join(', ')}`;
  if (!known && found.length === 0) throw new EvidenceError('tenant_not_found', `tenant ${tenant} has no sealed entries; check the name`);
  if (typeof options.log === 'string' && !logs.has(options.log))
    throw new EvidenceError('log_not_found', `no log ${options.log}: ${where}`);
  const wanted = found.filter(({ entry: row }) => typeof options.log !== 'string' || hexOf(row.log) === options.log);
  const [one] = wanted;
  if (one === undefined)
    throw new EvidenceError(
      'entry_not_found',
      `${tenant} has no entry ${entry}${typeof options.log === 'string' ? ` in log ${options.log}` : ''}`,
    );
  if (wanted.some(({ entry: row }) => !sameBytes(row.log, one.entry.log))) {
    throw new EvidenceError('several_logs', `entry ${entry} is in several logs; ${where}: name one with --log`);
  }
  if (wanted.length > 1) throw notProvable(`entry ${entry} of ${tenant}`, `${wanted.length} rows have this number`);
  return one;
}

type LogQuery = { readonly partition: PartitionKey; readonly tenant: string; readonly log: Uint8Array };

async function batchLeaves(store: LedgerStore, of: LogQuery, { manifest }: StoredManifest, what: string): Promise<readonly Uint8Array[]> {
  const { count } = manifest.header;
  const rows = await all(store.entries({ ...of, numbers: { from: manifest.first_entry, to: manifest.first_entry + count } }));
  if (rows.length !== count) throw notProvable(what, `${rows.length} of the ${count} entries of its batch are there`);
  return rows.map((row) => row.leaf_hash);
}

function sectionsOf(entry: StoredEntry, what: string): Pick<EntryProof, 'actor' | 'actor_digest' | 'object' | 'object_digest' | 'rest'> {
  const schema = knownEventSchemas().find((known) => sameBytes(known.sha256, entry.event_schema));
  const ends = schema === undefined || entry.bytes === null ? null : sectionEnds(schema, entry.bytes);
  if (entry.bytes === null || ends === null) throw notProvable(what, 'its columns have no canonical encoding');
  return {
    actor: entry.actor_digest === null ? entry.bytes.slice(0, ends[0]) : null,
    actor_digest: entry.actor_digest,
    object: entry.object_digest === null ? entry.bytes.slice(ends[0], ends[1]) : null,
    object_digest: entry.object_digest,
    rest: entry.bytes.slice(ends[1]),
  };
}

/** What the log continues stands in its first manifest. */
async function predecessorOf(store: LedgerStore, of: LogQuery, { manifest }: StoredManifest): Promise<PredecessorLog | null> {
  if (manifest.position === 0) return manifest.predecessor;
  const start = await first(store.manifests({ ...of, numbers: { from: 0, to: 1 } }));
  return start?.manifest.predecessor ?? null;
}

/** Path of the manifest to the head: the log before the round by its head's frontier, and the round's own manifests. */
async function logPath(
  store: LedgerStore,
  sha256: Sha256,
  of: LogQuery,
  { manifest }: StoredManifest,
  head: HeadRow,
  round: { readonly from: number; readonly to: number },
  what: string,
): Promise<readonly Uint8Array[]> {
  const rows = await all(store.manifests({ ...of, offsets: round }));
  const start = rows[0]?.manifest.position ?? 0;
  let frontier = EMPTY_FRONTIER;
  if (start > 0) {
    const before = await first(store.manifests({ ...of, numbers: { from: start - 1, to: start } }));
    const headBefore =
      before === null ? null : await first(store.heads({ ...of, offsets: { from: before.manifest.offset, to: round.from } }));
    if (headBefore?.frontier.size !== start) throw notProvable(what, `the head of its log at size ${start} is missing or altered`);
    frontier = headBefore.frontier;
  }
  const hashes = rows.map((row) => row.manifest_hash);
  if (start + hashes.length !== head.head.size) throw notProvable(what, 'manifests of its round are missing');
  // Left of a leaf stand the nodes of the frontier at its index; right of it, manifests of the same round.
  let left = frontier;
  for (const hash of hashes.slice(0, manifest.position - start)) left = appendLeaf(sha256, left, hash);
  const leftNodes = [...left.nodes];
  return siblingsOf(manifest.position, head.head.size).map(({ from, to }) => {
    if (from < manifest.position) return leftNodes.pop() as Uint8Array;
    let right = EMPTY_FRONTIER;
    for (const hash of hashes.slice(from - start, to - start)) right = appendLeaf(sha256, right, hash);
    return frontierRoot(sha256, right);
  });
}

/** The last committed round: that of the claim with the highest ordinal. */
async function committedTip(store: LedgerStore, partition: PartitionKey, what: string): Promise<StoredRound> {
  const last = lastCommit(await store.commits(partition));
  const tip = last === undefined ? null : await store.round(last.round_hash);
  if (tip === null) throw notProvable(what, `the last committed round of ${partitionName(partition)} is missing`);
  return tip;
}

export const lastCommit = (commits: readonly CommitRow[]): CommitRow | undefined =>
  commits.reduce<CommitRow | undefined>((last, row) => (last === undefined || row.ordinal >= last.ordinal ? row : last), undefined);

/** Bisects the rounds by index for the one whose offsets hold `offset`. */
async function roundCovering(
  store: LedgerStore,
  partition: PartitionKey,
  tip: StoredRound,
  offset: number,
  what: string,
): Promise<StoredRound> {
  let low = 0;
  let high = tip.round.index;
  while (low <= high) {
    const middle = Math.floor((low + high) / 2);
    const round = await committedRound(store, partition, middle, tip, what);
    if (offset < round.round.from) high = middle - 1;
    else if (offset >= round.round.to) low = middle + 1;
    else if (round.bytes === null) break;
    else return round;
  }
  throw notProvable(what, `no committed round holds offset ${offset}`);
}

/** The committed round of an index: of several contents, the one that the next committed round names. */
async function committedRound(
  store: LedgerStore,
  partition: PartitionKey,
  index: number,
  tip: StoredRound,
  what: string,
): Promise<StoredRound> {
  if (index === tip.round.index) return tip;
  const rows = await all(store.rounds(partition, { from: index, to: index + 1 }));
  const [only] = rows;
  if (only === undefined) throw notProvable(what, `round ${index} of ${partitionName(partition)} is missing`);
  if (rows.length === 1) return only;
  const next = await committedRound(store, partition, index + 1, tip, what);
  const named = rows.find((row) => sameBytes(row.hash, next.round.previous));
  if (named === undefined) throw notProvable(what, `round ${index} of ${partitionName(partition)} is missing`);
  return named;
}

async function checkpointFor(
  store: LedgerStore,
  partition: PartitionKey,
  tip: StoredRound,
  round: StoredRound,
  audience: string,
  options: ProveOptions,
  what: string,
): Promise<{ readonly size: number; readonly note: string }> {
  const origin = operatorLogOrigin(audience, partition.incarnation, partition.partition);
  if (options.checkpoint.kind === 'sign') {
    const checkpoint = { origin, size: tip.operator.size, root: frontierRoot(options.sha256, tip.operator) };
    return { size: checkpoint.size, note: await options.checkpoint.sign(checkpoint, partition) };
  }
  const stored = await store.latestCheckpoint(origin);
  if (stored === null || stored.size <= round.round.index) {
    throw new EvidenceError(
      'checkpoint_behind',
      `${what} is in round ${round.round.index}, and the newest stored checkpoint covers ${stored?.size ?? 0} rounds; wait for the next one`,
    );
  }
  if (stored.size > tip.operator.size)
    throw notProvable(what, `a checkpoint of ${stored.size} rounds was published, ${tip.operator.size} are committed`);
  return stored;
}

/**
 * Path of a round in the operator tree, from the frontiers that stand beside the rounds: left of leaf i the one after
 * round i − 1; a perfect subtree [a, b) right of it by the one after round b − 2 and the hash of round b − 1; the ragged
 * end of the tree by the one after its last round.
 */
async function operatorPath(
  store: LedgerStore,
  sha256: Sha256,
  partition: PartitionKey,
  index: number,
  size: number,
  tip: StoredRound,
  what: string,
): Promise<readonly Uint8Array[]> {
  const at = (one: number): Promise<StoredRound> => committedRound(store, partition, one, tip, what);
  const left = index === 0 ? [] : [...(await at(index - 1)).operator.nodes];
  const path: Uint8Array[] = [];
  for (const { from, to } of siblingsOf(index, size)) {
    let node: Uint8Array | null | undefined;
    if (from < index) node = left.pop();
    else if (to - from === 1) node = (await at(from)).hash;
    else if (!isPerfect(to - from)) node = rootFrom(sha256, (await at(to - 1)).operator, from, null);
    else node = rootFrom(sha256, (await at(to - 2)).operator, from, (await at(to - 1)).hash);
    if (node === null || node === undefined) throw notProvable(what, `the operator log beside round ${index} was altered`);
    path.push(node);
  }
  return path;
}

async function storedRegistry(store: LedgerStore, sha256: Sha256): Promise<Registry> {
  const rows = await store.keyRecords();
  return extendRegistry(
    sha256,
    emptyRegistry(sha256),
    rows.map(({ bytes }) => bytes),
  );
}

async function first<T>(pages: AsyncIterable<readonly T[]>): Promise<T | null> {
  for await (const page of pages) if (page[0] !== undefined) return page[0];
  return null;
}

async function all<T>(pages: AsyncIterable<readonly T[]>): Promise<T[]> {
  const rows: T[] = [];
  for await (const page of pages) rows.push(...page);
  return rows;
}
