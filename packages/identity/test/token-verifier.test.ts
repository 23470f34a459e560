import { createHash, createHmac, createPublicKey } from 'node:crypto';
import { calculateJwkThumbprint, type JWTPayload, SignJWT } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { createTokenVerifier, type Identity, type IssuerOptions, type TokenReason } from '../src/index.ts';
import { AUDIENCE, CLAIMS, ISSUER, localIssuer, NOW_S, options, type SigningKey, signingKey, token } from './issuer.ts';

let key: SigningKey;
let other: SigningKey;
beforeAll(async () => {
  key = await signingKey('k1');
  other = await signingKey('k1'); // the same key id, another key
});

const verify = async (jwt: string | null, issuer: Partial<IssuerOptions> = {}): Promise<Identity> =>
  createTokenVerifier(options(localIssuer([key], issuer))).verify(jwt);
const reason = (identity: Identity): TokenReason | string => (identity.kind === 'INVALID' ? identity.reason : identity.kind);
const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('a verified token', () => {
  it('becomes an actor section with ids as digests and times in ms', async () => {
    const jwt = await token(key, { azp: 'web', roles: ['admin'], scope: 'audit:read audit:admin', jti: 'id-1', sid: 'session-1' });
    const identity = await verify(jwt);
    expect(identity).toEqual({
      kind: 'VERIFIED',
      tenant: null,
      actor: {
        actor_type: 'USER',
        actor_id: 'alice',
        actor_issuer: ISSUER,
        actor_client_id: 'web',
        actor_roles: ['admin'],
        actor_scopes: ['audit:read', 'audit:admin'],
        actor_chain: [],
        token_status: 'VERIFIED',
        token_id_hash: new Uint8Array(createHash('sha256').update('id-1').digest()),
        session_id_hash: new Uint8Array(createHash('sha256').update('session-1').digest()),
        token_key_id: await calculateJwkThumbprint(key.jwk),
        token_algorithm: 'ES256',
        token_issued_at: (NOW_S - 60) * 1000,
        token_expires_at: (NOW_S + 600) * 1000,
      },
    });
  });

  it('names the key that verified by its thumbprint, not by the header’s kid', async () => {
    const second = await signingKey('k2');
    const jwt = await token(second, {}, { kid: undefined });
    const issuer = localIssuer([key, second]);
    const identity = await createTokenVerifier(options(issuer)).verify(jwt);
    expect(identity.actor.token_key_id).toBe(await calculateJwkThumbprint(second.jwk));
  });

  it('reads claims where the mapping says, nested ones too', async () => {
    const jwt = await token(key, { realm_access: { roles: ['ops'] }, org: 'acme', permissions: ['a', 'b'], app: 'cli' });
    const identity = await verify(jwt, {
      claims: { roles: ['realm_access', 'roles'], tenant: 'org', scopes: 'permissions', client: 'app', actor_type: () => 'SYSTEM' },
    });
    expect(identity.tenant).toBe('acme');
    expect(identity.actor).toMatchObject({
      actor_roles: ['ops'],
      actor_scopes: ['a', 'b'],
      actor_client_id: 'cli',
      actor_type: 'SYSTEM',
    });
  });

  it('is a service when its subject is its client (RFC 9068)', async () => {
    expect((await verify(await token(key, { sub: 'job', client_id: 'job' }))).actor.actor_type).toBe('SERVICE');
  });

  it('carries the RFC 8693 act chain, nearest first, and refuses one that is too deep', async () => {
    const act = { sub: 'support', iss: 'https://staff.example', act: { sub: 'robot' } };
    expect((await verify(await token(key, { act }))).actor.actor_chain).toEqual([
      { issuer: 'https://staff.example', subject: 'support' },
      { issuer: null, subject: 'robot' },
    ]);
    let deep: object = { sub: 'x' };
    for (let i = 0; i < 8; i++) deep = { sub: 'x', act: deep };
    expect(reason(await verify(await token(key, { act: deep })))).toBe('claim_invalid');
  });

  it('keeps a time beyond the year 2200 as absent: an event could not carry it', async () => {
    const identity = await verify(await token(key, { exp: 9_999_999_999 }));
    expect(identity.kind).toBe('VERIFIED');
    expect(identity.actor.token_expires_at).toBeNull();
  });
});

