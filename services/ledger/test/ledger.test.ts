import { randomBytes } from 'node:crypto';
import { registrationRecord } from '@sealtrail/data-directory';
import { type BatchSigner, createBatchSigner } from '@sealtrail/emitter';
import { createMemoryEventLog, type MemoryEventLog } from '@sealtrail/event-log/memory';
import { createMemoryLedgerStore, type MemoryLedgerStore } from '@sealtrail/ledger-store/memory';
import { noteVerifierKey } from '@sealtrail/merkle';
import { ed25519PublicKey, ed25519Signer, ed25519Verify, sha256 } from '@sealtrail/merkle/node';
import { keyThumbprint } from '@sealtrail/wire';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLedger, DEFAULT_LIMITS, type Halt, type LedgerEnd, type LedgerSettings, type RoundFacts } from '../src/index.ts';
import { eventOf } from './events.ts';

const AUDIENCE = 'test.deployment';
const TOPIC = 'audit.events';
const PARTITION = { topic: TOPIC, incarnation: 1, partition: 0 };
const settings: LedgerSettings = {
  ...DEFAULT_LIMITS,
  audience: AUDIENCE,
  topic: TOPIC,
  registry_topic: 'audit.registry',
  rejected_topic: 'audit.rejected',
  group: 'ledger',
  incarnation: 1,
  partitions: 1,
  read_wait_ms: 5,
  retry_ms: 1,
  checkpoint_interval_ms: 0,
};

let log: MemoryEventLog;
let store: MemoryLedgerStore;
let signer: BatchSigner;
let recovered: { offset: number; rounds_checked: number; rounds_rebuilt: number }[];
let rounds: RoundFacts[];
let halts: Halt[];
const hash = sha256();
const producerSeed = new Uint8Array(32).fill(7);
const ledgerSeed = new Uint8Array(32).fill(9);

beforeEach(() => {
  log = createMemoryEventLog({ clock_ms: () => 1_700_000_000_000 });
  log.control.createTopics([
    { topic: TOPIC, partitions: 1, cleanup_policy: 'delete' },
    { topic: settings.registry_topic, partitions: 1, cleanup_policy: 'none' },
    { topic: settings.rejected_topic, partitions: 1, cleanup_policy: 'delete' },
  ]);
  const publicKey = ed25519PublicKey(producerSeed);
  const registration = registrationRecord({
    key_id: keyThumbprint(hash, publicKey),
    public_key: publicKey,
    producer: 'api',
    tenants: ['acme', 'globex'],
    valid_from: 0,
  });
  log.control.put(settings.registry_topic, 0, { value: registration });
  signer = createBatchSigner({
    sha256: hash,
    sign: ed25519Signer(producerSeed),
    publicKey,
    audience: AUDIENCE,
    producer: 'api',
    instance: new Uint8Array(16).fill(1),
    started_at: 1_700_000_000_000,
    random: (bytes) => randomBytes(bytes),
  });
  store = createMemoryLedgerStore();
  recovered = [];
  rounds = [];
  halts = [];
});

/** Runs a ledger until `done`, then stops it. */
async function runUntil(done: () => boolean, changes: Partial<LedgerSettings> = {}): Promise<LedgerEnd> {
  const stop = new AbortController();
  const process = log.open();
  const ledger = createLedger({
    log: process,
    settings: { ...settings, ...changes },
    ports: {
      store,
      sha256: hash,
      verify: ed25519Verify(),
      random: (bytes) => new Uint8Array(randomBytes(bytes)),
      clock_ms: () => 1_700_000_000_000,
      sleep: (ms, signal) =>
        new Promise((resolve) => {
          setTimeout(resolve, ms);
          signal.addEventListener('abort', () => resolve());
        }),
      breathe: () => new Promise((resolve) => setImmediate(resolve)),
      sealBytes: async (bytes) => `sealed ${bytes.length}`,
      checkpointSigner: (origin) => ({ key: noteVerifierKey(hash, origin, ed25519PublicKey(ledgerSeed)), sign: ed25519Signer(ledgerSeed) }),
      events: {
        recovered: (_, facts) => recovered.push(facts),
        sealed: (_, facts) => rounds.push(facts),
        checkpointed: () => undefined,
        claimEnded: () => undefined,
        eraStarted: () => undefined,
        waiting: () => undefined,
        lost: () => undefined,
        halted: (_, halt) => halts.push(halt),
      },
    },
  });
  const end = ledger.run(stop.signal);
  while (!done()) {
    await Promise.race([end, new Promise((resolve) => setTimeout(resolve, 2))]);
  }
  stop.abort();
  const ended = await end;
  await process.close();
  return ended;
}

