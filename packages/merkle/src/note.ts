import type { Ed25519Verify, Sha256 } from './hash.ts';

const todo = (): never => {
  throw new Error('not written yet');
};

/** C2SP signed-note verifier key: `<name>+<hash>+<base64 of 0x01 ‖ public key>`. */
export interface NoteVerifierKey {
  readonly name: string;
  /** First 4 bytes of SHA-256(name ‖ 0x0A ‖ 0x01 ‖ public key). */
  readonly key_hash: Uint8Array;
  readonly public_key: Uint8Array;
}
export const noteVerifierKey = (sha256: Sha256, name: string, publicKey: Uint8Array): NoteVerifierKey => (
  void sha256, void name, void publicKey, todo()
);
export const formatVerifierKey = (key: NoteVerifierKey): string => (void key, todo());
/** null when it is not a well-formed Ed25519 verifier key in its one encoding. */
export const parseVerifierKey = (sha256: Sha256, text: string): NoteVerifierKey | null => (void sha256, void text, todo());

/** Signs with a raw Ed25519 signer. `text` ends with a newline. */
export const signNote = (text: string, key: NoteVerifierKey, sign: (message: Uint8Array) => Uint8Array): string => (
  void text, void key, void sign, todo()
);

export interface SignatureLine {
  readonly name: string;
  readonly key_hash: Uint8Array;
  readonly signature: Uint8Array;
}
export interface ParsedNote {
  readonly text: string;
  readonly signatures: readonly SignatureLine[];
}
/** null when it is not a note in its one encoding (canonical base64, no stray bytes). */
export const parseNote = (note: string): ParsedNote | null => (void note, todo());
/** Whether a line by this key verifies. */
export const noteVerifies = (verify: Ed25519Verify, note: ParsedNote, key: NoteVerifierKey): boolean => (
  void verify, void note, void key, todo()
);

/** C2SP tlog-checkpoint: origin, size and root, without extension lines. */
export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
}
export const formatCheckpoint = (checkpoint: Checkpoint): string => (void checkpoint, todo());
/** null when the text is not a checkpoint in its one encoding, or has extension lines. */
export const parseCheckpoint = (text: string): Checkpoint | null => (void text, todo());

/** C2SP tlog-proof@v1. */
export interface TlogProof {
  readonly extra: Uint8Array | null;
  readonly index: number;
  readonly path: readonly Uint8Array[];
  /** The signed note, verbatim. */
  readonly checkpoint: string;
}
export const formatTlogProof = (proof: TlogProof): string => (void proof, todo());
/** null when it is not a proof in its one encoding. */
export const parseTlogProof = (text: string): TlogProof | null => (void text, todo());
