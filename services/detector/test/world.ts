/** A detector on a memory log, with rules given as text. */
import { randomBytes } from 'node:crypto';
import { registrationRecord } from '@sealtrail/data-directory';
import { compile, loadRules, replaySpan_us } from '@sealtrail/detection';
import { type BatchSigner, createBatchSigner, type EventToSign } from '@sealtrail/emitter';
import { partitionOf } from '@sealtrail/event-log';
import { createMemoryEventLog, type MemoryEventLog } from '@sealtrail/event-log/memory';
import { smallestEvent } from '@sealtrail/ledger-store/samples';
import { ed25519PublicKey, ed25519Signer, ed25519Verify, sha256 } from '@sealtrail/merkle/node';
import { breathe, sleep } from '@sealtrail/service-runtime';
import { type AlertRecord, keyThumbprint } from '@sealtrail/wire';
import {
  createDetector,
  DETECTION_TIMES,
  DETECTOR_LIMITS,
  type DetectionRules,
  type DetectorSettings,
  type EvaluatedFacts,
} from '../src/index.ts';

export const TOPIC = 'audit.events';
export const REGISTRY = 'audit.registry';
export const AUDIENCE = 'test.deployment';
const START_MS = 1_700_000_000_000;
const seed = new Uint8Array(32).fill(7);
const hash = sha256();

export function rulesOf(text: string): DetectionRules {
  const loaded = loadRules([{ file: 'rules.yml', text }], { sha256: (bytes) => hash.digest(bytes) });
  const compiled = compile(loaded, { sha256: (bytes) => hash.digest(bytes), ...DETECTION_TIMES });
  const errors = [...loaded.errors, ...compiled.errors];
  if (errors.length > 0) throw new Error(errors.map(({ message }) => message).join('\n'));
  return { ...compiled, replay_span_us: replaySpan_us(compiled.correlations) };
}

export interface TestEvent {
  readonly tenant: string;
  /** Seconds after the start. */
  readonly at_s: number;
  readonly actor?: string;
  readonly action?: string;
  readonly outcome?: EventToSign['outcome'];
  readonly resource?: string;
  readonly attributes?: Readonly<Record<string, string>>;
}

let counter = 0;
const eventOf = ({
  at_s,
  actor = 'alice',
  action = 'invoice.read',
  outcome = 'SUCCESS',
  resource = 'inv-1',
  attributes,
}: TestEvent): EventToSign => ({
  ...smallestEvent(),
  actor_type: 'USER',
  actor_id: actor,
  token_status: 'VERIFIED',
  source_ip: Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 203, 0, 113, 9]),
  resource_id: resource,
  attributes: new Map(Object.entries(attributes ?? {})),
  // Ids follow from a counter, so that a schedule gives the same ones again.
  event_id: hash.digest(new TextEncoder().encode(`event ${counter++}`)).slice(0, 16),
  occurred_at: (START_MS + at_s * 1000) * 1000,
  action,
  outcome,
});

export interface SignedRecord {
  readonly tenant: string;
  readonly value: Uint8Array;
}

export class DetectorWorld {
  readonly log: MemoryEventLog;
  readonly partitions: number;
  readonly rules: DetectionRules;
  /** What was raised, by id; and how often an id was raised again. */
  readonly alerts = new Map<string, AlertRecord>();
  raisedAgain = 0;
  /** Told of each set that is raised; the sink waits for it. */
  onRaised: (alerts: readonly AlertRecord[]) => void | Promise<void> = () => undefined;
  readonly evaluated: EvaluatedFacts[] = [];
  readonly rested: { readonly to: number; readonly pending: number }[] = [];
  replays: number[] = [];
  now_ms = START_MS;
  readonly #settings: DetectorSettings;
  readonly #signer: BatchSigner;

