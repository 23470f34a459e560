import { createPublicKey, verify as nodeVerify } from 'node:crypto';
import type { LogRecord } from '@sealtrail/event-log';
import { ed25519Verify, sha256 as nodeSha256 } from '@sealtrail/merkle/node';
import { emptyRegistry, examineRecord, extendRegistry, judgeKey, type PartitionIdentity } from '@sealtrail/seal';
import { batchSigningInput, encodeHeader, keyThumbprint, parseHeader, walkBatch } from '@sealtrail/wire';
import { calculateJwkThumbprint, flattenedVerify } from 'jose';
import { describe, expect, it } from 'vitest';
import { newLedger, sealAll } from '../../packages/seal/test/fixtures/ledger.ts';
import { crc64Avro, parsingCanonicalForm } from '../../packages/wire/src/avro/canonical.ts';
import { encodeWithAvsc, forAvsc, publishedSchema } from '../../packages/wire/test/reference.ts';
import { avroType, bytes, sha256, treeRoot, valueOf, vectors } from './independent.ts';

const hex = (value: Uint8Array): string => Buffer.from(value).toString('hex');
const base64url = (text: string): string => bytes(text).toString('base64url');
const hash = nodeSha256();
const batchJson = publishedSchema('event-batch') as { readonly fields: readonly { readonly name: string; readonly type: unknown }[] };
const eventJson = publishedSchema('audit-event');
const headerJson = (batchJson.fields[0] as { readonly type: unknown }).type;
const file = vectors('batch') as {
  readonly public_key: string;
  readonly key_id: string;
  readonly event_schema: string;
  readonly batch_fingerprint: string;
  readonly audience: string;
  readonly recorded_at: number;
  readonly batches: readonly {
    readonly name: string;
    readonly header: { readonly count: number; readonly root: string; readonly kind: string };
    readonly events: readonly unknown[];
    readonly header_bytes: string;
    readonly header_hash: string;
    readonly signing_input: string;
    readonly signature: string;
    readonly record: string;
  }[];
  readonly rejected: readonly { readonly kind: string; readonly key: string | null; readonly record: string; readonly reason: string }[];
};
const registryFile = vectors('registry') as {
  readonly records: readonly { readonly bytes: string; readonly root_after: string }[];
  readonly verdicts: readonly {
    readonly key_id: string;
    readonly producer: string;
    readonly tenant: string;
    readonly recorded_at: number;
    readonly verdict: string;
  }[];
};
const registry = extendRegistry(
  hash,
  emptyRegistry(hash),
  registryFile.records.map((record) => bytes(record.bytes)),
);
const jwk = { kty: 'OKP', crv: 'Ed25519', x: base64url(file.public_key) };

/** The leaf of an event, from avsc's bytes alone: the sections are found by encoding their fields apart. */
function leafOf(event: unknown): string {
  const fields = (eventJson as { fields: { name: string; type: unknown; section: string }[] }).fields;
  const value = valueOf(eventJson, event) as Record<string, unknown>;
  const whole = encodeWithAvsc(avroType(eventJson), value);
  const sizeOf = (section: string): number => {
    // Named types are defined where they stand first: the fields before come along, and are cut off again.
    const upTo = fields.filter((field) => (section === 'object' ? field.section !== 'rest' : field.section === 'actor'));
    return encodeWithAvsc(avroType({ type: 'record', name: 'Part', namespace: 'sealtrail', fields: upTo }), value).length;
  };
  const [actorEnd, objectEnd] = [sizeOf('actor'), sizeOf('object')];
  const actor = sha256('A', whole.subarray(0, actorEnd));
  const object = sha256('O', whole.subarray(actorEnd, objectEnd));
  return sha256(Buffer.of(0), 'E', Buffer.of(1), bytes(actor), bytes(object), whole.subarray(objectEnd));
}

