/** A small ledger for tests: signs batches, seals them round by round and keeps the rows in a memory store. */

import type { LogRecord } from '@sealtrail/event-log';
import { createMemoryLedgerStore, type MemoryLedgerStore, type MemoryStoreOptions } from '@sealtrail/ledger-store/memory';
import { appendLeaf, formatCheckpoint, frontierRoot, type NoteVerifierKey, noteVerifierKey, signNote } from '@sealtrail/merkle';
import { ed25519PublicKey, ed25519Signer, ed25519Verify, sha256 as nodeSha256 } from '@sealtrail/merkle/node';
import {
  type ExaminedRecord,
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
import { type Delivery, type KeyRecord, keyRecordCodec, keyThumbprint, type PredecessorLog, parseHeader, walkBatch } from '@sealtrail/wire';
import { createBatchSigner, type EventToSign } from '../../emitter/src/batch-signer.ts';

export const sha256 = nodeSha256();
export const verify = ed25519Verify();
export const AUDIENCE = 'test-deployment';
export const TOPIC = 'audit.events';

/** mulberry32: small, and the same everywhere. */
export function randomOf(seed: number): {
  readonly next: () => number;
  readonly below: (n: number) => number;
  readonly bytes: (n: number) => Uint8Array;
} {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  const below = (n: number): number => Math.floor(next() * n);
  return { next, below, bytes: (n) => Uint8Array.from({ length: n }, () => below(256)) };
}

export function eventNamed(name: string, more: Partial<EventToSign> = {}): EventToSign {
  return {
    actor_type: 'USER',
    actor_id: `user-${name}`,
    actor_issuer: 'https://issuer.example',
    actor_client_id: null,
    actor_roles: ['clerk'],
    actor_scopes: [],
    actor_chain: [{ issuer: null, subject: 'gateway' }],
    token_status: 'VERIFIED',
    token_id_hash: sha256.digest(new TextEncoder().encode(name)),
    session_id_hash: null,
    token_key_id: 'key-1',
    token_algorithm: 'RS256',
    token_issued_at: 1_700_000_000_000,
    token_expires_at: 1_700_000_600_000,
    source_ip: Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7]),
    user_agent: null,
    resource_id: `invoice-${name}`,
    related: [{ type: 'customer', id: '7' }],
    attributes: new Map([
      ['amount', '12.50'],
      ['currency', 'EUR'],
    ]),
    event_id: sha256.digest(new TextEncoder().encode(`id ${name}`)).slice(0, 16),
    occurred_at: 1_700_000_000_123_456,
    action: 'invoice.delete',
    resource_type: 'invoice',
    outcome: 'SUCCESS',
    reason: null,
    severity: 'MEDIUM',
    http_method: 'DELETE',
    http_route: '/invoices/:id',
    http_status: 204,
    trace_id: null,
    redactions: 0,
    personal: [],
    ...more,
  };
}

/** One record of a round: a batch of `events` (a number of made-up ones), bytes that are no batch, or a batch sent again. */
export type RecordSpec =
  | { readonly tenant: string; readonly events: number | readonly EventToSign[]; readonly delivery?: Delivery }
  | { readonly tenant: string; readonly heartbeat: true }
  | { readonly garbage: Uint8Array }
  /** Taken as sound without being examined, as a dishonest ledger would. */
  | { readonly unexamined: Uint8Array; readonly tenant: string }
  | { readonly again: Uint8Array; readonly tenant: string };

export interface SealedWorld {
  readonly store: MemoryLedgerStore;
  readonly identity: PartitionIdentity;
  readonly partition: { readonly topic: string; readonly incarnation: number; readonly partition: number };
  readonly rounds: readonly SealedRound[];
  /** The event log: every record that was sealed, by offset. */
  readonly records: readonly LogRecord[];
  readonly registry: Registry;
  readonly key: NoteVerifierKey;
  readonly producerKey: Uint8Array;
  /** Seals one round of these records, inserts its rows and commits it; `alter` is what a dishonest ledger does in between. */
  seal(specs: readonly RecordSpec[], alter?: (sealed: SealedRound) => SealedRound): Promise<SealedRound>;
  /** A round whose rows are in and which was never committed. */
  abandon(specs: readonly RecordSpec[]): Promise<SealedRound>;
  /** From here on rows carry another claim: of the next ordinal if this one committed something. */
  newClaim(): void;
  /** Adds a key record; batches sealed afterwards record the longer registry. */
  register(record: Partial<KeyRecord>): Promise<void>;
  readonly signLedger: (message: Uint8Array) => Uint8Array;
  signCheckpoint(size: number, root: Uint8Array): string;
  /** The checkpoint after the last round. */
  checkpoint(): string;
  /** Puts that checkpoint into the store. */
  storeCheckpoint(): Promise<void>;
}

