import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createEventReader, currentEventSchema, WireError } from '../src/index.ts';
import { auditEvent } from './arbitraries.ts';

const schema = currentEventSchema();
const names = schema.plan.inner.map(({ name }) => name);

/** An event's bytes at some place among others. */
function encoded(event: Parameters<typeof schema.encode>[0], offset: number): { bytes: Buffer; end: number } {
  const bytes = Buffer.alloc(1 << 17, 0xee);
  return { bytes, end: schema.encode(event, bytes, offset) };
}

describe('a reader of single fields', () => {
  it('gives each field as the whole event has it, in any order, again and again, of one event after the other', () => {
    const reader = createEventReader(schema);
    fc.assert(
      fc.property(auditEvent, fc.nat(300), fc.array(fc.nat(names.length - 1)), (event, offset, order) => {
        const { bytes, end } = encoded(event, offset);
        const whole = schema.decode(bytes, offset, end);
        reader.open(bytes, offset, end);
        for (const index of [...order, ...names.keys()]) expect(reader.field(index)).toEqual(whole[names[index] as keyof typeof whole]);
      }),
      { numRuns: 500 },
    );
  });

  it('knows the names of its schema alone', () => {
    const reader = createEventReader(schema);
    expect(names.map((name) => reader.indexOf(name))).toEqual([...names.keys()]);
    expect(reader.indexOf('attributes.amount')).toBe(-1);
    expect(reader.indexOf('__proto__')).toBe(-1);
  });

  it('opens nothing that is no event', () => {
    const event = fc.sample(auditEvent, { numRuns: 1, seed: 3 })[0] as Parameters<typeof schema.encode>[0];
    const { bytes, end } = encoded(event, 0);
    const reader = createEventReader(schema);
    const refused = (from: number, to: number): void => {
      expect(() => reader.open(bytes, from, to)).toThrowError(expect.objectContaining({ code: 'not_canonical' }));
      expect(() => reader.open(bytes, from, to)).toThrow(WireError);
    };
    refused(0, end - 1);
    refused(0, end + 1);
    refused(end, end);
  });
});
