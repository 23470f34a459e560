import { ABSENT_IDENTITY, createTokenVerifier, type Identity, type TokenReason } from '@sealtrail/identity';
import { Hono } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type AuditMiddlewareOptions, type AuditVariables, auditMiddleware } from '../src/hono.ts';
import { type Harness, harness, NOW_MS } from './fixtures/harness.ts';

const alice: Identity = {
  kind: 'VERIFIED',
  tenant: 'acme',
  actor: { ...ABSENT_IDENTITY.actor, actor_type: 'USER', actor_id: 'alice', token_status: 'VERIFIED' },
};
const invalid = (reason: TokenReason): Identity => ({
  kind: 'INVALID',
  reason,
  tenant: null,
  actor: { ...ABSENT_IDENTITY.actor, actor_id: 'claimed', token_status: 'INVALID' },
});

interface Api {
  readonly test: Harness;
  get(path: string, headers?: Record<string, string>, remote?: string): Promise<Response>;
  events(): Promise<Harness['events'] extends () => infer T ? T : never>;
}

function api(
  options: Partial<AuditMiddlewareOptions> = {},
  routes: (app: Hono<{ Variables: AuditVariables }>) => void = () => undefined,
): Api {
  const test = harness();
  const app = new Hono<{ Variables: AuditVariables }>();
  app.use(auditMiddleware({ emitter: test.emitter, identity: () => alice, ...options }));
  app.get('/invoices/:id', (c) => {
    void c.get('audit').log('invoice.read', { resource_id: c.req.param('id') });
    return c.json({ by: c.get('identity').actor.actor_id });
  });
  routes(app);
  app.get('*', (c) => c.text('a catch-all'));
  return {
    test,
    get: async (path, headers = {}, remote = '192.0.2.7') =>
      app.request(path, { headers }, { incoming: { socket: { remoteAddress: remote } } }),
    events: async () => {
      await test.emitter.flush();
      expect(test.emitter.stats().deferred_events).toBe(0); // every scope was finished
      return test.events();
    },
  };
}

const address = (bytes: Uint8Array | null | undefined): string | null => (bytes ? Array.from(bytes.subarray(12)).join('.') : null);

// hono's own handler prints what a handler throws.
beforeEach(() => void vi.spyOn(console, 'error').mockImplementation(() => undefined));
afterEach(() => vi.restoreAllMocks());

describe('a request', () => {
  it('gives its events who, from where, what was asked, and how it ended', async () => {
    const { get, events, test } = api();
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const response = await get('/invoices/i-7?verbose=1', { 'user-agent': 'curl/8.5', traceparent });
    expect([response.status, await response.json()]).toEqual([200, { by: 'alice' }]);
    const [event] = await events();
    expect(event).toMatchObject({
      actor_id: 'alice',
      token_status: 'VERIFIED',
      action: 'invoice.read',
      resource_id: 'i-7',
      http_method: 'GET',
      http_route: '/invoices/:id',
      http_status: 200,
      outcome: 'SUCCESS',
      user_agent: 'curl/8.5',
      trace_id: new Uint8Array(Buffer.from('4bf92f3577b34da6a3ce929d0e0e4736', 'hex')),
    });
    expect(address(event?.source_ip)).toBe('192.0.2.7');
    expect(test.batches()[0]?.header.tenant).toBe('acme');
  });

  it('of another tenant goes where the option says', async () => {
    const { get, events, test } = api({ tenant: (context) => context.req.header('x-test-tenant') ?? null });
    await get('/invoices/1', { 'x-test-tenant': 'globex' });
    await get('/invoices/1');
    await events();
    expect(test.batches().map(({ header }) => header.tenant)).toEqual(['globex', 'acme']);
  });

  it('keeps its own identity when many run at once', async () => {
    const identity = (context: { req: { header(name: string): string | undefined } }): Identity => ({
      ...alice,
      actor: { ...alice.actor, actor_id: context.req.header('x-test-user') as string },
    });
    const { get, events } = api({ identity }, (app) =>
      app.get('/slow/:user', async (c) => {
        await new Promise((resolve) => setTimeout(resolve, Number(c.req.query('ms'))));
        void c.get('audit').log('slow.read', { resource_id: c.req.param('user') });
        return c.body(null, 204);
      }),
    );
    await Promise.all(Array.from({ length: 40 }, (_, i) => get(`/slow/u${i}?ms=${(i * 7) % 20}`, { 'x-test-user': `u${i}` })));
    const seen = await events();
    expect(seen).toHaveLength(40);
    for (const { actor_id, resource_id, http_status } of seen) expect([actor_id, http_status]).toEqual([resource_id, 204]);
  });

  it('that no route answers, and one that another router answers', async () => {
    const nested = new Hono<{ Variables: AuditVariables }>().get('/:part', (c) => {
      void c.get('audit').log('part.read');
      return c.text('x');
    });
    const { get, events } = api({}, (app) => app.route('/nested/:id', nested));
    await get('/nested/1/2');
    expect((await events()).map(({ http_route }) => http_route)).toEqual(['/nested/:id/:part']);
  });
});

