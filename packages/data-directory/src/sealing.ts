import { CompactEncrypt, importJWK, type JWK } from 'jose';

/** Seals bytes to a key pair's public half: ECDH-ES on X25519, AES-256-GCM, a compact JWE (RFC 7516, RFC 8037). */
export async function sealerTo(jwk: JWK): Promise<(bytes: Uint8Array) => Promise<string>> {
  const { d: _private, ...publicHalf } = jwk;
  const key = await importJWK(publicHalf, 'ECDH-ES');
  return (bytes) => new CompactEncrypt(bytes).setProtectedHeader({ alg: 'ECDH-ES', enc: 'A256GCM' }).encrypt(key);
}
