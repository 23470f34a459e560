/**
 * From `audit.log` to the webhook's request, embedded: a service in this process; log, ledger, engine and detector as in
 * `sealtrail up` in another. First as fast as it goes, then at half of that, with probes among the events.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleepFor } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ALERTS_TOPIC, DETECTION_TIMES } from '@sealtrail/detector';
import { type AuditContext, createEmitter, type Emitter } from '@sealtrail/emitter';
import type { EventLog } from '@sealtrail/event-log';
import { openLmdbEventLog } from '@sealtrail/event-log-lmdb';
import type { TokenActor } from '@sealtrail/identity';
import { AUDIENCE, PRODUCER, prepareLog, publicKey, sign, TOPIC } from './batches.ts';
import { BURST_ACTION, type FromDetecting, SINGLE_ACTION } from './detecting-process.ts';
import { isSmoke, round, sized } from './measure.ts';
import { SERVICE_NODE_FLAGS, SOURCE_NODE_FLAGS } from './node-flags.ts';
import { contextOf, detailsOf } from './request-events.ts';

const SATURATING_EVENTS = sized(200_000, 500);
const PROBES = sized(600, 10);
const PROBE_EVERY_MS = sized(50, 20);
const TICK_MS = 5;
/** A smoke run does not wait so long for event time. */
const ALLOWANCE_MS = sized(DETECTION_TIMES.allowance_us / 1_000, 500);
const SETTLE_MS = 1_000;
const PRESSURE_MAX = 0.5;
const TENANT = 'acme';
const BURST = 3;

interface Spread {
  readonly samples: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly max_ms: number;
}
export interface LatencyFigures {
  /** Evaluated and sealed in one process, as fast as it goes. */
  readonly saturated_events_per_s: number;
  readonly events_per_s: number;
  /** What the emitter waits for more events of a batch: part of what is measured. */
  readonly linger_ms: number;
  readonly allowance_ms: number;
  readonly single: Spread;
  /** From the event at which the condition became true; the watermark's allowance is in it. */
  readonly correlation: Spread;
}

interface Told {
  readonly groups: readonly { readonly title: string; readonly alerts: readonly { readonly id: string; readonly last_seen: string }[] }[];
}

/** When alerts arrive, against the time of the event that raised them. */
class Receiver {
  readonly #server: Server;
  /** By title, ms by alert. */
  readonly #latencies = new Map<string, Map<string, number>>();

