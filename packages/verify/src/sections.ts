import type { EventSchema, Plan } from '@sealtrail/wire';

export type ErasableSection = 'actor' | 'object';

/**
 * The bytes that an erased section's columns encode to: every field at its type's default (zeros, the first symbol, an
 * empty text, null). In Avro each of them is a zero byte; a fixed is as many as its size.
 */
export function erasedSection(schema: EventSchema, section: ErasableSection): Uint8Array {
  const fields =
    section === 'actor' ? schema.plan.inner.slice(0, schema.actor_fields) : schema.plan.inner.slice(schema.actor_fields, schema.object_end);
  return new Uint8Array(fields.reduce((total, field) => total + defaultBytes(field), 0));
}

function defaultBytes(plan: Plan): number {
  switch (plan.op) {
    case 'fixed':
      return plan.size;
    case 'record':
      return plan.inner.reduce((total, field) => total + defaultBytes(field), 0);
    default:
      return 1;
  }
}

/** Where an event's sections end in its bytes; null when the bytes are not its canonical encoding. */
export function sectionEnds(schema: EventSchema, event: Uint8Array): readonly [actor: number, object: number, rest: number] | null {
  const ends = new Uint32Array(3);
  const end = schema.walk(event, 0, event.length, ends, 0, { reason: 'malformed', detail: '' });
  return end === event.length ? [ends[0] as number, ends[1] as number, ends[2] as number] : null;
}
