/** A log, a store, and ledger processes that fail on command and are started again: what survives is the oracle's to say. */
import type { Assignment, CommittedOffset } from '@sealtrail/event-log';
import type { Fault, PortCall } from '@sealtrail/event-log/faults';
import type { MemoryLogControl } from '@sealtrail/event-log/memory';
import type { FsckCode } from '@sealtrail/evidence';
import { DEFAULT_LIMITS, type Halt, type LedgerPorts, type LedgerSettings, parseCommitMetadata } from '@sealtrail/ledger';
import type { LedgerStore, PartitionKey } from '@sealtrail/ledger-store';
import { createMemoryLedgerStore, type MemoryLedgerStore } from '@sealtrail/ledger-store/memory';
import { noteVerifierKey } from '@sealtrail/merkle';
import { ed25519PublicKey, ed25519Signer, ed25519Verify, sha256 } from '@sealtrail/merkle/node';
import type { Random } from '../../fixtures/seeded-random.ts';
import { laggingReplica, READS_OF_LOGS } from './lagging-replica.ts';
import { AUDIENCE, type Library, type SampleRecord } from './library.ts';
import { LedgerProcess } from './process.ts';
import type { Time } from './time.ts';
import { Turns } from './turns.ts';
import { memoryWorldLog, type WorldLog, type WorldTopics } from './world-log.ts';

export const TOPIC = 'audit.events';
export const GROUP = 'ledger';

export interface WorldOptions {
  readonly library: Library;
  readonly records: readonly SampleRecord[];
  readonly partitions: number;
  readonly processes: number;
  readonly settings?: Partial<LedgerSettings>;
  /** Decides for the `number`th call of all processes together, from 0. */
  readonly faultOf: (call: PortCall, number: number) => Fault;
  /** Decides who goes on; null for the order in which calls are made. */
  readonly order: Random | null;
  /** Time as it passes, and a log that is not of memory; both or neither. */
  readonly real?: { readonly time: Time; readonly log: WorldLog };
  /** How long a paused call takes, and what happens meanwhile. */
  readonly pause?: (world: World) => Promise<void>;
  /** How long the group holds on to a process that crashed; 0 when absent. */
  readonly session_ms?: () => number;
  /** After how long a late effect arrives; it waits for `arrive` when absent. */
  readonly late_ms?: number;
  /** How many of some rows an insert stores before it fails; null for one that does not fail. */
  readonly torn?: (rows: number) => number | null;
  /** The offset from which on a replica that answers a read lags; null for one that does not. */
  readonly lag?: () => number | null;
  /** A partition that halts is a violation unless it is expected. */
  readonly expectsHalt?: boolean;
}

const SETTINGS: LedgerSettings = {
  ...DEFAULT_LIMITS,
  audience: AUDIENCE,
  topic: TOPIC,
  registry_topic: 'audit.registry',
  rejected_topic: 'audit.rejected',
  group: GROUP,
  incarnation: 1,
  partitions: 1,
  round_records_max: 2,
  read_wait_ms: 1_000,
  retry_ms: 10,
  checkpoint_interval_ms: 20,
  topic_check_ms: 100_000,
};
const RESTART_MS = 50;

export const topicsOf = (partitions: number): WorldTopics => ({
  group: GROUP,
  topic: TOPIC,
  all: [
    { topic: TOPIC, partitions, cleanup_policy: 'delete' },
    { topic: SETTINGS.registry_topic, partitions: 1, cleanup_policy: 'none' },
    { topic: SETTINGS.rejected_topic, partitions: 1, cleanup_policy: 'delete' },
  ],
});

const LEDGER_SEED = new Uint8Array(32).fill(99);

export class Violation extends Error {}

export class World {
  readonly turns: Time;
  readonly log: WorldLog;
  readonly store: MemoryLedgerStore;
  readonly processes: readonly LedgerProcess[];
  readonly options: WorldOptions;
  settings: LedgerSettings;
  /** False once no call fails any more: then no process may end by itself. */
  isFaulty = true;
  /** Whether processes that ended are started again. */
  isSupervised = true;
  readonly calls: (PortCall & { readonly process: string; readonly fault: Fault })[] = [];
  readonly trace: string[] = [];
  stale_reads = 0;
  readonly halts: { readonly partition: number; readonly halt: Halt }[] = [];
  readonly recoveries: { readonly partition: number; readonly rounds_rebuilt: number }[] = [];
  /** Largest offset that an OffsetCommit of the claim covered; by claim, as latin1. */
  readonly covered = new Map<string, number>();
  /** The last OffsetCommit of each partition, also when the group has lost it. */
  readonly lastCommitted = new Map<number, CommittedOffset>();
  /** Every note that a ledger signed, stored or not. */
  readonly signed: string[] = [];
  /** Partitions whose acknowledged rows were lost, until a recovery ends. */
  readonly troubled = new Set<number>();
  /** What fsck may find: the doing of the test. */
  readonly knownFindings = new Set<FsckCode>();
  /** Looks at the world whenever something took effect; throws Violation. */
  onEffect: () => void = () => undefined;
  readonly #late: (() => Promise<void>)[] = [];
  #violation: string | null = null;
  #appended = 0;
  #registered = 0;

