import { setTimeout as sleep } from 'node:timers/promises';
import type { LocalIssuer } from '@sealtrail/examples/local-issuer';
import { type Attack, attacks, type Call, type ExpectedAlert } from './attacks.ts';

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
  readonly attacks: readonly { readonly name: string; readonly requests: number; readonly raises: readonly ExpectedAlert[] }[];
}

/** A call, and in whose turn: the calls of one attack follow each other. */
interface Turn {
  readonly call: Call;
  readonly attack: Attack | null;
}

const TENANTS = ['acme', 'globex', 'initech'];
/** Roles in a team of one tenant. */
const TEAM = ['viewer', 'clerk', 'clerk', 'admin'];
/** So that nobody's ordinary work looks like copying everything: 500 objects in ten minutes do. */
const REQUESTS_A_USER_MAX = 400;
/** The attacks lie in the first of them, however many follow: some are seen by how fast they are. */
const ATTACKED_REQUESTS = 2_000;
const CONCURRENT = 16;
const INVOICE = JSON.stringify({ customer_id: 'cus-1', amount_cents: 1_999, currency: 'EUR' });
const AGENT = 'Mozilla/5.0 (Macintosh; Intel Mac OS X 15_5) AppleWebKit/605.1.15 Version/18.5 Safari/605.1.15';

/** Ordinary work of a dozen users of three tenants and more, with attacks in it. */
export async function driveTraffic(options: TrafficOptions): Promise<TrafficDone> {
  const { issuer, requests } = options;
  const hostile = await attacks(options);
  const turns = hostile.flatMap((attack) => attack.calls.map((call): Turn => ({ call, attack })));
  const calls = await ordinaryCalls(issuer, Math.max(0, requests - turns.length));
  const ordinary = calls.map((call): Turn => ({ call, attack: null }));
  const all = [...interleave(ordinary.slice(0, ATTACKED_REQUESTS), turns), ...ordinary.slice(ATTACKED_REQUESTS)];
  const statuses = await send(options, all);
  return {
    requests: all.length,
    statuses,
    attacks: hostile.map(({ name, calls, raises }) => ({ name, requests: calls.length, raises })),
  };
}

async function ordinaryCalls(issuer: LocalIssuer, count: number): Promise<readonly Call[]> {
  const teams = Math.max(1, Math.ceil(count / (REQUESTS_A_USER_MAX * TEAM.length * TENANTS.length)));
  const users = await Promise.all(
    Array.from({ length: teams }, (_, team) => team).flatMap((team) =>
      TENANTS.flatMap((tenant, t) =>
        TEAM.map(async (role, i) => {
          const n = team * TEAM.length + i;
          const sub = `${role}-${n}@${tenant}`;
          return {
            role,
            tenant,
            from: { address: `198.51.100.${100 + t * TEAM.length + i}`, agent: AGENT },
            token: await issuer.token({ sub, tenant, roles: [role], scope: 'invoices', sid: `${tenant}-${n}` }),
          };
        }),
      ),
    ),
  );
  return Array.from({ length: count }, (_, n): Call => {
    const { role, ...who } = users[n % users.length] as (typeof users)[number];
    const isCreate = role !== 'viewer' && n % 5 === 0;
    return isCreate
      ? { ...who, method: 'POST', path: '/invoices', body: INVOICE }
      : { ...who, method: 'GET', path: n % 3 === 0 ? '/invoices' : '/invoices/:any' };
  });
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

async function send({ base, onProgress }: TrafficOptions, turns: readonly Turn[]): Promise<Statuses> {
  const statuses: Record<string, number> = {};
  const created = new Map<string, string[]>();
  /** Of each attack the call that was taken up last. */
  const running = new Map<Attack, Promise<void>>();
  let next = 0;
  let done = 0;
  const make = async (call: Call, n: number): Promise<void> => {
    const { tenant, method, token, body, from } = call;
    const ids = created.get(tenant) ?? [];
    const path = call.path.replace(':any', ids[n % Math.max(1, ids.length)] ?? 'inv-0');
    const response = await fetch(`${base}${path}`, {
      method,
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        'user-agent': from.agent,
        // As the proxy in front of an API tells it.
        'x-forwarded-for': from.address,
        traceparent: traceparent(n),
      },
      ...(body === undefined ? {} : { body }),
    });
    if (response.status === 201 && path === '/invoices') {
      const { id } = (await response.json()) as { readonly id: string };
      created.set(tenant, [...(created.get(tenant) ?? []), id]);
    } else await response.arrayBuffer();
    statuses[response.status] = (statuses[response.status] ?? 0) + 1;
    onProgress(++done);
  };
  const worker = async (): Promise<void> => {
    for (let turn = turns[next++]; turn !== undefined; turn = turns[next++]) {
      const { call, attack } = turn;
      const n = next;
      if (attack === null) await make(call, n);
      else {
        const before = running.get(attack) ?? Promise.resolve();
        const made = before.then(() => make(call, n));
        running.set(attack, made);
        await made;
      }
      if (done % 200 === 0) await sleep(1);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT }, worker));
  return statuses;
}

/** W3C Trace Context, a trace a request. */
const traceparent = (n: number): string => `00-${n.toString(16).padStart(32, '0')}-${n.toString(16).padStart(16, '0')}-01`;
