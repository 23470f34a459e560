// Writes the example bytes of docs/spec: node scripts/run.mjs scripts/spec-vectors.ts
import { writeFileSync } from 'node:fs';
import type { LogRecord } from '@sealtrail/event-log';
import { rootOfLeaves, type Sha256 } from '@sealtrail/merkle';
import { sha256 as nodeSha256 } from '@sealtrail/merkle/node';
import { emptyRegistry, extendRegistry, judgeKey } from '@sealtrail/seal';
import {
  type AuditEvent,
  actorDigest,
  batchSigningInput,
  currentEventSchema,
  duplicateCodec,
  eventLeafFromParts,
  headCodec,
  keyRecordCodec,
  manifestCodec,
  objectDigest,
  rejectionCodec,
  roundCodec,
} from '@sealtrail/wire';
import {
  APPENDABLE_BAD_RECORD_KINDS,
  type BadRecordContext,
  badRecord,
  badRecordKeys,
} from '../packages/seal/test/fixtures/bad-records.ts';
import { newLedger, sealAll } from '../packages/seal/test/fixtures/ledger.ts';
import {
  type BatchParts,
  keyRecord,
  plainEvent,
  signedBatch,
  type TestProducer,
  testKey,
  testKeySeed,
} from '../packages/seal/test/fixtures/producer.ts';
import { alertVectors } from './spec-vectors-alert.ts';
import { canonicalVectors } from './spec-vectors-canonical.ts';

const sha256: Sha256 = nodeSha256();
const schema = currentEventSchema();
const NOW = 1_735_689_700_000;
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Bytes as hexadecimal, maps as pairs in the order of the encoding. */
export function toJson(value: unknown): unknown {
  if (value instanceof Uint8Array) return hex(value);
  if (value instanceof Map) {
    return ([...value] as [string, string][]).sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  }
  if (Array.isArray(value)) return value.map(toJson);
  if (value !== null && typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, toJson(one)]));
  return value;
}

const EMPTY: AuditEvent = {
  ...plainEvent(),
  actor_salt: new Uint8Array(16),
  actor_type: 'USER',
  actor_id: '',
  actor_roles: [],
  token_status: 'VERIFIED',
  object_salt: new Uint8Array(16),
  resource_id: '',
  attributes: new Map(),
  event_id: new Uint8Array(16),
  occurred_at: 0,
  action: '',
  resource_type: '',
  severity: 'INFORMATIONAL',
};
const sequence = (size: number, from: number): Uint8Array => Uint8Array.from({ length: size }, (_, i) => (from + i) & 0xff);
const FULL: AuditEvent = {
  actor_salt: sequence(16, 0x10),
  actor_type: 'USER',
  actor_id: 'alice@example.com',
  actor_issuer: 'https://login.example.com/',
  actor_client_id: 'web',
  actor_roles: ['admin', 'billing'],
  actor_scopes: ['invoices:write'],
  actor_chain: [
    { issuer: null, subject: 'gateway' },
    { issuer: 'https://login.example.com/', subject: 'batch' },
  ],
  token_status: 'VERIFIED',
  token_id_hash: sequence(32, 0x20),
  session_id_hash: sequence(32, 0x40),
  token_key_id: 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k',
  token_algorithm: 'ES256',
  token_issued_at: 1_735_689_600_000,
  token_expires_at: 1_735_693_200_000,
  source_ip: Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7]),
  user_agent: 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
  object_salt: sequence(16, 0x60),
  resource_id: 'inv-2024-0007',
  related: [{ type: 'customer', id: 'cus-31' }],
  // By their bytes U+FFFF comes before U+10000; as strings of UTF-16 units it comes after.
  attributes: new Map([
    ['\u{10000}', 'second'],
    ['\uffff', 'first'],
    ['betrag', '129,90 €'],
    ['amount', '129.90'],
  ]),
  event_id: Uint8Array.from(Buffer.from('01941f29a1007c3e8d2a5b6c7d8e9f00', 'hex')),
  occurred_at: 1_735_689_600_123_456,
  action: 'invoice.delete',
  resource_type: 'invoice',
  outcome: 'DENIED',
  reason: 'not_owner',
  severity: 'HIGH',
  http_method: 'DELETE',
  http_route: '/invoices/:id',
  http_status: 403,
  trace_id: Uint8Array.from(Buffer.from('4bf92f3577b34da6a3ce929d0e0e4736', 'hex')),
  redactions: 2,
  personal: [sequence(32, 0x80)],
};
const LAST: AuditEvent = {
  ...EMPTY,
  token_issued_at: 7_258_118_399_999,
  occurred_at: 7_258_118_399_999_999,
  http_status: -2_147_483_648,
  redactions: 2_147_483_647,
};

