import { type LogRecord, partitionOf } from '@sealtrail/event-log';
import { ed25519Verify, sha256 as nodeSha256 } from '@sealtrail/merkle/node';
import { sha256 as portableSha256, ed25519Verify as portableVerify } from '@sealtrail/merkle/portable';
import type { BatchHeader, RejectReason } from '@sealtrail/wire';
import { describe, expect, it } from 'vitest';
import { type ExamineContext, emptyRegistry, examineRecord, extendRegistry } from '../src/index.ts';
import { BAD_RECORD_KINDS, type BadRecordContext, type BadRecordKind, badRecord, badRecordKeys } from './fixtures/bad-records.ts';
import { keyRecord, plainEvent, signedBatch, type TestProducer, testKey } from './fixtures/producer.ts';

const sha256 = nodeSha256();
const NOW = 1_735_689_700_000;
const producer: TestProducer = { audience: 'deployment-1', producer: 'billing', instance: new Uint8Array(16).fill(7), key: testKey(1) };
const context: BadRecordContext = { ...producer, tenant: 'acme', sequence: 5, recorded_at: NOW };
const registry = extendRegistry(sha256, emptyRegistry(sha256), [keyRecord(producer.key, 'billing'), ...badRecordKeys(context)]);
const examine: ExamineContext = {
  sha256,
  verify: ed25519Verify(),
  identity: { audience: 'deployment-1', topic: 'audit.events', incarnation: 1, partition: 0, partitions: 1 },
  registry,
};
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
const record = (value: Uint8Array | null, change: Partial<LogRecord> = {}): LogRecord => ({
  topic: 'audit.events',
  partition: 0,
  offset: 0,
  appended_at_ms: NOW,
  time_type: 'log_append_time',
  key: ascii('acme'),
  value,
  ...change,
});
const good = (header: Partial<BatchHeader> = {}): Uint8Array =>
  signedBatch(producer, { tenant: 'acme', sequence: 5, events: [plainEvent()], header }).record;

/** All of them; the compiler sees to it that none is missing. */
const REASONS: Readonly<Record<RejectReason, true>> = {
  malformed: true,
  not_canonical: true,
  unknown_schema: true,
  unknown_key: true,
  key_not_valid: true,
  signature_invalid: true,
  root_mismatch: true,
  wrong_audience: true,
  tenant_not_allowed: true,
  wrong_partition: true,
  too_large: true,
  sequence_conflict: true,
  time_type: true,
  not_supported: true,
};

/** A conflict needs the tenant's state: the record itself is sound. */
const needsState = (kind: BadRecordKind): boolean => kind === 'number_sealed_before';

describe('a record on its own', () => {
  it('is sound when nothing is wrong with it', () => {
    const examined = examineRecord(examine, record(good()), NOW);
    expect(examined).toMatchObject({ kind: 'sound', batch: { header: { tenant: 'acme', sequence: 5, count: 1 } } });
  });

  it.each(BAD_RECORD_KINDS.filter((kind) => !needsState(kind)))('%s is rejected with its reason', (kind) => {
    const bad = badRecord(kind, context);
    const examined = examineRecord(examine, record(bad.value, { key: bad.key, time_type: bad.time_type }), NOW);
    expect(examined).toMatchObject({ kind: 'rejected', reason: bad.reason });
    if (examined.kind !== 'rejected') return;
    // One line, and nothing of what the record says: it may be what must not be logged.
    expect(examined.detail).toMatch(/^[^\n]{1,200}$/);
    expect(examined.detail).not.toMatch(/zq-|invoice|nightly/);
  });

  it('is rejected in at least twenty ways, by every reason there is', () => {
    const reasons = new Set(BAD_RECORD_KINDS.map((kind) => badRecord(kind, { ...context, sealed_sequence: 4 }).reason));
    expect([...reasons].toSorted()).toEqual(Object.keys(REASONS).toSorted());
    expect(BAD_RECORD_KINDS.length).toBeGreaterThanOrEqual(20);
  });

  it('is judged alike without node:crypto', () => {
    const portable = { ...examine, sha256: portableSha256(), verify: portableVerify() };
    for (const kind of BAD_RECORD_KINDS) {
      const bad = badRecord(kind, context);
      const one = record(bad.value, { key: bad.key, time_type: bad.time_type });
      expect(examineRecord(portable, one, NOW), kind).toEqual(examineRecord(examine, one, NOW));
    }
  });

  it('is judged alike whatever kind of byte array it comes in, and is not changed', () => {
    for (const kind of BAD_RECORD_KINDS) {
      const bad = badRecord(kind, context);
      if (bad.value === null) continue;
      const copy = Uint8Array.from(bad.value);
      const plain = examineRecord(examine, record(copy, { key: bad.key, time_type: bad.time_type }), NOW);
      const buffer = Buffer.concat([Buffer.alloc(3), copy]).subarray(3);
      const other = examineRecord(examine, record(buffer, { key: bad.key, time_type: bad.time_type }), NOW);
      expect(other.kind).toBe(plain.kind);
      if (other.kind === 'rejected' && plain.kind === 'rejected')
        expect([other.reason, other.detail]).toEqual([plain.reason, plain.detail]);
      expect(copy).toEqual(Uint8Array.from(bad.value));
    }
  });
});

