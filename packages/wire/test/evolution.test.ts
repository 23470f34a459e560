import { sha256 as nodeSha256 } from '@sealtrail/merkle/node';
import avro from 'avsc';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AuditEvent,
  currentEventSchema,
  eventSchemaFields,
  knownEventSchemas,
  loadEventSchema,
  parseHeader,
  walkBatch,
} from '../src/index.ts';
import { auditEvent, text } from './arbitraries.ts';
import { evolvedEventSchema } from './evolved-schema.ts';
import { encodeWithAvsc, forAvsc } from './reference.ts';
import { sampleBatch, sampleEvent } from './sample.ts';

const sha256 = nodeSha256();
const before = currentEventSchema();
const after = evolvedEventSchema();
const both = [...knownEventSchemas(), after];
const typeOf = (schemaText: string): avro.Type => avro.Type.forSchema(JSON.parse(schemaText) as avro.Schema, { wrapUnions: false });
type EvolvedEvent = AuditEvent & { readonly approval_id: string | null };

describe('an event schema with one more field', () => {
  it('has its own digest and its own framing', () => {
    expect(after.sha256).not.toEqual(before.sha256);
    expect(after.batch_fingerprint).not.toEqual(before.batch_fingerprint);
    expect(eventSchemaFields(after).at(-1)).toMatchObject({ name: 'approval_id', section: 'rest' });
    expect([after.actor_fields, after.object_end]).toEqual([before.actor_fields, before.object_end]);
  });

  it('is written as avsc writes it, and read back', () => {
    const type = typeOf(after.text);
    const room = Buffer.alloc(1 << 16);
    fc.assert(
      fc.property(auditEvent, fc.option(text, { nil: null }), (event, approval) => {
        fc.pre(![...event.attributes.keys()].some((key) => /^\d+$/.test(key)));
        const evolved: EvolvedEvent = { ...event, approval_id: approval };
        const end = after.encode(evolved, room, 0);
        expect(room.subarray(0, end).equals(encodeWithAvsc(type, evolved))).toBe(true);
        expect(after.decode(room, 0, end)).toEqual({ ...evolved, attributes: expect.any(Map) as unknown });
        expect(after.walk(room, 0, end, new Uint32Array(3), 0, { reason: 'malformed', detail: '' })).toBe(end);
      }),
      { numRuns: 200 },
    );
  });

  it('walks beside the old one, batch by batch', () => {
    const old = sampleBatch(sha256, [sampleEvent(), sampleEvent({ reason: 'late' })], { sequence: 0 });
    const fresh: EvolvedEvent = { ...sampleEvent(), approval_id: 'apr-1' };
    const evolved = sampleBatch(sha256, [fresh, { ...fresh, approval_id: null } as EvolvedEvent], { sequence: 1 }, after);
    for (const [batch, schema] of [
      [old, before],
      [evolved, after],
    ] as const) {
      const parsed = parseHeader(batch.record, sha256, both);
      if (parsed.kind === 'refused') throw new Error(parsed.detail);
      expect(parsed.schema).toBe(schema);
      expect(walkBatch(parsed, sha256)).toMatchObject({ kind: 'batch', header: { count: 2 } });
    }
    // A build that does not know the new version says so, and judges nothing else about the record.
    expect(parseHeader(evolved.record, sha256)).toMatchObject({ kind: 'refused', reason: 'unknown_schema', at: 2 });
    expect(parseHeader(old.record, sha256)).toMatchObject({ kind: 'header' });
  });

  it('leaves the actor and object digests of the same act as they were', () => {
    const [a, b] = [Buffer.alloc(2_048), Buffer.alloc(2_048)];
    const [endsA, endsB] = [new Uint32Array(3), new Uint32Array(3)];
    before.encodeWithEnds(sampleEvent(), a, 0, endsA, 0);
    after.encodeWithEnds({ ...sampleEvent(), approval_id: 'apr-1' } as EvolvedEvent, b, 0, endsB, 0);
    expect(endsB[1]).toBe(endsA[1]);
    expect(b.subarray(0, endsB[1]).equals(a.subarray(0, endsA[1]))).toBe(true);
  });

  it('is read by a reader of the old one, and reads what the old one wrote, by Avro’s own resolution', () => {
    const [oldType, newType] = [typeOf(before.text), typeOf(after.text)];
    const fresh = encodeWithAvsc(newType, { ...sampleEvent(), approval_id: 'apr-1' });
    const old = encodeWithAvsc(oldType, sampleEvent());
    expect(JSON.stringify(oldType.fromBuffer(fresh, oldType.createResolver(newType)))).toBe(JSON.stringify(oldType.fromBuffer(old)));
    expect(JSON.stringify(newType.fromBuffer(old, newType.createResolver(oldType)))).toBe(
      JSON.stringify(newType.clone(forAvsc({ ...sampleEvent(), approval_id: null }))),
    );
  });

  it('must keep the three sections in their order, each with its salt in front', () => {
    const broken = (change: (fields: { name: string; section: string }[]) => void): string => {
      const schema = JSON.parse(before.text) as { fields: { name: string; section: string }[] };
      change(schema.fields);
      return JSON.stringify(schema);
    };
    const digest = new Uint8Array(32);
    expect(() =>
      loadEventSchema(
        broken((fields) => fields.reverse()),
        digest,
      ),
    ).toThrow(RangeError);
    expect(() =>
      loadEventSchema(
        broken((fields) => fields.push({ ...(fields[0] as { name: string; section: string }), name: 'late', section: 'actor' })),
        digest,
      ),
    ).toThrow(RangeError);
    expect(() =>
      loadEventSchema(
        broken((fields) => fields.shift()),
        digest,
      ),
    ).toThrow(RangeError);
    expect(() =>
      loadEventSchema(
        broken((fields) => delete (fields[3] as { section?: string }).section),
        digest,
      ),
    ).toThrow(RangeError);
  });
});
