import { ed25519 } from '@noble/curves/ed25519.js';
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js';
import type { Ed25519Verify, Sha256 } from './hash.ts';

/** SHA-256 without node:crypto, for browsers; about ten times the cost. */
export function sha256(): Sha256 {
  return {
    digestInto: (input, start, end, out, outStart) => out.set(nobleSha256(input.subarray(start, end)), outStart),
    digest: (input) => nobleSha256(input),
  };
}

/** Ed25519 by RFC 8032's own rules (no ZIP 215 leniency). */
export function ed25519Verify(): Ed25519Verify {
  return (publicKey, message, signature) => {
    try {
      return ed25519.verify(signature, message, publicKey, { zip215: false });
    } catch {
      return false; // malformed key or signature
    }
  };
}

/** A signer from a 32-byte seed (RFC 8032 private key). */
export const ed25519Signer =
  (seed: Uint8Array): ((message: Uint8Array) => Uint8Array) =>
  (message) =>
    ed25519.sign(message, seed);

export const ed25519PublicKey = (seed: Uint8Array): Uint8Array => ed25519.getPublicKey(seed);