describe('the order of the steps: the first that fails gives the reason', () => {
  const judged = (value: Uint8Array | null, change: Partial<LogRecord> = {}, at = NOW): string => {
    const examined = examineRecord(examine, record(value, change), at);
    return examined.kind === 'rejected' ? examined.reason : 'sound';
  };
  it.each<[string, () => string, RejectReason]>([
    ['a record without a value, before its time', () => judged(null, { time_type: 'create_time' }), 'malformed'],
    ['its size, before its time', () => judged(new Uint8Array(524_289), { time_type: 'create_time' }), 'too_large'],
    ['its time, before its bytes', () => judged(ascii('nonsense'), { time_type: 'create_time' }), 'time_type'],
    [
      'the framing, before the header',
      () => judged(Uint8Array.from([0xc3, 0x01, ...good({ version: 2 }).slice(2, 9), 0])),
      'unknown_schema',
    ],
    ['the format, before the names', () => judged(good({ version: 2, count: 0 })), 'not_supported'],
    ['the header, before the audience', () => judged(good({ sequence: -1, audience: 'elsewhere' })), 'not_canonical'],
    ['the audience, before the partition', () => judged(good({ audience: 'elsewhere' }), { key: null }), 'wrong_audience'],
    ['the partition, before the key', () => judged(good({ key_id: new Uint8Array(32) }), { key: null }), 'wrong_partition'],
    ['the key, before the tenant', () => judged(good(), {}, -1), 'key_not_valid'],
    ['the signature, before the events', () => judged(cut(good({ key_id: producer.key.key_id }), 30)), 'signature_invalid'],
    ['the form of the events, before their root', () => judged(good({ count: 2, root: new Uint8Array(32) })), 'malformed'],
  ])('%s', (_, verdict, reason) => expect(verdict()).toBe(reason));
});

/** The record with a bit of its signature flipped and its end missing. */
function cut(value: Uint8Array, size: number): Uint8Array {
  const signature = signedBatch(producer, { tenant: 'acme', sequence: 5, events: [plainEvent()] }).signature;
  const at = value.findIndex((_, i) => signature.every((byte, j) => value[i + j] === byte));
  const out = value.slice(0, value.length - size);
  out[at] = (out[at] as number) ^ 1;
  return out;
}

describe('the partition of a record', () => {
  it('is that of its tenant among the pinned number of partitions', () => {
    const partitions = 12;
    const partition = partitionOf(ascii('acme'), partitions);
    const at = (wanted: number): string =>
      examineRecord({ ...examine, identity: { ...examine.identity, partition: wanted, partitions } }, record(good()), NOW).kind;
    for (let i = 0; i < partitions; i++) expect(at(i)).toBe(i === partition ? 'sound' : 'rejected');
  });
});
