/** The detector as it runs, on signed Avro records: what an event costs on its way, a replay, and keys without end. */
import { randomBytes } from 'node:crypto';
import { registrationRecord } from '@sealtrail/data-directory';
import { compile, type DetectionEvent, loadRules, replaySpan_us } from '@sealtrail/detection';
import {
  AuditFields,
  auditDetectionEvent,
  createDetector,
  DETECTION_TIMES,
  DETECTOR_LIMITS,
  type DetectionRules,
  loadDetection,
  SHIPPED_RULES,
} from '@sealtrail/detector';
import { createBatchSigner } from '@sealtrail/emitter';
import { createMemoryEventLog, type MemoryEventLog } from '@sealtrail/event-log/memory';
import { ed25519Verify, sha256 as nodeSha256 } from '@sealtrail/merkle/node';
import { breathe, sleep } from '@sealtrail/service-runtime';
import { keyThumbprint, parseHeader, verifyBatchSignature, type WalkedBatch, walkBatch } from '@sealtrail/wire';
import { AUDIENCE, EVENTS_A_BATCH, PRODUCER, publicKey, REGISTRY_TOPIC, sign, TOPIC, typicalEvent } from './batches.ts';
import { type CpuClock, cpuClock, keptBytes, round, sized } from './measure.ts';

const hash = nodeSha256();
const digest = (bytes: Uint8Array): Uint8Array => hash.digest(bytes);

const BATCHES = sized(600, 4);
const ROUNDS = sized(3, 1);
const TENANTS = 10;
const ACTORS = 5_000;
/** Each person has a token of their own. */
const TOKENS = Array.from({ length: ACTORS }, (_, i) =>
  Uint8Array.from({ length: 32 }, (_byte, at) => (at < 2 ? (i >> (8 * at)) & 0xff : 2)),
);
const START_US = 1_735_689_600_000_000;
/** Between two events: 1,000 a second. */
const EVENT_US = 1_000;
/** At which the cost of a replay is given. */
const REPLAY_RATES = [100, 1_000];
const KEYS = sized(1_000_000, 10_000);
const KEY_TENANTS = 10;

export interface RecordFigures {
  readonly events: number;
  readonly rules: number;
  readonly detector_us_per_event: number;
  readonly events_per_s: number;
  /** Signature, walk and leaves: what anyone pays who does not trust records. */
  readonly verify_us_per_event: number;
  /** Evaluation of events whose fields are decoded already. */
  readonly decoded_us_per_event: number;
  readonly decoded_events_per_s: number;
  readonly replay: ReplayFigures;
  readonly keys: KeyFigures;
}
interface ReplayFigures {
  readonly us_per_event: number;
  readonly events_per_s: number;
  readonly span_hours: number;
  /** CPU for the longest window, by events a second of the log. */
  readonly seconds_by_rate: Readonly<Record<string, number>>;
}
interface KeyFigures {
  readonly keys: number;
  readonly bytes_per_key: number;
  readonly us_per_hit: number;
}

/** The shipped rules as a detector compiles them. */
export function shippedRules(): DetectionRules & { readonly rules: number } {
  const loaded = loadDetection({ rules: [SHIPPED_RULES], pipelines: [], overrides: null });
  if (loaded.errors[0] !== undefined) throw loaded.errors[0];
  return { ...loaded, rules: loaded.matcher.rules.length + loaded.correlations.linked.length };
}

/** What a service logs: most of it reads, one event in fifty is denied, one in a hundred changes what matters. */
export const serviceEvent = (n: number): ReturnType<typeof typicalEvent> => ({
  ...typicalEvent(n % ACTORS),
  event_id: randomBytes(16),
  occurred_at: START_US + n * EVENT_US,
  token_id_hash: TOKENS[n % ACTORS] as Uint8Array,
  resource_id: `inv-${n % 50_000}`,
  ...(n % 50 === 48 ? { action: 'invoice.export', outcome: 'DENIED' as const, reason: 'role_missing', http_status: 403 } : {}),
  ...(n % 100 === 99 ? { action: 'invoice.delete', severity: 'HIGH' as const, http_method: 'DELETE' } : {}),
});

