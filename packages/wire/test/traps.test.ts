import avro from 'avsc';
import { describe, expect, it } from 'vitest';
import { compileSchema } from '../src/avro/plan.ts';
import { Fault, Reader } from '../src/avro/reader.ts';
import { Writer } from '../src/avro/writer.ts';
import { type AuditEvent, currentEventSchema, EVENT_BYTES_MAX, type WalkFault, WireError } from '../src/index.ts';
import { MUTATIONS, STRANGE_TEXTS } from './mutate.ts';
import { naiveReader, varint } from './naive.ts';
import { createRandom, seedOfRun } from './random.ts';
import { publishedSchema } from './reference.ts';
import { sampleEvent } from './sample.ts';

/** Reads bytes (hex or numbers) as one value of a type: the value, or the reason of the fault. */
function read(
  type: unknown,
  bytes: readonly number[] | Uint8Array,
): { readonly value: unknown } | { readonly fault: string; readonly at: number } {
  const plan = compileSchema(type);
  const outcome = (run: (reader: Reader) => unknown): { value: unknown } | { fault: string; at: number } => {
    const reader = new Reader(Uint8Array.from(bytes), 0, bytes.length);
    try {
      return { value: run(reader) };
    } catch (error) {
      if (error instanceof Fault) return { fault: error.reason, at: error.at };
      throw error;
    }
  };
  const decoded = outcome((reader) => {
    const value = reader.read(plan);
    return reader.at === bytes.length ? value : `${bytes.length - reader.at} bytes left`;
  });
  // Walking and decoding never disagree.
  const walked = outcome((reader) => reader.skip(plan));
  if ('fault' in decoded) expect(walked).toEqual(decoded);
  else expect(walked).toEqual({ value: undefined });
  return decoded;
}

const written = (type: unknown, value: unknown): Uint8Array => {
  const writer = new Writer(new Uint8Array(4_096), 0, 4_096);
  writer.write(compileSchema(type), value);
  return writer.out.slice(0, writer.at);
};
const bytesOf = (text: string): number[] => [...Buffer.from(text)];
const string = (text: string): number[] => [...varint(BigInt(Buffer.byteLength(text))), ...bytesOf(text)];
const strings = { type: 'array', items: 'string' };
const map = { type: 'map', values: 'string' };
const millis = { type: 'long', logicalType: 'timestamp-millis' };
const micros = { type: 'long', logicalType: 'timestamp-micros' };

