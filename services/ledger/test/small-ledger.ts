/** One partition, one tenant's producer, and ledgers over a log and a store in memory: as little as a round needs. */
import { randomBytes } from 'node:crypto';
import { registrationRecord } from '@sealtrail/data-directory';
import { type BatchSigner, createBatchSigner } from '@sealtrail/emitter';
import type { Assignment, EventLog } from '@sealtrail/event-log';
import { createMemoryEventLog, type MemoryEventLog } from '@sealtrail/event-log/memory';
import type { LedgerStore } from '@sealtrail/ledger-store';
import { createMemoryLedgerStore, type MemoryLedgerStore } from '@sealtrail/ledger-store/memory';
import { noteVerifierKey } from '@sealtrail/merkle';
import { ed25519PublicKey, ed25519Signer, ed25519Verify, sha256 } from '@sealtrail/merkle/node';
import { keyThumbprint } from '@sealtrail/wire';
import { createLedger, DEFAULT_LIMITS, type Halt, type LedgerEnd, type LedgerSettings, type RoundFacts } from '../src/index.ts';
import { eventOf } from './events.ts';

export const AUDIENCE = 'test.deployment';
export const TOPIC = 'audit.events';
export const GROUP = 'ledger';
export const PARTITION = { topic: TOPIC, incarnation: 1, partition: 0 };
export const NOW_MS = 1_700_000_000_000;
export const settings: LedgerSettings = {
  ...DEFAULT_LIMITS,
  audience: AUDIENCE,
  topic: TOPIC,
  registry_topic: 'audit.registry',
  rejected_topic: 'audit.rejected',
  group: GROUP,
  incarnation: 1,
  partitions: 1,
  read_wait_ms: 5,
  retry_ms: 1,
  checkpoint_interval_ms: 0,
};

const hash = sha256();
const producerSeed = new Uint8Array(32).fill(7);
const ledgerSeed = new Uint8Array(32).fill(9);

export interface RunOptions {
  readonly settings?: Partial<LedgerSettings>;
  /** The store and the log as the ledger of this run has them. */
  readonly store?: LedgerStore;
  readonly log?: (log: EventLog) => EventLog;
}

export class SmallLedger {
  readonly log: MemoryEventLog = createMemoryEventLog({ clock_ms: () => NOW_MS });
  readonly store: MemoryLedgerStore = createMemoryLedgerStore();
  readonly recovered: { offset: number; rounds_checked: number; rounds_rebuilt: number }[] = [];
  readonly rounds: RoundFacts[] = [];
  readonly halts: Halt[] = [];
  readonly waits: string[] = [];
  readonly signer: BatchSigner;

  constructor() {
    this.log.control.createTopics([
      { topic: TOPIC, partitions: 1, cleanup_policy: 'delete' },
      { topic: settings.registry_topic, partitions: 1, cleanup_policy: 'none' },
      { topic: settings.rejected_topic, partitions: 1, cleanup_policy: 'delete' },
    ]);
    const publicKey = ed25519PublicKey(producerSeed);
    const tenants = ['acme', 'globex', 'initech'];
    const registration = registrationRecord({
      key_id: keyThumbprint(hash, publicKey),
      public_key: publicKey,
      producer: 'api',
      tenants,
      valid_from: 0,
    });
    this.log.control.put(settings.registry_topic, 0, { value: registration });
    this.signer = createBatchSigner({
      sha256: hash,
      sign: ed25519Signer(producerSeed),
      publicKey,
      audience: AUDIENCE,
      producer: 'api',
      instance: new Uint8Array(16).fill(1),
      started_at: NOW_MS,
      random: (bytes) => randomBytes(bytes),
    });
  }

  /** Runs a ledger until `done`, or until it ends by itself; then stops it. */
  async runUntil(done: () => boolean, options: RunOptions = {}): Promise<LedgerEnd> {
    const stop = new AbortController();
    const process = this.log.open();
    const ledger = createLedger({
      log: options.log?.(process) ?? process,
      settings: { ...settings, ...options.settings },
      ports: {
        store: options.store ?? this.store,
        sha256: hash,
        verify: ed25519Verify(),
        random: (bytes) => new Uint8Array(randomBytes(bytes)),
        clock_ms: () => NOW_MS,
        sleep: (ms, signal) =>
          new Promise((resolve) => {
            setTimeout(resolve, ms);
            signal.addEventListener('abort', () => resolve());
          }),
        breathe: () => new Promise((resolve) => setImmediate(resolve)),
        sealBytes: async (bytes) => `sealed ${bytes.length}`,
        checkpointSigner: (origin) => ({
          key: noteVerifierKey(hash, origin, ed25519PublicKey(ledgerSeed)),
          sign: ed25519Signer(ledgerSeed),
        }),
        events: {
          recovered: (_, facts) => this.recovered.push(facts),
          sealed: (_, facts) => this.rounds.push(facts),
          checkpointed: () => undefined,
          claimEnded: () => undefined,
          eraStarted: () => undefined,
          waiting: (_, what) => this.waits.push(what),
          lost: () => undefined,
          halted: (_, halt) => this.halts.push(halt),
        },
      },
    });
    let hasEnded = false;
    const end = ledger.run(stop.signal).finally(() => {
      hasEnded = true;
    });
    while (!done() && !hasEnded) await Promise.race([end, new Promise((resolve) => setTimeout(resolve, 2))]);
    stop.abort();
    const ended = await end;
    await process.close();
    return ended;
  }

  emit(tenant: string, count: number): void {
    const events = Array.from({ length: count }, (_, i) => eventOf(i));
    const { key, value } = this.signer.sign({ tenant, delivery: 'ROUTINE', events });
    this.log.control.put(TOPIC, 0, { key, value });
  }

  get sealedOffset(): number {
    return this.log.control.committed(GROUP, TOPIC, 0)?.offset ?? 0;
  }

  isSealedTo(offset: number): () => boolean {
    return () => this.sealedOffset >= offset && this.store.tables.commits.some((row) => row.to >= offset);
  }

  /** Sealed up to there, or halted. */
  isDoneAt(offset: number): () => boolean {
    return () => this.halts.length > 0 || this.isSealedTo(offset)();
  }

  async visible(): Promise<{ tenant: string; entry: number }[]> {
    const found: { tenant: string; entry: number }[] = [];
    for await (const page of this.store.entries({ partition: PARTITION })) {
      found.push(...page.map(({ tenant, entry }) => ({ tenant, entry })));
    }
    return found;
  }

  /** Positions of each tenant's visible manifests, in the order of their offsets. */
  async positions(): Promise<Record<string, number[]>> {
    const rows: { offset: number; tenant: string; position: number }[] = [];
    for await (const page of this.store.manifests({ partition: PARTITION })) {
      rows.push(...page.map(({ tenant, manifest: { offset, position } }) => ({ tenant, offset, position })));
    }
    const positions: Record<string, number[]> = {};
    for (const { tenant, position } of rows.sort((a, b) => a.offset - b.offset)) (positions[tenant] ??= []).push(position);
    return positions;
  }
}

/** The log, each assignment of which is changed. */
export const withAssignments =
  (change: (assignment: Assignment) => Assignment) =>
  (log: EventLog): EventLog => ({
    ...log,
    consumer: async (options) => {
      const consumer = await log.consumer(options);
      return { run: (handle, stop) => consumer.run((assignment) => handle(change(assignment)), stop) };
    },
  });
