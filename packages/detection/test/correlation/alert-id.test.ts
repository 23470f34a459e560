import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type AlertIdentity, alertId, shortened } from '../../src/correlation/alert-id.ts';
import { sha256 } from './fixtures.ts';

const identity: AlertIdentity = { rule: 'r', version: 'v', tenant: 'tänant', group: [['user', 'älice']], anchor: 'e1' };

it('an id is the start of a hash over texts with their lengths', () => {
  const hash = createHash('sha256');
  for (const part of ['sealtrail/alert/v1', 'r', 'v', 'tänant', '1', 'user', 'älice', 'e1']) {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(Buffer.byteLength(part));
    hash.update(length).update(part);
  }
  expect(alertId(sha256, identity)).toBe(hash.digest('hex').slice(0, 32));
});

it('differs wherever one part differs, also by where a part ends or by a lone surrogate', () => {
  const others: AlertIdentity[] = [
    identity,
    { ...identity, rule: 'rv', version: '' },
    { ...identity, group: [] },
    { ...identity, group: [['user', 'älic']], anchor: 'ee1' },
    { ...identity, group: [['userä', 'lice']] },
    { ...identity, group: [['user', '\ud800']] },
    { ...identity, group: [['user', '\udfff']] },
    { ...identity, group: [['user', '\ufffd']] },
    { ...identity, group: [['user', '\ud83d\ude00']] },
    { ...identity, group: [['user', '\ude00\ud83d']] },
    { ...identity, anchor: 'e1\0' },
  ];
  expect(new Set(others.map((other) => alertId(sha256, other))).size).toBe(others.length);
  const part = fc.string({ unit: 'binary', maxLength: 3 });
  const any = fc.record({ rule: part, version: part, tenant: part, anchor: part, group: fc.array(fc.tuple(part, part), { maxLength: 2 }) });
  fc.assert(
    fc.property(
      any,
      any,
      (a, b) => (alertId(sha256, a) === alertId(sha256, b)) === (JSON.stringify(order(a)) === JSON.stringify(order(b))),
    ),
  );
});
const order = ({ rule, version, tenant, group, anchor }: AlertIdentity): unknown => [rule, version, tenant, group, anchor];

it('long texts are shortened to different texts, and short ones stay', () => {
  expect(shortened(sha256, 'x'.repeat(256), 256)).toBe('x'.repeat(256));
  const long = shortened(sha256, 'x'.repeat(10_000), 256);
  expect(long).toHaveLength(256);
  expect(shortened(sha256, `${'x'.repeat(10_000)}y`, 256)).not.toBe(long);
  // What looks like a shortened text is not taken for one.
  expect(shortened(sha256, long, 256)).not.toBe(long);
});
