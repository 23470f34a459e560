import { inclusionProof } from '@sealtrail/merkle';
import type { SealedRound } from '@sealtrail/seal';
import { actorDigest, type EntryProof, headCodec, manifestCodec, objectDigest } from '@sealtrail/wire';
import { formatProof, type ProofContent } from '../src/index.ts';
import { type SealedWorld, sha256 } from './sealed-world.ts';

/** A proof's content straight from the sealed rounds, without a store: what tests take apart. */
export function contentOf(
  world: SealedWorld,
  at: { readonly round: number; readonly batch: number; readonly index: number; readonly erased?: readonly ('actor' | 'object')[] },
): ProofContent {
  const sealed = world.rounds[at.round] as SealedRound;
  const { batch, manifest, manifest_bytes } = sealed.batches[at.batch] as SealedRound['batches'][number];
  const { record, ends, leaves } = batch;
  const start = at.index === 0 ? batch.first_event : (ends[3 * at.index - 1] as number);
  const [actorEnd, objectEnd, end] = [0, 1, 2].map((i) => ends[3 * at.index + i] as number) as [number, number, number];
  const actor = record.slice(start, actorEnd);
  const object = record.slice(actorEnd, objectEnd);
  const erased = at.erased ?? [];
  const headIndex = sealed.heads.findIndex(({ head }) => same(head.log, manifest.log));
  const head = sealed.heads[headIndex] as SealedRound['heads'][number];
  const logLeaves = world.rounds
    .slice(0, at.round + 1)
    .flatMap((round) => round.batches.filter((one) => same(one.manifest.log, manifest.log)).map((one) => one.manifest_hash));
  const headLeaves = sealed.heads.map((one) => headCodec().leafHash(sha256, headCodec().encode(one.head)));
  const entry: EntryProof = {
    version: 1,
    actor: erased.includes('actor') ? null : actor,
    actor_digest: erased.includes('actor') ? actorDigest(sha256, actor) : null,
    object: erased.includes('object') ? null : object,
    object_digest: erased.includes('object') ? objectDigest(sha256, object) : null,
    rest: record.slice(objectEnd, end),
    batch_index: at.index,
    batch_path: inclusionProof(sha256, leaves, batch.header.count, at.index),
    manifest: manifest_bytes,
    log_predecessor: manifest.predecessor,
    log_path: path(logLeaves, manifest.position),
    head: headCodec().encode(head.head),
    head_index: headIndex,
    heads_path: path(headLeaves, headIndex),
    round: sealed.bytes,
    public_key: world.producerKey,
  };
  const roundLeaves = world.rounds.map(({ hash }) => hash);
  return { entry, index: at.round, path: path(roundLeaves, at.round), checkpoint: world.checkpoint() };
}

const path = (hashes: readonly Uint8Array[], index: number): Uint8Array[] => inclusionProof(sha256, concat(hashes), hashes.length, index);

export const fileOf = (content: ProofContent): Uint8Array => new TextEncoder().encode(formatProof(content));

/** The leaf of a manifest as it is, whatever the tree says. */
export const manifestLeaf = (bytes: Uint8Array): Uint8Array => manifestCodec().leafHash(sha256, bytes);

function concat(hashes: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(hashes.length * 32);
  hashes.forEach((hash, i) => all.set(hash, i * 32));
  return all;
}

const same = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, i) => byte === b[i]);
