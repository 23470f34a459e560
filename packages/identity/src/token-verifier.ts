import { type BinaryToTextEncoding, hash } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader, errors, type JWTPayload, type JWTVerifyOptions, jwtVerify } from 'jose';
import { claimedActor, mapClaims } from './claims.ts';
import { IdentityError } from './errors.ts';
import { ABSENT_IDENTITY, type Identity, type InvalidIdentity, type TokenReason, type VerifiedIdentity } from './identity.ts';
import { createKeys, KeyFault, type Keys } from './key-source.ts';
import { assertIssuers, type IssuerOptions, type TokenVerifierOptions } from './options.ts';
import { createTokenCache } from './token-cache.ts';

export interface TokenVerifierStats {
  readonly hits: number;
  readonly misses: number;
  /** Calls that waited for another one's verification of the same token. */
  readonly joined: number;
  readonly entries: number;
}

export interface TokenVerifier {
  /** Judges a compact JWT. Never rejects because of the token: what is wrong with it is the result's `reason`. */
  verify(token: string | null): Promise<Identity>;
  stats(): TokenVerifierStats;
}

interface Issuer {
  readonly options: IssuerOptions;
  readonly keys: Keys;
  readonly tolerance_s: number;
}
interface Remembered {
  /** Settled. All calls share it: a promise of their own would cost more than what they ask for. */
  readonly answer: Promise<VerifiedIdentity>;
  readonly from_ms: number;
  readonly until_ms: number;
}
interface Judged {
  readonly identity: VerifiedIdentity | InvalidIdentity;
  /** When the result may no longer be used without asking again; 0 for anything but a verified token. */
  readonly until_ms: number;
}

/** @types/node leaves it out; Node takes it. */
const LATIN1 = 'latin1' as BinaryToTextEncoding;
const CACHE_ENTRIES_DEFAULT = 10_000;
const CACHE_AGE_DEFAULT_MS = 300_000;
const TOKEN_CHARS_DEFAULT = 16_384;
const TOLERANCE_DEFAULT_S = 5;

/**
 * Verifies bearer tokens by jose against the issuers' key sets. Verified tokens are remembered by their SHA-256, until
 * `exp` minus the tolerance and for `cache_age_max_ms` at most. Failures are judged anew each time.
 * Throws IdentityError `invalid_option`.
 */
export function createTokenVerifier(options: TokenVerifierOptions): TokenVerifier {
  assertIssuers(options.issuers);
  const { clock_ms } = options;
  const entriesMax = options.cache_entries_max ?? CACHE_ENTRIES_DEFAULT;
  const ageMax = options.cache_age_max_ms ?? CACHE_AGE_DEFAULT_MS;
  const charsMax = options.token_chars_max ?? TOKEN_CHARS_DEFAULT;
  if (!(Number.isSafeInteger(entriesMax) && entriesMax >= 0)) {
    throw new IdentityError('invalid_option', `cache_entries_max is ${entriesMax}: pass a whole number, 0 for no cache`);
  }
  const issuers = new Map<string, Issuer>(
    options.issuers.map((issuer) => [
      issuer.issuer,
      { options: issuer, keys: createKeys(issuer.jwks, options.fetch), tolerance_s: issuer.clock_tolerance_s ?? TOLERANCE_DEFAULT_S },
    ]),
  );
  const cache = createTokenCache<Remembered>(entriesMax);
  const underway = new Map<string, Promise<Identity>>();
  let hits = 0;
  let misses = 0;
  let joined = 0;

  const judge = async (token: string): Promise<Judged> => {
    const unverified = readUnverified(token);
    if (unverified === null) return refused('token_malformed', null, null);
    const { claims, algorithm } = unverified;
    const issuer = typeof claims.iss === 'string' ? issuers.get(claims.iss) : undefined;
    if (issuer === undefined) return refused('unknown_issuer', claims, algorithm);
    if (!(issuer.options.algorithms as readonly unknown[]).includes(algorithm)) return refused('algorithm_not_allowed', claims, algorithm);
    const checked = await check(token, issuer, clock_ms());
    if (checked.kind === 'refused') return refused(checked.reason, claims, algorithm);
    const mapped = mapClaims(checked.claims, checked.algorithm, checked.key_id, issuer.options.claims);
    if (mapped.kind === 'fault') return refused(mapped.reason, claims, algorithm);
    return {
      identity: { kind: 'VERIFIED', actor: mapped.actor, tenant: mapped.tenant },
      until_ms: ((checked.claims.exp as number) - issuer.tolerance_s) * 1000,
    };
  };

  const judgeAndRemember = async (token: string, digest: string): Promise<Identity> => {
    const from_ms = clock_ms();
    const { identity, until_ms } = await judge(token);
    if (identity.kind === 'VERIFIED' && until_ms > from_ms) {
      cache.set(digest, { answer: Promise.resolve(identity), from_ms, until_ms: Math.min(until_ms, from_ms + ageMax) });
    }
    return identity;
  };

  const answer = (token: string | null): Promise<Identity> => {
    if (token === null || token === '') return Promise.resolve(ABSENT_IDENTITY);
    if (token.length > charsMax) return Promise.resolve(refused('token_malformed', null, null).identity);
    const digest = hash('sha256', token, LATIN1);
    const known = cache.get(digest);
    if (known !== undefined) {
      const now = clock_ms();
      // A clock that was set back proves nothing about the past either: judge again.
      if (now >= known.from_ms && now < known.until_ms) {
        hits++;
        return known.answer;
      }
      cache.delete(digest);
    }
    const pending = underway.get(digest);
    if (pending !== undefined) {
      joined++;
      return pending;
    }
    misses++;
    const judging = judgeAndRemember(token, digest).finally(() => underway.delete(digest));
    underway.set(digest, judging);
    return judging;
  };

  return {
    verify(token) {
      try {
        return answer(token);
      } catch (thrown) {
        return Promise.reject(thrown); // a token that is no text, a clock that throws
      }
    },
    stats: () => ({ hits, misses, joined, entries: cache.size }),
  };
}

