/** A detector with its alert pipeline in this process: real records on a memory log, a real HTTP receiver, a clock that the test moves. */
import { randomBytes, randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleepFor } from 'node:timers/promises';
import { createMemoryDeliveryStore, type GroupingSettings, webhookNotifier } from '@sealtrail/alerting';
import { registrationRecord } from '@sealtrail/data-directory';
import { type CorrelatorOptions, compile, type DetectionError, loadRules, replaySpan_us } from '@sealtrail/detection';
import {
  type AlertPipeline,
  alertLog,
  createAlertPipeline,
  createDetector,
  DETECTION_TIMES,
  DETECTOR_LIMITS,
  type DetectionRules,
  detectorLog,
  type EvaluatedFacts,
} from '@sealtrail/detector';
import { type BatchSigner, createBatchSigner, type EventToSign } from '@sealtrail/emitter';
import { createMemoryEventLog, type MemoryEventLog } from '@sealtrail/event-log/memory';
import type { AlertStore } from '@sealtrail/ledger-store';
import { createMemoryAlertStore } from '@sealtrail/ledger-store/memory';
import { smallestEvent } from '@sealtrail/ledger-store/samples';
import { ed25519PublicKey, ed25519Signer, ed25519Verify, sha256 } from '@sealtrail/merkle/node';
import { breathe, createLogger, sleep } from '@sealtrail/service-runtime';
import { type AlertRecord, alertCodec, keyThumbprint } from '@sealtrail/wire';

const TOPIC = 'audit.events';
const REGISTRY = 'audit.registry';
const ALERTS = 'audit.alerts';
const AUDIENCE = 'test.deployment';
export const START_MS = 1_700_000_000_000;
const hash = sha256();
const digest = (bytes: Uint8Array): Uint8Array => hash.digest(bytes);

/** Rules from text, as a detector compiles them, with limits of its own where they are given. */
export function rulesOf(
  text: string,
  limits: Partial<CorrelatorOptions> = {},
): { readonly rules: DetectionRules; readonly errors: readonly DetectionError[] } {
  const loaded = loadRules([{ file: 'rules.yml', text }], { sha256: digest });
  const compiled = compile(loaded, { sha256: digest, ...DETECTION_TIMES, ...limits });
  return {
    rules: { ...compiled, replay_span_us: replaySpan_us(compiled.correlations) },
    errors: [...loaded.errors, ...compiled.errors],
  };
}

export function createSigner(): BatchSigner {
  const seed = new Uint8Array(32).fill(7);
  return createBatchSigner({
    sha256: hash,
    sign: ed25519Signer(seed),
    publicKey: ed25519PublicKey(seed),
    audience: AUDIENCE,
    producer: 'api',
    instance: new Uint8Array(randomBytes(16)),
    started_at: START_MS,
    random: (bytes) => new Uint8Array(randomBytes(bytes)),
  });
}

let events = 0;
/** An event with an id of its own, `at_ms` after the start. */
export const eventAt = (at_ms: number, fields: Partial<EventToSign> = {}): EventToSign => ({
  ...smallestEvent(),
  actor_type: 'USER',
  actor_id: 'mallory',
  token_status: 'VERIFIED',
  event_id: digest(new TextEncoder().encode(`event ${events++}`)).slice(0, 16),
  occurred_at: (START_MS + at_ms) * 1000,
  action: 'invoice.read',
  outcome: 'SUCCESS',
  ...fields,
});

/** What a message says, as the receiver sees it. */
export interface Received {
  readonly at_ms: number;
  readonly kind: 'group' | 'digest';
  readonly repeated: boolean;
  readonly count: number;
  readonly groups_count: number;
  readonly groups: readonly {
    readonly title: string;
    readonly count: number;
    readonly alerts: readonly { readonly events_count: number }[];
  }[];
}

export class Detecting {
  readonly store: AlertStore = createMemoryAlertStore();
  readonly received: Received[] = [];
  readonly evaluated: EvaluatedFacts[] = [];
  /** Lines of the log, from warnings on. */
  readonly lines: string[] = [];
  now_ms: number = START_MS;
  readonly #log: MemoryEventLog = createMemoryEventLog({ clock_ms: () => this.now_ms });
  readonly #signer: BatchSigner = createSigner();
  readonly #timers = new Set<{ readonly at_ms: number; readonly run: () => void }>();
  readonly #stop = new AbortController();
  #records = 0;
  #server!: Server;
  #pipeline!: AlertPipeline;
  #ended!: Promise<unknown>;

  static async start(rules: DetectionRules, grouping: Partial<GroupingSettings> = {}): Promise<Detecting> {
    const world = new Detecting();
    await world.#begin(rules, grouping);
    return world;
  }

