import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AuditEvent, currentEventSchema, type WalkFault } from '../src/index.ts';
import { auditEvent } from './arbitraries.ts';
import { naiveReader } from './naive.ts';
import { publishedSchema } from './reference.ts';

const schema = currentEventSchema();
const naive = naiveReader(publishedSchema('audit-event'));
const sample = fc.sample(auditEvent, { numRuns: 1, seed: 11 })[0] as AuditEvent;
const texts = (count: number): string[] => Array.from({ length: count }, (_, i) => `role-${i}`);
const map = (count: number): Map<string, string> => new Map(texts(count).map((text) => [text, text]));

/** Values next to the sizes where counts, lengths and numbers get another byte: where the walk's short way ends. */
const CASES: readonly (readonly [string, Partial<AuditEvent>])[] = [
  ...[0, 1, 63, 64, 65, 130].flatMap((count): [string, Partial<AuditEvent>][] => [
    [`${count} roles`, { actor_roles: texts(count) }],
    [`${count} attributes`, { attributes: map(count) }],
    [`${count} targets`, { related: texts(count).map((id) => ({ type: '', id })) }],
    [`${count} delegates`, { actor_chain: texts(count).map((subject, i) => ({ issuer: i % 2 === 0 ? null : subject, subject })) }],
  ]),
  ...[63, 64, 8_191, 8_192].flatMap((length): [string, Partial<AuditEvent>][] => [
    [`a text of ${length}`, { actor_id: 'x'.repeat(length) }],
    [`a text of ${length} with more than ASCII`, { user_agent: `${'x'.repeat(length - 2)}é` }],
    [`a key of ${length}`, { attributes: new Map([['a'.repeat(length), ''], ['b'.repeat(length), '']]) }], // biome-ignore format: one line a case
  ]),
  ...[-65, -64, 63, 64, -8_193, 8_191, 8_192, 2 ** 27, 2 ** 28, 2 ** 31 - 1, -(2 ** 31)].map((value): [string, Partial<AuditEvent>] => [
    `the number ${value}`,
    { http_status: value, redactions: value },
  ]),
  ...[2 ** 27, 2 ** 28 - 1, 2 ** 34, 2 ** 41, 2 ** 48, 2 ** 52, 7_258_118_399_999_999].map((value): [string, Partial<AuditEvent>] => [
    `the time ${value}`,
    { occurred_at: value },
  ]),
];

describe('the walk past', () => {
  it.each(CASES)('%s ends where a slow reading ends, and refuses every part of it', (_, change) => {
    const room = Buffer.alloc(32_768);
    const size = schema.encode({ ...sample, ...change }, room, 0);
    const bytes = room.subarray(0, size);
    const fault: WalkFault = { reason: 'malformed', detail: '' };
    expect(schema.walk(bytes, 0, size, new Uint32Array(3), 0, fault), fault.detail).toBe(size);
    expect(naive(bytes)?.end).toBe(size);
    for (let limit = 0; limit < size; limit += 1 + Math.floor(limit / 500)) {
      const walked = schema.walk(bytes, 0, limit, new Uint32Array(3), 0, fault);
      expect(walked).toBeLessThan(0);
      expect(-1 - walked).toBeLessThanOrEqual(limit);
      // The same fault when there is nothing behind.
      const copy: WalkFault = { reason: 'malformed', detail: '' };
      expect(schema.walk(Uint8Array.from(bytes.subarray(0, limit)), 0, limit, new Uint32Array(3), 0, copy)).toBe(walked);
      expect(copy).toEqual(fault);
    }
  });

  it('a value that is changed in one byte is what decoding says of it', () => {
    fc.assert(
      fc.property(fc.constantFrom(...CASES), fc.nat(), fc.nat(255), ([, change], place, value) => {
        const bytes = new Uint8Array(32_768);
        const size = schema.encode({ ...sample, ...change }, bytes, 0);
        bytes[place % size] = value;
        const fault: WalkFault = { reason: 'malformed', detail: '' };
        const walked = schema.walk(bytes, 0, size, new Uint32Array(3), 0, fault);
        expect(walked === size).toBe(naive(bytes.subarray(0, size))?.end === size);
      }),
      { numRuns: 500 },
    );
  });
});
