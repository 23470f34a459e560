import { crc64Avro, parsingCanonicalForm } from './avro/canonical.ts';
import { compileSchema, type Plan, type Section } from './avro/plan.ts';
import { Fault, Reader } from './avro/reader.ts';
import { Writer } from './avro/writer.ts';
import { type Refusal, WireError } from './errors.ts';
import { PUBLISHED_EVENT_SCHEMAS, SCHEMA_TEXTS } from './generated/schemas.ts';
import { EVENT_BYTES_MAX } from './limits.ts';
import type { ActorSection, AuditEvent } from './values.ts';

/** The fields of an event that its actor's token decides: the same for all events under one token. */
export type TokenFields = Omit<ActorSection, 'source_ip' | 'user_agent'>;

/** `TokenFields` as one schema writes them; made by `encodeTokenFields`. */
export interface EncodedTokenFields {
  readonly event_schema: EventSchema;
  readonly bytes: Uint8Array;
}

/** One published version of schemas/audit-event.avsc. Immutable. */
export interface EventSchema {
  /** SHA-256 of the published file's bytes: `event_schema` in headers and rows. */
  readonly sha256: Uint8Array;
  /** The published file's text. */
  readonly text: string;
  /** CRC-64-AVRO of the EventBatch schema that embeds it: what the record's framing names. */
  readonly batch_fingerprint: Uint8Array;
  readonly plan: Plan;
  /** Fields of the actor section, and of actor and object together: where the sections end. */
  readonly actor_fields: number;
  readonly object_end: number;
  /**
   * Writes the canonical encoding at `offset` and returns the end. `out` needs only the room that the event takes.
   * Throws WireError `not_encodable`, `event_too_large`; then `out` may hold part of it.
   */
  encode(event: AuditEvent, out: Uint8Array, offset: number): number;
  /** `encode` that also writes the ends of the three sections (actor, object, rest) to ends[at…at + 2]. */
  encodeWithEnds(event: AuditEvent, out: Uint8Array, offset: number, ends: Uint32Array, at: number): number;
  /**
   * Encodes what is the same for all events of a token, once; `room` is written over. Throws WireError `not_encodable`,
   * `event_too_large`.
   */
  encodeTokenFields(token: TokenFields, room: Uint8Array): EncodedTokenFields;
  /**
   * `encodeWithEnds` for an event whose token fields are encoded already: the same bytes as for the whole event.
   * Throws RangeError when another schema encoded them.
   */
  encodeWithToken(
    event: Omit<AuditEvent, keyof TokenFields>,
    token: EncodedTokenFields,
    out: Uint8Array,
    offset: number,
    ends: Uint32Array,
    at: number,
  ): number;
  /**
   * Walks the event at `offset`, which may reach up to `limit`. Writes the ends of its three sections (actor, object, rest)
   * to ends[at…at + 2] and returns the event's end; on a fault returns -1 - position, with the reason in `fault`.
   */
  walk(bytes: Uint8Array, offset: number, limit: number, ends: Uint32Array, at: number, fault: WalkFault): number;
  /** Decodes the event that fills bytes[start, end). Throws WireError `not_canonical`. */
  decode(bytes: Uint8Array, start: number, end: number): AuditEvent;
}

/** Filled by a walk that refuses; allocated once by the caller. */
export interface WalkFault {
  reason: Refusal['reason'];
  detail: string;
}

/** Takes an event of one schema apart into the values of its fields, in order, and puts it together. */
export interface EventShape {
  valuesOf(event: AuditEvent): readonly unknown[];
  eventOf(values: readonly unknown[]): unknown;
}

/** The shape of any schema, by computed names; the build has faster ones for the schemas that it knows. */
function shapeOf(plan: Plan): EventShape {
  const names = plan.inner.map((field) => field.name);
  return {
    valuesOf: (event) => names.map((name) => event[name as keyof AuditEvent]),
    eventOf: (values) => Object.fromEntries(names.map((name, i) => [name, values[i]])),
  };
}

/**
 * Prepares a published schema. Throws RangeError when its fields are not in the sections actor, object, rest, in that
 * order, each opened by its salt where it has one.
 */
