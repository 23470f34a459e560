import type { DataDirectory, SigningKey } from '@sealtrail/data-directory';
import type { EventLog } from '@sealtrail/event-log';
import { type CommittedPlace, type FsckInput, fsck, proveEntry } from '@sealtrail/evidence';
import { parseCommitMetadata } from '@sealtrail/ledger';
import { LedgerStoreError, type PartitionKey } from '@sealtrail/ledger-store';
import { type NoteVerifierKey, noteVerifierKey, parseVerifierKey } from '@sealtrail/merkle';
import { ed25519Verify, sha256 } from '@sealtrail/merkle/node';
import { splitCheckpoints } from '@sealtrail/verify';
import { UsageError } from '../cli/exit.ts';
import type { FsckArguments, OnProgress, ProveArguments, StoreReport } from '../control/operations.ts';
import type { DeploymentStore } from './adapters.ts';
import { operatorOrigin } from './origin.ts';

/** What evidence is drawn from. */
export interface Evidence {
  readonly directory: DataDirectory;
  readonly store: DeploymentStore;
  readonly log: EventLog;
  /** The key that signs checkpoints. */
  readonly signing: SigningKey;
  /** The ledger's consumer group. */
  readonly group: string;
}

/** Recomputes the whole store, and holds it against the log's committed offsets and a checkpoint kept elsewhere. */
export async function checkStore(from: Evidence, args: FsckArguments, onProgress: OnProgress): Promise<StoreReport> {
  const { directory, store, signing } = from;
  const hash = sha256();
  const ownKey = (origin: string): NoteVerifierKey => noteVerifierKey(hash, origin, signing.public_key);
  const saved = args.checkpoint === null ? [] : savedCheckpoints(from, args.checkpoint, args.verifier_key);
  const renewed = await renewViews(store);
  const views_checked = renewed !== null;
  const reader = await from.log.reader();
  try {
    const input: FsckInput = {
      store,
      audience: directory.deployment.audience,
      sha256: hash,
      ed25519Verify: ed25519Verify(),
      checkpointKey: ownKey,
      saved_checkpoints: saved,
      altered_views: renewed ?? [],
      committed: await committedPlaces(from),
      readRecord: async (partition, offset) => {
        const read = await reader.read(partition.topic, partition.partition, offset, { records_max: 1, bytes_max: 0, wait_ms: 0 });
        return read.kind === 'records' && read.records[0]?.offset === offset ? read.records[0].value : null;
      },
    };
    try {
      return { ...(await fsck(input, onProgress)), views_checked };
    } catch (error) {
      if (!(error instanceof LedgerStoreError && error.code === 'store_corrupt')) throw error;
      // Somebody wrote into the engine's files: what is left is held against the rest, and what is not is named.
      const unreadable = await store.unreadableParts();
      if (unreadable.length === 0) throw error;
      const report = await fsck({ ...input, store: store.withoutParts(unreadable), unreadable }, onProgress);
      return { ...report, views_checked };
    }
  } finally {
    await reader.close();
  }
}

/** Names of the views that were altered; null where the disk has no room to make them again: rows can be checked all the same. */
async function renewViews(store: DeploymentStore): Promise<readonly string[] | null> {
  try {
    return await store.renewViews();
  } catch (error) {
    if (error instanceof LedgerStoreError && error.code === 'store_no_space') return null;
    throw error;
  }
}

/** Of a deployment of several partitions the text holds one note each. */
function savedCheckpoints(from: Evidence, text: string, verifierKey: string | null): NonNullable<FsckInput['saved_checkpoints']> {
  const keys = savedKeys(from, verifierKey);
  const notes = splitCheckpoints(text);
  if (notes === null) throw new UsageError('--checkpoint holds no signed checkpoint; write one with `sealtrail checkpoint --out FILE`');
  return notes.map((note) => ({ note, keys }));
}

/** The keys that a saved checkpoint may be signed by: the one that was given, else this deployment's own. */
function savedKeys({ directory, signing }: Evidence, given: string | null): readonly NoteVerifierKey[] {
  const hash = sha256();
  if (given !== null) {
    const key = parseVerifierKey(hash, given);
    if (key === null) throw new UsageError('--key is not a note verifier key; print one with `sealtrail keys export`');
    return [key];
  }
  return partitionsOf({ directory }).map(({ partition }) =>
    noteVerifierKey(hash, operatorOrigin(directory.deployment, partition), signing.public_key),
  );
}

async function committedPlaces(from: Evidence): Promise<readonly CommittedPlace[]> {
  const admin = await from.log.admin();
  try {
    const places: CommittedPlace[] = [];
    for (const key of partitionsOf(from)) {
      const committed = await admin.committed(from.group, key.topic, key.partition);
      const metadata = committed === null ? null : parseCommitMetadata(committed.metadata);
      if (metadata !== null) places.push({ ...key, offset: metadata.to, round_hash: metadata.round_hash });
    }
    return places;
  } finally {
    await admin.close();
  }
}

/** The proof file's text. Its checkpoint is one that the ledger signed when it sealed, never one made from what the rows say now. */
export const proofOf = ({ store }: Evidence, { tenant, entry, log }: ProveArguments): Promise<string> =>
  proveEntry(store, { tenant, entry, log, sha256: sha256(), ed25519Verify: ed25519Verify(), checkpoint: { kind: 'stored' } });

/** The newest signed checkpoint of each partition, one after the other. */
export async function newestCheckpoints({ directory, store }: Evidence): Promise<string> {
  const notes: string[] = [];
  for (const { partition } of partitionsOf({ directory })) {
    const row = await store.latestCheckpoint(operatorOrigin(directory.deployment, partition));
    if (row !== null) notes.push(row.note);
  }
  if (notes.length === 0) throw new UsageError(`no checkpoint in ${directory.path} yet: nothing is sealed; emit or import events first`);
  return notes.join('');
}

const partitionsOf = ({ directory }: Pick<Evidence, 'directory'>): readonly PartitionKey[] =>
  Array.from({ length: directory.deployment.partitions }, (_, partition) => ({
    topic: directory.deployment.topic,
    incarnation: directory.deployment.incarnation,
    partition,
  }));