/** A log whose records were taken when their events happened. */
function filledLog(): MemoryEventLog {
  let now_us = START_US;
  const log = createMemoryEventLog({ clock_ms: () => Math.floor(now_us / 1_000) });
  log.control.createTopics([
    { topic: TOPIC, partitions: 1, cleanup_policy: 'delete' },
    { topic: REGISTRY_TOPIC, partitions: 1, cleanup_policy: 'none' },
  ]);
  const key = { key_id: keyThumbprint(hash, publicKey), public_key: publicKey, producer: PRODUCER, tenants: ['*'], valid_from: 0 };
  log.control.put(REGISTRY_TOPIC, 0, { value: registrationRecord(key) });
  const instance = new Uint8Array(16).fill(5);
  const started_at = START_US / 1_000;
  const signer = createBatchSigner({
    sha256: hash,
    sign,
    publicKey,
    audience: AUDIENCE,
    producer: PRODUCER,
    instance,
    started_at,
    random: randomBytes,
  });
  for (let i = 0; i < BATCHES; i++) {
    const events = Array.from({ length: EVENTS_A_BATCH }, (_, n) => serviceEvent(i * EVENTS_A_BATCH + n));
    now_us = START_US + (i + 1) * EVENTS_A_BATCH * EVENT_US;
    const { key: tenant, value } = signer.sign({ tenant: `tenant-${i % TENANTS}`, delivery: 'ROUTINE', events });
    log.control.put(TOPIC, 0, { key: tenant, value });
  }
  return log;
}

/** Runs a detector until it has read the whole log. Gives µs of CPU from when it took up the partition. */
async function detect(log: MemoryEventLog, rules: DetectionRules, group: string): Promise<number> {
  const stop = new AbortController();
  let clock: CpuClock = cpuClock();
  let elapsed_us = 0;
  let raised = 0;
  const settings = { audience: AUDIENCE, topic: TOPIC, registry_topic: REGISTRY_TOPIC, group, incarnation: 1, partitions: 1 };
  const detector = createDetector({
    log: log.open(),
    settings: { ...DETECTOR_LIMITS, ...settings, read_wait_ms: 1, commit_interval_ms: 0, idle_lag_ms: Number.MAX_SAFE_INTEGER },
    ports: {
      sha256: hash,
      verify: ed25519Verify(),
      rules,
      sink: { raise: async (alerts) => void (raised += alerts.length) },
      clock_ms: Date.now,
      sleep,
      breathe,
      events: {
        started: () => void (clock = cpuClock()),
        evaluated: (_, { to }) => {
          elapsed_us = clock.elapsed_us();
          // Once more around, so that the offset is committed.
          if (to >= BATCHES) setTimeout(() => stop.abort(), 5);
        },
        rested: () => undefined,
        waiting: (_, what, cause) => {
          throw new Error(`${what}: ${cause.message}`, { cause });
        },
        lost: () => undefined,
      },
    },
  });
  const end = await detector.run(stop.signal);
  if (end.kind === 'failed') throw end.cause;
  if (raised > BATCHES) throw new Error(`${raised} alerts: it is ordinary traffic that is measured`);
  return elapsed_us;
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

function verifyAll(values: readonly Uint8Array[]): readonly WalkedBatch[] {
  const verify = ed25519Verify();
  return values.map((value) => {
    const parsed = parseHeader(value, hash);
    if (parsed.kind === 'refused') throw new Error(parsed.detail);
    if (!verifyBatchSignature(verify, publicKey, parsed.header.key_id, parsed.header_bytes, parsed.signature)) throw new Error('signature');
    const batch = walkBatch(parsed, hash);
    if (batch.kind === 'refused') throw new Error(batch.detail);
    return batch;
  });
}

export async function measureRecords(): Promise<RecordFigures> {
  const rules = shippedRules();
  const log = filledLog();
  const events = BATCHES * EVENTS_A_BATCH;
  const values = log.control.records(TOPIC, 0).map(({ value }) => value as Uint8Array);
  const whole: number[] = [];
  const replayed: number[] = [];
  const verified: number[] = [];
  const decoded: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    whole.push((await detect(log, rules, `detector-${i}`)) / events);
    replayed.push((await detect(log, rules, `detector-${i}`)) / events);
    const verifying = cpuClock();
    const batches = verifyAll(values);
    verified.push(verifying.elapsed_us() / events);
    decoded.push(evaluateDecoded(batches, rules) / events);
  }
  const [detector_us, replay_us, decoded_us] = [median(whole), median(replayed), median(decoded)];
  const span_s = rules.replay_span_us / 1e6;
  return {
    events,
    rules: rules.rules,
    detector_us_per_event: round(detector_us),
    events_per_s: Math.round(1e6 / detector_us),
    verify_us_per_event: round(median(verified)),
    decoded_us_per_event: round(decoded_us),
    decoded_events_per_s: Math.round(1e6 / decoded_us),
    replay: {
      us_per_event: round(replay_us),
      events_per_s: Math.round(1e6 / replay_us),
      span_hours: round(span_s / 3_600, 1),
      seconds_by_rate: Object.fromEntries(REPLAY_RATES.map((rate) => [rate, round((span_s * rate * replay_us) / 1e6, 1)])),
    },
    keys: measureKeys(),
  };
}

