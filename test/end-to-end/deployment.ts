/** A deployment on any adapters, driven through the packages' public entries: what the suite runs on. */
import { randomBytes, randomUUID } from 'node:crypto';
import { registrationRecord } from '@sealtrail/data-directory';
import { type BatchSigner, createBatchSigner, createEmitter, type Emitter, type EventToSign } from '@sealtrail/emitter';
import type { EventLog } from '@sealtrail/event-log';
import { type FsckReport, fsck, proveEntry } from '@sealtrail/evidence';
import { createInvoicesApi } from '@sealtrail/examples/invoices-api';
import { type LocalIssuer, startLocalIssuer } from '@sealtrail/examples/local-issuer';
import { createTokenVerifier } from '@sealtrail/identity';
import { createLedger, DEFAULT_LIMITS, type LedgerEnd, type LedgerSettings, parseCommitMetadata } from '@sealtrail/ledger';
import type { LedgerStore, StoredEntry } from '@sealtrail/ledger-store';
import { smallestEvent } from '@sealtrail/ledger-store/samples';
import { noteVerifierKey } from '@sealtrail/merkle';
import { ed25519PublicKey, ed25519Signer, ed25519Verify, sha256 } from '@sealtrail/merkle/node';
import { breathe, sleep } from '@sealtrail/service-runtime';
import { type Verdict, verifyProof } from '@sealtrail/verify';
import { keyThumbprint } from '@sealtrail/wire';

/** Where a suite runs. */
export interface Adapters {
  readonly partitions: number;
  /** A handle as a process of its own would have. */
  openLog(): Promise<EventLog>;
  openStore(): Promise<LedgerStore>;
  close(): Promise<void>;
}

const GROUP = 'ledger';
const PRODUCER = 'invoices-api';
const READ = { records_max: 1, bytes_max: 0, wait_ms: 2_000 };

/** A ledger that runs. */
export interface RunningLedger {
  stop(): Promise<LedgerEnd>;
  readonly halts: readonly string[];
}

export class Deployment {
  readonly adapters: Adapters;
  readonly audience: string = `test.${randomBytes(6).toString('hex')}`;
  /** Names of their own, so that a broker may be shared. */
  readonly topic: string = `events.${this.audience}`;
  readonly #registry: string = `registry.${this.audience}`;
  readonly #rejected: string = `rejected.${this.audience}`;
  readonly #producerSeed: Uint8Array = new Uint8Array(randomBytes(32));
  readonly #ledgerSeed: Uint8Array = new Uint8Array(randomBytes(32));
  readonly #hash = sha256();
  #signer: BatchSigner | null = null;
  log!: EventLog;
  store!: LedgerStore;

  constructor(adapters: Adapters) {
    this.adapters = adapters;
  }