  async #begin(rules: DetectionRules, grouping: Partial<GroupingSettings>): Promise<void> {
    const clock_ms = (): number => this.now_ms;
    const timers = { after: (delay_ms: number, run: () => void) => this.#after(delay_ms, run) };
    this.#log.control.createTopics([
      { topic: TOPIC, partitions: 1, cleanup_policy: 'delete' },
      { topic: ALERTS, partitions: 1, cleanup_policy: 'delete' },
      { topic: REGISTRY, partitions: 1, cleanup_policy: 'none' },
    ]);
    const public_key = ed25519PublicKey(new Uint8Array(32).fill(7));
    const key_id = keyThumbprint(hash, public_key);
    const registration = registrationRecord({ key_id, public_key, producer: 'api', tenants: ['*'], valid_from: 0 });
    this.#log.control.put(REGISTRY, 0, { value: registration });
    const url = `http://127.0.0.1:${await this.#listen()}/alerts`;
    const webhook = { name: 'hook', url, secrets: [], format: 'sealtrail', source: 'urn:test' } as const;
    const logger = createLogger({ write: (line) => void this.lines.push(line), clock_ms, level: 'warn', format: 'json' });
    const log = this.#log.open();
    this.#pipeline = await createAlertPipeline({
      store: this.store,
      producer: await log.producer(),
      topic: ALERTS,
      notifiers: [webhookNotifier({ fetch, clock_ms, timers }, webhook)],
      hygiene: { routes: [{ notifier: 'hook', grouping }] },
      state: createMemoryDeliveryStore(),
      sha256: hash,
      clock_ms,
      random: () => 0.5,
      newId: randomUUID,
      timers,
      events: alertLog(logger),
    });
    const logged = detectorLog(logger, clock_ms);
    const settings = { audience: AUDIENCE, topic: TOPIC, registry_topic: REGISTRY, group: 'detector', incarnation: 1, partitions: 1 };
    const detector = createDetector({
      log,
      // Event time stands still while nothing comes; what was evaluated is committed at once, so that the test sees it.
      settings: { ...DETECTOR_LIMITS, ...settings, read_wait_ms: 2, commit_interval_ms: 0, idle_lag_ms: 1_000_000_000 },
      ports: {
        sha256: hash,
        verify: ed25519Verify(),
        rules,
        sink: this.#pipeline,
        clock_ms,
        sleep,
        breathe,
        events: {
          ...logged,
          evaluated: (place, facts) => {
            this.evaluated.push(facts);
            logged.evaluated(place, facts);
          },
        },
      },
    });
    this.#ended = detector.run(this.#stop.signal);
  }

  #listen(): Promise<number> {
    this.#server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString('utf8')));
      request.on('end', () => {
        this.received.push({ at_ms: this.now_ms, ...(JSON.parse(body) as { data: Omit<Received, 'at_ms'> }).data });
        response.writeHead(204).end();
      });
    });
    return new Promise((resolve) => this.#server.listen(0, '127.0.0.1', () => resolve((this.#server.address() as AddressInfo).port)));
  }

  #after(delay_ms: number, run: () => void): () => void {
    const timer = { at_ms: this.now_ms + delay_ms, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Puts signed batches of one tenant into the log. */
  emit(tenant: string, all: readonly EventToSign[], batch_events = 256): void {
    for (let at = 0; at < all.length; at += batch_events)
      this.put(tenant, this.#signer.sign({ tenant, delivery: 'ROUTINE', events: all.slice(at, at + batch_events) }).value);
  }

  put(tenant: string, value: Uint8Array): void {
    this.#log.control.put(TOPIC, 0, { key: Buffer.from(tenant), value });
    this.#records++;
  }

  /** Waits until everything in the log was evaluated, and its alerts were stored. */
  async evaluateAll(): Promise<void> {
    const admin = await this.#log.open().admin();
    while (((await admin.committed('detector', TOPIC, 0))?.offset ?? 0) < this.#records) await sleepFor(1);
  }

  /** Lets time pass, second by second, and messages that are due arrive. */
  async pass(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second++) {
      this.now_ms += 1_000;
      await this.#settle();
    }
  }

  async #settle(): Promise<void> {
    do {
      // A promise's chain, and what a receiver on this machine answers.
      await sleepFor(0);
      for (const timer of [...this.#timers].filter(({ at_ms }) => at_ms <= this.now_ms)) {
        this.#timers.delete(timer);
        timer.run();
      }
    } while (Object.values(this.#pipeline.dispatcher.waiting()).some(({ messages, more }) => messages > 0 || more));
  }

  /** The alerts of the topic, by id. */
  async topicAlerts(): Promise<ReadonlyMap<string, AlertRecord>> {
    const reader = await this.#log.open().reader();
    const alerts = new Map<string, AlertRecord>();
    for (let from = 0; ; ) {
      const read = await reader.read(ALERTS, 0, from, { records_max: 10_000, bytes_max: 64_000_000, wait_ms: 0 });
      if (read.kind !== 'records') throw new Error(`the alerts cannot be read: ${read.kind}`);
      if (read.records.length === 0) return alerts;
      for (const { value } of read.records) {
        const alert = alertCodec().decodeFramed(value ?? new Uint8Array());
        alerts.set(Buffer.from(alert.id).toString('hex'), alert);
      }
      from += read.records.length;
    }
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#ended;
    await this.#pipeline.stop();
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
