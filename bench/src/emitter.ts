/** CPU an event in the emitting service: verify the token, open a request, log, encode, mask, hash, sign. */
import { randomBytes } from 'node:crypto';
import { createEmitter } from '@sealtrail/emitter';
import type { EventLogProducer } from '@sealtrail/event-log';
import { ABSENT_IDENTITY, createTokenVerifier, type Identity, type TokenVerifierOptions } from '@sealtrail/identity';
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { AUDIENCE, PRODUCER, publicKey, sign } from './batches.ts';
import { cpuClock, give, round, sized } from './measure.ts';

const EVENTS = sized(300_000, 2_000);
const ROUNDS = sized(5, 1);
const TOKENS = sized(500, 20);
const EVENTS_A_TURN = 64;

const ISSUER = 'https://login.example.com/';
const { publicKey: issuerKey, privateKey } = await generateKeyPair('ES256');
const jwk: JWK = { ...(await exportJWK(issuerKey)), kid: 'k1', alg: 'ES256' };
const now_s = Math.floor(Date.now() / 1000);
const tokens = await Promise.all(
  Array.from({ length: TOKENS }, (_, i) =>
    new SignJWT({
      iss: ISSUER,
      aud: 'api',
      sub: `auth0|user-${i}`,
      azp: 'web',
      scope: 'invoices:read invoices:write',
      roles: ['clerk'],
      jti: `t-${i}`,
    })
      .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
      .setIssuedAt(now_s)
      .setExpirationTime(now_s + 3_600)
      .sign(privateKey),
  ),
);
const options: TokenVerifierOptions = {
  issuers: [{ issuer: ISSUER, audience: 'api', jwks: { kind: 'local', jwks: { keys: [jwk] } }, algorithms: ['ES256'] }],
  clock_ms: Date.now,
};

/** Takes everything at once: what is measured is the emitter. */
let bytes = 0;
const sink: EventLogProducer = {
  append: async (records) => {
    for (const { value } of records) bytes += value.length;
    return { kind: 'appended', placed: records.map(() => ({ partition: 0, offset: 0 })) };
  },
  position: async () => null,
  close: async () => undefined,
};

const details = (n: number) => ({
  resource_id: `inv-${n}`,
  related: [{ type: 'customer', id: `cus-${n % 300}` }],
  attributes: { amount_cents: 1_000 + (n % 90_000), currency: 'EUR' },
});
const contextOf = (n: number) => ({
  tenant: 'acme',
  source_ip: `198.51.100.${n % 250}`,
  user_agent: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36',
  http_method: 'GET',
  http_route: '/invoices/:id',
  trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
});

async function emitOnce(): Promise<number> {
  const verifier = createTokenVerifier(options);
  for (const token of tokens) await verifier.verify(token);
  const emitter = createEmitter({ log: sink, audience: AUDIENCE, producer: PRODUCER, publicKey, sign, random: randomBytes });
  const cpu = cpuClock();
  for (let n = 0; n < EVENTS; n++) {
    const { actor } = await verifier.verify(tokens[n % tokens.length] as string);
    emitter.audit.request({ ...contextOf(n), actor }, (scope) => {
      void emitter.audit.log('invoice.read', details(n));
      scope.finish({ http_status: 200 });
    });
    if (n % EVENTS_A_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await emitter.close();
  const spent = cpu.elapsed_us() / EVENTS;
  const { routine } = emitter.stats();
  if (routine.sent_events !== EVENTS) throw new Error(`${routine.sent_events} of ${EVENTS} events were sent`);
  return spent;
}

/**
 * What the loop of `emitOnce` costs by itself: the same objects and closures, made and dropped, and one await of a promise
 * that is settled. Neither verifier nor emitter.
 */
async function harnessOnce(): Promise<number> {
  const known = Promise.resolve(ABSENT_IDENTITY);
  const verify = (token: string): Promise<Identity> => (token === '' ? Promise.reject(new Error('no token')) : known);
  // What is dropped passes through here, so that no compiler leaves it out.
  let dropped: unknown = null;
  const scope = { finish: (end: { readonly http_status: number }) => void (dropped = end) };
  const log = (action: string, what: unknown): void => void (dropped = action === '' ? null : what);
  const request = (context: unknown, work: (with_: typeof scope) => void): void => {
    dropped = context;
    work(scope);
  };
  const cpu = cpuClock();
  for (let n = 0; n < EVENTS; n++) {
    const { actor } = await verify(tokens[n % tokens.length] as string);
    request({ ...contextOf(n), actor }, (open) => {
      log('invoice.read', details(n));
      open.finish({ http_status: 200 });
    });
    if (n % EVENTS_A_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const spent = cpu.elapsed_us() / EVENTS;
  if (dropped === null) throw new Error('nothing was made');
  return spent;
}

/** What a service does without us: one JSON line an event, neither signed nor masked nor hashed. */
async function jsonOnce(): Promise<number> {
  const verifier = createTokenVerifier(options);
  for (const token of tokens) await verifier.verify(token);
  const cpu = cpuClock();
  let lines: string[] = [];
  let length = 0;
  for (let n = 0; n < EVENTS; n++) {
    const { actor } = await verifier.verify(tokens[n % tokens.length] as string);
    const { token_id_hash: _, session_id_hash: __, ...readable } = actor;
    lines.push(JSON.stringify({ time: Date.now(), action: 'invoice.read', ...readable, ...contextOf(n), ...details(n), http_status: 200 }));
    if (lines.length === 256) {
      length += Buffer.from(lines.join('\n')).length;
      lines = [];
    }
    if (n % EVENTS_A_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  if (length === 0 && EVENTS >= 256) throw new Error('nothing was written');
  return cpu.elapsed_us() / EVENTS;
}

/** A token that is seen for the first time. */
async function missOnce(): Promise<number> {
  const verifier = createTokenVerifier(options);
  await verifier.verify(tokens[0] as string);
  const cpu = cpuClock();
  for (const token of tokens.slice(1)) await verifier.verify(token);
  return cpu.elapsed_us() / (tokens.length - 1);
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const emitted: number[] = [];
const harness: number[] = [];
const json: number[] = [];
const missed: number[] = [];
await emitOnce();
for (let i = 0; i < ROUNDS; i++) {
  emitted.push(await emitOnce());
  harness.push(await harnessOnce());
  json.push(await jsonOnce());
  missed.push(await missOnce());
}
const whole = median(emitted);
const floor = median(harness);
give({
  events: EVENTS,
  emitter_us_per_event: round(whole),
  /** Of it the benchmark's own loop, and what remains. */
  harness_us_per_event: round(floor),
  emitter_net_us_per_event: round(whole - floor),
  emitter_us_per_event_best: round(Math.min(...emitted)),
  json_line_us_per_event: round(median(json)),
  token_cache_miss_us: round(median(missed), 1),
  bytes_per_event: round(bytes / (EVENTS * (ROUNDS + 1)), 1),
});
