/**
 * From `audit.log` to stored and visible: a service in this process, the ledger with its engine in another, the event log
 * between them. Beside it, on the same events, log and engine, what a user would do instead: JSON lines, parsed and inserted
 * as JSONEachRow in blocks of 10,000, neither signed nor verified nor linked.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createEmitter } from '@sealtrail/emitter';
import type { EventLogProducer } from '@sealtrail/event-log';
import { openLmdbEventLog } from '@sealtrail/event-log-lmdb';
import { AUDIENCE, PRODUCER, prepareLog, publicKey, sign, TOPIC } from './batches.ts';
import { folderBytes } from './folders.ts';
import { cpuClock, give, round, sized } from './measure.ts';
import { SERVICE_NODE_FLAGS, SOURCE_NODE_FLAGS } from './node-flags.ts';
import { contextOf, detailsOf, plainActor } from './request-events.ts';
import type { FromStoring, ToStoring } from './storing-process.ts';

const EVENTS = sized(400_000, 3_000);
const EVENTS_A_TURN = 256;
const TENANT = 'acme';
/** Of the emitter's memory: above it the service waits, for nothing is to be shed. */
const PRESSURE_MAX = 0.5;

interface Measured {
  readonly events_per_s: number;
  readonly service_us_per_event: number;
  readonly storing_us_per_event: number;
  readonly log_bytes_per_event: number;
  readonly store_bytes_per_event: number;
  readonly storing_rss_mb: number;
}

async function measure(kind: 'sealtrail' | 'json', emit: (producer: EventLogProducer) => Promise<number>): Promise<Measured> {
  const folder = await mkdtemp(join(tmpdir(), 'sealtrail-bench-'));
  const log = await openLmdbEventLog({ dir: join(folder, 'log'), clock_ms: Date.now, random: randomBytes });
  await prepareLog(log);
  const storing: ChildProcess = fork(fileURLToPath(new URL('./storing-process.ts', import.meta.url)), [kind, folder], {
    execArgv: [...SERVICE_NODE_FLAGS, ...SOURCE_NODE_FLAGS],
  });
  const answers: FromStoring[] = [];
  let wake = (): void => undefined;
  storing.on('message', (answer: FromStoring) => {
    answers.push(answer);
    wake();
  });
  const answer = async (): Promise<FromStoring> => {
    while (answers.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    return answers.shift() as FromStoring;
  };
  const tell = (message: ToStoring): void => void storing.send(message);
  await answer(); // it is ready
  const producer = await log.producer();
  const cpu = cpuClock();
  const from_ms = performance.now();
  const service_us = await emit(producer).then(() => cpu.elapsed_us());
  const reader = await log.reader();
  const { end } = await reader.bounds(TOPIC, 0);
  tell({ kind: 'store_to', offset: end });
  const done = await answer();
  const wall_s = (performance.now() - from_ms) / 1_000;
  const log_bytes = await folderBytes(join(folder, 'log'));
  await producer.close();
  await reader.close();
  await log.close();
  const gone = new Promise((resolve) => storing.once('exit', resolve));
  tell({ kind: 'stop' });
  await gone;
  await rm(folder, { recursive: true, force: true });
  if (done.events !== EVENTS) throw new Error(`${kind}: ${done.events} of ${EVENTS} events are stored`);
  return {
    events_per_s: Math.round(EVENTS / wall_s),
    service_us_per_event: round(service_us / EVENTS),
    storing_us_per_event: round(done.cpu_us / EVENTS),
    log_bytes_per_event: round(log_bytes / EVENTS, 1),
    store_bytes_per_event: round(done.store_bytes / EVENTS, 1),
    storing_rss_mb: round(done.rss_bytes / 1e6),
  };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const sealtrail = await measure('sealtrail', async (producer) => {
  const emitter = createEmitter({ log: producer, topic: TOPIC, audience: AUDIENCE, producer: PRODUCER, publicKey, sign, heartbeat_ms: 0 });
  for (let n = 0; n < EVENTS; n++) {
    void emitter.audit.log('invoice.read', detailsOf(n), { ...contextOf(n), tenant: TENANT });
    if (n % EVENTS_A_TURN !== 0) continue;
    await turn();
    while (emitter.stats().pressure > PRESSURE_MAX) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const closed = await emitter.close();
  if (closed.kind !== 'closed') throw new Error('the emitter lost events');
  return EVENTS;
});

const json = await measure('json', async (producer) => {
  let lines: string[] = [];
  const waiting: Promise<unknown>[] = [];
  for (let n = 0; n < EVENTS; n++) {
    const { actor: _, trace_id, ...context } = contextOf(n);
    const { attributes, ...details } = detailsOf(n);
    lines.push(
      JSON.stringify({
        event_id: randomBytes(16).toString('hex'),
        occurred_at: Date.now(),
        action: 'invoice.read',
        outcome: 'SUCCESS',
        ...plainActor,
        ...context,
        tenant: TENANT,
        trace_id: trace_id.toString('hex'),
        ...details,
        attributes: { amount_cents: String(attributes.amount_cents), currency: attributes.currency },
      }),
    );
    if (lines.length < 256 && n < EVENTS - 1) continue;
    waiting.push(producer.append([{ topic: TOPIC, key: Buffer.from(TENANT), value: Buffer.from(lines.join('\n')) }]));
    lines = [];
    if (waiting.length >= 32) {
      await Promise.all(waiting.splice(0));
      await turn();
    }
  }
  await Promise.all(waiting);
  return EVENTS;
});

give({ events: EVENTS, sealtrail, json, throughput_ratio: round(sealtrail.events_per_s / json.events_per_s) });
