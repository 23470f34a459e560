import { rootOfLeaves } from '@sealtrail/merkle';
import { sha256 as nodeSha256 } from '@sealtrail/merkle/node';
import { describe, expect, it } from 'vitest';
import {
  assembleBatch,
  BATCH_BYTES_MAX,
  BATCH_EVENTS_MAX,
  type BatchHeader,
  currentEventSchema,
  decodeHeader,
  encodeHeader,
  hashEventLeaves,
  parseHeader,
  type Refusal,
  WireError,
  walkBatch,
} from '../src/index.ts';
import { encodeWithAvsc, reference } from './reference.ts';
import { sampleBatch, sampleEvent, sampleHeader } from './sample.ts';

const sha256 = nodeSha256();
const schema = currentEventSchema();
const headerType = (reference('event-batch') as unknown as { field(name: string): { type: Parameters<typeof encodeWithAvsc>[0] } }).field(
  'header',
).type;
const events = [sampleEvent(), sampleEvent({ action: 'invoice.read' })];
const eventBytes = (): Uint8Array => {
  const room = new Uint8Array(4_096);
  let at = 0;
  for (const event of events) at = schema.encode(event, room, at);
  return room.subarray(0, at);
};
/** A record with a header that `encodeHeader` may refuse. */
const withHeader = (change: Partial<BatchHeader>): Uint8Array => {
  const { header } = sampleBatch(sha256, events);
  return assembleBatch(encodeWithAvsc(headerType, { ...header, ...change }), new Uint8Array(64), events.length, eventBytes(), schema);
};
const empty = (change: Partial<BatchHeader>): Uint8Array => {
  const root = sha256.digest(new Uint8Array(0));
  return assembleBatch(
    encodeWithAvsc(headerType, sampleHeader({ kind: 'HEARTBEAT', root, ...change })),
    new Uint8Array(64),
    0,
    new Uint8Array(0),
    schema,
  );
};
function judge(record: Uint8Array): Refusal | 'sound' {
  const parsed = parseHeader(record, sha256);
  const walked = parsed.kind === 'header' ? walkBatch(parsed, sha256) : parsed;
  return walked.kind === 'refused' ? walked : 'sound';
}
const sound = sampleBatch(sha256, events).record;
const changed = (at: number, ...bytes: number[]): Uint8Array => {
  const copy = Uint8Array.from(sound);
  copy.set(bytes, at < 0 ? copy.length + at : at);
  return copy;
};

