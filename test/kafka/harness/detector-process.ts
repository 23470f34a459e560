/** The detector as its supervisor starts it, and a deployment whose producer is this process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { appendKeyRecords, type Deployment, openDataDirectory, registrationRecord } from '@sealtrail/data-directory';
import { ALERTS_TOPIC } from '@sealtrail/detector';
import { type BatchSigner, createBatchSigner, type EventToSign } from '@sealtrail/emitter';
import type { EventLog, EventLogProducer } from '@sealtrail/event-log';
import { openKafkaEventLog } from '@sealtrail/event-log-kafka';
import { smallestEvent } from '@sealtrail/ledger-store/samples';
import { ed25519PublicKey, ed25519Signer, sha256 } from '@sealtrail/merkle/node';
import { type AlertRecord, alertCodec, keyThumbprint } from '@sealtrail/wire';

const MAIN = fileURLToPath(new URL('../../../services/detector/src/main.ts', import.meta.url));
/** As short as brokers allow as they come. */
const SESSION_TIMEOUT_MS = 6_000;
const hash = sha256();
const random = (bytes: number): Uint8Array => new Uint8Array(randomBytes(bytes));

type Line = Readonly<Record<string, unknown>>;
const tick = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 100));

/** Looks again and again; throws, with what `told` gives, where it takes too long. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, told: () => string = () => ''): Promise<void> {
  const deadline_ms = Date.now() + 90_000;
  while (!(await holds())) {
    if (Date.now() > deadline_ms) throw new Error(`not in time: ${what}\n${told()}`);
    await tick();
  }
}

export class DetectorProcess {
  readonly #child: ChildProcess;
  readonly #lines: Line[] = [];
  readonly #exited: Promise<readonly [code: number | null, signal: string | null]>;
  #errors = '';

  constructor(env: Readonly<Record<string, string>>) {
    const { PATH, HOME } = process.env;
    const own = { PATH, HOME, SEALTRAIL_OPERATIONS_HOST: '127.0.0.1', SEALTRAIL_OPERATIONS_PORT: '0' };
    this.#child = spawn(process.execPath, ['--conditions=source', '--import', 'tsx', MAIN], {
      env: { ...own, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#exited = once(this.#child, 'exit') as Promise<never>;
    createInterface({ input: this.#child.stdout as NodeJS.ReadableStream }).on('line', (line) =>
      this.#lines.push(JSON.parse(line) as Line),
    );
    this.#child.stderr?.on('data', (data: Buffer) => (this.#errors += data.toString()));
  }

  has(message: string): boolean {
    return this.#lines.some((line) => line['message'] === message);
  }

  async seen(message: string): Promise<Line> {
    await until(
      message,
      () => this.has(message) || this.#child.exitCode !== null,
      () => this.told(),
    );
    const found = this.#lines.find((line) => line['message'] === message);
    if (found === undefined) throw new Error(`the detector ended with ${this.#child.exitCode}: ${this.told()}`);
    return found;
  }

  async get(path: string): Promise<{ readonly status: number; readonly text: string }> {
    const { port } = await this.seen('serving health and metrics');
    const response = await fetch(`http://127.0.0.1:${String(port)}${path}`);
    return { status: response.status, text: await response.text() };
  }

  async ready(): Promise<void> {
    await until(
      'ready',
      async () => (await this.get('/readyz')).status === 200,
      () => this.told(),
    );
  }

  /** Sum of a counter or gauge over its labels. */
  async metric(name: string): Promise<number> {
    const { text } = await this.get('/metrics');
    const values = text.split('\n').flatMap((line) => {
      const [, value] = new RegExp(`^sealtrail_detector_${name}(?:\\{[^}]*\\})? (.*)$`).exec(line) ?? [];
      return value === undefined ? [] : [Number(value)];
    });
    return values.reduce((sum, value) => sum + value, 0);
  }

  async stop(): Promise<number | null> {
    this.#child.kill('SIGTERM');
    return (await this.#exited)[0];
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  get isUp(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  told(): string {
    return `${this.#lines.map((line) => JSON.stringify(line)).join('\n')}\n${this.#errors}`.slice(-8_000);
  }
}

/** One deployment, with topics of its own but for that of alerts, which has one name in all of them. */
export class DetectedDeployment {
  readonly tenant: string;
  readonly #dir: string;
  readonly #servers: Readonly<Record<string, string>>;
  readonly #log: EventLog;
  readonly #producer: EventLogProducer;
  readonly #signer: BatchSigner;
  readonly #deployment: Deployment;
  readonly #processes: DetectorProcess[] = [];
  readonly #group: string;

  private constructor(
    name: string,
    dir: string,
    servers: Readonly<Record<string, string>>,
    log: EventLog,
    producer: EventLogProducer,
    deployment: Deployment,
    seed: Uint8Array,
  ) {
    this.tenant = `t${name}`;
    this.#group = `detector-${name}`;
    this.#dir = dir;
    this.#servers = servers;
    this.#log = log;
    this.#producer = producer;
    this.#deployment = deployment;
    this.#signer = createBatchSigner({
      sha256: hash,
      sign: ed25519Signer(seed),
      publicKey: ed25519PublicKey(seed),
      audience: deployment.audience,
      producer: 'api',
      instance: random(16),
      started_at: Date.now(),
      random,
    });
  }

  /** The folder that a detector gets holds deployment.json, the rules and nothing else: no key. */
  static async open(
    brokers: readonly string[],
    clickhouse: string,
    files: { readonly rules: string; readonly alerting: string },
  ): Promise<DetectedDeployment> {
    const name = randomBytes(5).toString('hex');
    const dir = await mkdtemp(join(tmpdir(), 'detector-process-'));
    const made = await openDataDirectory({ dir: join(dir, 'made'), create: { random, audience: `test.${name}` } });
    const text = await readFile(join(made.path, 'deployment.json'), 'utf8');
    const deployment: Deployment = {
      ...(JSON.parse(text) as Deployment),
      topic: `events-${name}`,
      registry_topic: `registry-${name}`,
      partitions: 2,
    };
    await rm(made.path, { recursive: true });
    await writeFile(join(dir, 'deployment.json'), JSON.stringify(deployment));
    await writeFile(join(dir, 'rules.yml'), files.rules);
    await writeFile(join(dir, 'alerting.yml'), files.alerting);
    const log = await openKafkaEventLog({ client: { brokers: [...brokers], clientId: 'test' }, clock_ms: Date.now, random });
    const admin = await log.admin();
    await admin.createTopics([
      { topic: deployment.topic, partitions: deployment.partitions, cleanup_policy: 'delete' },
      { topic: deployment.registry_topic, partitions: 1, cleanup_policy: 'none' },
      { topic: ALERTS_TOPIC, partitions: 1, cleanup_policy: 'delete' },
    ]);
    await admin.close();
    const producer = await log.producer();
    const seed = random(32);
    const public_key = ed25519PublicKey(seed);
    const key_id = keyThumbprint(hash, public_key);
    const registration = registrationRecord({ key_id, public_key, producer: 'api', tenants: ['*'], valid_from: 0 });
    await appendKeyRecords(producer, deployment.registry_topic, [registration]);
    const servers = { KAFKA_BROKERS: brokers.join(','), CLICKHOUSE_URL: clickhouse, CLICKHOUSE_DATABASE: `d${name}` };
    return new DetectedDeployment(name, dir, servers, log, producer, deployment, seed);
  }

  get database(): string {
    return this.#servers['CLICKHOUSE_DATABASE'] ?? '';
  }

  start(more: Readonly<Record<string, string>> = {}): DetectorProcess {
    const started = new DetectorProcess({
      ...this.#servers,
      SEALTRAIL_DEPLOYMENT_DIR: this.#dir,
      SEALTRAIL_DETECTOR_GROUP: this.#group,
      SEALTRAIL_DETECTOR_SESSION_TIMEOUT_MS: String(SESSION_TIMEOUT_MS),
      SEALTRAIL_DETECTOR_RULES: join(this.#dir, 'rules.yml'),
      SEALTRAIL_DETECTOR_ALERTING_FILE: join(this.#dir, 'alerting.yml'),
      ...more,
    });
    this.#processes.push(started);
    return started;
  }

  /** One batch, durable when it resolves. */
  async emit(events: readonly Partial<EventToSign>[]): Promise<void> {
    const { value } = this.#signer.sign({
      tenant: this.tenant,
      delivery: 'ROUTINE',
      events: events.map((event) => ({
        ...smallestEvent(),
        actor_type: 'USER',
        actor_id: 'alice',
        token_status: 'VERIFIED',
        event_id: random(16),
        occurred_at: Date.now() * 1000,
        outcome: 'SUCCESS',
        ...event,
      })),
    });
    const outcome = await this.#producer.append([{ topic: this.#deployment.topic, key: Buffer.from(this.tenant), value }]);
    if (outcome.kind !== 'appended') throw outcome.cause;
  }

  /** The tenant's alerts in the topic, as often as they stand there. */
  async inTopic(): Promise<readonly AlertRecord[]> {
    const reader = await this.#log.reader();
    const found: AlertRecord[] = [];
    try {
      const { start, end } = await reader.bounds(ALERTS_TOPIC, 0);
      for (let at = start; at < end; ) {
        const read = await reader.read(ALERTS_TOPIC, 0, at, { records_max: 1_000, bytes_max: 8_000_000, wait_ms: 0 });
        if (read.kind !== 'records') throw new Error(`the topic of alerts cannot be read: ${read.kind}`);
        for (const { value } of read.records) {
          const alert = alertCodec().decodeFramed(value ?? new Uint8Array());
          if (alert.tenant === this.tenant) found.push(alert);
        }
        at = (read.records.at(-1)?.offset ?? end) + 1;
      }
    } finally {
      await reader.close();
    }
    return found;
  }

  async close(): Promise<void> {
    await Promise.all(this.#processes.filter(({ isUp }) => isUp).map((one) => one.kill()));
    await this.#log.close();
    await rm(this.#dir, { recursive: true });
  }
}
