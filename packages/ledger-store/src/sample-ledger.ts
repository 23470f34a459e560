/**
 * A ledger in small, for tests: producers that sign real batches, and a partition that seals them into real rounds. All
 * of it follows from one seed: the same calls give the same bytes.
 */
import { type LogRecord, partitionOf } from '@sealtrail/event-log';
import { hexOf, rootOfLeaves, type Sha256 } from '@sealtrail/merkle';
import { ed25519PublicKey, ed25519Signer, ed25519Verify, sha256 as nodeSha256 } from '@sealtrail/merkle/node';
import {
  emptyPartition,
  emptyRegistry,
  emptyTenant,
  examineRecord,
  extendRegistry,
  headersNeeded,
  type PartitionIdentity,
  type PartitionState,
  type Registry,
  recordedAtOf,
  type SealedRound,
  sealedHeaderKeyText,
  sealRound,
  type TenantState,
  tenantsNeeded,
} from '@sealtrail/seal';
import {
  type AuditEvent,
  assembleBatch,
  type BatchHeader,
  type BatchKind,
  batchSigningInput,
  currentEventSchema,
  type Delivery,
  EVENT_BYTES_MAX,
  encodeHeader,
  FORMAT_VERSION,
  hashEventLeaves,
  keyRecordCodec,
  keyThumbprint,
  type PredecessorInstance,
  type PredecessorLog,
  SUITE_ED25519_SHA256,
} from '@sealtrail/wire';
import type { PartitionKey } from './port.ts';
import { sampleEvent, seededBytes } from './sample-events.ts';

export interface SampleLedgerOptions {
  /** `audit.events`, 1, 0 when absent. */
  readonly partition?: Partial<PartitionKey>;
  /** Of the topic; 1 when absent, or what the partition needs. */
  readonly partitions?: number;
  readonly seed?: string;
  /** recorded_at of the record at offset 0, ms since 1970; one second more each record. */
  readonly recorded_at?: number;
  /** What the first manifest of a tenant's log names. */
  readonly predecessors?: ReadonlyMap<string, PredecessorLog>;
  readonly audience?: string;
}

export interface SampleBatch {
  readonly tenant: string;
  /** Whole events, or how many made-up ones; 3 when absent, 0 of a kind without events. */
  readonly events?: number | readonly AuditEvent[];
  /** `billing` when absent. */
  readonly producer?: string;
  readonly delivery?: Delivery;
  readonly kind?: BatchKind;
  /** Of the producer's life; 16 bytes that follow from producer and seed when absent. */
  readonly instance?: Uint8Array;
  /** The next number of (tenant, producer, instance, delivery) when absent. */
  readonly sequence?: number;
  readonly shed?: number;
  readonly started_at?: number;
  readonly predecessor?: PredecessorInstance | null;
}