const emit = (tenant: string, count: number): void => {
  const { key, value } = signer.sign({ tenant, delivery: 'ROUTINE', events: Array.from({ length: count }, (_, i) => eventOf(i)) });
  log.control.put(TOPIC, 0, { key, value });
};
const sealedOffsets = (): number => log.control.committed('ledger', TOPIC, 0)?.offset ?? 0;
const isSealedTo = (offset: number) => (): boolean => sealedOffsets() >= offset && store.tables.commits.some((row) => row.to >= offset);
const allSealedTo = (offset: number) => (): boolean => isSealedTo(offset)() && store.tables.checkpoints.length > 0;

const visible = async (): Promise<{ tenant: string; entry: number }[]> => {
  const found: { tenant: string; entry: number }[] = [];
  for await (const page of store.entries({ partition: PARTITION })) found.push(...page.map(({ tenant, entry }) => ({ tenant, entry })));
  return found;
};

describe('a ledger', () => {
  it('seals what stands in the log, goes on after a restart, and numbers entries densely', async () => {
    emit('acme', 3);
    emit('globex', 1);
    expect(await runUntil(isSealedTo(2))).toEqual({ kind: 'stopped' });
    emit('acme', 2);
    await runUntil(isSealedTo(3));
    expect(recovered.map(({ offset }) => offset)).toEqual([0, 2]);
    expect(await visible()).toEqual([0, 1, 2, 3, 4].map((entry) => ({ tenant: 'acme', entry })).concat([{ tenant: 'globex', entry: 0 }]));
    expect(halts).toEqual([]);
  });

  it('rejects a record with its reason, publishes it, and stalls nothing', async () => {
    log.control.put(TOPIC, 0, { key: Buffer.from('acme'), value: Buffer.from('not a batch') });
    emit('acme', 1);
    await runUntil(allSealedTo(2));
    expect(store.tables.rejected).toMatchObject([{ offset: 0, reason: 'malformed', length: 11 }]);
    expect(
      log.control.records(settings.rejected_topic, 0).map(({ value }) => JSON.parse(Buffer.from(value ?? []).toString())),
    ).toMatchObject([{ id: 'audit.events/1/0/0', reason: 'malformed' }]);
    expect(await visible()).toEqual([{ tenant: 'acme', entry: 0 }]);
  });

  it('counts the same batch sent twice as a duplicate', async () => {
    const batch = signer.sign({ tenant: 'acme', delivery: 'ROUTINE', events: [eventOf(0)] });
    for (let i = 0; i < 3; i++) log.control.put(TOPIC, 0, batch);
    await runUntil(isSealedTo(3));
    log.control.put(TOPIC, 0, batch);
    await runUntil(isSealedTo(4));
    expect(store.tables.duplicates).toHaveLength(3);
    expect(await visible()).toHaveLength(1);
  });

  it('builds the same rounds again under a new claim when acknowledged rows are gone', async () => {
    emit('acme', 3);
    await runUntil(isSealedTo(1));
    emit('acme', 2);
    await runUntil(isSealedTo(2));
    const hashes = store.tables.rounds.map((row) => Buffer.from(row.hash).toString('hex'));
    store.tables.entries.splice(1, 1);
    await runUntil(() => recovered.length === 3);
    expect(recovered[2]).toEqual({ offset: 2, rounds_checked: 2, rounds_rebuilt: 2 });
    expect(await visible()).toHaveLength(5);
    expect([...new Set(store.tables.rounds.map((row) => Buffer.from(row.hash).toString('hex')))]).toEqual(hashes);
    emit('acme', 1);
    await runUntil(isSealedTo(3));
    expect(await visible()).toHaveLength(6);
  });
});

