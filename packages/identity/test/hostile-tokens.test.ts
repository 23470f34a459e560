import { currentEventSchema } from '@sealtrail/wire';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { createTokenVerifier, type Identity, type TokenActor, type TokenReason, type TokenVerifier } from '../src/index.ts';
import { CLAIMS, localIssuer, options, type SigningKey, signingKey, token } from './issuer.ts';

const REASONS: ReadonlySet<TokenReason> = new Set<TokenReason>([
  'token_malformed',
  'unknown_issuer',
  'algorithm_not_allowed',
  'signature_invalid',
  'expired',
  'not_yet_valid',
  'wrong_audience',
  'wrong_type',
  'key_not_found',
  'key_unusable',
  'claim_missing',
  'claim_invalid',
]);

let keys: readonly SigningKey[];
let verifier: TokenVerifier;
beforeAll(async () => {
  keys = await Promise.all([signingKey('es', 'ES256'), signingKey('ed', 'EdDSA'), signingKey('rs', 'RS256')]);
  verifier = createTokenVerifier(options(localIssuer(keys, { algorithms: ['ES256', 'EdDSA', 'RS256'] }), { cache_entries_max: 0 }));
});

const base64url = (value: unknown): string => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** An event with this actor, in its final bytes: throws when the actor could not be recorded. */
const room = Buffer.alloc(1 << 16);
function encodedLength(actor: TokenActor): number {
  const event = {
    ...actor,
    source_ip: null,
    user_agent: null,
    actor_salt: new Uint8Array(16),
    object_salt: new Uint8Array(16),
    resource_id: '',
    related: [],
    attributes: new Map<string, string>(),
    event_id: new Uint8Array(16),
    occurred_at: 0,
    action: 'a',
    resource_type: '',
    outcome: 'DENIED',
    reason: null,
    severity: 'LOW',
    http_method: null,
    http_route: null,
    http_status: null,
    trace_id: null,
    redactions: 0,
    personal: [],
  } as const;
  return currentEventSchema().encode(event, room, 0);
}

function assertSound(identity: Identity): void {
  if (identity.kind === 'INVALID') {
    expect(REASONS).toContain(identity.reason);
    expect(identity.actor).toMatchObject({ token_status: 'INVALID', actor_roles: [], actor_scopes: [], actor_chain: [] });
  }
  expect(encodedLength(identity.actor)).toBeGreaterThan(0);
}

