import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { serve } from '@hono/node-server';
import { type DataDirectory, ledgerKey, openDataDirectory } from '@sealtrail/data-directory';
import { NO_ALERTING, SHIPPED_RULES, STORED_PIPELINE } from '@sealtrail/detector';
import { createEmitter } from '@sealtrail/emitter';
import { createAccounts } from '@sealtrail/examples/accounts';
import { createInvoicesApi } from '@sealtrail/examples/invoices-api';
import { startLocalIssuer } from '@sealtrail/examples/local-issuer';
import { openProducerKey } from '@sealtrail/examples/producer-key';
import { createSignIn } from '@sealtrail/examples/sign-in';
import { createTokenVerifier } from '@sealtrail/identity';
import type { SqlResult } from '@sealtrail/ledger-store';
import { type NoteVerifierKey, noteVerifierKey } from '@sealtrail/merkle';
import { ed25519Verify, sha256 } from '@sealtrail/merkle/node';
import { type Verdict, verifyProof } from '@sealtrail/verify';
import { Hono } from 'hono';
import type { Console } from '../cli/console.ts';
import type { CommandContext } from '../cli/context.ts';
import type { StoreReport, TenantTotals } from '../control/operations.ts';
import { embeddedAdapters } from '../deployment/adapters.ts';
import { detectToEnd } from '../deployment/detect-to-end.ts';
import { operatorOrigin } from '../deployment/origin.ts';
import { openStack, type Stack } from '../deployment/stack.ts';
import { type AlertProven, proveOneAlert, type RaisedAlert, raisedAlerts } from './alerts-raised.ts';
import { type AlteredRow, alterRow } from './alter-row.ts';
import { GUESSED, NO_TENANT } from './attacks.ts';
import { driveTraffic, type TrafficDone } from './traffic.ts';

const PRODUCER = 'invoices-api';
const SEAL_TIMEOUT_MS = 60_000;
const DETECT_TIMEOUT_MS = 120_000;
const TENANT_OF_ALTERED = 'acme';
/** The API is called over the loopback address, as by a proxy that says for whom. */
const PROXIES = ['127.0.0.1'];

/** What an analyst asks. */
export const QUESTIONS: readonly { readonly title: string; readonly sql: string }[] = [
  {
    title: 'What happened',
    sql: `SELECT action, count() AS events, countIf(outcome = 'SUCCESS') AS ok,
       countIf(outcome = 'DENIED') AS denied, countIf(outcome = 'FAILURE') AS failed
FROM audit_events GROUP BY action ORDER BY events DESC`,
  },
  {
    title: 'Who was turned away, and why',
    sql: `SELECT tenant, actor_id, reason, count() AS denied FROM audit_events
WHERE outcome = 'DENIED' GROUP BY ALL ORDER BY denied DESC, actor_id LIMIT 8`,
  },
  {
    title: 'Who exported most',
    sql: `SELECT tenant, actor_id, count() AS exports FROM audit_events
WHERE action = 'invoice.export' AND outcome = 'SUCCESS'
GROUP BY ALL ORDER BY exports DESC LIMIT 3`,
  },
];

export interface DemoDone {
  readonly traffic: TrafficDone;
  readonly emitted: number;
  readonly totals: TenantTotals;
  readonly alerts: readonly RaisedAlert[];
  readonly alertProven: AlertProven | null;
  readonly answers: readonly SqlResult[];
  readonly clean: StoreReport;
  readonly proof: { readonly verdict: Verdict; readonly bytes: number };
  readonly altered: AlteredRow;
  readonly found: StoreReport;
}