describe('numbers', () => {
  it.each([
    [0n, '00'],
    [-1n, '01'],
    [1n, '02'],
    [-64n, '7f'],
    [64n, '8001'],
    [2n ** 27n, '8080808001'],
    [2n ** 53n - 1n, 'feffffffffffff1f'],
    [-(2n ** 53n) + 1n, 'fdffffffffffff1f'],
  ])('%s is written and read as %s', (value, hex) => {
    expect(Buffer.from(written('long', Number(value))).toString('hex')).toBe(hex);
    expect(Buffer.from(varint(value)).toString('hex')).toBe(hex);
    expect(read('long', Buffer.from(hex, 'hex'))).toEqual({ value: Number(value) });
  });

  it.each([
    ['zero in two bytes', [0x80, 0x00]],
    ['one in two bytes', [0x82, 0x00]],
    ['one in ten bytes', [0x82, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00]],
    ['minus one in three bytes', [0x81, 0x80, 0x00]],
  ])('%s is not in its shortest form', (_, bytes) => expect(read('long', bytes)).toEqual({ fault: 'not_canonical', at: 0 }));

  it.each([
    ['2^53', 2n ** 53n],
    ['-2^53', -(2n ** 53n)],
    ['2^53 + 1', 2n ** 53n + 1n],
    ['2^63 - 1', 2n ** 63n - 1n],
    ['-2^63', -(2n ** 63n)],
    ['2^64, which no Avro long holds', 2n ** 64n],
  ])('%s is beyond the numbers that are exact', (_, value) =>
    expect(read('long', varint(value))).toEqual({ fault: 'not_canonical', at: 0 }),
  );

  it('eleven bytes are no number', () => {
    expect(read('long', [...Array.from({ length: 10 }, () => 0x80), 0x01])).toEqual({ fault: 'malformed', at: 0 });
    expect(
      read(
        'long',
        Array.from({ length: 40 }, () => 0xff),
      ),
    ).toEqual({ fault: 'malformed', at: 0 });
  });

  it('a number that ends early is malformed', () => {
    expect(read('long', [])).toEqual({ fault: 'malformed', at: 0 });
    expect(read('long', [0x80])).toEqual({ fault: 'malformed', at: 0 });
  });

  it.each([
    ['int', 2n ** 31n - 1n, true],
    ['int', -(2n ** 31n), true],
    ['int', 2n ** 31n, false],
    ['int', -(2n ** 31n) - 1n, false],
    [millis, 0n, true],
    [millis, -1n, false],
    [millis, 7_258_118_399_999n, true],
    [millis, 7_258_118_400_000n, false],
    [micros, 7_258_118_399_999_999n, true],
    [micros, 7_258_118_400_000_000n, false],
  ])('%j of %s: %s', (type, value, fits) => {
    expect(read(type, varint(value))).toEqual(fits ? { value: Number(value) } : { fault: 'not_canonical', at: 0 });
    if (fits) expect([...written(type, Number(value))]).toEqual(varint(value));
    else expect(() => written(type, Number(value))).toThrow(WireError);
  });

  it('2200-01-01 is where the times end', () => expect(Date.UTC(2200, 0, 1)).toBe(7_258_118_400_000));

  it.each([1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, '1', 1n, null, undefined])('%s is not written as a number', (value) =>
    expect(() => written('long', value)).toThrowError(expect.objectContaining({ code: 'not_encodable' })),
  );
});

describe('lengths and counts', () => {
  it.each([
    ['2^27', 2n ** 27n],
    ['2^31', 2n ** 31n],
    ['2^53 - 1', 2n ** 53n - 1n],
    ['one more than there is', 2n],
  ])('a length of %s is refused at once', (_, length) => {
    expect(read('string', [...varint(length), 0x41])).toEqual({ fault: 'malformed', at: varint(length).length });
    expect(read('bytes', [...varint(length), 0x41])).toEqual({ fault: 'malformed', at: varint(length).length });
  });
  it('a negative length is malformed', () => expect(read('string', [0x01])).toEqual({ fault: 'malformed', at: 0 }));
  it.each([2n ** 27n, 2n ** 31n, 2n ** 53n - 1n, 3n])('a count of %s is refused at once', (count) => {
    expect(read(strings, [...varint(count), 0x00, 0x00])).toMatchObject({ fault: 'malformed', at: 0 });
    expect(read(map, [...varint(count), 0x00, 0x00])).toMatchObject({ fault: 'malformed', at: 0 });
  });
});

describe('blocks', () => {
  it('an empty list is one zero', () => expect(read(strings, [0])).toEqual({ value: [] }));
  it('a list is one block and a zero', () => expect(read(strings, [4, ...string('a'), ...string('b'), 0])).toEqual({ value: ['a', 'b'] }));
  it('two blocks are refused', () =>
    expect(read(strings, [2, ...string('a'), 2, ...string('b'), 0])).toEqual({ fault: 'not_canonical', at: 3 }));
  it('a block with a negative count and its size is refused', () => {
    expect(read(strings, [1, 4, ...string('a'), 0])).toEqual({ fault: 'not_canonical', at: 0 });
    expect(read(map, [1, 8, ...string('a'), ...string('b'), 0])).toEqual({ fault: 'not_canonical', at: 0 });
  });
  it('a list without its closing zero is malformed', () =>
    expect(read(strings, [2, ...string('a')])).toEqual({ fault: 'malformed', at: 3 }));
  it('avsc reads all of these, which is why it is not the reader', () => {
    const type = avro.Type.forSchema(strings as avro.Schema);
    for (const bytes of [
      [2, ...string('a'), 2, ...string('b'), 0],
      [3, 8, ...string('a'), ...string('b'), 0],
      [0x84, 0, ...string('a'), ...string('b'), 0],
    ])
      expect(type.fromBuffer(Buffer.from(bytes))).toEqual(['a', 'b']);
  });
});