/** Whatever was altered in a round: the operator log goes on with its hash. */
function placedAfter(state: PartitionState, sealed: SealedRound): SealedRound {
  const partition = { ...sealed.next.partition, previous: sealed.hash, operator: appendLeaf(sha256, state.operator, sealed.hash) };
  return { ...sealed, next: { ...sealed.next, partition } };
}

export interface WorldOptions extends MemoryStoreOptions {
  readonly seed?: number;
  readonly store?: MemoryLedgerStore;
  readonly partition?: number;
  readonly partitions?: number;
  readonly incarnation?: number;
  readonly predecessor?: PredecessorLog;
  /** Seeds of the producer's and the ledger's key; from `seed` when absent. */
  readonly keySeed?: number;
}

export async function createWorld(options: WorldOptions = {}): Promise<SealedWorld> {
  const random = randomOf(options.seed ?? 1);
  const keys = randomOf(options.keySeed ?? options.seed ?? 1);
  const store = options.store ?? createMemoryLedgerStore(options);
  const incarnation = options.incarnation ?? 1;
  const partition = { topic: TOPIC, incarnation, partition: options.partition ?? 0 };
  const identity: PartitionIdentity = { audience: AUDIENCE, ...partition, partitions: options.partitions ?? 1 };
  const producerSeed = keys.bytes(32);
  const ledgerSeed = keys.bytes(32);
  const producerKey = ed25519PublicKey(producerSeed);
  const origin = `${AUDIENCE}/operator/${incarnation}/${partition.partition}`;
  const key = noteVerifierKey(sha256, origin, ed25519PublicKey(ledgerSeed));
  const signLedger = ed25519Signer(ledgerSeed);
  const signer = createBatchSigner({
    sha256,
    sign: ed25519Signer(producerSeed),
    publicKey: producerKey,
    audience: AUDIENCE,
    producer: 'billing',
    instance: random.bytes(16),
    started_at: 1_700_000_000_000,
    random: random.bytes,
  });
  let registry = emptyRegistry(sha256);
  let state: PartitionState = emptyPartition();
  let tenants: ReadonlyMap<string, TenantState> = new Map();
  const sealedHeaders = new Map<string, Uint8Array>();
  const rounds: SealedRound[] = [];
  const records: LogRecord[] = [];
  let claim = { id: random.bytes(16), ordinal: 0, from: 0 };
  let clock = 1_700_000_000_000;
  let named = 0;

  const valueOf = (spec: RecordSpec): { tenant: string; value: Uint8Array } => {
    if ('garbage' in spec) return { tenant: 'nobody', value: spec.garbage };
    if ('unexamined' in spec) return { tenant: spec.tenant, value: spec.unexamined };
    if ('again' in spec) return { tenant: spec.tenant, value: spec.again };
    if ('heartbeat' in spec) return signer.sign({ tenant: spec.tenant, delivery: 'ROUTINE', kind: 'HEARTBEAT', events: [] });
    const events = typeof spec.events === 'number' ? Array.from({ length: spec.events }, () => eventNamed(`${named++}`)) : spec.events;
    return signer.sign({ tenant: spec.tenant, delivery: spec.delivery ?? 'ROUTINE', events });
  };
  const build = (specs: readonly RecordSpec[]): { sealed: SealedRound; fresh: LogRecord[] } => {
    const fresh = specs.map((spec, i): LogRecord => {
      const { tenant, value } = valueOf(spec);
      clock += random.below(3);
      return {
        ...partition,
        offset: state.next_offset + i,
        appended_at_ms: clock,
        time_type: 'log_append_time',
        key: new TextEncoder().encode(tenant),
        value,
      };
    });
    let recordedAt = state.recorded_at;
    const examined = fresh.map((record, i): ExaminedRecord => {
      recordedAt = recordedAtOf(record, recordedAt);
      if ('unexamined' in (specs[i] as RecordSpec)) {
        const header = parseHeader(record.value as Uint8Array, sha256);
        const batch = header.kind === 'refused' ? header : walkBatch(header, sha256);
        if (batch.kind === 'refused') throw new Error(batch.detail);
        return { kind: 'sound', record, batch };
      }
      return examineRecord({ sha256, verify, identity, registry }, record, recordedAt);
    });
    const known = new Map(tenants);
    for (const tenant of tenantsNeeded(examined)) {
      if (!known.has(tenant)) known.set(tenant, emptyTenant(sha256, identity, tenant, options.predecessor ?? null));
    }
    for (const wanted of headersNeeded(examined, known)) {
      const name = sealedHeaderKeyText(wanted);
      if (!sealedHeaders.has(name)) throw new Error(`no header ${name}`);
    }
    return { sealed: sealRound({ sha256, identity, state, registry, tenants: known, sealedHeaders, examined }), fresh };
  };
  const insert = async (sealed: SealedRound): Promise<void> => {
    const withEntries = sealed.batches.filter(({ batch }) => batch.header.count > 0);
    await store.insertEntries(partition, claim.id, withEntries);
    await store.insertManifests(partition, claim.id, sealed.batches);
    await store.insertHeads(
      partition,
      claim.id,
      sealed.heads.map((head) => ({ ...head, offset: sealed.round.to - 1 })),
    );
    await store.insertRejected(
      partition,
      claim.id,
      sealed.rejected.map(({ rejection, detail, recorded_at }) => ({
        ...partition,
        ...rejection,
        detail,
        recorded_at,
        sealed_bytes: 'jwe',
      })),
    );
    await store.insertDuplicates(partition, claim.id, sealed.duplicates);
    await store.insertRound({ round: sealed.round, bytes: sealed.bytes, hash: sealed.hash, operator: sealed.next.partition.operator });
  };

  const world: SealedWorld = {
    store,
    identity,
    partition,
    rounds,
    records,
    get registry() {
      return registry;
    },
    key,
    producerKey,
    signLedger,
    async seal(specs, alter = (honest) => honest) {
      const built = build(specs);
      const { fresh } = built;
      const sealed = placedAfter(state, alter(built.sealed));
      await insert(sealed);
      await store.insertCommit({
        ...partition,
        claim: claim.id,
        ordinal: claim.ordinal,
        from: claim.from,
        to: sealed.round.to,
        round_hash: sealed.hash,
      });
      for (const { batch } of sealed.batches) sealedHeaders.set(sealedHeaderKeyText(batch.header), batch.header_hash);
      state = sealed.next.partition;
      tenants = new Map([...tenants, ...sealed.next.tenants]);
      rounds.push(sealed);
      records.push(...fresh);
      return sealed;
    },
    async abandon(specs) {
      const { sealed } = build(specs);
      await insert(sealed);
      return sealed;
    },
    newClaim() {
      claim = { id: random.bytes(16), ordinal: claim.ordinal + (state.next_offset > claim.from ? 1 : 0), from: state.next_offset };
    },
    async register(record) {
      const bytes = keyRecordCodec().encode({
        version: 1,
        kind: 'REGISTER',
        key_id: keyThumbprint(sha256, record.public_key ?? producerKey),
        suite: 1,
        public_key: producerKey,
        producer: 'billing',
        tenants: ['*'],
        valid_from: 0,
        valid_until: null,
        suspect_since: null,
        ...record,
      });
      await store.insertKeyRecords([{ index: registry.size, bytes }]);
      registry = extendRegistry(sha256, registry, [bytes]);
    },
    signCheckpoint: (size, root) => signNote(formatCheckpoint({ origin, size, root }), key, signLedger),
    checkpoint: () => world.signCheckpoint(state.operator.size, frontierRoot(sha256, state.operator)),
    async storeCheckpoint() {
      const root = frontierRoot(sha256, state.operator);
      await store.insertCheckpoint({ origin, size: state.operator.size, root, note: world.checkpoint() });
    },
  };
  // A store is shared by the partitions of one deployment: its registry is written once.
  if (options.store === undefined) await world.register({});
  else
    registry = extendRegistry(
      sha256,
      registry,
      (await store.keyRecords()).map(({ bytes }) => bytes),
    );
  return world;
}
