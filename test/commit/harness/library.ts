/** Records that are signed once and used by every world, with what a ledger has to make of each. */
import { registrationRecord } from '@sealtrail/data-directory';
import { createBatchSigner, type EventToSign } from '@sealtrail/emitter';
import { partitionOf } from '@sealtrail/event-log';
import { ed25519PublicKey, ed25519Signer, sha256 } from '@sealtrail/merkle/node';
import { encodeHeader, keyThumbprint, type RejectReason } from '@sealtrail/wire';
import { type Random, seededRandom } from '../../fixtures/seeded-random.ts';

export const AUDIENCE = 'test.deployment';
export const TENANTS: readonly string[] = ['acme', 'globex', 'initech', 'umbrella'];

/** What a record is, as its maker knows it. */
export type Intent =
  | {
      readonly kind: 'batch';
      /** Index of its key's record in the registry. */
      readonly key_record: number;
      /** Tenant, producer, instance, delivery and sequence. */
      readonly number: string;
      /** One text a header. */
      readonly header: string;
      readonly events: number;
      /** What is wrong with it once its key is known. */
      readonly spoilt: 'signature_invalid' | 'root_mismatch' | null;
    }
  /** Rejected before anybody asks whose key it is. */
  | { readonly kind: 'bad'; readonly reason: RejectReason };

export interface SampleRecord {
  readonly intent: Intent;
  readonly partition: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly time_type?: 'create_time';
}

interface Batch {
  readonly tenant: string;
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  /** Where in the value the signature ends. */
  readonly signed_to: number;
  readonly intent: Extract<Intent, { kind: 'batch' }>;
}

export interface Library {
  /** The records of the key registry, in order; one for each producer. */
  readonly registry: readonly Uint8Array[];
  /** Batches of a life (producer, tenant, delivery) by sequence; each in two versions under the same number. */
  readonly lives: readonly (readonly (readonly [Batch, Batch])[])[];
  readonly foreign: Batch;
}

const PRODUCERS = ['billing', 'portal', 'cron'];
const BATCHES_A_LIFE = 8;
/** Of Avro's single-object encoding. */
const FRAMING_BYTES = 10;
const SIGNATURE_BYTES = 64;

const eventOf = (n: number): EventToSign => ({
  actor_type: 'USER',
  actor_id: `user-${n}`,
  actor_issuer: 'https://issuer.example',
  actor_client_id: null,
  actor_roles: ['clerk'],
  actor_scopes: [],
  actor_chain: [],
  token_status: 'VERIFIED',
  token_id_hash: null,
  session_id_hash: null,
  token_key_id: null,
  token_algorithm: 'EdDSA',
  token_issued_at: null,
  token_expires_at: null,
  source_ip: null,
  user_agent: null,
  resource_id: `invoice-${n}`,
  related: [],
  attributes: new Map([['n', String(n)]]),
  event_id: new Uint8Array(16).fill(n % 256),
  occurred_at: 1_700_000_000_000_000 + n,
  action: 'invoice.read',
  resource_type: 'invoice',
  outcome: 'SUCCESS',
  reason: null,
  severity: 'INFORMATIONAL',
  http_method: null,
  http_route: null,
  http_status: null,
  trace_id: null,
  redactions: 0,
  personal: [],
});

