import { type DetectionEvent, derivedField, type FieldValue } from '@sealtrail/detection';
import { AuditFields, storedDetectionEvent } from '@sealtrail/detector';
import { type AuditEvent, currentEventSchema } from '@sealtrail/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { auditEvent } from '../../packages/wire/test/arbitraries.ts';
import { addressText } from '../../services/detector/src/address-text.ts';

const schema = currentEventSchema();
const hex = (bytes: Uint8Array | null): string | null => (bytes === null ? null : Buffer.from(bytes).toString('hex'));
const ORIGIN = { tenant: 'acme', producer: 'billing', delivery: 'ROUTINE', recorded_at: 5 };

/** What a rule may ask an event for, from the event itself. */
function asWritten(event: AuditEvent): Readonly<Record<string, FieldValue | undefined>> {
  const own = {
    ...event,
    token_id_hash: hex(event.token_id_hash),
    session_id_hash: hex(event.session_id_hash),
    actor_salt: hex(event.actor_salt),
    object_salt: hex(event.object_salt),
    event_id: hex(event.event_id),
    trace_id: hex(event.trace_id),
    source_ip: event.source_ip === null ? null : addressText(event.source_ip),
    'related.type': event.related.map(({ type }) => type),
    'related.id': event.related.map(({ id }) => id),
    'actor_chain.subject': event.actor_chain.map(({ subject }) => subject),
    'actor_chain.issuer': event.actor_chain.map(({ issuer }) => issuer),
    ...ORIGIN,
    recorded_at: undefined,
    attributes: undefined,
    // Lists of records have no value of their own; an empty one is an empty list.
    related: event.related.length === 0 ? [] : undefined,
    actor_chain: event.actor_chain.length === 0 ? [] : undefined,
    personal: event.personal.length === 0 ? [] : undefined,
    ...Object.fromEntries([...event.attributes].map(([name, value]) => [`attributes.${name}`, value])),
    'attributes.of no event': event.attributes.get('of no event'),
    'no such field': undefined,
  } as Record<string, FieldValue | undefined>;
  for (const name of ['source_network', 'token_age_s', 'token_expired_for_s']) own[name] = derivedField(name, (other) => own[other]);
  return own;
}

const stored = (event: AuditEvent, fields?: AuditFields): DetectionEvent => {
  const room = new Uint8Array(1 << 17);
  const entry = { ...ORIGIN, bytes: room.slice(0, schema.encode(event, room, 0)) };
  return storedDetectionEvent(entry, schema, fields) as DetectionEvent;
};

describe('a field of an event', () => {
  it('is what was written, in whatever order fields are asked for', () => {
    fc.assert(
      fc.property(auditEvent, fc.infiniteStream(fc.nat(60)), (event, order) => {
        const wanted = asWritten(event);
        const names = Object.keys(wanted);
        const seen = stored(event);
        for (const name of [...names, ...[...order.take(20)].map((at) => names[at % names.length] as string)])
          expect(seen.field(name), name).toEqual(wanted[name]);
      }),
      { numRuns: 300 },
    );
  });

  it('is that of its own event, where several are looked at in turn', () => {
    const look = fc.record({ event: fc.nat(3), field: fc.nat(60) });
    fc.assert(
      fc.property(fc.array(auditEvent, { minLength: 4, maxLength: 4 }), fc.array(look, { maxLength: 60 }), (events, looks) => {
        const fields = new AuditFields();
        const seen = events.map((event) => stored(event, fields));
        const wanted = events.map(asWritten);
        for (const { event, field } of looks) {
          const names = Object.keys(wanted[event] as object);
          const name = names[field % names.length] as string;
          expect(seen[event]?.field(name), name).toEqual(wanted[event]?.[name]);
        }
      }),
      { numRuns: 300 },
    );
  });
});
