import { setTimeout as sleep } from 'node:timers/promises';
import type { LocalIssuer } from '@sealtrail/examples/local-issuer';

export interface TrafficOptions {
  /** Address of the API, without a slash at its end. */
  readonly base: string;
  readonly issuer: LocalIssuer;
  /** Claims the same name as `issuer` and signs with a key of its own. */
  readonly impostor: LocalIssuer;
  readonly requests: number;
  readonly onProgress: (done: number) => void;
}

/** How often each status came back. */
export type Statuses = Readonly<Record<string, number>>;

export interface TrafficDone {
  readonly requests: number;
  readonly statuses: Statuses;
  readonly attacks: readonly { readonly name: string; readonly requests: number }[];
}

interface Call {
  readonly tenant: string;
  readonly method: string;
  /** `:any` stands for an invoice that was created before. */
  readonly path: string;
  readonly token: string;
  readonly body?: string;
}

const TENANTS = ['acme', 'globex', 'initech'];
const CONCURRENT = 16;
const INVOICE = JSON.stringify({ customer_id: 'cus-1', amount_cents: 1_999, currency: 'EUR' });

/** Ordinary work of a dozen users of three tenants, with four attacks in it. */
export async function driveTraffic(options: TrafficOptions): Promise<TrafficDone> {
  const { issuer, impostor, requests } = options;
  const users = await Promise.all(
    TENANTS.flatMap((tenant) =>
      ['viewer', 'clerk', 'clerk', 'admin'].map(async (role, i) => ({
        role,
        tenant,
        token: await issuer.token({ sub: `${role}-${i}@${tenant}`, tenant, roles: [role], scope: 'invoices', sid: `${tenant}-${i}` }),
      })),
    ),
  );
  const ordinary = (n: number): Call => {
    const { role, tenant, token } = users[n % users.length] as (typeof users)[number];
    const isCreate = role !== 'viewer' && n % 5 === 0;
    return isCreate
      ? { tenant, method: 'POST', path: '/invoices', token, body: INVOICE }
      : { tenant, method: 'GET', path: n % 3 === 0 ? '/invoices' : '/invoices/:any', token };
  };
  const mallory = await issuer.token({ sub: 'mallory@acme', tenant: 'acme', roles: ['viewer'], scope: 'invoices' });
  const stolen = await issuer.token({ sub: 'admin-3@globex', tenant: 'globex', roles: ['admin'], scope: 'invoices', expires_in_s: -600 });
  const forged = await impostor.token({ sub: 'admin-3@initech', tenant: 'initech', roles: ['admin'], scope: 'invoices' });
  const leaving = await issuer.token({ sub: 'trent@globex', tenant: 'globex', roles: ['admin'], scope: 'invoices' });
  const attacks: readonly { readonly name: string; readonly calls: readonly Call[] }[] = [
    {
      name: 'a viewer tries to delete what is not hers',
      calls: Array.from({ length: 60 }, (_, n) => ({ tenant: 'acme', method: 'DELETE', path: `/invoices/inv-${n}`, token: mallory })),
    },
    {
      name: 'an expired token is used again',
      calls: Array.from({ length: 40 }, () => ({ tenant: 'globex', method: 'POST', path: '/invoices/export', token: stolen })),
    },
    {
      name: 'an impostor signs tokens',
      calls: Array.from({ length: 40 }, () => ({ tenant: 'initech', method: 'GET', path: '/invoices', token: forged })),
    },
    {
      name: 'an admin exports everything, again and again',
      calls: Array.from({ length: 30 }, () => ({ tenant: 'globex', method: 'POST', path: '/invoices/export', token: leaving })),
    },
  ];
  const hostile = attacks.flatMap(({ calls }) => calls);
  const calls = interleave(
    Array.from({ length: Math.max(0, requests - hostile.length) }, (_, n) => ordinary(n)),
    hostile,
  );
  const statuses = await send(options, calls);
  return { requests: calls.length, statuses, attacks: attacks.map(({ name, calls: own }) => ({ name, requests: own.length })) };
}

/** `few` spread evenly among `many`. */
function interleave<T>(many: readonly T[], few: readonly T[]): readonly T[] {
  const every = Math.max(1, Math.floor(many.length / (few.length + 1)));
  const mixed: T[] = [];
  let next = 0;
  many.forEach((one, i) => {
    mixed.push(one);
    if ((i + 1) % every === 0 && next < few.length) mixed.push(few[next++] as T);
  });
  return [...mixed, ...few.slice(next)];
}

async function send({ base, onProgress }: TrafficOptions, calls: readonly Call[]): Promise<Statuses> {
  const statuses: Record<string, number> = {};
  const created = new Map<string, string[]>();
  const pathOf = ({ tenant, path }: Call, n: number): string => {
    const ids = created.get(tenant) ?? [];
    return path.replace(':any', ids[n % Math.max(1, ids.length)] ?? 'inv-0');
  };
  let next = 0;
  let done = 0;
  const worker = async (): Promise<void> => {
    for (let call = calls[next++]; call !== undefined; call = calls[next++]) {
      const { tenant, method, token, body } = call;
      const response = await fetch(`${base}${pathOf(call, next)}`, {
        method,
        headers: { authorization: `Bearer ${token}`, 'user-agent': 'demo/1', traceparent: traceparent(next) },
        ...(body === undefined ? {} : { body }),
      });
      if (response.status === 201) {
        const { id } = (await response.json()) as { readonly id: string };
        created.set(tenant, [...(created.get(tenant) ?? []), id]);
      } else await response.arrayBuffer();
      statuses[response.status] = (statuses[response.status] ?? 0) + 1;
      onProgress(++done);
      if (done % 200 === 0) await sleep(1);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT }, worker));
  return statuses;
}

/** W3C Trace Context, a trace a request. */
const traceparent = (n: number): string => `00-${n.toString(16).padStart(32, '0')}-${n.toString(16).padStart(16, '0')}-01`;