describe('a ledger halts', () => {
  const halted = (): boolean => halts.length > 0;
  afterEach(() => expect(halts[0]?.message).toMatch(/^audit\.events\/1\/0 halts \([a-z_]+\): .+$/));

  beforeEach(async () => {
    emit('acme', 2);
    emit('acme', 1);
    await runUntil(isSealedTo(2));
  });

  it('when the group’s offsets are lost, until an operator starts a new era', async () => {
    log.control.forgetOffsets('ledger');
    await runUntil(halted);
    expect(halts[0]?.code).toBe('offsets_lost');
    emit('acme', 1);
    await runUntil(isSealedTo(3), { era: 'new' });
    expect(await visible()).toHaveLength(4);
    expect(store.tables.commits.at(-1)?.ordinal).toBe(2 ** 32);
  });

  it('when something else committed an offset', async () => {
    log.control.setCommitted('ledger', TOPIC, 0, { offset: 1, metadata: '' });
    await runUntil(halted);
    expect(halts[0]?.code).toBe('metadata_unreadable');
  });

  it('when the committed round is missing, or was altered', async () => {
    const row = store.tables.rounds[0];
    if (row === undefined) throw new Error('no round');
    row.round.recorded_at += 1;
    await runUntil(halted);
    expect(halts[0]?.code).toBe('round_disagrees');
    store.tables.rounds.length = 0;
    halts = [];
    await runUntil(halted);
    expect(halts[0]?.code).toBe('round_missing');
  });

  it('when the topic was created again', async () => {
    log.control.deleteTopic(TOPIC);
    log.control.createTopics([{ topic: TOPIC, partitions: 1, cleanup_policy: 'delete' }]);
    emit('acme', 1);
    await runUntil(halted);
    expect(halts[0]?.code).toBe('topic_replaced');
    emit('acme', 1);
    halts = [];
    await runUntil(halted);
    expect(halts[0]?.code).toBe('topic_replaced');
  });

  it('when the topic is created again while it runs, with the same records and more', async () => {
    const records = log.control.records(TOPIC, 0);
    let isReplaced = false;
    await runUntil(
      () => {
        if (!isReplaced && recovered.length === 2) {
          isReplaced = true;
          log.control.deleteTopic(TOPIC);
          log.control.createTopics([{ topic: TOPIC, partitions: 1, cleanup_policy: 'delete' }]);
          for (const { key, value } of records) log.control.put(TOPIC, 0, { key, value });
          emit('acme', 1);
        }
        return halted() || sealedOffsets() > 2;
      },
      { topic_check_ms: 0 },
    );
    expect(halts[0]?.code).toBe('topic_replaced');
    expect(sealedOffsets()).toBe(2);
  });

  it('when records were dropped before they were sealed', async () => {
    emit('acme', 1);
    emit('acme', 1);
    log.control.truncateHead(TOPIC, 0, 3);
    await runUntil(halted);
    expect(halts[0]?.code).toBe('log_truncated');
  });

  it('when offsets are missing in the log', async () => {
    log.control.skipOffsets(TOPIC, 0, 1);
    emit('acme', 1);
    await runUntil(halted);
    expect(halts[0]?.code).toBe('offset_gap');
  });

  it('when a row stands twice', async () => {
    const row = store.tables.entries[0];
    if (row === undefined) throw new Error('no entry');
    store.tables.entries.push({ ...row });
    await runUntil(halted);
    expect(halts[0]?.code).toBe('rows_disagree');
  });

  it('when a checkpoint of more rounds was published', async () => {
    const row = store.tables.checkpoints[0];
    if (row === undefined) throw new Error('no checkpoint');
    store.tables.checkpoints.push({ ...row, size: 9 });
    await runUntil(halted);
    expect(halts[0]?.code).toBe('checkpoint_ahead');
  });

  it.each([
    ['another partition count', { partitions: 2 }],
    ['times that producers choose', { time_type: 'create_time' as const }],
    ['compaction', { cleanup_policy: 'compact' as const }],
  ])('on a topic with %s', async (_, changes) => {
    log.control.changeTopic(TOPIC, changes);
    await runUntil(halted);
    expect(halts[0]?.code).toBe('topic_settings');
  });
});
