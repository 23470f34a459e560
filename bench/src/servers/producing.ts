/** The process that emits: a service with our emitter, or one that sends a JSON message an event. Tells what it sent, and when. */
import { randomBytes } from 'node:crypto';
import { createEmitter } from '@sealtrail/emitter';
import { openKafkaEventLog } from '@sealtrail/event-log-kafka';
import { sha256 } from '@sealtrail/merkle/node';
import { parseHeader } from '@sealtrail/wire';
import { CompressionTypes, Kafka, logLevel } from 'kafkajs';
import { AUDIENCE, PRODUCER, publicKey, sign } from '../batches.ts';
import { contextOf, detailsOf, plainEvent, tenantOf } from '../request-events.ts';

export interface ProducingOptions {
  readonly kind: 'events' | 'json';
  readonly broker: string;
  readonly topic: string;
  readonly events: number;
  readonly tenants: number;
  /** null for as fast as it goes. */
  readonly rate_per_s: number | null;
}
/** Where a record went, how many events are in it, and when the first of them was logged. */
export interface Sent {
  readonly partition: number;
  readonly offset: number;
  /** Records from `offset` on, and events in them. */
  readonly records: number;
  readonly events: number;
  readonly first_logged_ms: number;
}
export type FromProducing = { readonly kind: 'sent'; readonly sent: readonly Sent[] } | { readonly kind: 'done' };

const MESSAGES_A_SEND = 1_000;
const EVENTS_A_TURN = 64;
const PRESSURE_MAX = 0.5;
const tell = (message: FromProducing): void => void process.send?.(message);
const now_ms = (): number => performance.timeOrigin + performance.now();

/** Lets the loop run at its rate. */
async function paced(options: ProducingOptions, step: number, each: (n: number) => void, wait: () => Promise<void>): Promise<void> {
  const started_ms = performance.now();
  for (let n = 0; n < options.events; n += step) {
    if (options.rate_per_s !== null) {
      const due_ms = started_ms + (n * 1_000) / options.rate_per_s;
      const early_ms = due_ms - performance.now();
      if (early_ms > 1) await new Promise((resolve) => setTimeout(resolve, early_ms));
    }
    for (let i = n; i < Math.min(n + step, options.events); i++) each(i);
    await wait();
  }
}

/** Connects; what it gives emits. */
async function events(options: ProducingOptions): Promise<() => Promise<void>> {
  const log = await openKafkaEventLog({ client: { brokers: [options.broker] }, clock_ms: Date.now, random: randomBytes });
  const producer = await log.producer();
  /** When the events were logged that wait, by tenant: batches keep their order. */
  const logged = new Map<string, number[]>();
  const watched = {
    append: async (records: Parameters<typeof producer.append>[0]) => {
      const outcome = await producer.append(records);
      if (outcome.kind !== 'appended') return outcome;
      tell({
        kind: 'sent',
        sent: records.map(({ key, value }, i) => {
          const waiting = logged.get(Buffer.from(key ?? []).toString()) ?? [];
          const count = countOf(value);
          const [first = 0] = waiting.splice(0, count);
          return { ...(outcome.placed[i] as { partition: number; offset: number }), records: 1, events: count, first_logged_ms: first };
        }),
      });
      return outcome;
    },
    position: () => producer.position('none'),
    close: () => producer.close(),
  };
  const emitter = createEmitter({
    log: watched,
    topic: options.topic,
    audience: AUDIENCE,
    producer: PRODUCER,
    publicKey,
    sign,
    heartbeat_ms: 0,
  });
  // Once a turn: a clock that is asked for each event costs as much as a fifth of logging it.
  let turn_ms = 0;
  const each = (n: number): void => {
    if (n % EVENTS_A_TURN === 0) turn_ms = now_ms();
    const tenant = tenantOf(n, options.tenants);
    const waiting = logged.get(tenant);
    if (waiting === undefined) logged.set(tenant, [turn_ms]);
    else waiting.push(turn_ms);
    void emitter.audit.log('invoice.read', detailsOf(n), { ...contextOf(n), tenant });
  };
  return async () => {
    await paced(options, EVENTS_A_TURN, each, async () => {
      await new Promise((resolve) => setImmediate(resolve));
      while (emitter.stats().pressure > PRESSURE_MAX) await new Promise((resolve) => setTimeout(resolve, 1));
    });
    const closed = await emitter.close();
    if (closed.kind !== 'closed') throw new Error('the emitter lost events');
    await log.close();
  };
}

async function json(options: ProducingOptions): Promise<() => Promise<void>> {
  const kafka = new Kafka({ brokers: [options.broker], logLevel: logLevel.NOTHING });
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  let messages: { key: string; value: string }[] = [];
  let first_logged_ms = 0;
  let sending: Promise<unknown> = Promise.resolve();
  const flush = (): void => {
    const taken = messages;
    const first = first_logged_ms;
    messages = [];
    sending = sending.then(async () => {
      const placed = await producer.send({ topic: options.topic, acks: -1, compression: CompressionTypes.None, messages: taken });
      tell({
        kind: 'sent',
        sent: placed.map(({ partition, baseOffset }) => ({
          partition,
          offset: Number(baseOffset),
          records: taken.length,
          events: taken.length,
          first_logged_ms: first,
        })),
      });
    });
  };
  const step = options.rate_per_s === null ? MESSAGES_A_SEND : Math.max(1, Math.min(MESSAGES_A_SEND, Math.floor(options.rate_per_s / 20)));
  const each = (n: number): void => {
    if (messages.length === 0) first_logged_ms = now_ms();
    messages.push({ key: tenantOf(n, options.tenants), value: JSON.stringify(plainEvent(n, options.tenants)) });
  };
  return async () => {
    await paced(options, step, each, async () => {
      flush();
      if (options.rate_per_s === null) await sending;
    });
    await sending;
    await producer.disconnect();
  };
}

const hashing = sha256();
/** How many events a batch has. */
function countOf(record: Uint8Array): number {
  const parsed = parseHeader(record, hashing);
  if (parsed.kind === 'refused') throw new Error(`a batch that was sent does not parse: ${parsed.reason}`);
  return parsed.header.count;
}

const options = JSON.parse(process.argv[2] ?? '') as ProducingOptions;
const emit = options.kind === 'events' ? await events(options) : await json(options);
await emit();
tell({ kind: 'done' });
process.disconnect?.();
