import type { ActorSection } from '@sealtrail/wire';

/** What a token says about the actor; address and user agent come from the request. */
export type TokenActor = Omit<ActorSection, 'source_ip' | 'user_agent'>;

/** Why a token is not trusted. A closed set: it stands in `reason` of DENIED events. */
export type TokenReason =
  /** Not a compact JWS of JSON objects, larger than allowed, or with a critical header that is not understood. */
  | 'token_malformed'
  /** No configured issuer has this `iss`. */
  | 'unknown_issuer'
  /** Outside of the issuer's allow-list: also `none`, and HMAC over a public key. */
  | 'algorithm_not_allowed'
  | 'signature_invalid'
  | 'expired'
  | 'not_yet_valid'
  | 'wrong_audience'
  /** The header's `typ` is not the one that the issuer's tokens must carry. */
  | 'wrong_type'
  /** The issuer's key set has no key for this header. */
  | 'key_not_found'
  /** The key was found but cannot verify: malformed, or too weak. */
  | 'key_unusable'
  /** The issuer's keys could not be fetched. Says nothing about the token: answer 503, not 401, and try again. */
  | 'jwks_unavailable'
  /** `sub` or `exp` is missing. */
  | 'claim_missing'
  /** A claim is of the wrong type or beyond the limits of an event. */
  | 'claim_invalid';

export interface VerifiedIdentity {
  readonly kind: 'VERIFIED';
  readonly actor: TokenActor;
  /** The tenant claim, when one is configured and present. */
  readonly tenant: string | null;
}

export interface InvalidIdentity {
  readonly kind: 'INVALID';
  readonly reason: TokenReason;
  /**
   * Who the token claims to be, unverified: `token_status` is INVALID, `actor_type` ANONYMOUS, and nothing that grants
   * anything (roles, scopes, client, chain) is taken over. Whoever sent the token chose these strings.
   */
  readonly actor: TokenActor;
  readonly tenant: null;
}

export interface AbsentIdentity {
  readonly kind: 'ABSENT';
  readonly actor: TokenActor;
  readonly tenant: null;
}

export type Identity = VerifiedIdentity | InvalidIdentity | AbsentIdentity;

/** The actor of a request without a token. */
export const ABSENT_IDENTITY: AbsentIdentity = Object.freeze({
  kind: 'ABSENT',
  tenant: null,
  actor: Object.freeze({
    actor_type: 'ANONYMOUS',
    actor_id: '',
    actor_issuer: null,
    actor_client_id: null,
    actor_roles: Object.freeze([]),
    actor_scopes: Object.freeze([]),
    actor_chain: Object.freeze([]),
    token_status: 'ABSENT',
    token_id_hash: null,
    session_id_hash: null,
    token_key_id: null,
    token_algorithm: null,
    token_issued_at: null,
    token_expires_at: null,
  }),
});

/** The actor of work that a service does on its own behalf, outside of any request. */
export const systemActor = (id: string): TokenActor => ({ ...ABSENT_IDENTITY.actor, actor_type: 'SYSTEM', actor_id: id });