describe('whatever is sent', () => {
  it('is judged without an exception, and an altered token never says anything else', async () => {
    const good = await Promise.all(keys.map((key) => token(key, { roles: ['clerk'] })));
    const genuine = await Promise.all(good.map((jwt) => verifier.verify(jwt)));
    const anyChar = fc.constantFrom(...'AZaz09-_.=+/ \u0000é');
    const alteration = fc.oneof(
      fc.record({ kind: fc.constant('replace' as const), at: fc.nat(), char: anyChar }),
      fc.record({ kind: fc.constant('delete' as const), at: fc.nat(), length: fc.nat(20) }),
      fc.record({ kind: fc.constant('insert' as const), at: fc.nat(), char: anyChar }),
      fc.record({ kind: fc.constant('part' as const), part: fc.nat(2), value: fc.jsonValue() }),
    );
    await fc.assert(
      fc.asyncProperty(fc.nat(2), fc.array(alteration, { minLength: 1, maxLength: 3 }), async (which, alterations) => {
        let jwt = good[which] as string;
        for (const one of alterations) {
          const at = 'at' in one ? one.at % (jwt.length + 1) : 0;
          if (one.kind === 'replace') jwt = jwt.slice(0, at) + one.char + jwt.slice(at + 1);
          else if (one.kind === 'insert') jwt = jwt.slice(0, at) + one.char + jwt.slice(at);
          else if (one.kind === 'delete') jwt = jwt.slice(0, at) + jwt.slice(at + one.length);
          else
            jwt = jwt
              .split('.')
              .with(Math.min(one.part, jwt.split('.').length - 1), base64url(one.value))
              .join('.');
        }
        const identity = await verifier.verify(jwt);
        assertSound(identity);
        // base64url has spellings that decode alike; what was said is then the same.
        if (identity.kind === 'VERIFIED') expect(identity).toEqual(genuine[which]);
      }),
      { numRuns: 600 },
    );
  });

  it('headers of every kind over a genuine payload', async () => {
    const header = fc.record(
      {
        alg: fc.oneof(fc.constantFrom('none', 'HS256', 'ES256', 'EdDSA', 'RS256', 'PS256', 'Ed25519'), fc.jsonValue()),
        kid: fc.oneof(fc.constantFrom('es', 'ed', 'rs', 'nobody', ''), fc.jsonValue()),
        typ: fc.jsonValue(),
        crit: fc.oneof(fc.constant(['b64']), fc.constant(['exp']), fc.jsonValue()),
        b64: fc.jsonValue(),
        jwk: fc.jsonValue(),
        x5c: fc.jsonValue(),
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(header, fc.uint8Array({ maxLength: 80 }), async (head, signature) => {
        const jwt = `${base64url(head)}.${base64url(CLAIMS)}.${Buffer.from(signature).toString('base64url')}`;
        const identity = await verifier.verify(jwt);
        assertSound(identity);
        expect(identity.kind).toBe('INVALID');
      }),
      { numRuns: 600 },
    );
  });

  it('claims of every kind, signed by the issuer: a verified actor can always be recorded', async () => {
    const any = fc.oneof(fc.jsonValue(), fc.string({ unit: 'binary', maxLength: 700 }), fc.double(), fc.integer());
    const act = fc.letrec<{ node: unknown }>((tie) => ({
      node: fc.record({
        sub: fc.string({ maxLength: 512, unit: 'binary' }),
        iss: fc.string({ maxLength: 512 }),
        act: fc.option(tie('node'), { nil: undefined }),
      }),
    })).node;
    const claims = fc.record(
      {
        sub: any,
        exp: any,
        nbf: any,
        iat: any,
        jti: any,
        sid: any,
        azp: any,
        scope: fc.oneof(any, fc.string({ maxLength: 5_000 })),
        roles: fc.oneof(any, fc.array(fc.string({ maxLength: 40, unit: 'binary' }), { maxLength: 300 })),
        act: fc.oneof(any, act),
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(claims, async (more) => {
        const key = keys[1] as SigningKey;
        const jwt = await token(key, JSON.parse(JSON.stringify(more)) as Record<string, unknown>).catch(() => null);
        if (jwt !== null) assertSound(await verifier.verify(jwt));
      }),
      { numRuns: 800 },
    );
  });

  it('an actor that would take more than half of an event is refused, and a little less can be recorded', async () => {
    const wide = '\uffff';
    const verdict = async (length: number): Promise<Identity> => {
      let act: unknown;
      for (let i = 0; i < 8; i++) act = { sub: wide.repeat(length), iss: 'x', ...(act === undefined ? {} : { act }) };
      const roles = Array.from({ length: 256 }, () => wide.repeat(4));
      return large.verify(await token(keys[1] as SigningKey, { sub: wide.repeat(512), roles, scope: 'x '.repeat(100), act }));
    };
    const large = createTokenVerifier(
      options(localIssuer(keys, { algorithms: ['EdDSA'] }), { cache_entries_max: 0, token_chars_max: 1_000_000 }),
    );
    const fits = await verdict(380);
    expect(fits.kind).toBe('VERIFIED');
    expect(encodedLength(fits.actor)).toBeGreaterThan(14_000);
    expect(encodedLength(fits.actor)).toBeLessThan(17_000);
    expect(await verdict(510)).toMatchObject({ kind: 'INVALID', reason: 'claim_invalid' });
  });
});
