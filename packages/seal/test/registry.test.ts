import { rootOfLeaves } from '@sealtrail/merkle';
import { sha256 as nodeSha256 } from '@sealtrail/merkle/node';
import { keyRecordCodec, keyThumbprint } from '@sealtrail/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { emptyRegistry, extendRegistry, judgeKey, type Registry, registryAt } from '../src/index.ts';
import { keyRecord, testKey } from './fixtures/producer.ts';

const sha256 = nodeSha256();
const key = testKey(1);
const other = testKey(2);
const registryOf = (...records: readonly Uint8Array[]): Registry => extendRegistry(sha256, emptyRegistry(sha256), records);
const header = { key_id: key.key_id, producer: 'billing', tenant: 'acme' };
const verdict = (registry: Registry, at: number, change: Partial<typeof header> = {}): string => {
  const judged = judgeKey(registry, { ...header, ...change }, at);
  return judged.kind === 'valid' ? 'valid' : judged.reason;
};

describe('a key', () => {
  it('is unknown before it is registered, and valid afterwards', () => {
    expect(verdict(registryOf(), 10)).toBe('unknown_key');
    expect(verdict(registryOf(keyRecord(other, 'billing')), 10)).toBe('unknown_key');
    expect(verdict(registryOf(keyRecord(key, 'billing')), 10)).toBe('valid');
    expect(judgeKey(registryOf(keyRecord(key, 'billing')), header, 10)).toEqual({ kind: 'valid', public_key: key.public_key });
  });

  it('registered late changes the future only: the registry as it was says what it said', () => {
    const late = registryOf(keyRecord(other, 'billing'), keyRecord(key, 'billing', { valid_from: 0 }));
    expect(verdict(late, 10)).toBe('valid');
    expect(verdict(registryAt(sha256, late, 1), 10)).toBe('unknown_key');
  });

  it('is valid from valid_from on, and no longer at valid_until', () => {
    const window = registryOf(keyRecord(key, 'billing', { valid_from: 100, valid_until: 200 }));
    expect([99, 100, 199, 200, 201].map((at) => verdict(window, at))).toEqual([
      'key_not_valid',
      'valid',
      'valid',
      'key_not_valid',
      'key_not_valid',
    ]);
  });

  it('may be registered again for another time', () => {
    const twice = registryOf(
      keyRecord(key, 'billing', { valid_from: 100, valid_until: 200 }),
      keyRecord(key, 'billing', { valid_from: 300, valid_until: null }),
    );
    expect([150, 250, 350].map((at) => verdict(twice, at))).toEqual(['valid', 'key_not_valid', 'valid']);
  });

  it('is no longer valid from a revocation on, whatever is registered afterwards', () => {
    const revoked = registryOf(
      keyRecord(key, 'billing'),
      keyRecord(key, 'billing', { kind: 'REVOKE', valid_from: 100, suspect_since: 50 }),
      keyRecord(key, 'billing', { valid_from: 200 }),
    );
    // suspect_since annotates the past and changes no verdict.
    expect([49, 50, 99, 100, 250].map((at) => verdict(revoked, at))).toEqual(['valid', 'valid', 'valid', 'key_not_valid', 'key_not_valid']);
  });

  it('that is only revoked is unknown', () =>
    expect(verdict(registryOf(keyRecord(key, 'billing', { kind: 'REVOKE', valid_from: 0 })), 10)).toBe('unknown_key'));

  it('is valid for its own producer', () => {
    const registry = registryOf(keyRecord(key, 'billing'));
    expect(verdict(registry, 10, { producer: 'shop' })).toBe('key_not_valid');
    expect(verdict(registryOf(keyRecord(key, 'billing'), keyRecord(key, 'shop')), 10, { producer: 'shop' })).toBe('valid');
  });

  it('writes for the tenants that its record names, or for all', () => {
    const some = registryOf(keyRecord(key, 'billing', { tenants: ['acme', 'umbrella'] }));
    expect(['acme', 'umbrella', 'acm', 'acme2', 'ACME', '*'].map((tenant) => verdict(some, 10, { tenant }))).toEqual([
      'valid',
      'valid',
      'tenant_not_allowed',
      'tenant_not_allowed',
      'tenant_not_allowed',
      'tenant_not_allowed',
    ]);
    expect(verdict(registryOf(keyRecord(key, 'billing', { tenants: [] })), 10)).toBe('tenant_not_allowed');
    expect(verdict(registryOf(keyRecord(key, 'billing', { tenants: ['*'] })), 10, { tenant: 'anyone' })).toBe('valid');
  });

  it('takes tenants from records that are in force only', () => {
    const registry = registryOf(
      keyRecord(key, 'billing', { tenants: ['acme'], valid_until: 100 }),
      keyRecord(key, 'billing', { tenants: ['umbrella'], valid_from: 100 }),
    );
    expect([99, 100].map((at) => verdict(registry, at))).toEqual(['valid', 'tenant_not_allowed']);
  });
});

