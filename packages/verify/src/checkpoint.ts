import {
  type Checkpoint,
  type Ed25519Verify,
  encodeBase64,
  type NoteVerifierKey,
  noteVerifies,
  parseCheckpoint,
  parseNote,
} from '@sealtrail/merkle';

/** Origin of a partition's operator log, and the name of the key that signs its checkpoints. docs/spec/checkpoint.md */
export const operatorLogOrigin = (audience: string, incarnation: number, partition: number): string =>
  `${audience}/operator/${incarnation}/${partition}`;

export type CheckpointFault =
  /** Not a note with a checkpoint, in its one encoding. */
  | 'checkpoint_malformed'
  /** More signatures than the operator's one. */
  | 'checkpoint_signatures'
  /** Signed by a key that was not given, or by one whose name is not the origin. */
  | 'checkpoint_key_unknown'
  | 'checkpoint_signature_invalid';

export type CheckpointReading =
  | { readonly kind: 'verified'; readonly checkpoint: Checkpoint; readonly key: NoteVerifierKey }
  | { readonly kind: 'refused'; readonly code: CheckpointFault; readonly detail: string; readonly checkpoint: Checkpoint | null };

/**
 * Reads a signed checkpoint. It must carry exactly one signature, by one of `keys`, and that key's name must be the
 * origin: so a note has one form, and a key speaks for its own log only. Never throws.
 */
export function readCheckpoint(note: string, keys: readonly NoteVerifierKey[], verify: Ed25519Verify): CheckpointReading {
  const parsed = parseNote(note);
  if (parsed === null) return refused('checkpoint_malformed', 'the checkpoint is not a signed note');
  const checkpoint = parseCheckpoint(parsed.text);
  if (checkpoint === null) return refused('checkpoint_malformed', 'the note’s text is not a checkpoint');
  const line = parsed.signatures[0];
  if (line === undefined || parsed.signatures.length > 1) {
    return refused('checkpoint_signatures', `the checkpoint has ${parsed.signatures.length} signatures; one is wanted`, checkpoint);
  }
  const signed = new Uint8Array(line.key_hash.length + line.signature.length);
  signed.set(line.key_hash);
  signed.set(line.signature, line.key_hash.length);
  if (`${parsed.text}\n— ${line.name} ${encodeBase64(signed)}\n` !== note) {
    return refused('checkpoint_malformed', 'the note is not in its one form', checkpoint);
  }
  const key = keys.find((one) => one.name === line.name && one.key_hash.every((byte, i) => byte === line.key_hash[i]));
  if (key === undefined) return refused('checkpoint_key_unknown', `signed by ${line.name}, which is none of the given keys`, checkpoint);
  if (key.name !== checkpoint.origin) {
    return refused('checkpoint_key_unknown', `the key ${key.name} does not speak for the log ${checkpoint.origin}`, checkpoint);
  }
  if (!noteVerifies(verify, parsed, key))
    return refused('checkpoint_signature_invalid', `the signature by ${key.name} does not verify`, checkpoint);
  return { kind: 'verified', checkpoint, key };
}

/** The notes of a text that holds one after the other, such as the checkpoints of all partitions; null when it holds anything else. */
export function splitCheckpoints(text: string): readonly string[] | null {
  const notes = text.match(/[^\n]+\n[0-9]+\n[^\n]+\n\n(?:— [^\n]+\n)+/gu) ?? [];
  return notes.join('') === text && notes.length > 0 ? notes : null;
}

const refused = (code: CheckpointFault, detail: string, checkpoint: Checkpoint | null = null): CheckpointReading => ({
  kind: 'refused',
  code,
  detail,
  checkpoint,
});