  constructor(options: WorldOptions) {
    this.options = options;
    this.settings = { ...SETTINGS, partitions: options.partitions, ...options.settings };
    this.turns = options.real?.time ?? new Turns(options.order);
    this.log = options.real?.log ?? memoryWorldLog(this.turns, topicsOf(options.partitions));
    this.store = createMemoryLedgerStore({ page_rows_max: 3 });
    this.processes = Array.from({ length: options.processes }, (_, i) => new LedgerProcess(this, `ledger ${i}`));
  }

  /** What only a test does to a log in memory. */
  get control(): MemoryLogControl {
    const { control } = this.log;
    if (control === null) throw new TypeError('this log is not of memory');
    return control;
  }

  key(partition: number): PartitionKey {
    return { topic: TOPIC, incarnation: this.settings.incarnation, partition };
  }

  /** What a ledger takes besides ports to the world. */
  get pure(): Pick<LedgerPorts, 'sha256' | 'verify' | 'random' | 'sealBytes' | 'checkpointSigner'> {
    return {
      sha256: HASH,
      verify: VERIFY,
      random: (bytes) => this.#claimBytes(bytes),
      sealBytes: async (bytes) => `sealed ${bytes.length}`,
      checkpointSigner: (origin) => ({
        key: noteVerifierKey(HASH, origin, LEDGER_KEY),
        sign: (message) => {
          this.signed.push(new TextDecoder().decode(message));
          return LEDGER_SIGN(message);
        },
      }),
    };
  }