describe('maps', () => {
  const pairs = (...keys: string[]): number[] => [
    ...varint(BigInt(keys.length)),
    ...keys.flatMap((key) => [...string(key), ...string('v')]),
    0,
  ];
  const HIGH = '\u{10000}'; // F0 90 80 80, and a surrogate pair that begins with D800
  const LAST = '\uffff'; // EF BF BF
  it('are ordered by the bytes of their keys, which is not JavaScript’s order of strings', () => {
    expect(HIGH < LAST).toBe(true);
    expect(read(map, pairs(LAST, HIGH))).toEqual({
      value: new Map([
        [LAST, 'v'],
        [HIGH, 'v'],
      ]),
    });
    expect(read(map, pairs(HIGH, LAST))).toMatchObject({ fault: 'not_canonical' });
    expect([
      ...written(
        map,
        new Map([
          [HIGH, 'v'],
          [LAST, 'v'],
        ]),
      ),
    ]).toEqual(pairs(LAST, HIGH));
  });
  it('have a shorter key before a longer one that begins with it', () => {
    expect(read(map, pairs('', 'a', 'aa', 'b'))).toHaveProperty('value');
    expect(read(map, pairs('aa', 'a'))).toMatchObject({ fault: 'not_canonical' });
  });
  it('hold a key once', () => {
    expect(read(map, pairs('a', 'a'))).toMatchObject({ fault: 'not_canonical' });
    expect(read(map, pairs('', ''))).toMatchObject({ fault: 'not_canonical' });
  });
  it('keep keys that objects would move or lose', () => {
    const keys = ['10', '9', '__proto__', 'constructor'];
    const value = new Map(keys.map((key) => [key, 'v']));
    expect([...written(map, value)]).toEqual(pairs(...keys));
    expect(read(map, pairs(...keys))).toEqual({ value });
  });
  it('are written in order whatever the order of insertion', () => {
    const keys = ['é', 'z', HIGH, 'a', LAST, '', 'zz', '\u0800', '\u07ff', '\ud7ff', '\ue000'];
    const sorted = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    expect([...written(map, new Map(keys.map((key) => [key, 'v'])))]).toEqual(pairs(...sorted));
  });
});

describe('text', () => {
  const cases = STRANGE_TEXTS.flatMap(({ name, well_formed, bytes }) => [
    { name, well_formed, bytes: [...bytes] },
    { name: `${name}, after ASCII`, well_formed, bytes: [...bytesOf('abcdefg'), ...bytes] },
    { name: `${name}, in a long string`, well_formed, bytes: [...bytesOf('x'.repeat(70)), ...bytes, ...bytesOf('y'.repeat(70))] },
  ]);
  it.each(cases)('$name: well-formed is $well_formed', ({ well_formed, bytes }) => {
    const whole = [...varint(BigInt(bytes.length)), ...bytes];
    const outcome = read('string', whole);
    if (!well_formed) return expect(outcome).toMatchObject({ fault: 'malformed' });
    expect(outcome).toEqual({ value: new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(bytes)) });
    expect([...written('string', (outcome as { value: unknown }).value)]).toEqual(whole);
  });
  it.each(['\ud800', '\udc00', 'a\udfff', '\ud83d\ud83d', 'x'.repeat(60) + '\ud800', `\ud800${'x'.repeat(60)}`])(
    'a lone surrogate is refused: %j',
    (text) => expect(() => written('string', text)).toThrowError(expect.objectContaining({ code: 'not_encodable' })),
  );
  it('is written as its UTF-8 at every border between lengths, in short strings and in long ones', () => {
    for (const code of [0x00, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x10ffff]) {
      for (const before of ['', 'a', 'x'.repeat(46), 'x'.repeat(47), 'x'.repeat(48), 'x'.repeat(62), 'x'.repeat(63), 'x'.repeat(8_191)]) {
        const whole = string(before + String.fromCodePoint(code));
        const room = Buffer.alloc(9_000);
        const writer = new Writer(room, 0, room.length);
        writer.write(compileSchema('string'), before + String.fromCodePoint(code));
        expect(room.subarray(0, writer.at).equals(Uint8Array.from(whole)), `U+${code.toString(16)} after ${before.length}`).toBe(true);
        const plain = new Writer(new Uint8Array(whole.length), 0, whole.length);
        plain.write(compileSchema('string'), before + String.fromCodePoint(code));
        expect(Buffer.from(plain.out).equals(Uint8Array.from(whole))).toBe(true);
        expect(read('string', whole)).toEqual({ value: before + String.fromCodePoint(code) });
      }
    }
  });
  it('avsc writes a lone surrogate as bytes that are no text', () =>
    expect(() =>
      new TextDecoder('utf-8', { fatal: true }).decode(avro.Type.forSchema('string').toBuffer('a\ud800').subarray(1)),
    ).toThrow());
});

