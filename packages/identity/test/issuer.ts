import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose';
import type { IssuerOptions, TokenVerifierOptions } from '../src/index.ts';

export const ISSUER = 'https://issuer.example';
export const AUDIENCE = 'https://api.example';
export const NOW_MS = 1_790_000_000_000;
export const NOW_S: number = NOW_MS / 1000;

export interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
}

export async function signingKey(kid: string, alg = 'ES256'): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  return { kid, alg, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } };
}

export const CLAIMS: JWTPayload = { iss: ISSUER, aud: AUDIENCE, sub: 'alice', iat: NOW_S - 60, exp: NOW_S + 600 };

export const token = (key: SigningKey, claims: Record<string, unknown> = {}, header: Record<string, unknown> = {}): Promise<string> =>
  new SignJWT(withoutUndefined({ ...CLAIMS, ...claims }))
    .setProtectedHeader({ alg: key.alg, kid: key.kid, ...header })
    .sign(key.privateKey);

export const localIssuer = (keys: readonly SigningKey[], options: Partial<IssuerOptions> = {}): IssuerOptions => ({
  issuer: ISSUER,
  audience: AUDIENCE,
  jwks: { kind: 'local', jwks: { keys: keys.map((key) => key.jwk) } },
  algorithms: ['ES256'],
  ...options,
});

/** A clock that tests move. */
export interface Clock {
  now_ms: number;
  readonly read: () => number;
}
export function clockAt(now_ms: number = NOW_MS): Clock {
  const clock: Clock = { now_ms, read: () => clock.now_ms };
  return clock;
}

export const options = (issuer: IssuerOptions, more: Partial<TokenVerifierOptions> = {}): TokenVerifierOptions => ({
  issuers: [issuer],
  clock_ms: () => NOW_MS,
  ...more,
});

const withoutUndefined = (claims: Record<string, unknown>): JWTPayload =>
  Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined));