describe('a record', () => {
  it('gives its header, its events’ places and their leaves', () => {
    const parsed = parseHeader(sound, sha256);
    if (parsed.kind === 'refused') throw new Error(parsed.detail);
    expect(parsed.header_hash).toEqual(sha256.digest(parsed.header_bytes));
    expect(decodeHeader(parsed.header_bytes)).toEqual(parsed.header);
    const walked = walkBatch(parsed, sha256);
    if (walked.kind === 'refused') throw new Error(walked.detail);
    expect(sound.subarray(walked.first_event, walked.ends[5])).toEqual(eventBytes());
    const ends = new Uint32Array(6);
    let at = 0;
    events.forEach((event, i) => {
      at = schema.encodeWithEnds(event, new Uint8Array(4_096), at, ends, 3 * i);
    });
    expect([...walked.ends]).toEqual([...ends].map((end) => end + walked.first_event));
    const leaves = new Uint8Array(64);
    hashEventLeaves(sha256, eventBytes(), 0, 2, ends, leaves);
    expect(walked.leaves).toEqual(leaves);
    expect(walked.header.root).toEqual(rootOfLeaves(sha256, leaves, 2));
  });

  it('of no events is a heartbeat or a close', () => {
    expect(judge(empty({}))).toBe('sound');
    expect(judge(empty({ kind: 'CLOSE' }))).toBe('sound');
  });

  it.each([1, 2, 3, 255, 256, 257])('of %s events is sound', (count) =>
    expect(
      judge(
        sampleBatch(
          sha256,
          Array.from({ length: count }, () => sampleEvent({ attributes: new Map() })),
        ).record,
      ),
    ).toBe('sound'),
  );

  it.each<[string, Uint8Array, Refusal['reason']]>([
    ['no bytes', new Uint8Array(0), 'malformed'],
    ['the framing alone', sound.subarray(0, 10), 'malformed'],
    ['another first byte', changed(0, 0xc4), 'malformed'],
    ['another second byte', changed(1, 0x02), 'malformed'],
    ['the framing of another schema', changed(2, 0), 'unknown_schema'],
    ['an event schema that the framing does not name', withHeader({ event_schema: new Uint8Array(32) }), 'unknown_schema'],
    ['batch format 2', withHeader({ version: 2 }), 'not_supported'],
    ['batch format 0', withHeader({ version: 0 }), 'not_supported'],
    ['suite 2', withHeader({ suite: 2 }), 'not_supported'],
    ['a digest of a confidential section', withHeader({ confidential_digest: new Uint8Array(32) }), 'not_supported'],
    ['an empty tenant', withHeader({ tenant: '' }), 'not_canonical'],
    ['a tenant of 129 characters', withHeader({ tenant: 'a'.repeat(129) }), 'not_canonical'],
    ['a tenant with a space', withHeader({ tenant: 'a b' }), 'not_canonical'],
    ['a tenant with a newline at its end', withHeader({ tenant: 'acme\n' }), 'not_canonical'],
    ['a tenant that is not ASCII', withHeader({ tenant: 'acmé' }), 'not_canonical'],
    ['a producer with a slash that is not one', withHeader({ producer: 'a\u2215b' }), 'not_canonical'],
    ['an empty audience', withHeader({ audience: '' }), 'not_canonical'],
    ['a negative sequence', withHeader({ sequence: -1 }), 'not_canonical'],
    ['a negative number of shed events', withHeader({ shed: -1 }), 'not_canonical'],
    [
      'a predecessor with a negative number',
      withHeader({ predecessor: { instance: new Uint8Array(16), routine: -1, critical: 0 } }),
      'not_canonical',
    ],
    ['a DATA batch that counts none', withHeader({ count: 0 }), 'not_canonical'],
    ['a DATA batch that counts below none', withHeader({ count: -1 }), 'not_canonical'],
    ['a HEARTBEAT batch that counts some', withHeader({ kind: 'HEARTBEAT' }), 'not_canonical'],
    ['a CLOSE batch that counts some', withHeader({ kind: 'CLOSE' }), 'not_canonical'],
    ['4,097 events by its header', withHeader({ count: BATCH_EVENTS_MAX + 1 }), 'too_large'],
    ['more events than its header counts', withHeader({ count: 1 }), 'malformed'],
    ['fewer events than its header counts', withHeader({ count: 3 }), 'malformed'],
    ['another root', withHeader({ root: new Uint8Array(32) }), 'root_mismatch'],
    ['no events and a root over some', empty({ root: new Uint8Array(32) }), 'root_mismatch'],
    ['an event with another byte in it', changed(Buffer.from(sound).indexOf('invoice.read'), 0x49), 'root_mismatch'],
    ['a confidential section', changed(-1, 2), 'not_supported'],
    ['a branch that is not there for the confidential section', changed(-1, 4), 'malformed'],
    ['a byte too many', Uint8Array.from([...sound, 0]), 'malformed'],
    ['a byte too few', sound.subarray(0, sound.length - 1), 'malformed'],
    ['a start time before 1970', withHeader({ started_at: -1 }), 'not_canonical'],
    ['512 KiB and one byte', new Uint8Array(BATCH_BYTES_MAX + 1), 'too_large'],
  ])('with %s is refused', (_, record, reason) => {
    const verdict = judge(record);
    expect(verdict).toMatchObject({ kind: 'refused', reason });
    expect((verdict as Refusal).detail).toMatch(/^[^\n]+$/);
    expect((verdict as Refusal).at).toBeLessThanOrEqual(record.length);
  });

  it('cut anywhere is malformed', () => {
    for (let size = 0; size < sound.length; size++) {
      expect(judge(sound.subarray(0, size)), `${size} bytes`).toMatchObject({ kind: 'refused', reason: 'malformed' });
    }
  });

  it('with its events in another order has another root', () => {
    const { header, record } = sampleBatch(sha256, [events[1] as (typeof events)[0], events[0] as (typeof events)[0]]);
    expect(header.root).not.toEqual(sampleBatch(sha256, events).header.root);
    expect(judge(record)).toBe('sound');
  });
});

describe('a header', () => {
  it('is not encoded with a name that the rules refuse', () => {
    for (const name of ['', 'a b', 'x'.repeat(129), 'é', 'a\n']) {
      for (const field of ['audience', 'tenant', 'producer'] as const) {
        expect(() => encodeHeader(sampleHeader({ [field]: name }))).toThrowError(expect.objectContaining({ code: 'not_encodable' }));
      }
    }
  });
  it('is not decoded with anything behind it', () => {
    const bytes = encodeHeader(sampleHeader());
    expect(() => decodeHeader(Uint8Array.from([...bytes, 0]))).toThrow(WireError);
    expect(() => decodeHeader(bytes.subarray(0, -1))).toThrow(WireError);
  });
});

describe('assembleBatch', () => {
  it('refuses a batch of more than 512 KiB, by one byte', () => {
    const { header_bytes } = sampleBatch(sha256, events);
    const fixed = assembleBatch(header_bytes, new Uint8Array(64), 1, new Uint8Array(0), schema).length;
    const assemble = (size: number): Uint8Array => assembleBatch(header_bytes, new Uint8Array(64), 1, new Uint8Array(size), schema);
    expect(assemble(BATCH_BYTES_MAX - fixed).length).toBe(BATCH_BYTES_MAX);
    expect(() => assemble(BATCH_BYTES_MAX - fixed + 1)).toThrowError(expect.objectContaining({ code: 'batch_too_large' }));
  });
});
