import { sha256 as nodeSha256 } from '@sealtrail/merkle/node';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { currentEventSchema, decodeHeader, encodeHeader, headCodec, rejectionCodec, roundCodec, WireError } from '../src/index.ts';
import { auditEvent, batchHeader } from './arbitraries.ts';
import { encodeWithAvsc, reference } from './reference.ts';

const schema = currentEventSchema();
const room = Buffer.alloc(1 << 16);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
/** Keys that JavaScript objects move to the front, so that avsc cannot write them in order. */
const isIndexLike = (key: string): boolean => /^\d+$/.test(key);

describe('the event encoder', () => {
  it('writes the bytes that avsc writes', () => {
    const type = reference('audit-event');
    fc.assert(
      fc.property(auditEvent, (event) => {
        fc.pre(![...event.attributes.keys()].some(isIndexLike));
        const end = schema.encode(event, room, 0);
        expect(hex(room.subarray(0, end))).toBe(hex(encodeWithAvsc(type, event)));
      }),
      { numRuns: 2_000 },
    );
  });

  it('writes the same into a plain Uint8Array, at any offset, and touches nothing else', () => {
    fc.assert(
      fc.property(auditEvent, fc.nat(9), (event, offset) => {
        const end = schema.encode(event, room, 0);
        const plain = new Uint8Array(1 << 16).fill(0xee);
        expect(schema.encode(event, plain, offset)).toBe(offset + end);
        expect(hex(plain.subarray(offset, offset + end))).toBe(hex(room.subarray(0, end)));
        expect(plain.subarray(0, offset).every((byte) => byte === 0xee)).toBe(true);
      }),
    );
  });

  it('walks and decodes to what was encoded', () => {
    fc.assert(
      fc.property(auditEvent, (event) => {
        const end = schema.encode(event, room, 0);
        const ends = new Uint32Array(3);
        expect(schema.walk(room, 0, end, ends, 0, { reason: 'malformed', detail: '' })).toBe(end);
        expect(ends[2]).toBe(end);
        const decoded = schema.decode(room, 0, end);
        expect({ ...decoded, attributes: null }).toEqual({ ...event, attributes: null });
        expect(new Map(decoded.attributes)).toEqual(new Map(event.attributes));
        const again = Buffer.alloc(1 << 16);
        expect(hex(again.subarray(0, schema.encode(decoded, again, 0)))).toBe(hex(room.subarray(0, end)));
      }),
      { numRuns: 1_000 },
    );
  });

  const plain = fc.sample(auditEvent, { numRuns: 1, seed: 7 })[0] as Parameters<typeof schema.encode>[0];
  it.each([
    ['a lone surrogate', { action: 'a\ud800' }],
    ['a lone surrogate in a long string', { action: `${'x'.repeat(50)}\udc00` }],
    ['a time before 1970', { occurred_at: -1 }],
    ['a time from 2200 on', { token_issued_at: 7_258_118_400_000 }],
    ['a fraction', { occurred_at: 1.5 }],
    ['a status beyond 32 bits', { http_status: 2 ** 31 }],
    ['a short fixed', { event_id: new Uint8Array(15) }],
    ['an unknown symbol', { outcome: 'MAYBE' }],
    ['a missing field', { resource_type: undefined }],
    ['undefined for null', { reason: undefined }],
    ['a map that is an object', { attributes: {} }],
  ])('refuses %s', (_, change) => {
    expect(() => schema.encode({ ...plain, ...change } as never, room, 0)).toThrow(WireError);
  });

  it('refuses an event of more than 32 KiB, wherever the limit falls', () => {
    for (const size of [32_768, 33_000, 60_000]) {
      expect(() => schema.encode({ ...plain, action: 'x'.repeat(size) }, room, 0)).toThrowError(
        expect.objectContaining({ code: 'event_too_large' }),
      );
      expect(() => schema.encode({ ...plain, action: 'é'.repeat(size / 2) }, room, 0)).toThrowError(
        expect.objectContaining({ code: 'event_too_large' }),
      );
    }
    const small = Buffer.alloc(100);
    expect(() => schema.encode({ ...plain, action: 'x'.repeat(200) }, small, 0)).toThrowError(
      expect.objectContaining({ code: 'event_too_large' }),
    );
  });
});

describe('small records', () => {
  it('are those of avsc, and decode to what they were', () => {
    const type = reference('batch-manifest');
    const headerType = (type as unknown as { field(name: string): { type: Parameters<typeof encodeWithAvsc>[0] } }).field('header').type;
    fc.assert(
      fc.property(batchHeader, (header) => {
        const bytes = encodeHeader(header);
        expect(hex(bytes)).toBe(hex(encodeWithAvsc(headerType, header)));
        expect(decodeHeader(bytes)).toEqual(header);
      }),
      { numRuns: 500 },
    );
  });

  it('have a leaf with their letter', () => {
    const sha256 = nodeSha256();
    const bytes = headCodec().encode({ log: new Uint8Array(16), size: 1, entries: 2, last: new Uint8Array(32), root: new Uint8Array(32) });
    expect(hex(headCodec().leafHash(sha256, bytes))).toBe(hex(sha256.digest(Buffer.concat([Buffer.from('004801', 'hex'), bytes]))));
    expect([headCodec().letter, roundCodec().letter, rejectionCodec().letter]).toEqual(['H', 'R', 'J']);
  });

  it('refuse any other encoding of the same value', () => {
    const bytes = rejectionCodec().encode({ offset: 3, reason: 'malformed', length: 70, digest: new Uint8Array(32) });
    expect(rejectionCodec().decode(bytes)).toEqual({ offset: 3, reason: 'malformed', length: 70, digest: new Uint8Array(32) });
    const long = Uint8Array.from([0x86, 0x00, ...bytes.subarray(1)]); // 3 in two bytes
    expect(() => rejectionCodec().decode(long)).toThrowError(expect.objectContaining({ code: 'not_canonical' }));
    expect(() => rejectionCodec().decode(Uint8Array.from([...bytes, 0]))).toThrow(WireError);
    expect(() => rejectionCodec().decode(bytes.subarray(1))).toThrow(WireError);
  });
});
