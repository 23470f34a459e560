import type { Emitter } from '@sealtrail/emitter';
import { type AuditVariables, auditMiddleware } from '@sealtrail/emitter/hono';
import type { TokenVerifier } from '@sealtrail/identity';
import { type Context, Hono } from 'hono';
import { createInvoices, type Invoices, parseInvoice } from './invoices.ts';

type Env = { Variables: AuditVariables };

export interface InvoicesApiDeps {
  readonly emitter: Pick<Emitter, 'audit'>;
  readonly identity: TokenVerifier;
  readonly newId: () => string;
  readonly invoices?: Invoices;
  /** Networks of proxies in front of the API, if any. */
  readonly trusted_proxies?: readonly string[];
}

/** What each role may do. */
const GRANTS: Readonly<Record<string, readonly string[]>> = {
  'invoice.list': ['viewer', 'clerk', 'admin'],
  'invoice.read': ['viewer', 'clerk', 'admin'],
  'invoice.create': ['clerk', 'admin'],
  'invoice.export': ['admin'],
  'invoice.delete': ['admin'],
};

/** A small HTTP API in which everything that matters is an audit event. */
export function createInvoicesApi(deps: InvoicesApiDeps): Hono<Env> {
  const { emitter, identity, newId, trusted_proxies = [] } = deps;
  const invoices = deps.invoices ?? createInvoices();
  const app = new Hono<Env>();

  // One line per API: from here on every event knows who, from where, which route, and how the request ended.
  app.use(auditMiddleware({ emitter, identity, required: true, trusted_proxies }));

  app.get('/invoices', (c) => {
    const denied = deny(c, 'invoice.list', '');
    if (denied !== null) return denied;
    const found = invoices.list(tenantOf(c));
    void c.get('audit').log('invoice.list', { attributes: { found: found.length } });
    return c.json(found);
  });

  app.get('/invoices/:id', (c) => {
    const id = c.req.param('id');
    const denied = deny(c, 'invoice.read', id);
    if (denied !== null) return denied;
    const invoice = invoices.find(tenantOf(c), id);
    // The outcome follows from the status: a 404 is a FAILURE.
    void c.get('audit').log('invoice.read', { resource_id: id });
    return invoice === null ? c.json({ error: 'not_found' }, 404) : c.json(invoice);
  });

  app.post('/invoices', async (c) => {
    const denied = deny(c, 'invoice.create', '');
    if (denied !== null) return denied;
    const fields = parseInvoice(await c.req.json().catch(() => null));
    if (fields === null) {
      void c.get('audit').log('invoice.create', { reason: 'invalid_body' });
      return c.json({ error: 'invalid_body' }, 400);
    }
    const invoice = { id: newId(), ...fields };
    invoices.add(tenantOf(c), invoice);
    void c.get('audit').log('invoice.create', {
      resource_id: invoice.id,
      related: [{ type: 'customer', id: invoice.customer_id }],
      attributes: { amount_cents: invoice.amount_cents, currency: invoice.currency },
    });
    return c.json(invoice, 201);
  });

  app.delete('/invoices/:id', async (c) => {
    const id = c.req.param('id');
    const denied = deny(c, 'invoice.delete', id);
    if (denied !== null) return denied;
    const invoice = invoices.find(tenantOf(c), id);
    if (invoice === null) {
      void c.get('audit').log('invoice.delete', { resource_id: id });
      return c.json({ error: 'not_found' }, 404);
    }
    // No record, no act: this resolves when the event is durable, and otherwise nothing is deleted.
    try {
      await c.get('audit').log('invoice.delete', { resource_id: id, severity: 'HIGH', delivery: 'CRITICAL' });
    } catch {
      return c.json({ error: 'audit_unavailable' }, 503);
    }
    invoices.remove(tenantOf(c), id);
    return c.body(null, 204);
  });

  app.post('/invoices/export', (c) => {
    const denied = deny(c, 'invoice.export', '');
    if (denied !== null) return denied;
    const all = invoices.list(tenantOf(c));
    void c.get('audit').log('invoice.export', { severity: 'MEDIUM', attributes: { format: 'csv', exported: all.length } });
    return c.text(all.map((invoice) => Object.values(invoice).join(',')).join('\n'));
  });

  return app;
}

/** The verified token's tenant; `deny` has refused tokens without one. */
const tenantOf = (c: Context<Env>): string => c.get('identity').tenant ?? '';

/** The 403, with its event, for an action that none of the caller's roles may do; null when it may. */
function deny(c: Context<Env>, action: string, resource_id: string): Response | null {
  const { tenant, actor } = c.get('identity');
  const mayAct = GRANTS[action]?.some((role) => actor.actor_roles.includes(role)) === true;
  if (tenant !== null && mayAct) return null;
  void c.get('audit').log(action, { resource_id, reason: tenant === null ? 'tenant_missing' : 'role_missing' });
  return c.json({ error: 'forbidden' }, 403);
}