export function loadEventSchema(text: string, digest: Uint8Array, shape?: EventShape): EventSchema {
  const schema = JSON.parse(text) as Record<string, unknown>;
  const plan = compileSchema(schema);
  const order: readonly (Section | null)[] = ['actor', 'object', 'rest'];
  const sections = plan.inner.map((field) => order.indexOf(field.section));
  if (sections.some((section, i) => section < 0 || section < (sections[i - 1] ?? 0))) {
    throw new RangeError('the fields of an event stand in the sections actor, object, rest, in this order');
  }
  const actorFields = sections.filter((section) => section === 0).length;
  const objectEnd = actorFields + sections.filter((section) => section === 1).length;
  if (plan.inner[0]?.name !== 'actor_salt' || plan.inner[actorFields]?.name !== 'object_salt') {
    throw new RangeError('the actor and the object section each begin with their salt');
  }
  const tokenEnd = plan.inner.findIndex((field) => field.name === 'source_ip');
  if (tokenEnd < 1 || tokenEnd > actorFields) throw new RangeError('what a token decides stands between actor_salt and source_ip');
  const { valuesOf, eventOf } = shape ?? shapeOf(plan);
  const loaded: EventSchema = {
    sha256: digest,
    text,
    batch_fingerprint: batchFingerprint(schema),
    plan,
    actor_fields: actorFields,
    object_end: objectEnd,
    encode: (event, out, offset) => encodeEvent(loaded, valuesOf(event), NONE, 1, out, offset, null, 0),
    encodeWithEnds: (event, out, offset, ends, at) => encodeEvent(loaded, valuesOf(event), NONE, 1, out, offset, ends, at),
    encodeTokenFields(token, room) {
      const writer = new Writer(room, 0, Math.min(room.length, EVENT_BYTES_MAX));
      try {
        writer.writeFields(plan.inner, 1, tokenEnd, valuesOf(token as AuditEvent));
      } catch (error) {
        throw tooLargeOr(error, room.length);
      }
      return { event_schema: loaded, bytes: Uint8Array.prototype.slice.call(room, 0, writer.at) }; // of a Buffer too a copy
    },
    encodeWithToken(event, token, out, offset, ends, at) {
      if (token.event_schema !== loaded) throw new RangeError('the token fields were encoded by another schema');
      return encodeEvent(loaded, valuesOf(event as AuditEvent), token.bytes, tokenEnd, out, offset, ends, at);
    },
    decode: (bytes, start, end) => eventOf(decodeEvent(loaded, bytes, start, end)) as AuditEvent,
    walk(bytes, offset, limit, ends, at, fault) {
      try {
        const reader = new Reader(bytes, offset, limit);
        walkSections(loaded, reader, ends, at);
        return reader.at;
      } catch (error) {
        const refusal = refusalOf(error);
        fault.reason = refusal.reason;
        fault.detail = refusal.detail;
        return -1 - refusal.at;
      }
    },
  };
  return loaded;
}

/** The EventBatch schema with this version of the event inside. */
function batchFingerprint(eventSchema: Record<string, unknown>): Uint8Array {
  const batch = JSON.parse(SCHEMA_TEXTS['event-batch']) as { fields: { name: string; type: unknown }[] };
  const events = batch.fields.find((field) => field.name === 'events') as { type: { items: unknown } };
  events.type.items = eventSchema;
  return crc64Avro(parsingCanonicalForm(firstDefinitionOnly(batch, new Set())));
}

/** A named type is defined where it stands first; later definitions of the same name become its name. */
function firstDefinitionOnly(schema: unknown, seen: Set<string>): unknown {
  if (Array.isArray(schema)) return schema.map((branch) => firstDefinitionOnly(branch, seen));
  if (schema === null || typeof schema !== 'object') return schema;
  const object = schema as Record<string, unknown>;
  if (typeof object['name'] === 'string' && ['record', 'enum', 'fixed'].includes(object['type'] as string)) {
    if (seen.has(object['name'])) return object['name'];
    seen.add(object['name']);
  }
  return Object.fromEntries(
    Object.entries(object).map(([key, value]) => [key, key === 'symbols' ? value : firstDefinitionOnly(value, seen)]),
  );
}