function eventVector(name: string, event: AuditEvent): unknown {
  const room = new Uint8Array(4_096);
  const ends = new Uint32Array(3);
  const end = schema.encodeWithEnds(event, room, 0, ends, 0);
  const actor = room.slice(0, ends[0]);
  const object = room.slice(ends[0], ends[1]);
  const rest = room.slice(ends[1], end);
  const parts = { actor_digest: actorDigest(sha256, actor), object_digest: objectDigest(sha256, object), rest };
  return {
    name,
    event: toJson(event),
    sections: { actor: hex(actor), object: hex(object), rest: hex(rest) },
    actor_digest: hex(parts.actor_digest),
    object_digest: hex(parts.object_digest),
    leaf: hex(eventLeafFromParts(sha256, parts)),
  };
}

const producer: TestProducer = { audience: 'deployment-1', producer: 'billing', instance: sequence(16, 0xa0), key: testKey(1) };
const batches: readonly { readonly name: string; readonly parts: BatchParts; readonly events: readonly AuditEvent[] }[] = [
  { name: 'two events', events: [EMPTY, FULL] },
  { name: 'one event of another tenant', events: [FULL], tenant: 'umbrella' },
  {
    name: 'a critical event of an instance that had a life before',
    events: [LAST],
    header: {
      delivery: 'CRITICAL' as const,
      sequence: 0,
      shed: 3,
      predecessor: { instance: sequence(16, 0xb0), routine: 70, critical: 2 },
    },
  },
  { name: 'a heartbeat', events: [], header: { sequence: 1 } },
  { name: 'five events', events: [FULL, EMPTY, LAST, FULL, FULL], header: { sequence: 2 } },
  { name: 'a close', events: [], header: { sequence: 3, kind: 'CLOSE' as const } },
].map(({ name, events, header, tenant }) => ({
  name,
  events,
  parts: signedBatch(producer, { tenant: tenant ?? 'acme', sequence: 0, events, ...(header === undefined ? {} : { header }) }),
}));

const bad: BadRecordContext = { ...producer, tenant: 'acme', sequence: 900, recorded_at: NOW };
const keys = [
  keyRecord(producer.key, 'billing', { tenants: ['acme', 'umbrella'], valid_from: 1_735_600_000_000 }),
  ...badRecordKeys({ producer: 'billing', recorded_at: NOW }),
  keyRecord(testKey(3), 'operator', { kind: 'LEDGER', tenants: [] }),
];
const registry = extendRegistry(sha256, emptyRegistry(sha256), keys);

const batchVectors = (): unknown => ({
  comment: 'docs/spec/batch.md. Bytes are hexadecimal. The seed is an Ed25519 private key (RFC 8032) for examples only.',
  seed: hex(testKeySeed(1)),
  public_key: hex(producer.key.public_key),
  key_id: hex(producer.key.key_id),
  event_schema: hex(schema.sha256),
  batch_fingerprint: hex(schema.batch_fingerprint),
  batches: batches.map(({ name, parts, events }) => ({
    name,
    header: toJson(parts.header),
    events: events.map(toJson),
    header_bytes: hex(parts.header_bytes),
    header_hash: hex(sha256.digest(parts.header_bytes)),
    signing_input: hex(batchSigningInput(parts.header.key_id, parts.header_bytes)),
    signature: hex(parts.signature),
    record: hex(parts.record),
  })),
  // Judged with the registry of registry.json, in a partition of one, at recorded_at.
  recorded_at: NOW,
  audience: producer.audience,
  rejected: APPENDABLE_BAD_RECORD_KINDS.map((kind) => ({ kind, ...badRecord(kind, bad) }))
    .filter(({ value }) => value !== null && value.length < 4_096)
    .map(({ kind, key, value, reason }) => ({ kind, key: toJson(key), record: toJson(value), reason })),
});

const registryVectors = (): unknown => {
  let grown = emptyRegistry(sha256);
  const named = (number: number): string => hex(testKey(number).key_id);
  return {
    comment: 'docs/spec/registry.md. Record n of the stream is key record n; root_after is the root over the records up to it.',
    records: keys.map((bytes) => {
      grown = extendRegistry(sha256, grown, [bytes]);
      let value: unknown = null;
      try {
        value = toJson(keyRecordCodec().decode(bytes));
      } catch {
        // No key record: it has a place and a leaf, and no value.
      }
      return { value, bytes: hex(bytes), leaf: hex(keyRecordCodec().leafHash(sha256, bytes)), root_after: hex(grown.root) };
    }),
    root_of_none: hex(emptyRegistry(sha256).root),
    verdicts: [
      { key_id: named(1), producer: 'billing', tenant: 'acme', recorded_at: NOW },
      { key_id: named(1), producer: 'billing', tenant: 'initech', recorded_at: NOW },
      { key_id: named(1), producer: 'shop', tenant: 'acme', recorded_at: NOW },
      { key_id: named(1), producer: 'billing', tenant: 'acme', recorded_at: 1_735_599_999_999 },
      { key_id: named(1), producer: 'billing', tenant: 'acme', recorded_at: 1_735_600_000_000 },
      ...[NOW - 1, NOW].flatMap((recorded_at) =>
        [9_001, 9_003].map((number) => ({ key_id: named(number), producer: 'billing', tenant: 'acme', recorded_at })),
      ),
      { key_id: named(9_005), producer: 'billing', tenant: 'acme', recorded_at: NOW },
      { key_id: named(9_006), producer: 'billing', tenant: 'acme', recorded_at: NOW },
      { key_id: named(9_007), producer: 'billing', tenant: 'acme', recorded_at: NOW },
      { key_id: named(3), producer: 'operator', tenant: 'acme', recorded_at: NOW },
    ].map((asked) => {
      const verdict = judgeKey(registry, { ...asked, key_id: Buffer.from(asked.key_id, 'hex') }, asked.recorded_at);
      return { ...asked, verdict: verdict.kind === 'valid' ? 'valid' : verdict.reason };
    }),
  };
};

