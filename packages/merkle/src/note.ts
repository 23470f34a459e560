import { decodeBase64, encodeBase64 } from './base64.ts';
import { hexOf, sameBytes } from './bytes.ts';
import { type Ed25519Verify, HASH_BYTES, type Sha256 } from './hash.ts';

const ED25519 = 0x01;
const KEY_HASH_BYTES = 4;
const SIGNATURE_BYTES = 64;
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** C2SP signed-note verifier key: `<name>+<hash>+<base64 of 0x01 ‖ public key>`. */
export interface NoteVerifierKey {
  readonly name: string;
  /** First 4 bytes of SHA-256(name ‖ 0x0A ‖ 0x01 ‖ public key). */
  readonly key_hash: Uint8Array;
  readonly public_key: Uint8Array;
}

/** Throws RangeError when the name is empty or has a space or a plus sign, or the key is not 32 bytes. */
export function noteVerifierKey(sha256: Sha256, name: string, publicKey: Uint8Array): NoteVerifierKey {
  if (!isName(name)) throw new RangeError(`"${name}" cannot name a note key: it must not be empty nor hold white space or "+"`);
  if (publicKey.length !== 32) throw new RangeError(`an Ed25519 public key has 32 bytes, not ${publicKey.length}`);
  const prefix = utf8(`${name}\n`);
  const input = new Uint8Array(prefix.length + 1 + publicKey.length);
  input.set(prefix);
  input[prefix.length] = ED25519;
  input.set(publicKey, prefix.length + 1);
  return { name, key_hash: sha256.digest(input).slice(0, KEY_HASH_BYTES), public_key: publicKey.slice() };
}

export function formatVerifierKey(key: NoteVerifierKey): string {
  const typed = new Uint8Array(1 + key.public_key.length);
  typed[0] = ED25519;
  typed.set(key.public_key, 1);
  return `${key.name}+${hexOf(key.key_hash)}+${encodeBase64(typed)}`;
}

/** null when it is not a well-formed Ed25519 verifier key in its one encoding. */
export function parseVerifierKey(sha256: Sha256, text: string): NoteVerifierKey | null {
  const match = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(text);
  if (match === null) return null;
  const [, name, , encoded] = match as unknown as [string, string, string, string];
  const typed = decodeBase64(encoded);
  if (typed === null || typed.length !== 33 || typed[0] !== ED25519 || !isName(name)) return null;
  const key = noteVerifierKey(sha256, name, typed.subarray(1));
  return formatVerifierKey(key) === text ? key : null;
}

/** Signs with a raw Ed25519 signer. Throws RangeError when `text` is not a note's text: it ends with a newline. */
export function signNote(text: string, key: NoteVerifierKey, sign: (message: Uint8Array) => Uint8Array): string {
  if (!isNoteText(text)) throw new RangeError('the text of a note is well-formed, has no control characters, and ends with a newline');
  return `${text}\n${formatLine({ name: key.name, key_hash: key.key_hash, signature: sign(utf8(text)) })}`;
}

export interface SignatureLine {
  readonly name: string;
  readonly key_hash: Uint8Array;
  readonly signature: Uint8Array;
}

function formatLine(line: SignatureLine): string {
  const bytes = new Uint8Array(line.key_hash.length + line.signature.length);
  bytes.set(line.key_hash);
  bytes.set(line.signature, line.key_hash.length);
  return `— ${line.name} ${encodeBase64(bytes)}\n`;
}

export interface ParsedNote {
  readonly text: string;
  readonly signatures: readonly SignatureLine[];
}