const unhex = (text: string): Uint8Array => Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

const KNOWN: readonly EventSchema[] = Object.freeze(
  PUBLISHED_EVENT_SCHEMAS.map(({ text, sha256, ...shape }) => loadEventSchema(text, unhex(sha256), shape)),
);

/** Every published schema that this build knows, oldest first. */
export const knownEventSchemas = (): readonly EventSchema[] => KNOWN;
/** The current schema, which new events are written in. */
export const currentEventSchema = (): EventSchema => KNOWN[KNOWN.length - 1] as EventSchema;

const NONE: Uint8Array = new Uint8Array(0);

/** `encoded` are the bytes of the fields [1, encodedTo), whose values are not looked at. */
function encodeEvent(
  schema: EventSchema,
  values: readonly unknown[],
  encoded: Uint8Array,
  encodedTo: number,
  out: Uint8Array,
  offset: number,
  ends: Uint32Array | null,
  at: number,
): number {
  const limit = Math.min(out.length, offset + EVENT_BYTES_MAX);
  const writer = new Writer(out, offset, limit);
  const fields = schema.plan.inner;
  try {
    writer.writeFields(fields, 0, 1, values);
    if (encodedTo > 1) writer.raw(encoded);
    writer.writeFields(fields, encodedTo, schema.actor_fields, values);
    const actorEnd = writer.at;
    writer.writeFields(fields, schema.actor_fields, schema.object_end, values);
    const objectEnd = writer.at;
    writer.writeFields(fields, schema.object_end, fields.length, values);
    if (ends !== null) {
      ends[at] = actorEnd;
      ends[at + 1] = objectEnd;
      ends[at + 2] = writer.at;
    }
  } catch (error) {
    throw tooLargeOr(error, limit - offset);
  }
  return writer.at;
}

const tooLargeOr = (error: unknown, room: number): unknown =>
  error instanceof RangeError
    ? new WireError('event_too_large', `an event of more than ${room} bytes; give it less text`, { cause: error })
    : error;

/** Walks the event that the reader stands at; writes the ends of its three sections to ends[at…at + 2]. Throws Fault. */
export function walkSections(schema: EventSchema, reader: Reader, ends: Uint32Array, at: number): void {
  const start = reader.at;
  const fields = schema.plan.inner;
  reader.skipFields(fields, 0, schema.actor_fields);
  ends[at] = reader.at;
  reader.skipFields(fields, schema.actor_fields, schema.object_end);
  ends[at + 1] = reader.at;
  reader.skipFields(fields, schema.object_end, fields.length);
  ends[at + 2] = reader.at;
  if (reader.at - start > EVENT_BYTES_MAX)
    throw new TooLarge(`an event of ${reader.at - start} bytes; ${EVENT_BYTES_MAX} are allowed`, start);
}

/** A limit of the rules, passed. */
export class TooLarge {
  readonly reason = 'too_large' as const;
  readonly detail: string;
  readonly at: number;
  constructor(detail: string, at: number) {
    this.detail = detail;
    this.at = at;
  }
}

/** What the reader threw, as a value; anything else is a bug and goes on. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof Fault || error instanceof TooLarge)
    return { kind: 'refused', reason: error.reason, detail: error.detail, at: error.at };
  throw error;
}

function decodeEvent(schema: EventSchema, bytes: Uint8Array, start: number, end: number): readonly unknown[] {
  try {
    const reader = new Reader(bytes, start, end);
    const values = schema.plan.inner.map((field) => reader.read(field));
    if (reader.at !== end) throw new Fault('malformed', `${end - reader.at} bytes follow the event`, reader.at);
    return values;
  } catch (error) {
    const { detail, at } = refusalOf(error);
    throw new WireError('not_canonical', `byte ${at}: ${detail}`);
  }
}

/** One field of an event, as far as tables and documents need it. */
export interface EventField {
  readonly name: string;
  readonly section: Section;
  readonly doc: string;
  readonly plan: Plan;
}

/** The fields of a schema, in order. */
export const eventSchemaFields = (schema: EventSchema): readonly EventField[] =>
  schema.plan.inner.map((field) => ({ name: field.name, section: field.section as Section, doc: field.doc, plan: field }));
