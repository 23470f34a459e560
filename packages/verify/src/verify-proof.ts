import { type Checkpoint, type Ed25519Verify, type NoteVerifierKey, type Sha256, sameBytes, verifyInclusion } from '@sealtrail/merkle';
import {
  actorDigest,
  type EventSchema,
  eventLeafFromParts,
  headCodec,
  keyThumbprint,
  logId,
  manifestCodec,
  objectDigest,
  type PredecessorLog,
  roundCodec,
  verifyBatchSignature,
} from '@sealtrail/wire';
import { operatorLogOrigin, readCheckpoint } from './checkpoint.ts';
import { eventView, hexText } from './event-view.ts';
import { type ParsedProof, parseProof } from './proof-file.ts';
import type { Axis, AxisFault, AxisVerdict, EntryPlace, Verdict } from './verdict.ts';

export interface VerifyOptions {
  /** Verifier keys of the operator logs that are trusted; a key's name is its log's origin. */
  readonly keys: readonly NoteVerifierKey[];
  readonly sha256: Sha256;
  readonly ed25519Verify: Ed25519Verify;
  /** A checkpoint kept earlier, as a signed note by one of `keys`; told apart from the file's own when the sizes agree. */
  readonly saved_checkpoint?: string;
  /** The event schemas that are known; those of this build when absent. */
  readonly schemas?: readonly EventSchema[];
}

/**
 * Verifies a proof file, offline. Never throws, whatever the bytes: what does not hold is a verdict. The steps are those of
 * docs/spec/proof.md; every byte of the file is bound by one of them.
 */
export function verifyProof(file: Uint8Array, options: VerifyOptions): Verdict {
  const proof = parseProof(file, options.schemas);
  if (proof.kind === 'refused') {
    const nothing = notChecked('the file could not be read as a proof');
    const axes = Object.fromEntries(AXES.map((axis) => [axis, nothing])) as Record<Axis, AxisVerdict>;
    return { ok: false, refusal: { code: proof.code, detail: proof.detail }, axes };
  }
  const { sha256, keys, ed25519Verify } = options;
  const leaf = eventLeaf(sha256, proof);
  const reading = readCheckpoint(proof.checkpoint, keys, ed25519Verify);
  const axes: Record<Axis, AxisVerdict> = {
    producer_signature: judgeProducer(proof, options),
    inclusion: judgeInclusion(sha256, proof, leaf, reading.checkpoint),
    consistency: judgeConsistency(reading.checkpoint, options),
    checkpoint:
      reading.kind === 'refused'
        ? failed(reading.code, reading.detail)
        : reading.checkpoint.origin === originOf(proof)
          ? verified(`size ${reading.checkpoint.size} of ${reading.checkpoint.origin} is signed by the given key`)
          : failed('checkpoint_origin', `the checkpoint is of ${reading.checkpoint.origin}, the entry belongs to ${originOf(proof)}`),
    witness: notChecked('the checkpoint carries no cosignatures: nobody but the operator vouches that all see the same log'),
    identity_evidence: notChecked(identityReason(proof)),
    completeness: notChecked('a proof of one entry says nothing about entries that are not there; fsck and the sequence numbers do'),
  };
  const ok =
    axes.producer_signature.verdict === 'verified' &&
    axes.inclusion.verdict === 'verified' &&
    axes.checkpoint.verdict === 'verified' &&
    AXES.every((axis) => axes[axis].verdict !== 'failed');
  if (!ok || reading.checkpoint === null) return { ok: false, refusal: null, axes };
  return {
    ok,
    refusal: null,
    axes,
    event: eventView(proof.schema, proof.event, proof.erased),
    place: placeOf(proof, leaf, reading.checkpoint),
  };
}

const AXES: readonly Axis[] = [
  'producer_signature',
  'inclusion',
  'consistency',
  'checkpoint',
  'witness',
  'identity_evidence',
  'completeness',
];

const verified = (reason: string): AxisVerdict => ({ verdict: 'verified', reason });
const failed = (code: AxisFault, reason: string): AxisVerdict => ({ verdict: 'failed', code, reason });
const notChecked = (reason: string): AxisVerdict => ({ verdict: 'not_checked', reason });

function eventLeaf(sha256: Sha256, { entry }: ParsedProof): Uint8Array {
  // The parser let through one of the two for each section.
  const actor = entry.actor === null ? (entry.actor_digest as Uint8Array) : actorDigest(sha256, entry.actor);
  const object = entry.object === null ? (entry.object_digest as Uint8Array) : objectDigest(sha256, entry.object);
  return eventLeafFromParts(sha256, { actor_digest: actor, object_digest: object, rest: entry.rest });
}

const originOf = ({ manifest, round }: ParsedProof): string =>
  operatorLogOrigin(manifest.header.audience, round.incarnation, round.partition);

function judgeProducer(proof: ParsedProof, { sha256, ed25519Verify }: VerifyOptions): AxisVerdict {
  const { header, signature } = proof.manifest;
  const key = proof.entry.public_key;
  if (!sameBytes(keyThumbprint(sha256, key), header.key_id)) {
    return failed('producer_key_mismatch', 'the public key in the file is not the one that the batch header names');
  }
  if (!verifyBatchSignature(ed25519Verify, key, header.key_id, proof.header_bytes, signature)) {
    return failed('producer_signature_invalid', `the signature of ${header.producer} over the batch header does not verify`);
  }
  return verified(
    `${header.producer} signed the batch with key ${hexText(header.key_id)}; whose key that is, the registry says, which is not in the file`,
  );
}