  #claims = 0;
  /** Claims in an order that has nothing to do with that of their drawing. */
  #claimBytes(bytes: number): Uint8Array {
    return HASH.digest(new TextEncoder().encode(`claim ${this.#claims++}`)).slice(0, bytes);
  }

  // --- what producers and operators do

  /** Appends the next records of the world; true while there are more. */
  append(count: number): boolean {
    for (const { partition, key, value, time_type } of this.options.records.slice(this.#appended, this.#appended + count)) {
      this.log.put(TOPIC, partition, { key, value, ...(time_type === undefined ? {} : { time_type }) });
      this.#appended++;
    }
    return this.#appended < this.options.records.length;
  }

  register(count: number): void {
    for (const value of this.options.library.registry.slice(this.#registered, this.#registered + count)) {
      this.log.put(this.settings.registry_topic, 0, { value });
      this.#registered++;
    }
  }

  /** Lets one late effect arrive. */
  async arrive(which: number): Promise<void> {
    const [effect] = this.#late.splice(which, 1);
    // One that goes to a process that is gone never ends.
    void effect?.();
    await this.turns.settle();
  }

  get lateCount(): number {
    return this.#late.length;
  }

  // --- what processes report

  choose(process: LedgerProcess, call: PortCall): Fault {
    const fault = this.isFaulty ? this.options.faultOf(call, this.calls.length) : 'none';
    this.calls.push({ ...call, process: process.name, fault });
    if (fault !== 'none') this.tell(`${process.name} ${call.method} (call ${this.calls.length - 1}): ${fault}`);
    return fault;
  }

  /** What answers a read, null for the store itself. */
  replicaFor(process: LedgerProcess, method: keyof LedgerStore): LedgerStore | null {
    const from = this.isFaulty && READS_OF_LOGS.has(method) ? (this.options.lag?.() ?? null) : null;
    if (from === null) return null;
    this.stale_reads++;
    this.tell(`${process.name} ${method}: answered without rows from ${from} on`);
    return laggingReplica(this.store, from);
  }

  later(effect: () => Promise<void>): void {
    const { late_ms } = this.options;
    if (late_ms === undefined) this.#late.push(effect);
    else void this.turns.sleep(late_ms).then(effect);
  }

  torn(rows: number): number | null {
    return this.isFaulty ? (this.options.torn?.(rows) ?? null) : null;
  }

  pause(process: LedgerProcess): Promise<void> {
    this.tell(`${process.name} is paused`);
    return this.options.pause?.(this) ?? this.turns.sleep(5);
  }

  sessionOfCrashed_ms(): number {
    return this.options.session_ms?.() ?? 0;
  }

  restartLater(process: LedgerProcess): void {
    void this.turns.sleep(RESTART_MS).then(() => {
      if (this.isSupervised && !process.isUp) process.start();
    });
  }

  recovered(partition: number, facts: { readonly rounds_rebuilt: number }): void {
    this.recoveries.push({ partition, rounds_rebuilt: facts.rounds_rebuilt });
    this.troubled.delete(partition);
  }

  halted(process: LedgerProcess, partition: number, halt: Halt): void {
    this.tell(`${process.name} halts on ${partition}: ${halt.message}`);
    this.halts.push({ partition, halt });
    if (this.options.expectsHalt !== true) this.violated(`needless halt: ${halt.message}`);
  }

  committed(assignment: Assignment, offset: number, metadata: string): void {
    const parsed = parseCommitMetadata(metadata);
    if (parsed === null) return this.violated(`committed with metadata ${metadata}`);
    this.lastCommitted.set(assignment.partition, { offset, metadata });
    this.log.noteCommitted(assignment.partition, { offset, metadata });
    const claim = latin1(parsed.claim);
    this.covered.set(claim, Math.max(this.covered.get(claim) ?? 0, offset));
    this.tell(
      `  committed ${assignment.partition} at ${offset}: ordinal ${parsed.ordinal}, claim ${Buffer.from(parsed.claim.subarray(0, 3)).toString('hex')} from ${parsed.from}`,
    );
  }

  inserted(method: keyof LedgerStore): void {
    if (method === 'insertRound' || method === 'insertKeyRecords') return;
    this.#look();
  }

  #look(): void {
    try {
      this.onEffect();
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      this.violated(error.message);
    }
  }

  tell(line: string): void {
    this.trace.push(line);
  }

  /** The first one counts; thrown by the next step. */
  violated(what: string): void {
    this.#violation ??= what;
    this.tell(`VIOLATION: ${what}`);
  }

  // --- time

  start(): void {
    for (const process of this.processes) process.start();
  }

  async step(): Promise<boolean> {
    const moved = await this.turns.step();
    if (this.#violation !== null) throw new Violation(this.#violation);
    return moved;
  }

  /** Steps until `done`. Something that never comes is a violation: nothing may wait for ever. */
  async until(what: string, done: () => boolean, meanwhile?: () => Promise<void>): Promise<void> {
    await this.turns.settle();
    for (let steps = 0; !done(); steps++) {
      await meanwhile?.();
      const moved = await this.step();
      if (!done() && (!moved || steps > STEPS_MAX)) throw new Violation(`P4 after ${steps} steps still not ${what}`);
    }
  }

  /** Whether everything in the log is committed, visible and covered by a checkpoint. */
  isDrained(): boolean {
    for (let partition = 0; partition < this.options.partitions; partition++) {
      const records = this.log.records(TOPIC, partition);
      const last = records[records.length - 1];
      if (last === undefined) continue;
      const committed = this.log.committed(partition);
      if (committed?.offset !== last.offset + 1) return false;
      if (!this.store.tables.commits.some((row) => row.partition === partition && row.to === committed.offset)) return false;
      const hash = parseCommitMetadata(committed.metadata)?.round_hash;
      const round = this.store.tables.rounds.find((row) => hash !== undefined && latin1(row.hash) === latin1(hash));
      const origin = `${AUDIENCE}/operator/${this.settings.incarnation}/${partition}`;
      if (!this.store.tables.checkpoints.some((row) => row.origin === origin && row.size === (round?.round.index ?? -1) + 1)) return false;
    }
    return this.troubled.size === 0;
  }

  /** Appends what is left and waits until everything is sealed; then stops every process. */
  async drain(meanwhile?: () => Promise<void>): Promise<void> {
    this.append(Number.POSITIVE_INFINITY);
    await this.until('sealed', () => this.isDrained(), meanwhile);
    this.isSupervised = false;
    for (const process of this.processes) process.stop();
    await this.until('stopped', () => this.processes.every((process) => !process.isUp));
  }
}

const STEPS_MAX = 20_000;
const HASH = sha256();
const VERIFY = memoized(ed25519Verify());
const LEDGER_KEY = ed25519PublicKey(LEDGER_SEED);
const LEDGER_SIGN = ed25519Signer(LEDGER_SEED);

export const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');

/** Every world verifies the same signatures: each is worth it once. */
function memoized(verify: LedgerPorts['verify']): LedgerPorts['verify'] {
  const known = new Map<string, boolean>();
  return (key, message, signature) => {
    const name = latin1(key) + latin1(signature) + latin1(message);
    let verdict = known.get(name);
    if (verdict === undefined) known.set(name, (verdict = verify(key, message, signature)));
    return verdict;
  };
}
