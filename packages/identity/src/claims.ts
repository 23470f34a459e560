import { hash } from 'node:crypto';
import { type Delegate, TIME_MS_END } from '@sealtrail/wire';
import type { JWTPayload } from 'jose';
import type { TokenActor, TokenReason } from './identity.ts';
import { ALGORITHMS, type ClaimMapping, type ClaimPath } from './options.ts';

/** Half of an event's 32 KiB is the most that an actor section takes, whatever an issuer puts into its tokens. */
export const ACTOR_BYTES_MAX = 16_384;
export const SUBJECT_CHARS_MAX = 512;
export const NAME_CHARS_MAX = 512;
export const GRANTS_MAX = 256;
export const GRANTS_CHARS_MAX = 4_096;
export const CHAIN_DEPTH_MAX = 8;
/** What Avro writes before a text of up to 8,191 bytes, and for a union's branch. */
const TEXT_LENGTH_BYTES = 3;

/** A claim that does not fit; `reason` is the verdict on its token. */
export interface ClaimFault {
  readonly kind: 'fault';
  readonly reason: Extract<TokenReason, 'claim_missing' | 'claim_invalid'>;
}
export interface MappedClaims {
  readonly kind: 'mapped';
  readonly actor: TokenActor;
  readonly tenant: string | null;
}

const INVALID: ClaimFault = { kind: 'fault', reason: 'claim_invalid' };
const MISSING: ClaimFault = { kind: 'fault', reason: 'claim_missing' };

/** The actor section of a verified token. Only the claims named here are read; all others stay behind. */
export function mapClaims(claims: JWTPayload, algorithm: string, keyId: string, mapping: ClaimMapping = {}): MappedClaims | ClaimFault {
  const { sub, iss, iat, exp, jti } = claims;
  if (sub === undefined || sub === '' || exp === undefined) return MISSING;
  const client = claimAt(claims, mapping.client ?? 'azp') ?? (mapping.client === undefined ? claims.client_id : undefined);
  const tenant = mapping.tenant === undefined ? undefined : claimAt(claims, mapping.tenant);
  const roles = words(claimAt(claims, mapping.roles ?? 'roles'));
  const scopes = words(claimAt(claims, mapping.scopes ?? 'scope') ?? (mapping.scopes === undefined ? claims.scp : undefined));
  const chain = delegates(claims.act);
  if (!isText(sub, SUBJECT_CHARS_MAX) || !isText(iss, NAME_CHARS_MAX) || roles === null || scopes === null || chain === null)
    return INVALID;
  if (!isTextOrAbsent(client) || !isTextOrAbsent(tenant) || !isTextOrAbsent(jti) || !isTextOrAbsent(claims.sid)) return INVALID;
  const texts = [sub, iss, client ?? '', ...roles, ...scopes, ...chain.flatMap(({ issuer, subject }) => [issuer ?? '', subject])];
  if (texts.reduce((bytes, text) => bytes + Buffer.byteLength(text) + TEXT_LENGTH_BYTES, 0) > ACTOR_BYTES_MAX) return INVALID;
  return {
    kind: 'mapped',
    tenant: tenant ?? null,
    actor: {
      actor_type: mapping.actor_type?.(claims) ?? (client === sub ? 'SERVICE' : 'USER'),
      actor_id: sub,
      actor_issuer: iss,
      actor_client_id: client ?? null,
      actor_roles: roles,
      actor_scopes: scopes,
      actor_chain: chain,
      token_status: 'VERIFIED',
      token_id_hash: sha256OrNull(jti),
      session_id_hash: sha256OrNull(claims.sid),
      token_key_id: keyId,
      token_algorithm: algorithm,
      token_issued_at: timeMs(iat),
      token_expires_at: timeMs(exp),
    },
  };
}

/** What an unverified token claims: enough to see who was impersonated, nothing that grants. */
export function claimedActor(claims: JWTPayload | null, algorithm: unknown): TokenActor {
  return {
    actor_type: 'ANONYMOUS',
    actor_id: claimedText(claims?.sub, SUBJECT_CHARS_MAX) ?? '',
    actor_issuer: claimedText(claims?.iss, NAME_CHARS_MAX),
    actor_client_id: null,
    actor_roles: [],
    actor_scopes: [],
    actor_chain: [],
    token_status: 'INVALID',
    token_id_hash: isText(claims?.jti, NAME_CHARS_MAX) ? sha256OrNull(claims.jti) : null,
    session_id_hash: null,
    token_key_id: null,
    // Only a name out of the known list: the header is the sender's free text.
    token_algorithm: ALGORITHMS.find((known) => known === algorithm) ?? null,
    token_issued_at: timeMs(claims?.iat),
    token_expires_at: timeMs(claims?.exp),
  };
}

function claimAt(claims: JWTPayload, path: ClaimPath): unknown {
  let value: unknown = claims;
  for (const name of typeof path === 'string' ? [path] : path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value ?? undefined;
}

/** Grants from an array of strings or a string of words; null when they are something else or beyond the bounds. */
function words(value: unknown): readonly string[] | null {
  if (value === undefined) return [];
  const list: unknown = typeof value === 'string' ? value.split(' ').filter((word) => word !== '') : value;
  if (!Array.isArray(list) || list.length > GRANTS_MAX) return null;
  let chars = 0;
  for (const word of list) {
    if (!isText(word, GRANTS_CHARS_MAX)) return null;
    chars += word.length;
  }
  return chars > GRANTS_CHARS_MAX ? null : list;
}

/** RFC 8693 4.1: `act` names the nearest actor and nests the earlier ones. null beyond the depth: never cut silently. */
function delegates(act: unknown): readonly Delegate[] | null {
  const chain: Delegate[] = [];
  for (let at = act; at !== undefined; at = (at as { act?: unknown }).act) {
    if (typeof at !== 'object' || at === null || chain.length === CHAIN_DEPTH_MAX) return null;
    const { iss, sub } = at as { iss?: unknown; sub?: unknown };
    if (!isText(sub, SUBJECT_CHARS_MAX) || !(iss === undefined || isText(iss, NAME_CHARS_MAX))) return null;
    chain.push({ issuer: iss ?? null, subject: sub });
  }
  return chain;
}

/** Lone surrogates have no UTF-8, so an event could not carry them. */
const isText = (value: unknown, charsMax: number): value is string =>
  typeof value === 'string' && value.length <= charsMax && value.isWellFormed();
const isTextOrAbsent = (value: unknown): value is string | undefined => value === undefined || isText(value, NAME_CHARS_MAX);

const claimedText = (value: unknown, charsMax: number): string | null =>
  typeof value === 'string' ? value.slice(0, charsMax).toWellFormed() : null;

/** NumericDate (RFC 7519 2) in ms; null when absent or outside of the years that an event can carry. */
function timeMs(seconds: unknown): number | null {
  if (typeof seconds !== 'number') return null;
  const ms = Math.floor(seconds * 1000);
  return ms >= 0 && ms < TIME_MS_END ? ms : null;
}

const sha256OrNull = (text: unknown): Uint8Array | null =>
  typeof text === 'string' ? new Uint8Array(Buffer.from(hash('sha256', text, 'hex'), 'hex')) : null;
