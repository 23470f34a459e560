import { type BinaryToTextEncoding, createPrivateKey, createPublicKey, hash, type KeyObject, sign, verify } from 'node:crypto';
import { type Ed25519Verify, HASH_BYTES, type Sha256 } from './hash.ts';

/**
 * SHA-256 by node:crypto. The one-shot call with a latin1 result, written into place, costs about half of createHash: no
 * hash object, and no buffer a digest.
 */
export function sha256(): Sha256 {
  return {
    digestInto(input, start, end, out, outStart) {
      writeLatin1(out, hash('sha256', start === 0 && end === input.length ? input : input.subarray(start, end), LATIN1), outStart);
    },
    digest(input) {
      const out = new Uint8Array(HASH_BYTES);
      writeLatin1(out, hash('sha256', input, LATIN1), 0);
      return out;
    },
  };
}

/** Works on every Node that has crypto.hash, though @types/node leaves it out. */
const LATIN1 = 'latin1' as BinaryToTextEncoding;

/** Buffer's own writer works on any Uint8Array; @types/node leaves it out. */
const latin1Write = (Buffer.prototype as unknown as { latin1Write(this: Uint8Array, text: string, offset: number, length: number): number })
  .latin1Write;
const writeLatin1 = (out: Uint8Array, digest: string, at: number): void => void latin1Write.call(out, digest, at, HASH_BYTES);

const KEYS_KEPT_MAX = 1_024;
// RFC 8410: the fixed bytes before a raw Ed25519 key in SPKI and in PKCS #8.
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

/** Ed25519 by node:crypto, with the imported keys of the last 1,024 producers kept. */
export function ed25519Verify(): Ed25519Verify {
  const kept = new Map<string, KeyObject>();
  return (publicKey, message, signature) => {
    if (publicKey.length !== 32 || signature.length !== 64) return false;
    const name = Buffer.from(publicKey.buffer, publicKey.byteOffset, 32).toString('latin1');
    let key = kept.get(name);
    if (key === undefined) {
      try {
        key = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, publicKey]), format: 'der', type: 'spki' });
      } catch {
        return false; // not a point of the curve
      }
      if (kept.size >= KEYS_KEPT_MAX) kept.delete(kept.keys().next().value as string);
      kept.set(name, key);
    }
    return verify(null, message, key, signature);
  };
}

const privateKey = (seed: Uint8Array): KeyObject =>
  createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' });

/** A signer from a 32-byte seed (RFC 8032 private key). */
export function ed25519Signer(seed: Uint8Array): (message: Uint8Array) => Uint8Array {
  const key = privateKey(seed);
  return (message) => sign(null, message, key);
}

export function ed25519PublicKey(seed: Uint8Array): Uint8Array {
  return new Uint8Array(createPublicKey(privateKey(seed)).export({ format: 'der', type: 'spki' }).subarray(SPKI_PREFIX.length));
}
