import {
  type CryptoKey,
  calculateJwkThumbprint,
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  errors,
  exportJWK,
  type FlattenedJWSInput,
  type JWSHeaderParameters,
} from 'jose';
import type { TokenReason } from './identity.ts';
import type { KeySource, TokenVerifierOptions } from './options.ts';

/** Keys tried when a token names none and several fit. */
const CANDIDATES_MAX = 8;

/** Thrown while a key is looked for; carries the verdict through jose. */
export class KeyFault extends Error {
  readonly reason: TokenReason;
  constructor(reason: TokenReason, cause: unknown) {
    super(`no key: ${reason}`, { cause });
    this.name = 'KeyFault';
    this.reason = reason;
  }
}

export interface Keys {
  /** The keys to try for this header, usually one. Throws KeyFault. */
  candidates(header: JWSHeaderParameters, token: FlattenedJWSInput): Promise<readonly CryptoKey[]>;
  /** RFC 7638 thumbprint with SHA-256. */
  thumbprint(key: CryptoKey): Promise<string>;
}

export function createKeys(source: KeySource, fetch: TokenVerifierOptions['fetch']): Keys {
  const resolve =
    source.kind === 'local'
      ? createLocalJWKSet(source.jwks)
      : createRemoteJWKSet(new URL(source.url), {
          timeoutDuration: source.timeout_ms ?? 5_000,
          cooldownDuration: source.cooldown_ms ?? 30_000,
          cacheMaxAge: source.age_max_ms ?? 600_000,
          ...(fetch === undefined ? {} : { [customFetch]: fetch }),
        });
  const thumbprints = new WeakMap<CryptoKey, Promise<string>>();
  return {
    async candidates(header, token) {
      try {
        return [await resolve(header, token)];
      } catch (thrown) {
        if (!(thrown instanceof errors.JWKSMultipleMatchingKeys)) throw new KeyFault(reasonOf(thrown), thrown);
        const keys: CryptoKey[] = [];
        for await (const key of thrown) if (keys.push(key) === CANDIDATES_MAX) break;
        if (keys.length === 0) throw new KeyFault('key_unusable', thrown);
        return keys;
      }
    },
    thumbprint(key) {
      let known = thumbprints.get(key);
      if (known === undefined) {
        known = exportJWK(key).then((jwk) => calculateJwkThumbprint(jwk, 'sha256'));
        thumbprints.set(key, known);
      }
      return known;
    },
  };
}

function reasonOf(thrown: unknown): TokenReason {
  if (thrown instanceof errors.JWKSNoMatchingKey) return 'key_not_found';
  // The key itself: parameters that cannot be imported (DataError), or of a kind that jose does not know.
  if (thrown instanceof DOMException && thrown.name === 'DataError') return 'key_unusable';
  if (thrown instanceof errors.JOSENotSupported || thrown instanceof errors.JWKInvalid) return 'key_unusable';
  // All else is the way to the key set: refused, timed out, not 200, not a key set. It fails closed.
  return 'jwks_unavailable';
}
