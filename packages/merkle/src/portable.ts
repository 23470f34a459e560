import { ed25519 } from '@noble/curves/ed25519.js';
import { sha256 as nobleSha256, sha512 } from '@noble/hashes/sha2.js';
import { concatBytes } from '@noble/hashes/utils.js';
import type { Ed25519Verify, Sha256 } from './hash.ts';

/** SHA-256 without node:crypto, for browsers; about ten times the cost. */
export function sha256(): Sha256 {
  return {
    digestInto: (input, start, end, out, outStart) => out.set(nobleSha256(input.subarray(start, end)), outStart),
    digest: (input) => nobleSha256(input),
  };
}

/**
 * Ed25519 without node:crypto (RFC 8032 5.1.7). The equation is the one without the cofactor, compared as bytes of R, because
 * node:crypto checks that one: two verifiers must not disagree about a signature (docs/spec/batch.md).
 */
export function ed25519Verify(): Ed25519Verify {
  return (publicKey, message, signature) => {
    if (publicKey.length !== 32 || signature.length !== 64) return false;
    try {
      const key = ed25519.Point.fromBytes(publicKey);
      if (key.isSmallOrder()) return false;
      const s = littleEndianNumber(signature.subarray(32));
      if (s >= ORDER) return false;
      const k = littleEndianNumber(sha512(concatBytes(signature.subarray(0, 32), publicKey, message))) % ORDER;
      const r = ed25519.Point.BASE.multiplyUnsafe(s).subtract(key.multiplyUnsafe(k)).toBytes();
      return r.every((byte, i) => byte === signature[i]);
    } catch {
      return false; // not a point of the curve
    }
  };
}

const ORDER = ed25519.Point.Fn.ORDER;

function littleEndianNumber(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i] as number);
  return value;
}

/** A signer from a 32-byte seed (RFC 8032 private key). */
export const ed25519Signer =
  (seed: Uint8Array): ((message: Uint8Array) => Uint8Array) =>
  (message) =>
    ed25519.sign(message, seed);

export const ed25519PublicKey = (seed: Uint8Array): Uint8Array => ed25519.getPublicKey(seed);
