import type { Emitter } from '@sealtrail/emitter';
import { type AuditVariables, auditMiddleware } from '@sealtrail/emitter/hono';
import type { TokenVerifier } from '@sealtrail/identity';
import { Hono } from 'hono';
import type { Accounts } from './accounts.ts';
import type { TokenClaims } from './local-issuer.ts';

type Env = { Variables: AuditVariables };

export interface SignInDeps {
  readonly emitter: Pick<Emitter, 'audit'>;
  readonly identity: TokenVerifier;
  readonly accounts: Accounts;
  readonly issuer: { token(claims: TokenClaims): Promise<string> };
  /** Networks of proxies in front of the API, if any. */
  readonly trusted_proxies?: readonly string[];
}

const NAME_CHARS_MAX = 128;
const PASSWORD_CHARS_MAX = 1_024;

/** `POST /sessions`: a name and a password for a token. Whoever calls has no token yet, and every try is an event all the same. */
export function createSignIn(deps: SignInDeps): Hono<Env> {
  const { emitter, identity, accounts, issuer, trusted_proxies = [] } = deps;
  const app = new Hono<Env>();
  app.use('/sessions', auditMiddleware({ emitter, identity, trusted_proxies }));

  app.post('/sessions', async (c) => {
    const given = parseCredentials(await c.req.json().catch(() => null));
    if (given === null) {
      void c.get('audit').log('session.create', { reason: 'invalid_body' });
      return c.json({ error: 'invalid_body' }, 400);
    }
    const checked = await accounts.check(given.name, given.password);
    const { account } = checked;
    // The account that was tried is the object: nobody has acted yet. Its tenant is where the try belongs, the emitter's own for a name that nobody has.
    const tried = { resource_id: given.name };
    const where = { tenant: account?.tenant ?? null };
    if (checked.kind === 'refused') {
      // The log says which of the two it was, the answer does not.
      void c.get('audit').log('session.create', { ...tried, reason: account === null ? 'unknown_account' : 'bad_credentials' }, where);
      return c.json({ error: 'refused' }, 401);
    }
    void c.get('audit').log('session.create', tried, where);
    const { tenant, roles } = checked.account;
    return c.json({ token: await issuer.token({ sub: given.name, tenant, roles, scope: 'invoices' }) }, 201);
  });

  return app;
}

function parseCredentials(body: unknown): { readonly name: string; readonly password: string } | null {
  const { name, password } = (body ?? {}) as Record<string, unknown>;
  if (typeof name !== 'string' || name === '' || name.length > NAME_CHARS_MAX) return null;
  if (typeof password !== 'string' || password.length > PASSWORD_CHARS_MAX) return null;
  return { name, password };
}