/** An event whose fields are at hand once they were asked for. */
function decodedEvent(event: DetectionEvent): DetectionEvent {
  const values = new Map<string, ReturnType<DetectionEvent['field']>>();
  return {
    id: event.id,
    tenant: event.tenant,
    time_us: event.time_us,
    ...(event.received_us === undefined ? {} : { received_us: event.received_us }),
    logsource: event.logsource,
    field(name) {
      const known = values.get(name);
      if (known !== undefined || values.has(name)) return known;
      const value = event.field(name);
      values.set(name, value);
      return value;
    },
    values: () => event.values(),
  };
}

/** µs of CPU of evaluating events whose fields were all asked for before. */
function evaluateDecoded(batches: readonly WalkedBatch[], rules: DetectionRules): number {
  const engine = rules.engine.fresh();
  const asking = rules.engine.fresh();
  const fields = new AuditFields();
  let elapsed_us = 0;
  for (const batch of batches) {
    const events = Array.from({ length: batch.header.count }, (_, i) =>
      decodedEvent(auditDetectionEvent(batch, i, START_US + BATCHES * EVENTS_A_BATCH * EVENT_US, fields)),
    );
    for (const event of events) asking.evaluate(event);
    const clock = cpuClock();
    for (const event of events) engine.evaluate(event);
    elapsed_us += clock.elapsed_us();
  }
  return elapsed_us;
}

/** As many keys as ten tenants may have, each with one hit, and what they keep in memory. */
function measureKeys(): KeyFigures {
  const text = `
title: Denied
id: 11111111-1111-4111-8111-111111111111
name: denied
level: low
logsource: { product: sealtrail, category: audit }
detection:
  denied: { outcome: DENIED }
  condition: denied
---
title: Burst
id: 22222222-2222-4222-8222-222222222222
level: high
correlation: { type: event_count, rules: [denied], group-by: [actor_id], timespan: 1h, condition: { gte: 10 } }
`;
  const loaded = loadRules([{ file: 'keys', text }], { sha256: digest });
  const { engine, correlations } = compile(loaded, { sha256: digest, ...DETECTION_TIMES });
  const logsource = { category: 'audit', product: 'sealtrail', service: 'api' };
  if (replaySpan_us(correlations) === 0) throw new Error('the rules of the keys were refused');
  const before = keptBytes();
  const clock = cpuClock();
  for (let i = 0; i < KEYS; i++) {
    const event: DetectionEvent = {
      id: i.toString(16).padStart(32, '0'),
      tenant: `tenant-${i % KEY_TENANTS}`,
      time_us: START_US + i * 1_000,
      logsource,
      field: (name) => (name === 'outcome' ? 'DENIED' : name === 'actor_id' ? `user-${i}` : undefined),
      values: () => [],
    };
    engine.evaluate(event);
  }
  engine.advance(START_US + KEYS * 1_000 + DETECTION_TIMES.allowance_us + 1);
  const us_per_hit = clock.elapsed_us() / KEYS;
  const { keys } = engine.stats();
  const bytes = keptBytes() - before;
  if (engine.stats().keys !== keys || keys < KEYS) throw new Error(`${keys} of ${KEYS} keys are kept`);
  return { keys, bytes_per_key: Math.round(bytes / keys), us_per_hit: round(us_per_hit) };
}