/** The batches in three rounds, with a rejected record, a conflict and a repetition among them. */
function rounds(): { readonly manifest: unknown; readonly round: unknown } {
  const identity = { audience: producer.audience, topic: 'audit.events', incarnation: 1, partition: 0, partitions: 1 };
  const conflict = signedBatch(producer, { tenant: 'acme', sequence: 0, events: [EMPTY] });
  const values = [
    ...batches.slice(0, 3).map(({ parts }) => parts.record),
    badRecord('signature_with_a_bit_flipped', bad).value as Uint8Array,
    ...batches.slice(3).map(({ parts }) => parts.record),
    (batches[0] as (typeof batches)[number]).parts.record,
    conflict.record,
  ];
  const records = values.map((value, offset): LogRecord => {
    const tenant = offset === 1 ? 'umbrella' : 'acme';
    // The broker's clock goes back once.
    const appended_at_ms = NOW + (offset === 2 ? -50 : offset * 10);
    return { topic: identity.topic, partition: 0, offset, appended_at_ms, time_type: 'log_append_time', key: Buffer.from(tenant), value };
  });
  const { ledger, rounds: sealed } = sealAll(newLedger(identity, registry), records, [4, 3]);
  const logs = [...ledger.tenants.values()].map(({ tenant, log, size, entries }) => {
    const own = sealed.flatMap((round) => round.batches).filter(({ batch }) => batch.header.tenant === tenant);
    const leaves = Buffer.concat(own.map(({ manifest_hash }) => manifest_hash));
    return {
      tenant,
      identity: toJson({ audience: identity.audience, tenant, topic: identity.topic, incarnation: 1, partition: 0, predecessor: null }),
      log: hex(log),
      size,
      entries,
      root: hex(rootOfLeaves(sha256, leaves, own.length)),
      manifests: own.map(({ manifest, manifest_bytes, manifest_hash }) => ({
        value: toJson(manifest),
        bytes: hex(manifest_bytes),
        leaf: hex(manifest_hash),
      })),
    };
  });
  const encoded = <T>(
    codec: { encode(value: T): Uint8Array; leafHash(sha256: Sha256, bytes: Uint8Array): Uint8Array },
    value: T,
  ): unknown => {
    const bytes = codec.encode(value);
    return { value: toJson(value), bytes: hex(bytes), leaf: hex(codec.leafHash(sha256, bytes)) };
  };
  return {
    manifest: { comment: 'docs/spec/manifest.md. The manifests that round.json seals.', logs },
    round: {
      comment: 'docs/spec/round.md. Judged with the registry of registry.json.',
      identity,
      records: records.map(({ offset, appended_at_ms, key, value }) => ({
        offset,
        appended_at_ms,
        key: toJson(key),
        value: toJson(value),
      })),
      rounds: sealed.map((round) => ({
        heads: round.heads.map(({ head }) => encoded(headCodec(), head)),
        rejections: round.rejected.map(({ rejection }) => encoded(rejectionCodec(), rejection)),
        duplicates: round.duplicates.map(({ duplicate }) => encoded(duplicateCodec(), duplicate)),
        manifests: round.batches.map(({ manifest_bytes }) => hex(manifestCodec().leafHash(sha256, manifest_bytes))),
        round: encoded(roundCodec(), round.round),
      })),
      operator_root: hex(rootOfLeaves(sha256, Buffer.concat(sealed.map(({ hash }) => hash)), sealed.length)),
    },
  };
}

/** By file name, in docs/spec/vectors. */
export function specVectors(): Readonly<Record<string, string>> {
  const { manifest, round } = rounds();
  const files = {
    'alert.json': alertVectors(toJson),
    'canonical-avro.json': canonicalVectors(),
    'event.json': {
      comment: 'docs/spec/event.md. Bytes are hexadecimal; attributes are pairs in the order of the encoding.',
      event_schema: hex(schema.sha256),
      events: [eventVector('everything empty', EMPTY), eventVector('everything there', FULL), eventVector('the largest numbers', LAST)],
    },
    'batch.json': batchVectors(),
    'registry.json': registryVectors(),
    'manifest.json': manifest,
    'round.json': round,
  };
  return Object.fromEntries(Object.entries(files).map(([name, content]) => [name, `${JSON.stringify(content, null, 2)}\n`]));
}

if (process.argv[1]?.endsWith('spec-vectors.ts')) {
  for (const [name, text] of Object.entries(specVectors())) writeFileSync(new URL(`../docs/spec/vectors/${name}`, import.meta.url), text);
}