const refused = (reason: TokenReason, claims: JWTPayload | null, algorithm: unknown): Judged => ({
  identity: { kind: 'INVALID', reason, actor: claimedActor(claims, algorithm), tenant: null },
  until_ms: 0,
});

function readUnverified(token: string): { readonly claims: JWTPayload; readonly algorithm: unknown } | null {
  try {
    return { claims: decodeJwt(token), algorithm: decodeProtectedHeader(token).alg };
  } catch (thrown) {
    if (thrown instanceof errors.JOSEError || thrown instanceof TypeError) return null; // jose's words for "not a JWT"
    throw thrown;
  }
}

type Checked =
  | { readonly kind: 'checked'; readonly claims: JWTPayload; readonly algorithm: string; readonly key_id: string }
  | { readonly kind: 'refused'; readonly reason: TokenReason };

/** Asks jose, key by key: several are tried only when the token names none and more than one fits. */
async function check(token: string, issuer: Issuer, now_ms: number): Promise<Checked> {
  const { audience, algorithms, token_type } = issuer.options;
  const verifyOptions: JWTVerifyOptions = {
    issuer: issuer.options.issuer,
    audience: typeof audience === 'string' ? audience : [...audience],
    algorithms: [...algorithms],
    clockTolerance: issuer.tolerance_s,
    currentDate: new Date(now_ms),
    requiredClaims: ['sub', 'exp'],
    ...(token_type === undefined ? {} : { typ: token_type }),
  };
  let tried = 0;
  for (;;) {
    let candidates = 1;
    try {
      const { payload, protectedHeader, key } = await jwtVerify(
        token,
        async (header, jws) => {
          const keys = await issuer.keys.candidates(header, jws);
          candidates = keys.length;
          const candidate = keys[tried];
          if (candidate === undefined) throw new KeyFault('key_not_found', null); // the set shrank between two tries
          return candidate;
        },
        verifyOptions,
      );
      return { kind: 'checked', claims: payload, algorithm: protectedHeader.alg, key_id: await issuer.keys.thumbprint(key) };
    } catch (thrown) {
      const reason = reasonOf(thrown);
      tried++;
      if (reason !== 'signature_invalid' || tried >= candidates) return { kind: 'refused', reason };
    }
  }
}

/** jose's error codes as verdicts. What has no verdict is a bug or the environment, and is thrown on. */
function reasonOf(thrown: unknown): TokenReason {
  if (thrown instanceof KeyFault) return thrown.reason;
  if (thrown instanceof errors.JWTExpired) return 'expired';
  if (thrown instanceof errors.JWTClaimValidationFailed) return claimReason(thrown);
  if (thrown instanceof errors.JWSSignatureVerificationFailed) return 'signature_invalid';
  if (thrown instanceof errors.JOSEAlgNotAllowed) return 'algorithm_not_allowed';
  if (thrown instanceof errors.JWSInvalid || thrown instanceof errors.JWTInvalid || thrown instanceof errors.JOSENotSupported) {
    return 'token_malformed';
  }
  if (thrown instanceof TypeError) return 'key_unusable'; // jose's word for a key that is too short or of another kind
  throw thrown;
}

function claimReason(failed: errors.JWTClaimValidationFailed): TokenReason {
  if (failed.reason === 'missing') return failed.claim === 'aud' ? 'wrong_audience' : 'claim_missing';
  if (failed.reason === 'invalid') return 'claim_invalid';
  switch (failed.claim) {
    case 'nbf':
      return 'not_yet_valid';
    case 'aud':
      return 'wrong_audience';
    case 'typ':
      return 'wrong_type';
    case 'iss':
      return 'unknown_issuer';
    default:
      return 'claim_invalid';
  }
}