describe('an error', () => {
  it.each([
    ['an Error', () => new Error('boom'), 500, 'ERROR'],
    ['an HTTPException', () => new HTTPException(409, { message: 'locked' }), 409, 'FAILURE'],
    ['a denial', () => new HTTPException(403), 403, 'DENIED'],
  ] as const)('%s that a handler throws ends the request with its status', async (_, thrown, status, outcome) => {
    const { get, events } = api({}, (app) =>
      app.get('/broken', (c) => {
        void c.get('audit').log('invoice.break');
        throw thrown();
      }),
    );
    expect((await get('/broken')).status).toBe(status);
    expect(await events()).toMatchObject([{ http_status: status, outcome }]);
  });

  it('that an onError handler answers has the status of its answer', async () => {
    const { get, events } = api({}, (app) => {
      app.onError((_error, c) => c.json({ error: 'teapot' }, 418));
      app.get('/broken', (c) => {
        void c.get('audit').log('invoice.break');
        throw new Error('boom');
      });
    });
    expect((await get('/broken')).status).toBe(418);
    expect(await events()).toMatchObject([{ http_status: 418 }]);
  });

  it('that no onError handler sees still ends the request', async () => {
    const { get, events } = api({}, (app) =>
      app.get('/broken', (c) => {
        void c.get('audit').log('invoice.break');
        throw 'a string'; // eslint-disable-line no-throw-literal
      }),
    );
    await expect(get('/broken')).rejects.toBe('a string');
    expect(await events()).toMatchObject([{ http_status: 500, outcome: 'ERROR' }]);
  });
});

describe('the address', () => {
  const proxies = { trusted_proxies: ['10.0.0.0/8', '192.0.2.1'] };
  it.each([
    ['no proxy is trusted: the header is ignored', {}, '192.0.2.7', '203.0.113.9', '192.0.2.7'],
    ['from a trusted proxy the header counts', proxies, '10.1.2.3', '203.0.113.9', '203.0.113.9'],
    ['from somebody else it does not', proxies, '198.51.100.4', '203.0.113.9', '198.51.100.4'],
    ['what the caller wrote itself is not believed', proxies, '10.1.2.3', '1.1.1.1, 203.0.113.9, 192.0.2.1', '203.0.113.9'],
    ['what is no address ends the search', proxies, '10.1.2.3', '203.0.113.9, unknown', '10.1.2.3'],
    ['without a header the proxy is the caller', proxies, '10.1.2.3', undefined, '10.1.2.3'],
  ] as const)('%s', async (_, options, remote, forwarded, expected) => {
    const { get, events } = api(options);
    await get('/invoices/1', forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }, remote);
    expect(address((await events())[0]?.source_ip)).toBe(expected);
  });

  it('comes from where the option says, and may be unknown', async () => {
    const { get, events } = api({ remote_address: () => undefined });
    await get('/invoices/1', { 'x-forwarded-for': '203.0.113.9' });
    expect((await events())[0]?.source_ip).toBeNull();
    expect(() => api({ trusted_proxies: ['10.0.0.0/33'] })).toThrowError(expect.objectContaining({ code: 'invalid_option' }) as Error);
  });
});