  constructor() {
    this.#server = createServer((request, response) => {
      const at_ms = Date.now();
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString('utf8')));
      request.on('end', () => {
        response.writeHead(204).end();
        for (const { title, alerts } of (JSON.parse(body) as { data: Told }).data.groups) {
          const known = this.#latencies.get(title) ?? new Map<string, number>();
          this.#latencies.set(title, known);
          for (const { id, last_seen } of alerts) if (!known.has(id)) known.set(id, at_ms - Date.parse(last_seen));
        }
      });
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  count(title: string): number {
    return this.#latencies.get(title)?.size ?? 0;
  }

  spread(title: string): Spread {
    const sorted = [...(this.#latencies.get(title)?.values() ?? [])].sort((a, b) => a - b);
    const at = (part: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
    return { samples: sorted.length, p50_ms: at(0.5), p99_ms: at(0.99), max_ms: at(1) };
  }
}

async function reached(child: ChildProcess, log: EventLog): Promise<void> {
  const reader = await log.reader();
  const { end } = await reader.bounds(TOPIC, 0);
  await reader.close();
  await new Promise<void>((resolve) => {
    const look = ({ evaluated_to, sealed_to }: FromDetecting): void => {
      if (Math.min(evaluated_to, sealed_to) < end) return;
      child.off('message', look);
      resolve();
    };
    child.on('message', look);
  });
}

/** People whose tokens are good now, each reading a few objects again and again: traffic that raises no alert by itself. */
const ACTORS = Array.from({ length: 1_000 }, (_, i): TokenActor => {
  const now_ms = Date.now();
  return {
    ...(contextOf(0).actor as TokenActor),
    actor_id: `user-${i}`,
    token_id_hash: Uint8Array.from({ length: 32 }, (_byte, at) => (at < 2 ? (i >> (8 * at)) & 0xff : 3)),
    token_issued_at: now_ms - 60_000,
    token_expires_at: now_ms + 3_600_000,
  };
});
const OBJECTS = 5;
const contextFor = (n: number): AuditContext => ({
  ...contextOf(n),
  actor: ACTORS[n % ACTORS.length] as TokenActor,
  source_ip: `198.51.100.${(n % ACTORS.length) % 250}`,
  tenant: TENANT,
});

const log = (emitter: Emitter, n: number): void => {
  const person = n % ACTORS.length;
  void emitter.audit.log(
    'invoice.read',
    { ...detailsOf(n), resource_id: `inv-${person}-${((n / ACTORS.length) % OBJECTS) | 0}` },
    contextFor(n),
  );
};

async function saturate(emitter: Emitter): Promise<void> {
  for (let n = 0; n < SATURATING_EVENTS; n++) {
    log(emitter, n);
    if (n % 256 !== 0) continue;
    await new Promise((resolve) => setImmediate(resolve));
    while (emitter.stats().pressure > PRESSURE_MAX) await sleepFor(1);
  }
}

/** Events at a rate, and among them one probe of each kind at a time. */
async function loadWithProbes(emitter: Emitter, events_per_s: number): Promise<void> {
  const start_ms = performance.now();
  let [logged, probed] = [0, 0];
  while (probed < PROBES) {
    const elapsed_ms = performance.now() - start_ms;
    for (const due = (elapsed_ms * events_per_s) / 1_000; logged < due; logged++) log(emitter, logged);
    if (elapsed_ms >= probed * PROBE_EVERY_MS) {
      const context = contextFor(probed);
      void emitter.audit.log(SINGLE_ACTION, detailsOf(probed), context);
      for (let i = 0; i < BURST; i++) void emitter.audit.log(BURST_ACTION, { resource_id: `burst-${probed}` }, context);
      probed++;
    }
    await sleepFor(TICK_MS);
  }
  // Event time goes on, so that what waits for it is not waited for in vain.
  for (let at_ms = 0; at_ms < ALLOWANCE_MS + SETTLE_MS; at_ms += TICK_MS * 10) {
    for (let i = 0; i < (events_per_s * TICK_MS * 10) / 1_000; i++) log(emitter, logged++);
    await sleepFor(TICK_MS * 10);
  }
}

export async function measureLatency(): Promise<LatencyFigures> {
  const folder = await mkdtemp(join(tmpdir(), 'sealtrail-bench-'));
  const eventLog = await openLmdbEventLog({ dir: join(folder, 'log'), clock_ms: Date.now, random: randomBytes });
  await prepareLog(eventLog);
  const admin = await eventLog.admin();
  await admin.createTopics([{ topic: ALERTS_TOPIC, partitions: 1, cleanup_policy: 'delete' }]);
  await admin.close();
  const receiver = new Receiver();
  const url = await receiver.listen();
  const file = fileURLToPath(new URL('./detecting-process.ts', import.meta.url));
  const child = fork(file, [folder, url, String(ALLOWANCE_MS)], { execArgv: [...SERVICE_NODE_FLAGS, ...SOURCE_NODE_FLAGS] });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const failed = gone.then(() => {
    throw new Error('the detecting process ended early: see what it said');
  });
  failed.catch(() => undefined);
  const within = <T>(work: Promise<T>): Promise<T> => Promise.race([work, failed]);
  await within(new Promise((resolve) => child.once('message', resolve)));

  const producer = await eventLog.producer();
  const linger_ms = 200;
  const emitter = createEmitter({
    log: producer,
    topic: TOPIC,
    audience: AUDIENCE,
    producer: PRODUCER,
    publicKey,
    sign,
    heartbeat_ms: 0,
    linger_ms,
  });
  const from_ms = performance.now();
  await saturate(emitter);
  await sleepFor(linger_ms);
  await within(reached(child, eventLog));
  const saturated = SATURATING_EVENTS / ((performance.now() - from_ms - linger_ms) / 1_000);
  const events_per_s = isSmoke() ? 500 : saturated / 2;
  await within(loadWithProbes(emitter, events_per_s));
  await emitter.close();
  for (let i = 0; i < 200 && (receiver.count('Single') < PROBES || receiver.count('Burst') < PROBES); i++) await within(sleepFor(50));
  const single = receiver.spread('Single');
  const correlation = receiver.spread('Burst');
  if (single.samples !== PROBES || correlation.samples !== PROBES)
    throw new Error(`${single.samples} and ${correlation.samples} of ${PROBES} alerts arrived`);
  child.send('stop');
  await gone;
  receiver.close();
  await producer.close();
  await eventLog.close();
  await rm(folder, { recursive: true, force: true });
  return {
    saturated_events_per_s: Math.round(saturated),
    events_per_s: Math.round(events_per_s),
    linger_ms,
    allowance_ms: round(ALLOWANCE_MS),
    single,
    correlation,
  };
}
