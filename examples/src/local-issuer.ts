import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { IssuerOptions } from '@sealtrail/identity';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';

/** What a token of the issuer says. Times and ids are filled in. */
export interface TokenClaims {
  /** The user. */
  readonly sub: string;
  readonly tenant?: string;
  readonly roles?: readonly string[];
  /** Words with spaces between. */
  readonly scope?: string;
  /** The client that the user came through. Default `web`. */
  readonly azp?: string;
  readonly sid?: string;
  readonly jti?: string;
  /** RFC 8693: who acts on the user's behalf. */
  readonly act?: { readonly sub: string; readonly iss?: string };
  /** From now; below 0 for a token that has expired. Default 3,600. */
  readonly expires_in_s?: number;
}

export interface LocalIssuer {
  /** The tokens' `iss`, and where the keys are served. */
  readonly issuer: string;
  readonly audience: string;
  token(claims: TokenClaims): Promise<string>;
  /** What a service needs to know to verify its tokens. */
  readonly options: IssuerOptions;
  close(): Promise<void>;
}

export interface LocalIssuerOptions {
  readonly clock_ms: () => number;
  readonly newId: () => string;
  /** Who the tokens are for. Default `invoices-api`. */
  readonly audience?: string;
  /** 0 for any that is free. Default 0. */
  readonly port?: number;
  /** Claimed as `iss` in place of its own address: two issuers of one name, and one of them is an impostor. */
  readonly issuer?: string;
}

const ALGORITHM = 'ES256';
const KEY_ID = 'local-1';

/** An identity provider in a few lines: makes a key, serves it as a JWKS on the loopback address, and signs tokens. Not for production. */
export async function startLocalIssuer(options: LocalIssuerOptions): Promise<LocalIssuer> {
  const { clock_ms, newId, audience = 'invoices-api' } = options;
  const { publicKey, privateKey } = await generateKeyPair(ALGORITHM);
  const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: KEY_ID, alg: ALGORITHM, use: 'sig' }] });

  const server = createServer((request, response) => {
    const isKeys = request.method === 'GET' && request.url === '/.well-known/jwks.json';
    response.writeHead(isKeys ? 200 : 404, { 'content-type': 'application/json' }).end(isKeys ? jwks : '{}');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const issuer = options.issuer ?? address;

  return {
    issuer,
    audience,
    token({ sub, expires_in_s = 3_600, azp = 'web', jti = newId(), ...claims }) {
      const now_s = Math.floor(clock_ms() / 1000);
      const payload: JWTPayload = { iss: issuer, aud: audience, sub, azp, jti, iat: now_s, exp: now_s + expires_in_s, ...claims };
      return new SignJWT(payload).setProtectedHeader({ alg: ALGORITHM, kid: KEY_ID, typ: 'at+jwt' }).sign(privateKey);
    },
    options: {
      issuer,
      audience,
      jwks: { kind: 'remote', url: `${address}/.well-known/jwks.json` },
      algorithms: [ALGORITHM],
      token_type: 'at+jwt',
      claims: { tenant: 'tenant' },
    },
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
        server.closeAllConnections();
      }),
  };
}