/** null when it is not a note in its one encoding (canonical base64, no stray bytes). */
export function parseNote(note: string): ParsedNote | null {
  const split = note.lastIndexOf('\n\n');
  if (split < 0 || !note.endsWith('\n')) return null;
  const text = note.slice(0, split + 1);
  const lines = note.slice(split + 2, -1).split('\n');
  if (!isNoteText(text)) return null;
  const signatures: SignatureLine[] = [];
  for (const line of lines) {
    const match = /^— (\S+) (\S+)$/u.exec(line);
    if (match === null) return null;
    const [, name, encoded] = match as unknown as [string, string, string];
    const bytes = decodeBase64(encoded);
    if (!isName(name) || bytes === null || bytes.length <= KEY_HASH_BYTES) return null;
    signatures.push({ name, key_hash: bytes.slice(0, KEY_HASH_BYTES), signature: bytes.slice(KEY_HASH_BYTES) });
  }
  return { text, signatures };
}

/** Whether a line by this key verifies. A line that claims the key and does not verify makes the whole note false. */
export function noteVerifies(verify: Ed25519Verify, note: ParsedNote, key: NoteVerifierKey): boolean {
  const lines = note.signatures.filter((line) => line.name === key.name && sameBytes(line.key_hash, key.key_hash));
  const message = utf8(note.text);
  return (
    lines.length > 0 && lines.every((line) => line.signature.length === SIGNATURE_BYTES && verify(key.public_key, message, line.signature))
  );
}

/** C2SP tlog-checkpoint: origin, size and root, without extension lines. */
export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
}

export const formatCheckpoint = (checkpoint: Checkpoint): string =>
  `${checkpoint.origin}\n${checkpoint.size}\n${encodeBase64(checkpoint.root)}\n`;

/** null when the text is not a checkpoint in its one encoding, or has extension lines. */
export function parseCheckpoint(text: string): Checkpoint | null {
  const match = /^([^\n]+)\n(0|[1-9][0-9]{0,15})\n([^\n]+)\n$/.exec(text);
  if (match === null) return null;
  const [, origin, decimal, encoded] = match as unknown as [string, string, string, string];
  const size = Number(decimal);
  const root = decodeBase64(encoded);
  if (!Number.isSafeInteger(size) || root === null || root.length !== HASH_BYTES) return null;
  return { origin, size, root };
}

/** C2SP tlog-proof@v1. */
export interface TlogProof {
  readonly extra: Uint8Array | null;
  readonly index: number;
  readonly path: readonly Uint8Array[];
  /** The signed note, verbatim. */
  readonly checkpoint: string;
}

const PROOF_FIRST_LINE = 'c2sp.org/tlog-proof@v1';

export function formatTlogProof(proof: TlogProof): string {
  const lines = [PROOF_FIRST_LINE];
  if (proof.extra !== null) lines.push(`extra ${encodeBase64(proof.extra)}`);
  lines.push(`index ${proof.index}`, ...proof.path.map(encodeBase64), '', proof.checkpoint);
  return lines.join('\n');
}

/** null when it is not a proof in its one encoding. */
export function parseTlogProof(text: string): TlogProof | null {
  const split = text.indexOf('\n\n');
  if (split < 0) return null;
  const lines = text.slice(0, split).split('\n');
  if (lines.shift() !== PROOF_FIRST_LINE) return null;
  let extra: Uint8Array | null = null;
  if (lines[0]?.startsWith('extra ')) {
    extra = decodeBase64((lines.shift() as string).slice('extra '.length));
    if (extra === null) return null;
  }
  const index = /^index (0|[1-9][0-9]{0,15})$/.exec(lines.shift() ?? '')?.[1];
  if (index === undefined || !Number.isSafeInteger(Number(index))) return null;
  const path: Uint8Array[] = [];
  for (const line of lines) {
    const node = decodeBase64(line);
    if (node === null || node.length !== HASH_BYTES) return null;
    path.push(node);
  }
  return { extra, index: Number(index), path, checkpoint: text.slice(split + 2) };
}

const isName = (name: string): boolean => name !== '' && !/[\s+]/u.test(name) && name.isWellFormed();

/** C2SP signed-note: well-formed, no ASCII control characters but newline, ends with one. */
function isNoteText(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 && code !== 0x0a) return false;
  }
  return text.endsWith('\n') && text.isWellFormed() && !text.includes('\ufffd');
}
