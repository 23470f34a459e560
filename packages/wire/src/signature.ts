import type { Ed25519Verify, Sha256 } from '@sealtrail/merkle';

const todo = (): never => {
  throw new Error('not written yet');
};

/** RFC 7638 thumbprint of an Ed25519 public key (OKP JWK) of 32 bytes. */
export const keyThumbprint = (sha256: Sha256, publicKey: Uint8Array): Uint8Array => (void sha256, void publicKey, todo());

/**
 * What an Ed25519 batch signature signs: BASE64URL(protected header) ‖ "." ‖ "sealtrail/batch/v1\0" ‖ header bytes
 * (RFC 7515 5.1, RFC 7797). The protected header is exactly {"alg":"Ed25519","b64":false,"crit":["b64"],"kid":"…"}.
 */
export const batchSigningInput = (keyId: Uint8Array, headerBytes: Uint8Array): Uint8Array => (void keyId, void headerBytes, todo());

/** True when the key is one that may be registered: 32 bytes, canonical, not of small order (RFC 8032 5.1.7). */
export const isAcceptablePublicKey = (publicKey: Uint8Array): boolean => (void publicKey, todo());

/** Verifies a batch signature; refuses small-order keys and a non-canonical S before it asks `verify`. */
export const verifyBatchSignature = (
  verify: Ed25519Verify,
  publicKey: Uint8Array,
  keyId: Uint8Array,
  headerBytes: Uint8Array,
  signature: Uint8Array,
): boolean => (void verify, void publicKey, void keyId, void headerBytes, void signature, todo());
