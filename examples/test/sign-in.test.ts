import { randomUUID } from 'node:crypto';
import { createTokenVerifier } from '@sealtrail/identity';
import { Hono } from 'hono';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Harness, harness } from '../../packages/emitter/test/fixtures/harness.ts';
import { createAccounts } from '../src/accounts.ts';
import { createInvoicesApi } from '../src/invoices-api.ts';
import { type LocalIssuer, startLocalIssuer } from '../src/local-issuer.ts';
import { createSignIn } from '../src/sign-in.ts';

let issuer: LocalIssuer;
let test: Harness;
let app: Hono;

beforeEach(async () => {
  issuer = await startLocalIssuer({ clock_ms: Date.now, newId: randomUUID });
  test = harness({ clock_ms: Date.now, tenant: 'platform' });
  const identity = createTokenVerifier({ issuers: [issuer.options], clock_ms: Date.now });
  const accounts = await createAccounts([{ name: 'ada@acme', tenant: 'acme', roles: ['clerk'], password: 'right' }]);
  app = new Hono();
  app.route('/', createSignIn({ emitter: test.emitter, identity, accounts, issuer }));
  app.route('/', createInvoicesApi({ emitter: test.emitter, identity, newId: randomUUID }));
});
afterEach(() => issuer.close());

const signIn = (body: unknown): Response | Promise<Response> => app.request('/sessions', { method: 'POST', body: JSON.stringify(body) });
const told = async (): Promise<unknown[]> => {
  await test.emitter.flush();
  return test
    .events()
    .map((event) => [event.action, event.outcome, event.http_status, event.http_route, event.resource_id, event.reason, event.actor_id]);
};
const tenants = (): readonly string[] => test.batches().map(({ header }) => header.tenant);

describe('the sign-in', () => {
  it('gives a token that the API takes, and tells the account that was signed in to', async () => {
    const signed = await signIn({ name: 'ada@acme', password: 'right' });
    expect(signed.status).toBe(201);
    const { token } = (await signed.json()) as { readonly token: string };
    const listed = await app.request('/invoices', { headers: { authorization: `Bearer ${token}` } });
    expect(listed.status).toBe(200);
    expect(await told()).toEqual([
      ['session.create', 'SUCCESS', 201, '/sessions', 'ada@acme', null, ''],
      ['invoice.list', 'SUCCESS', 200, '/invoices', '', null, 'ada@acme'],
    ]);
    expect(tenants()).toEqual(['acme']);
  });

  it('tells wrong passwords from unknown names in the log, and not in the answer', async () => {
    const wrong = await signIn({ name: 'ada@acme', password: 'wrong' });
    const unknown = await signIn({ name: 'eve@acme', password: 'right' });
    expect([wrong.status, await wrong.text()]).toEqual([unknown.status, await unknown.text()]);
    expect(wrong.status).toBe(401);
    expect(await told()).toEqual([
      ['session.create', 'DENIED', 401, '/sessions', 'ada@acme', 'bad_credentials', ''],
      ['session.create', 'DENIED', 401, '/sessions', 'eve@acme', 'unknown_account', ''],
    ]);
    expect(tenants()).toEqual(['acme', 'platform']);
  });

  it.each([null, {}, { name: '', password: 'x' }, { name: 'ada@acme' }, { name: 'x'.repeat(129), password: 'x' }])(
    'refuses %j as no credentials, and tells that too',
    async (body) => {
      expect((await signIn(body)).status).toBe(400);
      expect(await told()).toEqual([['session.create', 'FAILURE', 400, '/sessions', '', 'invalid_body', '']]);
    },
  );

  it('leaves no password in what is recorded', async () => {
    await signIn({ name: 'ada@acme', password: 'a-very-long-secret' });
    await test.emitter.flush();
    expect(
      JSON.stringify(test.events(), (_key, value: unknown) =>
        value instanceof Map ? [...value] : typeof value === 'bigint' ? String(value) : value,
      ),
    ).not.toContain('a-very-long-secret');
  });
});