describe('batch.json', () => {
  it('names the key by its RFC 7638 thumbprint and the schema by its fingerprint', async () => {
    expect(await calculateJwkThumbprint(jwk)).toBe(base64url(file.key_id));
    expect(hex(keyThumbprint(hash, bytes(file.public_key)))).toBe(file.key_id);
    expect(hex(crc64Avro(parsingCanonicalForm(batchJson)))).toBe(file.batch_fingerprint);
  });

  it.each(file.batches)(
    '$name: the record is the framing and what avsc writes',
    ({ header, events, signature, record, header_bytes, header_hash }) => {
      const whole = { header, signature, events, confidential: null };
      const avsc = encodeWithAvsc(avroType(batchJson), valueOf(batchJson, whole));
      expect(record).toBe(`c301${file.batch_fingerprint}${hex(avsc)}`);
      expect(hex(encodeWithAvsc(avroType(headerJson), valueOf(headerJson, header)))).toBe(header_bytes);
      expect(sha256(bytes(header_bytes))).toBe(header_hash);
      const read = avroType(batchJson).fromBuffer(bytes(record).subarray(10)) as unknown;
      expect(JSON.stringify(read)).toBe(JSON.stringify(avroType(batchJson).clone(forAvsc(valueOf(batchJson, whole)))));
    },
  );

  it.each(file.batches)('$name: the root is that of RFC 9162 over the leaves', ({ header, events }) => {
    expect(header.count).toBe(events.length);
    expect(treeRoot(events.map(leafOf))).toBe(header.root);
  });

  it.each(file.batches)(
    '$name: the signature is a detached JWS that jose and node:crypto verify',
    async ({ header_bytes, signature, signing_input }) => {
      const protectedHeader = `{"alg":"Ed25519","b64":false,"crit":["b64"],"kid":"${base64url(file.key_id)}"}`;
      const payload = Buffer.concat([Buffer.from('sealtrail/batch/v1\0'), bytes(header_bytes)]);
      const encoded = Buffer.from(protectedHeader).toString('base64url');
      expect(signing_input).toBe(hex(Buffer.concat([Buffer.from(`${encoded}.`), payload])));
      const key = createPublicKey({ key: jwk, format: 'jwk' });
      expect(nodeVerify(null, bytes(signing_input), key, bytes(signature))).toBe(true);
      await flattenedVerify({ protected: encoded, payload, signature: base64url(signature) }, key, { algorithms: ['Ed25519'] });
      expect(hex(batchSigningInput(bytes(file.key_id), bytes(header_bytes)))).toBe(signing_input);
    },
  );

  it.each(file.batches)('$name: the code writes and walks it', ({ header, header_bytes, record }) => {
    expect(hex(encodeHeader(valueOf(headerJson, header) as Parameters<typeof encodeHeader>[0]))).toBe(header_bytes);
    const parsed = parseHeader(bytes(record), hash);
    if (parsed.kind === 'refused') throw new Error(parsed.detail);
    expect(hex(parsed.header_bytes)).toBe(header_bytes);
    expect(walkBatch(parsed, hash)).toMatchObject({ kind: 'batch' });
  });

  const identity: PartitionIdentity = { audience: file.audience, topic: 'audit.events', incarnation: 1, partition: 0, partitions: 1 };
  const examine = { sha256: hash, verify: ed25519Verify(), identity, registry };
  const judged = (key: Uint8Array | null, value: Uint8Array): ReturnType<typeof examineRecord> => {
    const record: LogRecord = {
      topic: 'audit.events',
      partition: 0,
      offset: 0,
      appended_at_ms: file.recorded_at,
      time_type: 'log_append_time',
      key,
      value,
    };
    return examineRecord(examine, record, file.recorded_at);
  };
  it.each(file.batches)('$name is sound', ({ record, name }) =>
    expect(judged(Buffer.from(name.includes('another tenant') ? 'umbrella' : 'acme'), bytes(record)).kind).toBe('sound'),
  );
  it.each(file.rejected)('$kind is rejected: $reason', ({ key, record, reason }) =>
    expect(judged(key === null ? null : bytes(key), bytes(record))).toMatchObject({ kind: 'rejected', reason }),
  );
});

describe('registry.json', () => {
  it('has the root that the registry has', () => {
    expect(hex(registry.root)).toBe(registryFile.records.at(-1)?.root_after);
    expect(registry.size).toBe(registryFile.records.length);
  });
  it.each(registryFile.verdicts)(
    '$producer for $tenant at $recorded_at: $verdict',
    ({ key_id, producer, tenant, recorded_at, verdict }) => {
      const judged = judgeKey(registry, { key_id: bytes(key_id), producer, tenant }, recorded_at);
      expect(judged.kind === 'valid' ? 'valid' : judged.reason).toBe(verdict);
    },
  );
});

describe('round.json', () => {
  const { identity, records, rounds } = vectors('round') as {
    readonly identity: PartitionIdentity;
    readonly records: readonly { readonly offset: number; readonly appended_at_ms: number; readonly key: string; readonly value: string }[];
    readonly rounds: readonly {
      readonly round: { readonly bytes: string; readonly leaf: string; readonly value: { readonly from: number; readonly to: number } };
      readonly manifests: readonly string[];
    }[];
  };
  it('is what sealing its records gives, bit for bit', () => {
    const log = records.map(
      ({ offset, appended_at_ms, key, value }): LogRecord => ({
        topic: identity.topic,
        partition: 0,
        offset,
        appended_at_ms,
        time_type: 'log_append_time',
        key: bytes(key),
        value: bytes(value),
      }),
    );
    const sizes = rounds.map(({ round }) => round.value.to - round.value.from);
    const sealed = sealAll(newLedger(identity, registry), log, sizes);
    expect(sealed.rounds.map((round) => hex(round.bytes))).toEqual(rounds.map(({ round }) => round.bytes));
    expect(sealed.rounds.map((round) => hex(round.hash))).toEqual(rounds.map(({ round }) => round.leaf));
    expect(sealed.rounds.map((round) => round.batches.map(({ manifest_hash }) => hex(manifest_hash)))).toEqual(
      rounds.map(({ manifests }) => manifests),
    );
  });
});