  /** Opens log and store, makes the topics and registers the producer's key. */
  async open(): Promise<void> {
    this.log = await this.adapters.openLog();
    this.store = await this.adapters.openStore();
    const admin = await this.log.admin();
    await admin.createTopics([
      { topic: this.topic, partitions: this.adapters.partitions, cleanup_policy: 'delete' },
      { topic: this.#registry, partitions: 1, cleanup_policy: 'none' },
      { topic: this.#rejected, partitions: 1, cleanup_policy: 'delete' },
    ]);
    await admin.close();
    const public_key = ed25519PublicKey(this.#producerSeed);
    const value = registrationRecord({
      key_id: keyThumbprint(this.#hash, public_key),
      public_key,
      producer: PRODUCER,
      tenants: ['*'],
      valid_from: 0,
    });
    const producer = await this.log.producer();
    const outcome = await producer.append([{ topic: this.#registry, partition: 0, key: null, value }]);
    if (outcome.kind !== 'appended') throw outcome.cause;
    await producer.close();
  }

  async close(): Promise<void> {
    await this.store.close();
    await this.log.close();
    await this.adapters.close();
  }

  startLedger(changes: Partial<LedgerSettings> = {}): RunningLedger {
    const stop = new AbortController();
    const halts: string[] = [];
    const nothing = (): void => undefined;
    const ledger = createLedger({
      log: this.log,
      settings: {
        ...DEFAULT_LIMITS,
        audience: this.audience,
        topic: this.topic,
        registry_topic: this.#registry,
        rejected_topic: this.#rejected,
        group: `${GROUP}.${this.audience}`,
        incarnation: 1,
        partitions: this.adapters.partitions,
        read_wait_ms: 100,
        checkpoint_interval_ms: 0,
        ...changes,
      },
      ports: {
        store: this.store,
        sha256: this.#hash,
        verify: ed25519Verify(),
        random: (bytes) => new Uint8Array(randomBytes(bytes)),
        clock_ms: Date.now,
        sleep,
        breathe,
        sealBytes: async (bytes) => Buffer.from(bytes).toString('base64url'),
        checkpointSigner: (origin) => ({ key: this.#checkpointKey(origin), sign: ed25519Signer(this.#ledgerSeed) }),
        events: {
          recovered: nothing,
          sealed: nothing,
          checkpointed: nothing,
          claimEnded: nothing,
          eraStarted: nothing,
          waiting: nothing,
          lost: nothing,
          halted: (_key, { code, message }) => void halts.push(`${code}: ${message}`),
        },
      },
    });
    const ended = ledger.run(stop.signal);
    return {
      halts,
      stop: () => {
        stop.abort();
        return ended;
      },
    };
  }

  /** Waits until everything that is in the log now is committed and shown by the store. */
  async sealed(ledger: RunningLedger): Promise<void> {
    const [reader, admin] = await Promise.all([this.log.reader(), this.log.admin()]);
    try {
      for (let partition = 0; partition < this.adapters.partitions; partition++) {
        const { end } = await reader.bounds(this.topic, partition);
        for (;;) {
          if (ledger.halts.length > 0) throw new Error(ledger.halts.join('; '));
          const commits = await this.store.commits({ topic: this.topic, incarnation: 1, partition });
          if (end === 0 || commits.some(({ to }) => to >= end)) break;
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      }
    } finally {
      await Promise.all([reader.close(), admin.close()]);
    }
  }

  async createEmitter(): Promise<{ readonly emitter: Emitter; close(): Promise<void> }> {
    const producer = await this.log.producer();
    const emitter = createEmitter({
      log: producer,
      topic: this.topic,
      audience: this.audience,
      producer: PRODUCER,
      publicKey: ed25519PublicKey(this.#producerSeed),
      sign: ed25519Signer(this.#producerSeed),
      tenant: 'platform',
    });
    return {
      emitter,
      async close() {
        const closed = await emitter.close();
        await producer.close();
        if (closed.kind !== 'closed') throw new Error('not every event was taken by the log');
      },
    };
  }

  /** A batch as an emitter would send it, for those who send it otherwise. */
  signedBatch(tenant: string, events: number): Uint8Array {
    this.#signer ??= createBatchSigner({
      sha256: this.#hash,
      sign: ed25519Signer(this.#producerSeed),
      publicKey: ed25519PublicKey(this.#producerSeed),
      audience: this.audience,
      producer: PRODUCER,
      instance: new Uint8Array(randomBytes(16)),
      started_at: Date.now(),
      random: (bytes) => new Uint8Array(randomBytes(bytes)),
    });
    return this.#signer.sign({ tenant, delivery: 'ROUTINE', events: Array.from({ length: events }, (_, n) => sampleEvent(n)) }).value;
  }

  /** The example API over an emitter, called in process. */
  async api(emitter: Emitter): Promise<{ readonly issuer: LocalIssuer; fetch(path: string, init: RequestInit): Promise<Response> }> {
    const issuer = await startLocalIssuer({ clock_ms: Date.now, newId: randomUUID });
    const identity = createTokenVerifier({ issuers: [issuer.options], clock_ms: Date.now });
    const app = createInvoicesApi({ emitter, identity, newId: randomUUID });
    return { issuer, fetch: async (path, init) => app.request(path, init) };
  }

  /** Visible entries of all partitions. */
  async entries(): Promise<readonly StoredEntry[]> {
    const found: StoredEntry[] = [];
    for (const partition of await this.#partitions()) {
      for await (const page of this.store.entries({ partition })) found.push(...page);
    }
    return found;
  }

  /** Reasons of the visible rejections of all partitions. */
  async rejected(): Promise<readonly string[]> {
    const found: string[] = [];
    for (const partition of await this.#partitions()) {
      for await (const page of this.store.rejected({ partition })) found.push(...page.map(({ reason }) => reason));
    }
    return found;
  }

  async duplicates(): Promise<number> {
    let found = 0;
    for (const partition of await this.#partitions()) {
      for await (const page of this.store.duplicates({ partition })) found += page.length;
    }
    return found;
  }

  /** Recomputes everything, held against the log's committed offsets. */
  async fsck(): Promise<FsckReport> {
    const [reader, admin] = await Promise.all([this.log.reader(), this.log.admin()]);
    try {
      const committed = [];
      for (const key of await this.#partitions()) {
        const offset = await admin.committed(`${GROUP}.${this.audience}`, key.topic, key.partition);
        const metadata = offset === null ? null : parseCommitMetadata(offset.metadata);
        if (metadata !== null) committed.push({ ...key, offset: metadata.to, round_hash: metadata.round_hash });
      }
      return await fsck({
        store: this.store,
        audience: this.audience,
        sha256: this.#hash,
        ed25519Verify: ed25519Verify(),
        checkpointKey: (origin) => this.#checkpointKey(origin),
        committed,
        readRecord: async (partition, offset) => {
          const read = await reader.read(partition.topic, partition.partition, offset, READ);
          return read.kind === 'records' && read.records[0]?.offset === offset ? read.records[0].value : null;
        },
      });
    } finally {
      await Promise.all([reader.close(), admin.close()]);
    }
  }

  /** Proves an entry, and verifies the proof as an auditor would: with the deployment's keys and nothing else. */
  async proof(tenant: string, entry: number): Promise<Verdict> {
    const text = await proveEntry(this.store, {
      tenant,
      entry,
      log: null,
      sha256: this.#hash,
      ed25519Verify: ed25519Verify(),
      checkpoint: { kind: 'stored' },
    });
    const keys = (await this.#partitions()).map(({ partition }) => this.#checkpointKey(`${this.audience}/operator/1/${partition}`));
    return verifyProof(new TextEncoder().encode(text), { keys, sha256: this.#hash, ed25519Verify: ed25519Verify() });
  }

  async #partitions() {
    return (await this.store.partitions()).filter(({ topic }) => topic === this.topic);
  }

  #checkpointKey(origin: string) {
    return noteVerifierKey(this.#hash, origin, ed25519PublicKey(this.#ledgerSeed));
  }
}

const sampleEvent = (n: number): EventToSign => ({
  ...smallestEvent(),
  actor_id: `user-${n}`,
  token_status: 'VERIFIED',
  attributes: new Map([['n', String(n)]]),
  event_id: new Uint8Array(randomBytes(16)),
  occurred_at: Date.now() * 1000,
  action: 'invoice.read',
  resource_id: `invoice-${n}`,
});
