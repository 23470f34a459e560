import { type Ed25519Verify, encodeBase64, type Sha256 } from '@sealtrail/merkle';

const base64url = (bytes: Uint8Array): string => encodeBase64(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

/** RFC 7638 thumbprint of an Ed25519 public key (OKP JWK, RFC 8037) of 32 bytes. */
export const keyThumbprint = (sha256: Sha256, publicKey: Uint8Array): Uint8Array =>
  sha256.digest(ascii(`{"crv":"Ed25519","kty":"OKP","x":"${base64url(publicKey)}"}`));

const CONTEXT = 'sealtrail/batch/v1\0';

/**
 * What an Ed25519 batch signature signs: BASE64URL(protected header) ‖ "." ‖ "sealtrail/batch/v1\0" ‖ header bytes
 * (RFC 7515 5.1, RFC 7797). The protected header is exactly {"alg":"Ed25519","b64":false,"crit":["b64"],"kid":"…"}.
 */
export function batchSigningInput(keyId: Uint8Array, headerBytes: Uint8Array): Uint8Array {
  const prefix = ascii(`${base64url(ascii(`{"alg":"Ed25519","b64":false,"crit":["b64"],"kid":"${base64url(keyId)}"}`))}.${CONTEXT}`);
  const input = new Uint8Array(prefix.length + headerBytes.length);
  input.set(prefix);
  input.set(headerBytes, prefix.length);
  return input;
}

/** p = 2^255 − 19 and L, the order of the base point (RFC 8032 5.1), little-endian. */
const P = littleEndian((1n << 255n) - 19n);
const L = littleEndian((1n << 252n) + 27742317777372353535851937790883648493n);

/** y of the points of order 1, 2, 4 and 8, in canonical form: a key with one of them, whatever its sign, signs anything. */
const SMALL_ORDER_Y: readonly Uint8Array[] = [
  littleEndian(0n),
  littleEndian(1n),
  littleEndian((1n << 255n) - 20n),
  littleEndian(0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n),
  littleEndian(0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n),
];

function littleEndian(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
}

/** a < b as little-endian numbers of the same length. */
function below(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = a.length - 1; i >= 0; i--) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

/** True when the key is one that may be registered: 32 bytes, y in canonical form, not of small order (RFC 8032 5.1.3, 5.1.7). */
export function isAcceptablePublicKey(publicKey: Uint8Array): boolean {
  if (publicKey.length !== 32) return false;
  const y = Uint8Array.from(publicKey);
  y[31] = (y[31] as number) & 0x7f;
  return below(y, P) && !SMALL_ORDER_Y.some((small) => small.every((byte, i) => byte === y[i]));
}

/** Verifies a batch signature; refuses small-order keys and a non-canonical S before it asks `verify`. */
export function verifyBatchSignature(
  verify: Ed25519Verify,
  publicKey: Uint8Array,
  keyId: Uint8Array,
  headerBytes: Uint8Array,
  signature: Uint8Array,
): boolean {
  if (signature.length !== 64 || !isAcceptablePublicKey(publicKey) || !below(signature.subarray(32), L)) return false;
  return verify(publicKey, batchSigningInput(keyId, headerBytes), signature);
}