export function createLibrary(): Library {
  const hash = sha256();
  const random = seededRandom(1);
  const registry: Uint8Array[] = [];
  const lives: (readonly [Batch, Batch])[][] = [];
  let events = 0;

  const signerOf = (producer: number, audience: string) => {
    const seed = new Uint8Array(32).fill(producer + 1);
    return createBatchSigner({
      sha256: hash,
      sign: ed25519Signer(seed),
      publicKey: ed25519PublicKey(seed),
      audience,
      producer: PRODUCERS[producer] as string,
      instance: new Uint8Array(16).fill(producer + 1),
      started_at: 1_700_000_000_000,
      random: (bytes) => random.bytes(bytes),
    });
  };
  const sign = (
    signer: ReturnType<typeof signerOf>,
    producer: number,
    tenant: string,
    delivery: 'ROUTINE' | 'CRITICAL',
    version: string,
  ): Batch => {
    // Of eight batches one says only that its producer is alive.
    const count = random.chance(1 / 8) ? 0 : 1 + random.below(3);
    const sequence = signer.nextSequence(tenant, delivery);
    const { key, value, header } = signer.sign({
      tenant,
      delivery,
      kind: count === 0 ? 'HEARTBEAT' : 'DATA',
      // Tells the versions apart also where they have no events.
      shed: version === 'a' ? 0 : 1,
      events: Array.from({ length: count }, () => eventOf(events++)),
    });
    const number = `${tenant} ${PRODUCERS[producer]} ${delivery} ${sequence}`;
    return {
      tenant,
      key,
      value,
      signed_to: FRAMING_BYTES + encodeHeader(header).length + SIGNATURE_BYTES,
      intent: { kind: 'batch', key_record: producer, number, header: `${number} ${version}`, events: count, spoilt: null },
    };
  };

  PRODUCERS.forEach((name, producer) => {
    const publicKey = ed25519PublicKey(new Uint8Array(32).fill(producer + 1));
    registry.push(
      registrationRecord({ key_id: keyThumbprint(hash, publicKey), public_key: publicKey, producer: name, tenants: ['*'], valid_from: 0 }),
    );
    const [a, b] = [signerOf(producer, AUDIENCE), signerOf(producer, AUDIENCE)];
    TENANTS.forEach((tenant, i) => {
      const delivery = i % 2 === 0 ? 'ROUTINE' : 'CRITICAL';
      lives.push(
        Array.from(
          { length: BATCHES_A_LIFE },
          () => [sign(a, producer, tenant, delivery, 'a'), sign(b, producer, tenant, delivery, 'b')] as const,
        ),
      );
    });
  });
  return { registry, lives, foreign: sign(signerOf(0, 'staging'), 0, 'acme', 'ROUTINE', 'foreign') };
}

/** A made-up stream of records: new batches, and whatever else may stand in a topic. */
export function inventRecords(library: Library, random: Random, count: number, partitions: number): readonly SampleRecord[] {
  const next = library.lives.map(() => 0);
  const sent: Batch[] = [];
  const records: SampleRecord[] = [];
  const place = ({ key, value, intent }: Batch): SampleRecord => ({ intent, partition: partitionOf(key, partitions), key, value });
  const bad = (reason: RejectReason, record: Partial<SampleRecord>): SampleRecord => ({
    intent: { kind: 'bad', reason },
    partition: random.below(partitions),
    key: null,
    value: null,
    ...record,
  });
  const fresh = (): Batch => {
    const life = random.below(library.lives.length);
    // Now and then a number is left out: a gap is no fault. Beyond the last batch the life begins anew: duplicates.
    next[life] = (next[life] as number) + (random.chance(0.1) ? 1 : 0);
    const versions = library.lives[life]?.[(next[life] as number) % BATCHES_A_LIFE] as readonly [Batch, Batch];
    next[life] = (next[life] as number) + 1;
    return versions[random.chance(0.9) ? 0 : 1];
  };
  const another = (): Batch => (sent.length > 0 ? random.pick(sent) : fresh());

  while (records.length < count) {
    const dice = random.next();
    if (dice < 0.62) {
      const batch = fresh();
      sent.push(batch);
      records.push(place(batch));
    } else if (dice < 0.72) {
      records.push(place(another()));
    } else if (dice < 0.8) {
      const { intent } = another();
      const versions = library.lives.flat().find(([a]) => a.intent.number === intent.number) as readonly [Batch, Batch];
      records.push(place(versions[random.below(2)] as Batch));
    } else if (dice < 0.84) {
      records.push(bad('malformed', { value: random.bytes(random.below(20)) }));
    } else if (dice < 0.87) {
      records.push(bad('malformed', { value: null, key: new TextEncoder().encode('acme') }));
    } else if (dice < 0.9) {
      const { key, value } = library.foreign;
      records.push(bad('wrong_audience', { key, value, partition: partitionOf(key, partitions) }));
    } else if (dice < 0.93) {
      const { value, tenant } = another();
      records.push(bad('wrong_partition', { key: new TextEncoder().encode(`not ${tenant}`), value }));
    } else if (dice < 0.96) {
      const { key, value } = another();
      records.push(bad('time_type', { key, value, partition: partitionOf(key, partitions), time_type: 'create_time' }));
    } else {
      records.push(place(spoil(another(), random)));
    }
  }
  return records;
}

/** With one bit of the signature, or of the last event, turned. */
function spoil(batch: Batch, random: Random): Batch {
  const value = batch.value.slice();
  const inEvents = batch.intent.events > 0 && random.chance(0.5);
  // The end of a record: …, redactions, no personal blocks, end of the events, no confidential section; one byte each.
  const at = inEvents ? value.length - 4 : batch.signed_to - 1 - random.below(SIGNATURE_BYTES);
  value[at] = (value[at] as number) ^ (inEvents ? 2 : 1 << random.below(8));
  return { ...batch, value, intent: { ...batch.intent, spoilt: inEvents ? 'root_mismatch' : 'signature_invalid' } };
}
