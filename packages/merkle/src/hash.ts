/** Digest lengths and the hash argument that every pure function here takes. */

export const HASH_BYTES = 32;

/**
 * SHA-256 as an argument (FIPS 180-4), so that the pure packages run on Node and in browsers.
 * `@sealtrail/merkle/node` has the fast one, `@sealtrail/merkle/portable` one without node:crypto.
 */
export interface Sha256 {
  /** Writes SHA-256(input[start, end)) to out[outStart, outStart + 32). `out` may be the same buffer as `input`. */
  digestInto(input: Uint8Array, start: number, end: number, out: Uint8Array, outStart: number): void;
  /** SHA-256 of the whole of `input`, in a new array of 32 bytes. */
  digest(input: Uint8Array): Uint8Array;
}

/** Ed25519 verification (RFC 8032) as an argument. Never throws: anything malformed is `false`. */
export interface Ed25519Verify {
  (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
}
