import { randomBytes, randomUUID } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { serve } from '@hono/node-server';
import { openDataDirectory } from '@sealtrail/data-directory';
import { createEmitter } from '@sealtrail/emitter';
import { openLmdbEventLog } from '@sealtrail/event-log-lmdb';
import { createTokenVerifier } from '@sealtrail/identity';
import { Hono } from 'hono';
import { createAccounts } from './accounts.ts';
import { digestOfIds, withConfirmed } from './confirmed.ts';
import { createInvoicesApi } from './invoices-api.ts';
import { runLoad } from './load.ts';
import { startLocalIssuer } from './local-issuer.ts';
import { openProducerKey } from './producer-key.ts';
import { createSignIn } from './sign-in.ts';

const USAGE = 'usage: main.ts [--data DIR] [--producer NAME] [--port N] [--rate EVENTS_PER_S --seconds N] [--record FILE]';
const CLOSE_TIMEOUT_MS = 60_000;
const clock_ms = Date.now;

interface Flags {
  readonly data: string;
  /** Whose key signs. Two processes that run at once have two. */
  readonly producer: string;
  readonly port: number;
  /** Events a second; null serves HTTP instead. */
  readonly rate_per_s: number | null;
  readonly seconds: number;
  /** Where the ids of confirmed events go. */
  readonly record: string | null;
}

async function main(flags: Flags): Promise<void> {
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort());

  // The event log, and the key that the ledger knows this service by.
  const directory = await openDataDirectory({ dir: flags.data, create: { random: randomBytes } });
  const { audience, topic, registry_topic, rejected_topic, partitions } = directory.deployment;
  const log = await openLmdbEventLog({ dir: directory.log_dir, clock_ms, random: randomBytes });
  const admin = await log.admin();
  await admin.createTopics([
    { topic, partitions, cleanup_policy: 'delete' },
    { topic: registry_topic, partitions: 1, cleanup_policy: 'none' },
    { topic: rejected_topic, partitions: 1, cleanup_policy: 'delete' },
  ]);
  await admin.close();
  const key = await openProducerKey({ directory, log, name: flags.producer, tenants: ['*'], random: randomBytes });

  // What was confirmed is remembered, so that it can be compared with what was sealed.
  const ids: string[] = [];
  const record = flags.record === null ? null : openSync(flags.record, 'a');
  const producer = withConfirmed(await log.producer(), (confirmed) => {
    for (const id of confirmed) ids.push(id);
    if (record !== null && confirmed.length > 0) writeSync(record, `${confirmed.join('\n')}\n`);
  });

  const emitter = createEmitter({
    log: producer,
    topic,
    audience,
    producer: flags.producer,
    publicKey: key.public_key,
    sign: key.sign,
    tenant: 'platform', // of what belongs to no tenant, such as a token that nobody can vouch for
    close_timeout_ms: CLOSE_TIMEOUT_MS,
  });
  const issuer = await startLocalIssuer({ clock_ms, newId: randomUUID });
  const identity = createTokenVerifier({ issuers: [issuer.options], clock_ms });

  const started_ms = clock_ms();
  if (flags.rate_per_s === null) {
    const password = randomBytes(9).toString('base64url');
    const accounts = await createAccounts([{ name: 'alice', tenant: 'acme', roles: ['admin'], password }]);
    const app = new Hono();
    app.route('/', createSignIn({ emitter, identity, accounts, issuer }));
    app.route('/', createInvoicesApi({ emitter, identity, newId: randomUUID }));
    const server = serve({ fetch: app.fetch, port: flags.port, hostname: '127.0.0.1' }, ({ port }) => void explain(port, issuer, password));
    await new Promise((resolve) => interrupted.signal.addEventListener('abort', resolve, { once: true }));
    await new Promise((resolve) => server.close(resolve));
  } else {
    const { rate_per_s, seconds } = flags;
    console.log(`logging ${rate_per_s} events a second for ${seconds} s into ${directory.path}`);
    await runLoad({ emitter, issuer, identity, clock_ms, rate_per_s, seconds, stop: interrupted.signal });
  }

  const closed = await emitter.close();
  const seconds = (clock_ms() - started_ms) / 1000;
  const { routine, critical } = emitter.stats();
  await issuer.close();
  await producer.close();
  await log.close();
  if (record !== null) closeSync(record);
  const result = {
    accepted: ids.length,
    ids_sha256: digestOfIds(ids),
    logged: routine.logged + critical.logged,
    shed: routine.shed_events + critical.shed_events,
    lost: routine.lost_events + critical.lost_events,
    closed: closed.kind,
    seconds,
  };
  console.log(JSON.stringify(result));
  if (closed.kind !== 'closed') throw new Error('the event log did not take everything: see `lost` above');
}

/** Prints what to try. */
async function explain(port: number, issuer: Awaited<ReturnType<typeof startLocalIssuer>>, password: string): Promise<void> {
  const token = await issuer.token({ sub: 'alice', tenant: 'acme', roles: ['admin'] });
  const base = `curl -H 'authorization: Bearer ${token}'`;
  console.log(`invoices API on http://127.0.0.1:${port}; every call becomes a signed audit event. Try:
  ${base} http://127.0.0.1:${port}/invoices -d '{"customer_id":"cus-1","amount_cents":1999,"currency":"EUR"}'
  ${base} http://127.0.0.1:${port}/invoices
  curl http://127.0.0.1:${port}/sessions -d '{"name":"alice","password":"${password}"}'
Ctrl-C ends it.`);
}

/** null for flags that are none. */
function parseFlags(args: string[]): Flags | null {
  const option = { type: 'string' } as const;
  try {
    const { values } = parseArgs({
      args,
      options: { data: option, producer: option, port: option, rate: option, seconds: option, record: option },
    });
    const { data = 'data', producer = 'invoices-api', port = '8080', rate, seconds = '10', record = null } = values;
    const numbers = [port, seconds, ...(rate === undefined ? [] : [rate])];
    if (!numbers.every((text) => /^\d{1,7}$/.test(text))) return null;
    return { data, producer, port: Number(port), rate_per_s: rate === undefined ? null : Number(rate), seconds: Number(seconds), record };
  } catch {
    return null; // parseArgs has no better words than the usage
  }
}

const flags = parseFlags(process.argv.slice(2));
if (flags === null) {
  console.error(USAGE);
  process.exitCode = 2;
} else {
  await main(flags).catch((error: unknown) => {
    console.error(`invoices-api: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 3;
  });
}
