import type { ActorType } from '@sealtrail/wire';
import type { JSONWebKeySet, JWTPayload } from 'jose';
import { IdentityError } from './errors.ts';

/** Public-key algorithms only: a key set is public, so an HMAC made with one proves nothing. */
export const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

/** A claim's name, or the path to a nested one: ['realm_access', 'roles']. */
export type ClaimPath = string | readonly string[];

export interface ClaimMapping {
  /** Array of strings, or one string of words. Default `roles`. */
  readonly roles?: ClaimPath;
  /** Array of strings, or one string of words. Default `scope`, else `scp`. */
  readonly scopes?: ClaimPath;
  /** Default: none. */
  readonly tenant?: ClaimPath;
  /** Default `azp`, else `client_id`. */
  readonly client?: ClaimPath;
  /** Default: SERVICE when the subject is the client itself (RFC 9068 section 2.2), else USER. */
  readonly actor_type?: (claims: JWTPayload) => ActorType;
}

export type KeySource =
  | {
      readonly kind: 'remote';
      /** https, or http on a loopback address. */
      readonly url: string | URL;
      /** Default 5,000. */
      readonly timeout_ms?: number;
      /** An unknown key id fetches again at most this often. Default 30,000. */
      readonly cooldown_ms?: number;
      /** Keys are fetched again after this. Default 600,000. */
      readonly age_max_ms?: number;
    }
  | { readonly kind: 'local'; readonly jwks: JSONWebKeySet };

export interface IssuerOptions {
  /** Exactly the token's `iss`. */
  readonly issuer: string;
  /** One of these must be in the token's `aud`. */
  readonly audience: string | readonly string[];
  readonly jwks: KeySource;
  readonly algorithms: readonly Algorithm[];
  /** Applied to `exp` and `nbf`. Default 5. */
  readonly clock_tolerance_s?: number;
  /** The header's `typ` that is asked for, such as `at+jwt` (RFC 9068); any when absent. */
  readonly token_type?: string;
  readonly claims?: ClaimMapping;
}

export interface TokenVerifierOptions {
  readonly issuers: readonly IssuerOptions[];
  /** Now, in ms since 1970. */
  readonly clock_ms: () => number;
  /** For remote key sets; the platform's own when absent. */
  readonly fetch?: (url: string, init: { headers: Headers; method: 'GET'; redirect: 'manual'; signal: AbortSignal }) => Promise<Response>;
  /** Verified tokens that are remembered. Default 10,000; 0 remembers none. */
  readonly cache_entries_max?: number;
  /** A verified token is checked anew after this, so that a key withdrawn by the issuer stops counting. Default 300,000. */
  readonly cache_age_max_ms?: number;
  /** Longer tokens are `token_malformed`, unread. Default 16,384. */
  readonly token_chars_max?: number;
}

/** Throws IdentityError `invalid_option` for what can be judged before the first token. */
export function assertIssuers(issuers: readonly IssuerOptions[]): void {
  if (issuers.length === 0) throw invalid('issuers is empty: name at least one');
  const seen = new Set<string>();
  for (const { issuer, audience, algorithms, jwks, clock_tolerance_s } of issuers) {
    if (issuer === '') throw invalid('an issuer has an empty name: pass the exact iss of its tokens');
    if (seen.has(issuer)) throw invalid(`issuer ${issuer} is configured twice: merge its options`);
    seen.add(issuer);
    if (audience.length === 0 || (typeof audience !== 'string' && audience.includes(''))) {
      throw invalid(`issuer ${issuer}: audience is empty: name the audience of this service`);
    }
    if (algorithms.length === 0) throw invalid(`issuer ${issuer}: algorithms is empty: name those that it signs with`);
    for (const algorithm of algorithms) {
      if (!ALGORITHMS.includes(algorithm)) {
        throw invalid(`issuer ${issuer}: algorithm ${algorithm} is not allowed: choose from ${ALGORITHMS.join(' ')}`);
      }
    }
    if (clock_tolerance_s !== undefined && !(clock_tolerance_s >= 0 && clock_tolerance_s <= 300)) {
      throw invalid(`issuer ${issuer}: clock_tolerance_s is ${clock_tolerance_s}: choose 0 to 300`);
    }
    if (jwks.kind === 'local') assertPublicKeys(issuer, jwks.jwks);
    else assertKeyUrl(issuer, jwks.url);
  }
}

function assertPublicKeys(issuer: string, jwks: JSONWebKeySet): void {
  for (const [i, key] of jwks.keys.entries()) {
    if (key.kty === 'oct' || 'd' in key || 'k' in key) {
      throw invalid(`issuer ${issuer}: key ${i} of its key set is a secret key: pass public keys only`);
    }
  }
}

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

function assertKeyUrl(issuer: string, url: string | URL): void {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch (cause) {
    throw invalid(`issuer ${issuer}: the key set's url cannot be parsed: pass an absolute https URL`, cause);
  }
  if (parsed.protocol === 'https:' || (parsed.protocol === 'http:' && LOOPBACK.has(parsed.hostname))) return;
  throw invalid(`issuer ${issuer}: the key set's url is not https: keys fetched in the clear could be anyone's`);
}

const invalid = (message: string, cause?: unknown): IdentityError => new IdentityError('invalid_option', message, { cause });
