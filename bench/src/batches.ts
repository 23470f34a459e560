/** Prebuilt signed batches of events of a typical size. */
import { randomBytes } from 'node:crypto';
import { registrationRecord } from '@sealtrail/data-directory';
import { createBatchSigner, type EventToSign } from '@sealtrail/emitter';
import type { EventLog } from '@sealtrail/event-log';
import { ed25519PublicKey, ed25519Signer, sha256 } from '@sealtrail/merkle/node';
import { keyThumbprint } from '@sealtrail/wire';

export const AUDIENCE = 'bench.deployment';
export const TOPIC = 'audit.events';
export const REGISTRY_TOPIC = 'audit.registry';
export const REJECTED_TOPIC = 'audit.rejected';
export const PRODUCER = 'bench';
export const EVENTS_A_BATCH = 256;

const seed = new Uint8Array(32).fill(11);
export const publicKey: Uint8Array = ed25519PublicKey(seed);
export const sign: (message: Uint8Array) => Uint8Array = ed25519Signer(seed);

/** An event of a web request by a person; `n` makes ids differ. */
export const typicalEvent = (n: number): EventToSign => ({
  actor_type: 'USER',
  actor_id: `auth0|5f7c8ec7c33c6c004bb${String(n % 100_000).padStart(5, '0')}`,
  actor_issuer: 'https://login.example.com/',
  actor_client_id: 'web-frontend',
  actor_roles: ['billing-admin', 'support'],
  actor_scopes: ['invoices:read', 'invoices:write'],
  actor_chain: [],
  token_status: 'VERIFIED',
  token_id_hash: new Uint8Array(32).fill(2),
  session_id_hash: null,
  token_key_id: null,
  token_algorithm: 'RS256',
  token_issued_at: 1_735_689_600_000,
  token_expires_at: 1_735_693_200_000,
  source_ip: Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 198, 51, 100, n % 250]),
  user_agent: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36',
  resource_id: `inv-${n % 1_000_000}`,
  related: [{ type: 'customer', id: `cus-${n % 300}` }],
  attributes: new Map([
    ['amount_cents', String(1_000 + (n % 90_000))],
    ['currency', 'EUR'],
  ]),
  event_id: randomBytes(16),
  occurred_at: 1_735_689_600_000_000 + n,
  action: 'invoice.read',
  resource_type: 'invoice',
  outcome: 'SUCCESS',
  reason: null,
  severity: 'INFORMATIONAL',
  http_method: 'GET',
  http_route: '/invoices/:id',
  http_status: 200,
  trace_id: randomBytes(16),
  redactions: 0,
  personal: [],
});

export interface PrebuiltRecord {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** `count` batches, tenants in turn. */
export function* prebuiltBatches(count: number, tenants: number): Generator<PrebuiltRecord> {
  const signer = createBatchSigner({
    sha256: sha256(),
    sign,
    publicKey,
    audience: AUDIENCE,
    producer: PRODUCER,
    instance: new Uint8Array(16).fill(5),
    started_at: 1_735_689_600_000,
    random: (bytes) => randomBytes(bytes),
  });
  for (let i = 0; i < count; i++) {
    const events = Array.from({ length: EVENTS_A_BATCH }, (_, n) => typicalEvent(i * EVENTS_A_BATCH + n));
    const { key, value } = signer.sign({ tenant: `tenant-${i % tenants}`, delivery: 'ROUTINE', events });
    yield { key, value };
  }
}

/** Creates the streams and registers the key. */
export async function prepareLog(log: EventLog, partitions = 1): Promise<void> {
  const admin = await log.admin();
  await admin.createTopics([
    { topic: TOPIC, partitions, cleanup_policy: 'delete' },
    { topic: REGISTRY_TOPIC, partitions: 1, cleanup_policy: 'none' },
    { topic: REJECTED_TOPIC, partitions: 1, cleanup_policy: 'delete' },
  ]);
  await admin.close();
  const key_id = keyThumbprint(sha256(), publicKey);
  const value = registrationRecord({ key_id, public_key: publicKey, producer: PRODUCER, tenants: ['*'], valid_from: 0 });
  const producer = await log.producer();
  const outcome = await producer.append([{ topic: REGISTRY_TOPIC, partition: 0, key: null, value }]);
  if (outcome.kind !== 'appended') throw outcome.cause;
  await producer.close();
}