describe('a token that fails', () => {
  it('is an event, and the handler decides', async () => {
    const { get, events } = api({ identity: () => invalid('expired') });
    expect((await get('/invoices/1')).status).toBe(200);
    expect(await events()).toMatchObject([
      {
        action: 'token.verify',
        outcome: 'DENIED',
        reason: 'expired',
        token_status: 'INVALID',
        actor_id: 'claimed',
        http_route: '/invoices/:id',
      },
      { action: 'invoice.read', token_status: 'INVALID', outcome: 'SUCCESS' },
    ]);
  });

  it.each([
    ['expired', invalid('expired'), 401, 'DENIED', 'Bearer error="invalid_token"'],
    ['absent', ABSENT_IDENTITY, 401, 'DENIED', 'Bearer'],
    ['not to be judged', invalid('jwks_unavailable'), 503, 'ERROR', null],
  ] as const)('is refused when one is required: %s', async (_, identity, status, outcome, challenge) => {
    const { get, events } = api({ identity: () => identity, required: true, token_action: 'session.check' });
    const response = await get('/invoices/1');
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([status, challenge]);
    const reason = identity.kind === 'INVALID' ? identity.reason : 'token_absent';
    expect(await events()).toMatchObject([{ action: 'session.check', outcome, reason, http_status: status }]);
  });

  it('no token at all is nothing to tell when none is required', async () => {
    const { get, events } = api({ identity: () => ABSENT_IDENTITY });
    await get('/invoices/1');
    expect(await events()).toMatchObject([{ action: 'invoice.read', token_status: 'ABSENT', actor_type: 'ANONYMOUS' }]);
  });

  it('through a real verifier: good, altered, expired, of another scheme; no token in the log', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256');
    const jwk = { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256' };
    const verifier = createTokenVerifier({
      issuers: [
        { issuer: 'https://issuer.example', audience: 'api', jwks: { kind: 'local', jwks: { keys: [jwk] } }, algorithms: ['ES256'] },
      ],
      clock_ms: () => NOW_MS,
    });
    const token = (exp: number): Promise<string> =>
      new SignJWT({ iss: 'https://issuer.example', aud: 'api', sub: 'alice', exp })
        .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
        .sign(privateKey);
    const good = await token(NOW_MS / 1000 + 60);
    const old = await token(NOW_MS / 1000 - 60);
    const altered = `${good.slice(0, -6)}AAAAAA`;
    const { get, events, test } = api({ identity: verifier, required: true, tenant: () => 'acme' });
    const statuses: number[] = [];
    for (const authorization of [`Bearer ${good}`, `Bearer ${altered}`, `Bearer ${old}`, `Basic ${good}`]) {
      statuses.push((await get('/invoices/1', { authorization })).status);
    }
    expect(statuses).toEqual([200, 401, 401, 401]);
    expect((await events()).map(({ action, reason, actor_id, token_status }) => [action, reason, actor_id, token_status])).toEqual([
      ['invoice.read', null, 'alice', 'VERIFIED'],
      ['token.verify', 'signature_invalid', 'alice', 'INVALID'],
      ['token.verify', 'expired', 'alice', 'INVALID'],
      ['token.verify', 'token_absent', '', 'ABSENT'],
    ]);
    const bytes = Buffer.concat(test.log.records.map(({ value }) => value)).toString('latin1');
    for (const part of [good, old].flatMap((jwt) => jwt.split('.').slice(1))) expect(bytes).not.toContain(part);
  });

  it('an identity that cannot be asked fails the request', async () => {
    const { get } = api({
      identity: () => {
        throw new Error('the session store is away');
      },
    });
    expect((await get('/invoices/1')).status).toBe(500);
  });
});
