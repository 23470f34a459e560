import { setTimeout as sleep } from 'node:timers/promises';
import type { AuditDetails, Emitter } from '@sealtrail/emitter';
import { bearerToken, type TokenVerifier } from '@sealtrail/identity';
import type { LocalIssuer } from './local-issuer.ts';

export interface LoadOptions {
  readonly emitter: Emitter;
  readonly issuer: LocalIssuer;
  readonly identity: TokenVerifier;
  readonly clock_ms: () => number;
  readonly rate_per_s: number;
  readonly seconds: number;
  readonly stop: AbortSignal;
}

const TENANTS = ['acme', 'acme', 'acme', 'globex', 'globex', 'initech'] as const;
const USERS = 60;
const TICK_MS = 10;
/** Above this the load waits for the event log: what it logs is to be sent, not shed. */
const PRESSURE_MAX = 0.8;
const LOOK_EVERY = 64;

interface Act {
  readonly action: string;
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly details: (n: number) => AuditDetails;
}

const read: Act = {
  action: 'invoice.read',
  method: 'GET',
  route: '/invoices/:id',
  status: 200,
  details: (n) => ({ resource_id: `inv-${n % 5_000}` }),
};
const list: Act = {
  action: 'invoice.list',
  method: 'GET',
  route: '/invoices',
  status: 200,
  details: (n) => ({ attributes: { found: n % 50, page: n % 7 } }),
};
const create: Act = {
  action: 'invoice.create',
  method: 'POST',
  route: '/invoices',
  status: 201,
  details: (n) => ({
    resource_id: `inv-${n}`,
    related: [{ type: 'customer', id: `cus-${n % 300}` }],
    attributes: { amount_cents: 1_000 + (n % 90_000), currency: 'EUR' },
  }),
};
const denied: Act = {
  ...read,
  action: 'invoice.export',
  method: 'POST',
  route: '/invoices/export',
  status: 403,
  details: () => ({ reason: 'role_missing' }),
};
const missing: Act = { ...read, status: 404 };
const failed: Act = { ...create, status: 500, details: () => ({ reason: 'database_timeout', severity: 'MEDIUM' }) };
const removed: Act = {
  ...read,
  action: 'invoice.delete',
  method: 'DELETE',
  status: 204,
  details: (n) => ({ resource_id: `inv-${n % 5_000}`, severity: 'HIGH', delivery: 'CRITICAL' }),
};

/** One in 200 is CRITICAL, one in 20 does not succeed. */
function actOf(n: number): Act {
  const at = n % 200;
  if (at === 199) return removed;
  if (at % 50 === 48) return denied;
  if (at % 50 === 33) return missing;
  if (at % 100 === 71) return failed;
  return at % 10 < 6 ? read : at % 10 < 9 ? list : create;
}

/** Logs at a rate, each event in a request of a user with a verified token. Returns how many events were logged. */
export async function runLoad(options: LoadOptions): Promise<number> {
  const { emitter, issuer, identity, clock_ms, rate_per_s, seconds, stop } = options;
  const roles = [['viewer'], ['clerk'], ['admin', 'clerk']];
  const headers = await Promise.all(
    Array.from({ length: USERS }, async (_, i) => {
      const tenant = TENANTS[i % TENANTS.length] as string;
      const claims = {
        sub: `user-${i}`,
        tenant,
        roles: roles[i % 3] as string[],
        scope: 'invoices',
        sid: `session-${i}`,
        expires_in_s: 86_400,
      };
      return `Bearer ${await issuer.token(claims)}`;
    }),
  );
  const unconfirmed = new Set<Promise<void>>();
  const start_ms = clock_ms();
  let logged = 0;
  for (;;) {
    const elapsed_s = Math.min((clock_ms() - start_ms) / 1000, seconds);
    const due = Math.floor(elapsed_s * rate_per_s);
    while (logged < due && (logged % LOOK_EVERY !== 0 || emitter.stats().pressure < PRESSURE_MAX)) {
      const n = logged++;
      // As the middleware does it for a request: the verifier remembers tokens.
      const { actor, tenant } = await identity.verify(bearerToken(headers[n % USERS]));
      const { action, method, route, status, details: detailsOf } = actOf(n);
      const details = detailsOf(n);
      const context = {
        actor,
        tenant,
        source_ip: `198.51.100.${n % 250}`,
        user_agent: 'invoices-web/4.2',
        http_method: method,
        http_route: route,
      };
      const done = emitter.audit.request(context, (scope) => {
        const recorded = emitter.audit.log(action, details);
        scope.finish({ http_status: status });
        return recorded;
      });
      if (details.delivery !== 'CRITICAL') continue;
      unconfirmed.add(done);
      void done.catch(() => undefined).finally(() => unconfirmed.delete(done));
    }
    if (stop.aborted || (elapsed_s >= seconds && logged >= due)) break;
    await sleep(TICK_MS);
  }
  await Promise.allSettled(unconfirmed);
  return logged;
}
