import type { LogRecord } from '@sealtrail/event-log';
import { sha256 as nodeSha256 } from '@sealtrail/merkle/node';
import { describe, expect, it } from 'vitest';
import { emptyRegistry, extendRegistry, headersNeeded, SealError, sealRound } from '../src/index.ts';
import { examineAll, inputFor, newLedger, sealAll, type TestLedger } from './fixtures/ledger.ts';
import { keyRecord, plainEvent, signedBatch, testKey } from './fixtures/producer.ts';

const sha256 = nodeSha256();
const producer = { audience: 'deployment-1', producer: 'billing', instance: new Uint8Array(16).fill(1), key: testKey(1) };
const registry = extendRegistry(sha256, emptyRegistry(sha256), [keyRecord(producer.key, 'billing')]);
const fresh = (): TestLedger =>
  newLedger({ audience: 'deployment-1', topic: 'audit.events', incarnation: 1, partition: 0, partitions: 1 }, registry);
const batch = (sequence: number): Uint8Array => signedBatch(producer, { tenant: 'acme', sequence, events: [plainEvent()] }).record;
const place = (values: readonly Uint8Array[]): LogRecord[] =>
  values.map((value, offset) => ({
    topic: 'audit.events',
    partition: 0,
    offset,
    appended_at_ms: 1_735_689_700_000,
    time_type: 'log_append_time',
    key: Buffer.from('acme'),
    value,
  }));

describe('a call that breaks the contract', () => {
  const code = (run: () => unknown): string => {
    try {
      run();
    } catch (error) {
      if (error instanceof SealError) return error.code;
      throw error;
    }
    return 'none';
  };
  const examined = examineAll(fresh(), place([batch(0), batch(1)]));
  it('has no records', () => expect(code(() => sealRound(inputFor(fresh(), [])))).toBe('no_records'));
  it('has a hole in the offsets, or records that do not go on from the state', () => {
    expect(code(() => sealRound(inputFor(fresh(), examined.slice(1))))).toBe('offset_gap');
    expect(code(() => sealRound(inputFor(fresh(), examined.toReversed())))).toBe('offset_gap');
  });
  it('lacks the state of a tenant', () =>
    expect(code(() => sealRound({ ...inputFor(fresh(), examined), tenants: new Map() }))).toBe('tenant_missing'));
  it('lacks the header that a number was sealed with', () => {
    const { ledger } = sealAll(fresh(), place([batch(0)]), []);
    const again = examineAll(ledger, place([batch(9), batch(0)]).slice(1));
    const input = inputFor(ledger, again);
    expect(headersNeeded(again, input.tenants)).toMatchObject([{ tenant: 'acme', producer: 'billing', sequence: 0, delivery: 'ROUTINE' }]);
    expect(code(() => sealRound({ ...input, sealedHeaders: new Map() }))).toBe('header_missing');
    expect(code(() => sealRound(input))).toBe('none');
  });
});