describe('fixed fields', () => {
  it('hold any bytes, text or not', () => {
    const fixed = { type: 'fixed', name: 'F', size: 4 };
    for (const bytes of [
      [0xff, 0xfe, 0x80, 0xc0],
      [0xed, 0xa0, 0x80, 0x00],
      [0, 0, 0, 0],
    ]) {
      expect(read(fixed, bytes)).toEqual({ value: Uint8Array.from(bytes) });
      expect([...written(fixed, Uint8Array.from(bytes))]).toEqual(bytes);
    }
    const schema = currentEventSchema();
    const room = new Uint8Array(2_048);
    const event = sampleEvent({
      actor_salt: new Uint8Array(16).fill(0xff),
      event_id: new Uint8Array(16).fill(0xc0),
      trace_id: new Uint8Array(16).fill(0x80),
    });
    const end = schema.encode(event, room, 0);
    expect(schema.walk(room, 0, end, new Uint32Array(3), 0, { reason: 'malformed', detail: '' })).toBe(end);
  });
});

describe('indexes', () => {
  const letters = { type: 'enum', name: 'L', symbols: ['A', 'B'] };
  it.each([[[4]], [[1]], [varint(2n ** 40n)]])('a symbol that is not there is malformed: %j', (bytes) =>
    expect(read(letters, bytes)).toEqual({ fault: 'malformed', at: 0 }),
  );
  it('a symbol in more bytes than it needs is refused', () => expect(read(letters, [0x82, 0])).toEqual({ fault: 'not_canonical', at: 0 }));
  it.each([[[4]], [[1]], [varint(2n ** 40n)]])('a branch that is not there is malformed: %j', (bytes) =>
    expect(read(['null', 'string'], [...bytes, 0])).toEqual({ fault: 'malformed', at: 0 }),
  );
  it('a branch in more bytes than it needs is refused', () =>
    expect(read(['null', 'string'], [0x80, 0])).toEqual({ fault: 'not_canonical', at: 0 }));
  it('an enum of more than 64 symbols is written as a number of two bytes', () => {
    const many = { type: 'enum', name: 'M', symbols: Array.from({ length: 100 }, (_, i) => `S${i}`) };
    expect([...written(many, 'S63')]).toEqual([126]);
    expect([...written(many, 'S64')]).toEqual([128, 1]);
    expect(read(many, [128, 1])).toEqual({ value: 'S64' });
  });
});

describe('schemas', () => {
  it.each([
    ['a float', 'float'],
    ['a union without null', ['string', 'int']],
    ['a union of three', ['null', 'string', 'int']],
    ['null behind', ['string', 'null']],
    ['a map of numbers', { type: 'map', values: 'long' }],
    ['a fixed of no bytes, which a count could multiply for nothing', { type: 'fixed', name: 'N', size: 0 }],
    ['a record of no fields', { type: 'record', name: 'N', fields: [] }],
    ['a type that is defined nowhere', 'Elsewhere'],
  ])('with %s cannot be compiled', (_, type) =>
    expect(() => compileSchema({ type: 'record', name: 'R', fields: [{ name: 'f', type }] })).toThrow(RangeError),
  );
});