  constructor(rules: DetectionRules, partitions = 1, changes: Partial<DetectorSettings> = {}) {
    counter = 0;
    this.rules = rules;
    this.partitions = partitions;
    this.log = createMemoryEventLog({ clock_ms: () => this.now_ms });
    this.log.control.createTopics([
      { topic: TOPIC, partitions, cleanup_policy: 'delete' },
      { topic: REGISTRY, partitions: 1, cleanup_policy: 'none' },
    ]);
    const public_key = ed25519PublicKey(seed);
    const key_id = keyThumbprint(hash, public_key);
    this.log.control.put(REGISTRY, 0, {
      value: registrationRecord({ key_id, public_key, producer: 'api', tenants: ['*'], valid_from: 0 }),
    });
    this.#settings = {
      ...DETECTOR_LIMITS,
      audience: AUDIENCE,
      topic: TOPIC,
      registry_topic: REGISTRY,
      group: 'detector',
      incarnation: 1,
      partitions,
      read_wait_ms: 2,
      retry_ms: 1,
      commit_interval_ms: 0,
      // Event time stands still while nothing comes, unless a test lets it go on.
      idle_lag_ms: 1_000_000_000,
      ...changes,
    };
    this.#signer = createBatchSigner({
      sha256: hash,
      sign: ed25519Signer(seed),
      publicKey: public_key,
      audience: AUDIENCE,
      producer: 'api',
      instance: new Uint8Array(16).fill(1),
      started_at: START_MS,
      random: (bytes) => new Uint8Array(randomBytes(bytes)),
    });
  }

  /** A batch of events of one tenant. */
  sign(events: readonly TestEvent[]): SignedRecord {
    const tenant = events[0]?.tenant ?? 'acme';
    return { tenant, value: this.#signer.sign({ tenant, delivery: 'ROUTINE', events: events.map(eventOf) }).value };
  }

  put({ tenant, value }: SignedRecord): void {
    const key = Buffer.from(tenant);
    this.log.control.put(TOPIC, partitionOf(key, this.partitions), { key, value });
  }

  /** Events one a record, the log's clock at their time. */
  emit(events: readonly TestEvent[]): void {
    for (const event of events) {
      this.now_ms = Math.max(this.now_ms, START_MS + event.at_s * 1000);
      this.put(this.sign([event]));
    }
  }

  /** A detector that runs; `stop` ends it as a crash does for its state: nothing of it is kept. */
  start(changes: Partial<DetectorSettings> = {}): { stop(): Promise<void> } {
    const stop = new AbortController();
    const detector = createDetector({
      log: this.log.open(),
      settings: { ...this.#settings, ...changes },
      ports: {
        sha256: hash,
        verify: ed25519Verify(),
        rules: this.rules,
        sink: {
          raise: async (alerts) => {
            await breathe();
            await this.onRaised(alerts);
            for (const alert of alerts) {
              const id = Buffer.from(alert.id).toString('hex');
              if (this.alerts.has(id)) this.raisedAgain++;
              else this.alerts.set(id, alert);
            }
          },
        },
        clock_ms: () => this.now_ms,
        sleep,
        breathe,
        events: {
          started: (_place, { replay_from, from }) => void this.replays.push(from - replay_from),
          evaluated: (_place, facts) => void this.evaluated.push(facts),
          rested: (_place, facts) => void this.rested.push(facts),
          waiting: () => undefined,
          lost: () => undefined,
        },
      },
    });
    const ended = detector.run(stop.signal);
    return {
      async stop() {
        stop.abort();
        const end = await ended;
        if (end.kind === 'failed') throw end.cause;
      },
    };
  }

  /** Runs until everything in the log was evaluated and committed. */
  async settle(changes: Partial<DetectorSettings> = {}): Promise<void> {
    const taken = this.replays.length;
    const detector = this.start({ ...changes, commit_interval_ms: 0 });
    while (this.replays.length < taken + this.partitions) await new Promise((resolve) => setTimeout(resolve, 1));
    const log = this.log.open();
    const [reader, admin] = await Promise.all([log.reader(), log.admin()]);
    for (let partition = 0; partition < this.partitions; partition++) {
      const { end } = await reader.bounds(TOPIC, partition);
      while (end > 0 && ((await admin.committed('detector', TOPIC, partition))?.offset ?? 0) < end) {
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    }
    await detector.stop();
    await log.close();
  }
}