describe('a key record without effect', () => {
  it.each<[string, Uint8Array]>([
    ['bytes that are no key record', Uint8Array.of(1, 2, 3)],
    ['no bytes', new Uint8Array(0)],
    ['a byte behind it', Uint8Array.from([...keyRecord(key, 'billing'), 0])],
    ['another version', keyRecord(key, 'billing', { version: 2 })],
    ['another suite', keyRecord(key, 'billing', { suite: 2 })],
    ['a ledger’s key', keyRecord(key, 'billing', { kind: 'LEDGER' })],
    ['an id that is not the thumbprint', keyRecord(other, 'billing', { key_id: key.key_id })],
  ])('%s keeps its place', (_, bytes) => {
    const registry = registryOf(bytes, keyRecord(other, 'shop'));
    expect(registry.size).toBe(2);
    expect(registry.records).toEqual([bytes, keyRecord(other, 'shop')]);
    expect(registry.recordsOf(key.key_id)).toEqual([]);
    expect(verdict(registry, 10)).toBe('unknown_key');
    expect(verdict(registry, 10, { key_id: other.key_id, producer: 'shop' })).toBe('valid');
    expect(registry.root).not.toEqual(registryOf(keyRecord(other, 'shop')).root);
  });
});

describe('a public key that may not be registered', () => {
  it.each([
    ['of small order', Uint8Array.from([1, ...Array.from({ length: 31 }, () => 0)])],
    ['that is not in canonical form', Uint8Array.from([0xf0, ...Array.from({ length: 30 }, () => 0xff), 0x7f])],
    ['of 31 bytes', key.public_key.slice(1)],
    ['of 33 bytes', Uint8Array.from([...key.public_key, 0])],
    ['of no bytes', new Uint8Array(0)],
  ])('%s has no effect under its own thumbprint', (_, public_key) => {
    const key_id = keyThumbprint(sha256, public_key);
    const registry = registryOf(keyRecord(key, 'billing', { public_key, key_id }));
    expect(registry.size).toBe(1);
    expect(registry.recordsOf(key_id)).toEqual([]);
    expect(verdict(registry, 10, { key_id })).toBe('unknown_key');
  });
});

describe('the registry', () => {
  const anyRecord = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc
      .record({ number: fc.nat(5), from: fc.nat(100), revoke: fc.boolean() })
      .map(({ number, from, revoke }) => keyRecord(testKey(number), 'billing', { kind: revoke ? 'REVOKE' : 'REGISTER', valid_from: from })),
  );
  it('is the same however it was read, has the root over its records, and never changes', () => {
    fc.assert(
      fc.property(fc.array(anyRecord, { maxLength: 20 }), fc.nat(20), (records, cut) => {
        const whole = registryOf(...records);
        const first = registryOf(...records.slice(0, cut));
        const rootBefore = first.root.slice();
        const piecewise = extendRegistry(sha256, first, records.slice(cut));
        const leaves = Buffer.concat(records.map((bytes) => keyRecordCodec().leafHash(sha256, bytes)));
        for (const one of [whole, piecewise]) {
          expect(one.size).toBe(records.length);
          expect(one.root).toEqual(rootOfLeaves(sha256, leaves, records.length));
          expect(one.frontier).toEqual(whole.frontier);
        }
        for (let number = 0; number < 6; number++) {
          const id = testKey(number).key_id;
          expect(piecewise.recordsOf(id)).toEqual(whole.recordsOf(id));
        }
        expect(first.size).toBe(Math.min(cut, records.length));
        expect(first.root).toEqual(rootBefore);
        const back = registryAt(sha256, whole, first.size);
        expect([back.size, back.root]).toEqual([first.size, first.root]);
      }),
      { numRuns: 60 },
    );
  });
  it('never was larger than it is', () => expect(() => registryAt(sha256, registryOf(), 1)).toThrow(RangeError));
});