describe('every reason', () => {
  it('token_malformed: not a JWS, no JSON, too long, a critical header that nobody knows', async () => {
    for (const text of ['x', 'a.b.c', 'a.b', '....', `${base64url({ alg: 'ES256' })}.${base64url([1])}.AAAA`, '\u0000', 'é.é.é']) {
      expect(reason(await verify(text)), JSON.stringify(text)).toBe('token_malformed');
    }
    expect(reason(await verify(`${await token(key)}${'A'.repeat(20_000)}`))).toBe('token_malformed');
    const header = { alg: 'ES256', kid: 'k1', crit: ['strange'], strange: 1 };
    const critical = `${base64url(header)}.${base64url(CLAIMS)}.AAAA`;
    expect(reason(await verify(critical))).toBe('token_malformed');
  });

  it('unknown_issuer', async () => {
    expect(reason(await verify(await token(key, { iss: 'https://evil.example' })))).toBe('unknown_issuer');
    expect(reason(await verify(await token(key, { iss: undefined })))).toBe('unknown_issuer');
  });

  it('algorithm_not_allowed: none, HMAC over the public key, and one that is fine elsewhere', async () => {
    const none = `${base64url({ alg: 'none' })}.${base64url(CLAIMS)}.`;
    expect(reason(await verify(none))).toBe('algorithm_not_allowed');
    const rsa = await signingKey('k1', 'RS256');
    const pem = createPublicKey({ key: rsa.jwk as never, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
    const input = `${base64url({ alg: 'HS256', kid: 'k1' })}.${base64url(CLAIMS)}`;
    const confused = `${input}.${createHmac('sha256', pem).update(input).digest('base64url')}`;
    const verifier = createTokenVerifier(options(localIssuer([rsa], { algorithms: ['RS256'] })));
    expect(reason(await verifier.verify(confused))).toBe('algorithm_not_allowed');
    expect(reason(await verifier.verify(await token(rsa)))).toBe('VERIFIED');
    expect(reason(await verify(await token(rsa)))).toBe('algorithm_not_allowed');
  });

  it('signature_invalid: another key, and each part altered', async () => {
    expect(reason(await verify(await token(other)))).toBe('signature_invalid');
    const [header, , signature] = (await token(key)).split('.');
    expect(reason(await verify(`${header}.${base64url({ ...CLAIMS, sub: 'root' })}.${signature}`))).toBe('signature_invalid');
  });

  it('a key inside the token is not a key', async () => {
    const mallory = await signingKey('m');
    const jwt = await new SignJWT(CLAIMS).setProtectedHeader({ alg: 'ES256', jwk: mallory.jwk }).sign(mallory.privateKey);
    expect(reason(await verify(jwt))).toBe('signature_invalid');
  });

  it('expired and not_yet_valid, each with the tolerance', async () => {
    expect(reason(await verify(await token(key, { exp: NOW_S - 5 })))).toBe('expired');
    expect(reason(await verify(await token(key, { exp: NOW_S - 4 })))).toBe('VERIFIED');
    expect(reason(await verify(await token(key, { exp: NOW_S }), { clock_tolerance_s: 0 }))).toBe('expired');
    expect(reason(await verify(await token(key, { nbf: NOW_S + 6 })))).toBe('not_yet_valid');
    expect(reason(await verify(await token(key, { nbf: NOW_S + 5 })))).toBe('VERIFIED');
  });

  it('wrong_audience and wrong_type', async () => {
    expect(reason(await verify(await token(key, { aud: 'https://other.example' })))).toBe('wrong_audience');
    expect(reason(await verify(await token(key, { aud: undefined })))).toBe('wrong_audience');
    expect(reason(await verify(await token(key, { aud: ['x', AUDIENCE] })))).toBe('VERIFIED');
    expect(reason(await verify(await token(key), { token_type: 'at+jwt' }))).toBe('wrong_type');
    expect(reason(await verify(await token(key, {}, { typ: 'at+jwt' }), { token_type: 'at+jwt' }))).toBe('VERIFIED');
  });

  it('key_not_found and key_unusable', async () => {
    expect(reason(await verify(await token(key, {}, { kid: 'k9' })))).toBe('key_not_found');
    const broken = { ...key, jwk: { ...key.jwk, x: 'AAAA' } };
    const verifier = createTokenVerifier(options(localIssuer([broken])));
    expect(reason(await verifier.verify(await token(key)))).toBe('key_unusable');
  });

  it('claim_missing and claim_invalid', async () => {
    expect(reason(await verify(await token(key, { sub: undefined })))).toBe('claim_missing');
    expect(reason(await verify(await token(key, { sub: '' })))).toBe('claim_missing');
    expect(reason(await verify(await token(key, { exp: undefined })))).toBe('claim_missing');
    const bad: JWTPayload[] = [
      { sub: 7 as never },
      { exp: 'soon' as never },
      { sub: 'x'.repeat(513) },
      { sub: '\ud800' },
      { roles: { admin: true } },
      { roles: [1] },
      { scope: 'x '.repeat(257) },
      { jti: 5 as never },
      { act: 'bob' },
      { act: {} },
    ];
    for (const claims of bad) {
      const jwt = await token(key, { ...claims, sub: 'sub' in claims ? claims.sub : 'alice' } as JWTPayload);
      expect(reason(await verify(jwt)), JSON.stringify(claims)).toBe('claim_invalid');
    }
  });

  it('absent is not invalid', async () => {
    for (const absent of [null, '']) {
      const identity = await verify(absent);
      expect(identity.kind).toBe('ABSENT');
      expect(identity.actor).toMatchObject({ actor_type: 'ANONYMOUS', token_status: 'ABSENT', actor_id: '' });
    }
  });
});

describe('an unverified identity', () => {
  it('is marked, and takes over nothing that grants', async () => {
    const jwt = await token(other, { sub: 'root', roles: ['admin'], scope: 'audit:admin', azp: 'web', act: { sub: 'x' }, tenant: 'acme' });
    const identity = await verify(jwt, { claims: { tenant: 'tenant' } });
    expect(identity).toMatchObject({
      kind: 'INVALID',
      tenant: null,
      actor: {
        actor_type: 'ANONYMOUS',
        actor_id: 'root',
        token_status: 'INVALID',
        actor_roles: [],
        actor_scopes: [],
        actor_client_id: null,
        actor_chain: [],
        token_key_id: null,
      },
    });
  });

  it('is bounded and well-formed, whatever the sender wrote', async () => {
    const claims = { iss: 'y'.repeat(4_000), sub: `\ud800${'x'.repeat(4_000)}`, exp: 1e300, iat: -5, jti: { a: 1 } };
    const identity = await verify(`${base64url({ alg: 'my own secret' })}.${base64url(claims)}.AAAA`);
    expect(identity.actor.actor_id).toHaveLength(512);
    expect(identity.actor.actor_id.isWellFormed()).toBe(true);
    expect(identity.actor).toMatchObject({ token_algorithm: null, token_issued_at: null, token_expires_at: null, token_id_hash: null });
  });
});

describe('options', () => {
  it('are refused when they would weaken the check', () => {
    const cases: Partial<IssuerOptions>[] = [
      { algorithms: [] },
      { algorithms: ['HS256' as never] },
      { algorithms: ['none' as never] },
      { audience: '' },
      { audience: [] },
      { issuer: '' },
      { clock_tolerance_s: 3_600 },
      { jwks: { kind: 'remote', url: 'http://issuer.example/jwks' } },
      { jwks: { kind: 'remote', url: 'jwks.json' } },
      { jwks: { kind: 'local', jwks: { keys: [{ kty: 'oct', k: 'AAAA' }] } } },
      { jwks: { kind: 'local', jwks: { keys: [{ kty: 'OKP', crv: 'Ed25519', x: 'AAAA', d: 'c2VjcmV0' }] } } },
    ];
    for (const broken of cases) {
      expect(() => createTokenVerifier(options(localIssuer([key], broken))), JSON.stringify(broken)).toThrowError(
        expect.objectContaining({ code: 'invalid_option' }) as Error,
      );
    }
    expect(() => createTokenVerifier({ issuers: [], clock_ms: () => 0 })).toThrow('issuers is empty');
  });
});