/** What a record of the event log carries. The same one twice is a duplicate; one that is no batch is rejected. */
export interface SampleRecord {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export interface SampleLedger {
  readonly key: PartitionKey;
  readonly identity: PartitionIdentity;
  readonly registry: Registry;
  readonly state: PartitionState;
  readonly tenants: ReadonlyMap<string, TenantState>;
  /** The n-th tenant that belongs on this partition. */
  tenant(n: number): string;
  sign(batch: SampleBatch): SampleRecord;
  /** Seals the records as the partition's next round. */
  seal(records: readonly SampleRecord[]): SealedRound;
  /** `seal` of batches signed now. */
  round(...batches: readonly SampleBatch[]): SealedRound;
}

/** 2024-05-01T12:00:00Z. */
const FIRST_RECORDED_AT = 1_714_564_800_000;
const KEY_VALID_FROM = 0;
const utf8 = new TextEncoder();

export function createSampleLedger(options: SampleLedgerOptions = {}): SampleLedger {
  const sha256 = nodeSha256();
  const verify = ed25519Verify();
  const seed = options.seed ?? 'sample';
  const key: PartitionKey = { topic: 'audit.events', incarnation: 1, partition: 0, ...options.partition };
  const partitions = options.partitions ?? key.partition + 1;
  const identity: PartitionIdentity = { ...key, audience: options.audience ?? 'test', partitions };
  const random = seededBytes(`${seed} events`);
  const producers = new Map<string, Producer>();
  const sequences = new Map<string, number>();
  const sealedHeaders = new Map<string, Uint8Array>();
  const tenants = new Map<string, TenantState>();
  let registry = emptyRegistry(sha256);
  let state = emptyPartition();

  const producerOf = (name: string): Producer => {
    let producer = producers.get(name);
    if (producer === undefined) {
      producer = createProducer(sha256, name, seed);
      producers.set(name, producer);
      registry = extendRegistry(sha256, registry, [producer.key_record]);
    }
    return producer;
  };
  const headerOf = (batch: SampleBatch, producer: Producer): Omit<BatchHeader, 'count' | 'root'> => {
    const { tenant, delivery = 'ROUTINE', instance = producer.instance } = batch;
    const life = `${tenant} ${producer.name} ${hexOf(instance)} ${delivery}`;
    const sequence = batch.sequence ?? sequences.get(life) ?? 0;
    sequences.set(life, sequence + 1);
    return {
      version: FORMAT_VERSION,
      suite: SUITE_ED25519_SHA256,
      audience: identity.audience,
      tenant,
      producer: producer.name,
      key_id: producer.key_id,
      instance,
      started_at: batch.started_at ?? FIRST_RECORDED_AT - 1,
      delivery,
      sequence,
      kind: batch.kind ?? 'DATA',
      shed: batch.shed ?? 0,
      predecessor: batch.predecessor ?? null,
      event_schema: currentEventSchema().sha256,
      confidential_digest: null,
    };
  };

  const ledger: SampleLedger = {
    key,
    identity,
    get registry() {
      return registry;
    },
    get state() {
      return state;
    },
    tenants,
    tenant(n) {
      for (let i = 0, found = 0; ; i++) {
        const name = `tenant-${i}`;
        if (partitionOf(utf8.encode(name), partitions) === key.partition && found++ === n) return name;
      }
    },
    sign(batch) {
      const wanted = batch.events ?? ((batch.kind ?? 'DATA') === 'DATA' ? 3 : 0);
      const events = typeof wanted === 'number' ? Array.from({ length: wanted }, () => sampleEvent(random)) : wanted;
      const producer = producerOf(batch.producer ?? 'billing');
      return { key: utf8.encode(batch.tenant), value: signedBatch(sha256, producer, headerOf(batch, producer), events) };
    },
    seal(records) {
      let recordedAt = state.recorded_at;
      const examined = records.map((record, i) => {
        const logRecord = logRecordOf(record, key, state.next_offset + i, options.recorded_at ?? FIRST_RECORDED_AT);
        recordedAt = recordedAtOf(logRecord, recordedAt);
        return examineRecord({ sha256, verify, identity, registry }, logRecord, recordedAt);
      });
      for (const tenant of tenantsNeeded(examined)) {
        const predecessor = options.predecessors?.get(tenant) ?? null;
        if (!tenants.has(tenant)) tenants.set(tenant, emptyTenant(sha256, identity, tenant, predecessor));
      }
      const needed = headersNeeded(examined, tenants).map(sealedHeaderKeyText);
      const headers = new Map([...sealedHeaders].filter(([text]) => needed.includes(text)));
      const sealed = sealRound({ sha256, identity, state, registry, tenants, sealedHeaders: headers, examined });
      for (const { batch } of sealed.batches) sealedHeaders.set(sealedHeaderKeyText(batch.header), batch.header_hash);
      for (const [tenant, after] of sealed.next.tenants) tenants.set(tenant, after);
      state = sealed.next.partition;
      return sealed;
    },
    round: (...batches) => ledger.seal(batches.map(ledger.sign)),
  };
  return ledger;
}

interface Producer {
  readonly name: string;
  readonly key_id: Uint8Array;
  readonly instance: Uint8Array;
  readonly key_record: Uint8Array;
  readonly sign: (message: Uint8Array) => Uint8Array;
}

function createProducer(sha256: Sha256, name: string, seed: string): Producer {
  const random = seededBytes(`${seed} producer ${name}`);
  const secret = random(32);
  const publicKey = ed25519PublicKey(secret);
  const keyId = keyThumbprint(sha256, publicKey);
  const record = keyRecordCodec().encode({
    version: FORMAT_VERSION,
    kind: 'REGISTER',
    key_id: keyId,
    suite: SUITE_ED25519_SHA256,
    public_key: publicKey,
    producer: name,
    tenants: ['*'],
    valid_from: KEY_VALID_FROM,
    valid_until: null,
    suspect_since: null,
  });
  return { name, key_id: keyId, instance: random(16), key_record: record, sign: ed25519Signer(secret) };
}

function signedBatch(
  sha256: Sha256,
  producer: Producer,
  header: Omit<BatchHeader, 'count' | 'root'>,
  events: readonly AuditEvent[],
): Uint8Array {
  const schema = currentEventSchema();
  const scratch = new Uint8Array(EVENT_BYTES_MAX);
  const encoded = events.map((event) => scratch.slice(0, schema.encode(event, scratch, 0)));
  const bytes = new Uint8Array(Buffer.concat(encoded));
  const ends = new Uint32Array(3 * events.length);
  const fault = { reason: 'malformed' as const, detail: '' };
  for (let i = 0, at = 0; i < events.length; i++) at = schema.walk(bytes, at, bytes.length, ends, 3 * i, fault);
  const leaves = new Uint8Array(32 * events.length);
  hashEventLeaves(sha256, bytes, 0, events.length, ends, leaves);
  const headerBytes = encodeHeader({ ...header, count: events.length, root: rootOfLeaves(sha256, leaves, events.length) });
  const signature = producer.sign(batchSigningInput(producer.key_id, headerBytes));
  return assembleBatch(headerBytes, signature, events.length, bytes, schema);
}

const logRecordOf = (record: SampleRecord, key: PartitionKey, offset: number, first: number): LogRecord => ({
  topic: key.topic,
  partition: key.partition,
  offset,
  appended_at_ms: first + offset * 1000,
  time_type: 'log_append_time',
  ...record,
});