/** Emit, seal, detect, query, verify, alter, find: the whole of it, in this process, on the directory. */
export async function runDemo(directory: DataDirectory, requests: number, context: CommandContext, console: Console): Promise<DemoDone> {
  const { clock_ms, random } = context;
  // Whatever servers the environment names: what is shown here alters the engine's files.
  const adapters = embeddedAdapters(context);
  const open = (): Promise<Stack> => openStack({ directory, adapters, clock_ms, random, onEvent: (line) => console.note(line) });

  console.note('starting the ledger, an issuer of tokens and the API');
  let stack = await open();
  const stop = new AbortController();
  const sealing = stack.startLedger(stop.signal);
  const { traffic, emitted, end } = await emitTraffic(stack, directory, requests, context, console);
  console.note('sealing and detecting');
  const rules = { rules: [SHIPPED_RULES], pipelines: [STORED_PIPELINE], overrides: null };
  const until = AbortSignal.timeout(DETECT_TIMEOUT_MS);
  await detectToEnd(stack, { directory, rules, alerting: NO_ALERTING, stop: until, onProgress: console.progress }, () =>
    stack.operations.awaitSealed({ partition: 0, offset: end, timeout_ms: SEAL_TIMEOUT_MS }, console.progress),
  );

  console.note('asking, recomputing and proving');
  const answers: SqlResult[] = [];
  for (const { sql } of QUESTIONS) answers.push(await stack.operations.sql({ sql, rows_max: 100 }));
  const totals = await stack.operations.totals({ tenant: null });
  const clean = await stack.operations.fsck({ checkpoint: null, verifier_key: null }, console.progress);
  const verify = await offline(directory, context);
  const text = await stack.operations.prove({ tenant: TENANT_OF_ALTERED, entry: 0, log: null });
  const proof = { verdict: verify(text), bytes: Buffer.byteLength(text) };
  const alerts = await raisedAlerts(stack.operations);
  const alertProven = await proveOneAlert(stack.operations, alerts, verify);
  stop.abort();
  await sealing;
  await stack.close();

  console.note('altering one row behind the ledger’s back, and recomputing');
  const altered = await alterRow(join(directory.store_dir, 'engine'), TENANT_OF_ALTERED);
  stack = await open();
  const found = await stack.operations.fsck({ checkpoint: null, verifier_key: null }, console.progress);
  await stack.close();
  console.progressDone();
  return { traffic, emitted, totals, alerts, alertProven, answers, clean, proof, altered, found };
}

/** Serves the example API, drives it, and closes it. `end` is the log's end afterwards. */
async function emitTraffic(
  stack: Stack,
  directory: DataDirectory,
  requests: number,
  { clock_ms, random }: CommandContext,
  console: Console,
): Promise<{ readonly traffic: TrafficDone; readonly emitted: number; readonly end: number }> {
  const key = await openProducerKey({ directory, log: stack.log, name: PRODUCER, tenants: ['*'], random });
  const producer = await stack.log.producer();
  const emitter = createEmitter({
    log: producer,
    topic: directory.deployment.topic,
    audience: directory.deployment.audience,
    producer: PRODUCER,
    publicKey: key.public_key,
    sign: key.sign,
    tenant: NO_TENANT,
  });
  const issuer = await startLocalIssuer({ clock_ms, newId: randomUUID });
  const impostor = await startLocalIssuer({ clock_ms, newId: randomUUID, issuer: issuer.issuer });
  const identity = createTokenVerifier({ issuers: [issuer.options], clock_ms });
  const accounts = await createAccounts([GUESSED]);
  const app = new Hono();
  app.route('/', createSignIn({ emitter, identity, accounts, issuer, trusted_proxies: PROXIES }));
  app.route('/', createInvoicesApi({ emitter, identity, newId: randomUUID, trusted_proxies: PROXIES }));
  const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' });
  await new Promise((resolve) => server.once('listening', resolve));
  try {
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const onProgress = (done: number): void => console.progress('requests', done, requests);
    const traffic = await driveTraffic({ base, issuer, impostor, requests, onProgress });
    await emitter.close();
    const { routine, critical } = emitter.stats();
    const reader = await stack.log.reader();
    const { end } = await reader.bounds(directory.deployment.topic, 0);
    await reader.close();
    return { traffic, emitted: routine.sent_events + critical.sent_events, end };
  } finally {
    await new Promise((resolve) => server.close(resolve));
    await Promise.all([issuer.close(), impostor.close(), producer.close()]);
  }
}

/** Verifies proofs offline, with the deployment's public key alone. */
async function offline(directory: DataDirectory, { random }: CommandContext): Promise<(proof: string) => Verdict> {
  const { public_key } = await ledgerKey(directory, random);
  const key: NoteVerifierKey = noteVerifierKey(sha256(), operatorOrigin(directory.deployment, 0), public_key);
  return (proof) => verifyProof(new TextEncoder().encode(proof), { keys: [key], sha256: sha256(), ed25519Verify: ed25519Verify() });
}

/** The directory of a demo: the one that was named, which is kept, or `fallback`. */
export const openDemoDirectory = (dir: string, context: CommandContext): Promise<DataDirectory> =>
  openDataDirectory({ dir, create: { random: context.random } });
