/** Arbitrary events for property tests. */
import { type AuditEvent, currentEventSchema, EVENT_BYTES_MAX, type Plan, WireError } from '@sealtrail/wire';
import * as fc from 'fast-check';

/** Any event of the current schema, with what stores lose often among the values. */
export function arbitraryEvent(): fc.Arbitrary<AuditEvent> {
  const schema = currentEventSchema();
  const scratch = new Uint8Array(2 * EVENT_BYTES_MAX);
  const fits = (event: AuditEvent): boolean => {
    try {
      return schema.encode(event, scratch, 0) <= EVENT_BYTES_MAX;
    } catch (error) {
      if (error instanceof WireError && error.code === 'event_too_large') return false;
      throw error;
    }
  };
  return (arbitraryRecord(schema.plan.inner) as fc.Arbitrary<unknown> as fc.Arbitrary<AuditEvent>).filter(fits);
}

/** Any value that a record's types allow. */
export const arbitraryRecord = (fields: readonly Plan[]): fc.Arbitrary<Record<string, unknown>> =>
  fc.record(Object.fromEntries(fields.map((field) => [field.name, arbitraryOf(field)])));

const arbitraryText = fc.oneof(
  { weight: 3, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }) },
  {
    weight: 2,
    arbitrary: fc.constantFrom('', '\0', 'a\0', ' ', 'null', '\\N', "'", '\\', '\t\n\r', 'é', '😀', '\u{10ffff}', '\ufeff', '{}'),
  },
  // Lengths next to those where a varint grows.
  { weight: 1, arbitrary: fc.constantFrom(...[63, 64, 127, 128].map((length) => 'x'.repeat(length))) },
);

function arbitraryOf(plan: Plan): fc.Arbitrary<unknown> {
  const inner = plan.inner[0];
  switch (plan.op) {
    case 'string':
      return arbitraryText;
    case 'fixed':
      return arbitraryBytes(plan.size);
    case 'enum':
      return fc.constantFrom(...plan.symbols);
    case 'int':
    case 'long':
      return fc.oneof(fc.constantFrom(plan.min, plan.max, Math.max(plan.min, 0)), fc.integer({ min: plan.min, max: plan.max }));
    case 'boolean':
      return fc.boolean();
    case 'double':
      return fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
    case 'optional':
      return fc.option(arbitraryOf(inner as Plan), { nil: null });
    case 'array':
      return fc.array(arbitraryOf(inner as Plan), { maxLength: 3 });
    case 'map':
      return fc.array(fc.tuple(arbitraryText, arbitraryText), { maxLength: 4 }).map((pairs) => new Map(pairs));
    case 'record':
      return arbitraryRecord(plan.inner);
    case 'bytes':
      return fc.uint8Array({ maxLength: 40 });
    default:
      return plan.op satisfies never;
  }
}

/** Bytes that end, or begin, in zeros now and then: the tail of a fixed string is easily lost. */
const arbitraryBytes = (size: number): fc.Arbitrary<Uint8Array> =>
  fc.tuple(fc.uint8Array({ minLength: size, maxLength: size }), fc.constantFrom(0, 0, 0, 1, 2, size)).map(([bytes, zeros]) => {
    const ended = new Uint8Array(bytes);
    ended.fill(0, size - zeros);
    return ended;
  });