function judgeInclusion(sha256: Sha256, proof: ParsedProof, leaf: Uint8Array, checkpoint: Checkpoint | null): AxisVerdict {
  const { entry, manifest, head, round } = proof;
  const { header } = manifest;
  if (!verifyInclusion(sha256, entry.batch_path, leaf, entry.batch_index, header.count, header.root)) {
    return failed('event_not_in_batch', 'the event does not lead to the root that the producer signed');
  }
  const manifestLeaf = manifestCodec().leafHash(sha256, entry.manifest);
  if (!verifyInclusion(sha256, entry.log_path, manifestLeaf, manifest.position, head.size, head.root)) {
    return failed('batch_not_in_log', 'the batch’s manifest does not lead to the head of its tenant’s log');
  }
  const headLeaf = headCodec().leafHash(sha256, entry.head);
  if (!verifyInclusion(sha256, entry.heads_path, headLeaf, entry.head_index, round.heads, round.heads_root)) {
    return failed('head_not_in_round', 'the head of the tenant’s log does not lead to the heads root of its round');
  }
  const disagreement = disagreementOf(sha256, proof);
  if (disagreement !== null) return failed('places_disagree', disagreement);
  const roundLeaf = roundCodec().leafHash(sha256, entry.round);
  if (checkpoint === null || !verifyInclusion(sha256, proof.path, roundLeaf, proof.index, checkpoint.size, checkpoint.root)) {
    return failed('round_not_in_operator_log', 'the round does not lead to the root of the checkpoint');
  }
  const erased = proof.erased.length === 0 ? '' : `; erased and present by digest alone: ${proof.erased.join(' and ')} section`;
  return verified(`the event leads to the checkpoint’s root through its batch, its tenant’s log and round ${round.index}${erased}`);
}

/** Whether what the records say about one another agrees; null when it does. */
function disagreementOf(sha256: Sha256, { entry, index, manifest, head, round }: ParsedProof): string | null {
  const { header, topic, incarnation, partition } = manifest;
  const predecessor = entry.log_predecessor;
  const log = logId(sha256, { audience: header.audience, tenant: header.tenant, topic, incarnation, partition, predecessor });
  if (!sameBytes(log, manifest.log)) return 'the log’s id is not that of this tenant on this partition';
  if (!samePredecessor(manifest.predecessor, manifest.position === 0 ? predecessor : null)) {
    return 'the manifest names another predecessor than its log has';
  }
  if (!sameBytes(head.log, manifest.log)) return 'the head is of another log';
  if (head.entries < manifest.first_entry + header.count) return 'the head counts fewer entries than the batch needs';
  if (round.topic !== topic || round.incarnation !== incarnation || round.partition !== partition) {
    return 'the round is of another partition';
  }
  if (round.index !== index) return `round ${round.index} stands at leaf ${index} of the operator log`;
  if (manifest.offset < round.from || manifest.offset >= round.to) return 'the round does not cover the batch’s offset';
  if (manifest.registry_size !== round.registry_size) return 'manifest and round record different sizes of the key registry';
  if (manifest.recorded_at > round.recorded_at) return 'the batch was recorded after its round ended';
  return null;
}

function judgeConsistency(checkpoint: Checkpoint | null, options: VerifyOptions): AxisVerdict {
  if (options.saved_checkpoint === undefined) return notChecked('no checkpoint from an earlier time was given to compare with');
  const saved = readCheckpoint(options.saved_checkpoint, options.keys, options.ed25519Verify);
  if (saved.kind === 'refused') return failed(saved.code, `the saved checkpoint: ${saved.detail}`);
  if (checkpoint === null || saved.checkpoint.origin !== checkpoint.origin) return notChecked('the saved checkpoint is of another log');
  if (saved.checkpoint.size !== checkpoint.size) {
    return notChecked(`the saved checkpoint has size ${saved.checkpoint.size}; fsck tells whether the log extends it`);
  }
  return sameBytes(saved.checkpoint.root, checkpoint.root)
    ? verified('the saved checkpoint has the same size and root')
    : failed('split_view', `the saved checkpoint has size ${checkpoint.size} and another root: the operator shows two logs`);
}

function identityReason({ event, erased }: ParsedProof): string {
  return erased.includes('actor')
    ? 'the actor section was erased; what it said is bound by its digest alone'
    : `the token itself is not in the file; that it was ${event.token_status} is the producer’s word`;
}

function placeOf({ entry, manifest, round }: ParsedProof, leaf: Uint8Array, checkpoint: Checkpoint): EntryPlace {
  const { header } = manifest;
  return {
    audience: header.audience,
    tenant: header.tenant,
    log: hexText(manifest.log),
    entry: manifest.first_entry + entry.batch_index,
    position: manifest.position,
    batch_index: entry.batch_index,
    batch_size: header.count,
    producer: header.producer,
    key_id: hexText(header.key_id),
    instance: hexText(header.instance),
    delivery: header.delivery,
    sequence: header.sequence,
    event_schema: hexText(header.event_schema),
    topic: manifest.topic,
    incarnation: manifest.incarnation,
    partition: manifest.partition,
    offset: manifest.offset,
    recorded_at: manifest.recorded_at,
    leaf_hash: hexText(leaf),
    round: round.index,
    checkpoint: { origin: checkpoint.origin, size: checkpoint.size, root: hexText(checkpoint.root) },
  };
}

function samePredecessor(a: PredecessorLog | null, b: PredecessorLog | null): boolean {
  if (a === null || b === null) return a === b;
  return sameBytes(a.log, b.log) && a.size === b.size && sameBytes(a.root, b.root);
}
