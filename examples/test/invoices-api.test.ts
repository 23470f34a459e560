import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { get as httpGet } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import { createTokenVerifier } from '@sealtrail/identity';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Harness, harness, settle } from '../../packages/emitter/test/fixtures/harness.ts';
import { createInvoicesApi } from '../src/invoices-api.ts';
import { type LocalIssuer, startLocalIssuer, type TokenClaims } from '../src/local-issuer.ts';

let issuer: LocalIssuer;
let test: Harness;
let base: string;
let stop: () => Promise<void>;

beforeEach(async () => {
  issuer = await startLocalIssuer({ clock_ms: Date.now, newId: randomUUID });
  test = harness({ clock_ms: Date.now });
  const identity = createTokenVerifier({ issuers: [issuer.options], clock_ms: Date.now });
  let n = 0;
  const app = createInvoicesApi({ emitter: test.emitter, identity, newId: () => `inv-${++n}` });
  const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' });
  await once(server, 'listening');
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  stop = async () => {
    await new Promise((resolve) => server.close(resolve));
    await issuer.close();
  };
});
afterEach(() => stop());

const bearer = async (claims: Partial<TokenClaims> = {}): Promise<Record<string, string>> => ({
  authorization: `Bearer ${await issuer.token({ sub: 'alice', tenant: 'acme', roles: ['admin'], ...claims })}`,
});
const call = async (method: string, path: string, headers: Record<string, string>, body?: unknown): Promise<Response> =>
  fetch(`${base}${path}`, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
const told = async (): Promise<unknown[]> => {
  await test.emitter.flush();
  return test.events().map((event) => [event.action, event.outcome, event.http_status, event.actor_id, event.reason]);
};
const INVOICE = { customer_id: 'cus-1', amount_cents: 1_999, currency: 'EUR' };

describe('the invoices API', () => {
  it('tells what was done, by whom, and how it ended', async () => {
    const headers = await bearer();
    const created = await call('POST', '/invoices', headers, INVOICE);
    expect([created.status, await created.json()]).toEqual([201, { id: 'inv-1', ...INVOICE }]);
    expect((await call('GET', '/invoices', headers)).status).toBe(200);
    expect((await call('GET', '/invoices/inv-1', headers)).status).toBe(200);
    expect((await call('GET', '/invoices/inv-9', headers)).status).toBe(404);
    expect((await call('POST', '/invoices', headers, { ...INVOICE, amount_cents: -1 })).status).toBe(400);
    expect(await (await call('POST', '/invoices/export', headers)).text()).toBe('inv-1,cus-1,1999,EUR');
    expect((await call('DELETE', '/invoices/inv-1', headers)).status).toBe(204);
    expect((await call('DELETE', '/invoices/inv-1', headers)).status).toBe(404);
    expect(await told()).toEqual(
      expect.arrayContaining([
        ['invoice.create', 'SUCCESS', 201, 'alice', null],
        ['invoice.list', 'SUCCESS', 200, 'alice', null],
        ['invoice.read', 'SUCCESS', 200, 'alice', null],
        ['invoice.read', 'FAILURE', 404, 'alice', null],
        ['invoice.create', 'FAILURE', 400, 'alice', 'invalid_body'],
        ['invoice.export', 'SUCCESS', 200, 'alice', null],
        ['invoice.delete', 'SUCCESS', null, 'alice', null],
        ['invoice.delete', 'FAILURE', 404, 'alice', null],
      ]),
    );
    const create = test.events().find(({ action }) => action === 'invoice.create');
    expect(create).toMatchObject({
      resource_id: 'inv-1',
      related: [{ type: 'customer', id: 'cus-1' }],
      attributes: new Map([
        ['amount_cents', '1999'],
        ['currency', 'EUR'],
      ]),
      http_route: '/invoices',
      actor_issuer: issuer.issuer,
      actor_client_id: 'web',
      actor_roles: ['admin'],
    });
    expect(Array.from(create?.source_ip?.subarray(12) ?? [])).toEqual([127, 0, 0, 1]);
  });

  it('denies by role, by tenant and by token, and tells it', async () => {
    await call('POST', '/invoices', await bearer(), INVOICE);
    expect((await call('DELETE', '/invoices/inv-1', await bearer({ sub: 'bob', roles: ['clerk'] }))).status).toBe(403);
    expect((await call('GET', '/invoices/inv-1', await bearer({ sub: 'eve', tenant: 'globex' }))).status).toBe(404);
    expect((await call('GET', '/invoices', await bearer({ sub: 'old', expires_in_s: -60 }))).status).toBe(401);
    expect((await call('GET', '/invoices', {})).status).toBe(401);
    const nowhere = await issuer.token({ sub: 'nowhere', roles: ['admin'] });
    expect((await call('GET', '/invoices', { authorization: `Bearer ${nowhere}` })).status).toBe(403);
    const impostor = await startLocalIssuer({ clock_ms: Date.now, newId: randomUUID, issuer: issuer.issuer });
    const forged = await impostor.token({ sub: 'root', tenant: 'acme', roles: ['admin'] });
    expect((await call('GET', '/invoices', { authorization: `Bearer ${forged}` })).status).toBe(401);
    await impostor.close();
    expect(await told()).toEqual(
      expect.arrayContaining([
        ['invoice.delete', 'DENIED', 403, 'bob', 'role_missing'],
        ['invoice.read', 'FAILURE', 404, 'eve', null],
        ['invoice.list', 'DENIED', 403, 'nowhere', 'tenant_missing'],
        ['token.verify', 'DENIED', 401, 'old', 'expired'],
        ['token.verify', 'DENIED', 401, '', 'token_absent'],
        ['token.verify', 'DENIED', 401, 'root', 'signature_invalid'],
      ]),
    );
    expect(test.batches().map(({ header }) => header.tenant)).toContain('globex');
  });

  it('deletes nothing that could not be recorded', async () => {
    const headers = await bearer();
    await call('POST', '/invoices', headers, INVOICE);
    test.log.otherwise = { refuse: 'no_space' };
    expect((await call('DELETE', '/invoices/inv-1', headers)).status).toBe(503);
    expect((await call('GET', '/invoices/inv-1', headers)).status).toBe(200);
    test.log.otherwise = 'append';
    expect((await call('DELETE', '/invoices/inv-1', headers)).status).toBe(204);
  });

  it('keeps the event of a caller that hangs up', async () => {
    const headers = await bearer();
    let answer: () => void = () => undefined;
    test.log.answers.push('append', { after: new Promise((resolve) => (answer = resolve)) });
    await call('POST', '/invoices', headers, INVOICE);
    await test.emitter.flush();
    const request = httpGet(`${base}/invoices/inv-1`, { method: 'DELETE', headers });
    request.on('error', () => undefined);
    while (test.log.tried.length < 2) await settle();
    request.destroy(); // while the delete waits for the log
    await settle();
    answer();
    await expect.poll(async () => (await call('GET', '/invoices/inv-1', headers)).status).toBe(404);
    await test.emitter.flush();
    expect(test.events().map(({ action }) => action)).toContain('invoice.delete');
    expect(test.emitter.stats().deferred_events).toBe(0);
  });
});