describe('hostile bytes', () => {
  const schema = currentEventSchema();
  const ends = new Uint32Array(3);
  const fault: WalkFault = { reason: 'malformed', detail: '' };
  /** A walk over bytes that count how often one of them is looked at. */
  const looks = (bytes: Uint8Array): number => {
    let count = 0;
    const watched = new Proxy(bytes, {
      get(target, key) {
        if (typeof key === 'string' && key !== 'length') count++;
        return Reflect.get(target, key, target) as unknown;
      },
    });
    schema.walk(watched, 0, bytes.length, ends, 0, fault);
    return count;
  };
  const encoded = (event: AuditEvent): Buffer => {
    const room = Buffer.alloc(EVENT_BYTES_MAX);
    return room.subarray(0, schema.encode(event, room, 0));
  };
  const large: Record<string, AuditEvent> = {
    'one long string': sampleEvent({ user_agent: 'x'.repeat(30_000) }),
    'one long string of four-byte characters': sampleEvent({ user_agent: '😀'.repeat(7_500) }),
    'many empty strings': sampleEvent({ actor_roles: Array.from({ length: 30_000 }, () => '') }),
    'many empty targets': sampleEvent({ related: Array.from({ length: 15_000 }, () => ({ type: '', id: '' })) }),
    'many keys with a long common beginning': sampleEvent({
      attributes: new Map(Array.from({ length: 140 }, (_, i) => [`${'k'.repeat(200)}${String(i).padStart(4, '0')}`, ''])),
    }),
    'many keys': sampleEvent({ attributes: new Map(Array.from({ length: 4_000 }, (_, i) => [String(i), ''])) }),
    'many delegates': sampleEvent({ actor_chain: Array.from({ length: 10_000 }, () => ({ issuer: null, subject: '' })) }),
  };
  /** Each byte is looked at a handful of times: length, OR of the bytes, well-formedness, order of keys. */
  const LOOKS_A_BYTE_MAX = 6;

  it.each(Object.entries(large))('%s is walked in work that is linear in its size', (_, event) => {
    const bytes = encoded(event);
    expect(bytes.length).toBeGreaterThan(15_000);
    expect(looks(bytes)).toBeLessThan(LOOKS_A_BYTE_MAX * bytes.length);
    const reader = new Reader(bytes, 0, bytes.length);
    reader.skip(schema.plan);
    expect(reader.steps).toBeLessThan(3 * bytes.length);
  });

  it('mutants of them too, whatever counts and lengths they claim', () => {
    const seed = seedOfRun();
    const random = createRandom(seed);
    const readEvent = naiveReader(publishedSchema('audit-event'));
    const specimens = Object.values(large).map((event) => {
      const bytes = encoded(event);
      return { bytes, reading: readEvent(bytes) as NonNullable<ReturnType<typeof readEvent>> };
    });
    for (let i = 0; i < 120; i++) {
      const kind = random.pick(Object.keys(MUTATIONS));
      const bytes = (MUTATIONS[kind] as (typeof MUTATIONS)[string])(random, random.pick(specimens), random.pick(specimens));
      expect(looks(bytes), `SEED=${seed}, mutant ${i} by ${kind}`).toBeLessThan(LOOKS_A_BYTE_MAX * bytes.length + 100);
    }
  });

  it('an event of 32 KiB and one byte is too large', () => {
    const over = EVENT_BYTES_MAX - encoded(sampleEvent({ user_agent: 'x'.repeat(20_000) })).length + 20_001;
    const bytes = encoded(sampleEvent({ user_agent: 'x'.repeat(over - 1) }));
    expect(bytes.length).toBe(EVENT_BYTES_MAX);
    // The same with one more character: its length stands behind 16 bytes of salt and what comes before the agent.
    const longer = Buffer.concat([bytes.subarray(0, bytes.indexOf('xx')), Buffer.from('x'), bytes.subarray(bytes.indexOf('xx'))]);
    const at = bytes.indexOf('xx') - varint(BigInt(over)).length;
    longer.set(varint(BigInt(over)), at);
    expect(schema.walk(longer, 0, longer.length, ends, 0, fault)).toBeLessThan(0);
    expect(fault.reason).toBe('too_large');
  });
});
