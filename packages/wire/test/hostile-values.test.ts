import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { currentEventSchema, EVENT_BYTES_MAX, eventSchemaFields, type WalkFault, WireError } from '../src/index.ts';
import { auditEvent, text } from './arbitraries.ts';
import { evolvedEventSchema } from './evolved-schema.ts';

/** Values that come close to something that a field may hold. */
const odd: fc.Arbitrary<unknown> = fc.oneof(
  fc.anything({ withBigInt: true, withTypedArray: true, withMap: true, withSet: true, withDate: true, withNullPrototype: true }),
  text,
  fc.string({ unit: 'binary' }).map((chars) => `${chars}\ud800`),
  fc.constantFrom('\udc00', 'x'.repeat(47).concat('\ud83d'), '\ud83d\ud83d\ude00'),
  fc.constantFrom(0, -0, -1, 1.5, Number.NaN, 2 ** 31, -(2 ** 31) - 1, 2 ** 53, 7_258_118_400_000, 7_258_118_400_000_000),
  fc.uint8Array({ maxLength: 40 }),
  fc.array(fc.oneof(text, fc.constantFrom(null, undefined, '\ud800', 7)), { maxLength: 4 }),
  fc.array(
    fc.record({ issuer: fc.option(text, { nil: undefined }), subject: text, type: text, id: fc.oneof(text, fc.constant('\udfff')) }),
    { maxLength: 3 },
  ),
  fc
    .array(fc.tuple(fc.oneof(text, fc.constant('\ud800')), fc.oneof(text, fc.constant(1))), { maxLength: 4 })
    .map((pairs) => new Map<unknown, unknown>(pairs)),
  fc.constantFrom('USER', 'user', 'SUCCESS', 'constructor', '__proto__', 0),
);

it('are named in the message by where they stand', () => {
  const event = fc.sample(auditEvent, { numRuns: 1, seed: 3 })[0] as object;
  const messageOf = (change: object): string => {
    try {
      currentEventSchema().encode({ ...event, ...change } as never, new Uint8Array(40_000), 0);
    } catch (error) {
      return (error as Error).message;
    }
    return 'none';
  };
  expect(messageOf({ actor_chain: [{ issuer: 7, subject: 'x' }] })).toBe('actor_chain[].issuer: number where a string is wanted');
  expect(messageOf({ actor_roles: ['a', null] })).toBe('actor_roles[]: null where a string is wanted');
  expect(messageOf({ reason: '\ud800' })).toMatch(/^reason: a string has half a surrogate pair/);
  expect(messageOf({ attributes: new Map([['a', 1]]) })).toBe('attributes: number where a string is wanted');
});

describe.each([
  ['the schema of this build', currentEventSchema()],
  ['a schema loaded at run time', evolvedEventSchema()],
])('values of the wrong kind, by %s', (_, schema) => {
  const names = eventSchemaFields(schema).map(({ name }) => name);
  const out = Buffer.alloc(2 * EVENT_BYTES_MAX);
  const fault: WalkFault = { reason: 'malformed', detail: '' };

  it('are refused, or are written as something that the walk accepts', () => {
    let written = 0;
    fc.assert(
      fc.property(
        auditEvent,
        fc.array(fc.tuple(fc.constantFrom(...names), odd), { minLength: 1, maxLength: 3 }),
        fc.nat(50),
        (event, changes, offset) => {
          const changed = { ...event, approval_id: null, ...Object.fromEntries(changes) };
          const ends = new Uint32Array(3);
          let end: number;
          try {
            end = schema.encodeWithEnds(changed, out, offset, ends, 0);
          } catch (error) {
            expect(error).toBeInstanceOf(WireError);
            expect((error as WireError).message).toMatch(/^[^\n]+$/);
            return;
          }
          written++;
          const walked = new Uint32Array(3);
          expect(schema.walk(out, offset, end, walked, 0, fault), fault.detail).toBe(end);
          expect([...ends]).toEqual([...walked]);
          const again = Buffer.alloc(end - offset);
          expect(schema.encode(schema.decode(out, offset, end), again, 0)).toBe(end - offset);
          expect(again.equals(out.subarray(offset, end))).toBe(true);
        },
      ),
      { numRuns: 4_000 },
    );
    expect(written).toBeGreaterThan(100);
  });

  it('are not shown in the message', () => {
    const secret = 'sk-live-3f9a\ud800';
    for (const name of names) {
      const event = { ...(fc.sample(auditEvent, { numRuns: 1, seed: 3 })[0] as object), approval_id: null, [name]: { secret } };
      try {
        schema.encode(event as never, out, 0);
        expect.unreachable(name);
      } catch (error) {
        expect((error as Error).message).toContain(name);
        expect((error as Error).message).not.toContain('sk-live');
      }
    }
  });
});
