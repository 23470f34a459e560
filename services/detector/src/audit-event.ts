import { DERIVED_FIELDS, type DetectionEvent, derivedField, type FieldValue, type LogSource } from '@sealtrail/detection';
import {
  type AuditEvent,
  createEventReader,
  type Delegate,
  type EventReader,
  type EventSchema,
  type Target,
  type WalkedBatch,
} from '@sealtrail/wire';
import { addressText } from './address-text.ts';

const AUDIT = { category: 'audit', product: 'sealtrail' } as const;
/** What a service emitted. */
const EMITTED: LogSource = { ...AUDIT, service: 'api' };
/** What an importer read from CloudTrail: rules for AWS apply to it by way of rules/pipelines/cloudtrail-audit.yml. */
const CLOUDTRAIL: LogSource = { ...AUDIT, service: 'cloudtrail' };
const IMPORTER = 'importer';

const EVENT_ID_BYTES = 16;
const TIME_BYTES_MAX = 10;

/** Of ids and hashes. */
const HEX_BYTES_MAX = 64;

const ATTRIBUTE = 'attributes.';

/** Of the batch that an event came in; its events are asked for these like for their own. */
export interface EventOrigin {
  readonly tenant: string;
  readonly producer: string;
  readonly delivery: string;
}

/**
 * The event at `index` of a batch as detection sees it: fields by their column's names, attributes as `attributes.NAME`,
 * hashes and ids as hex, addresses as text. Each field is decoded when it is asked for; time and id are read in place.
 *
 * @param fields whoever looks at many events, one after the other, gives the same for all
 */
export function auditDetectionEvent(
  batch: WalkedBatch,
  index: number,
  received_us: number,
  fields: AuditFields = new AuditFields(),
): DetectionEvent {
  const { header, record, schema, ends, first_event } = batch;
  const start = index === 0 ? first_event : (ends[3 * index - 1] as number);
  const rest = ends[3 * index + 1] as number;
  const end = ends[3 * index + 2] as number;
  // The id opens the rest section, the time follows it (docs/spec/event.md).
  const id = fields.hex(record, rest, rest + EVENT_ID_BYTES);
  const time_us = zigzagAt(record, rest + EVENT_ID_BYTES);
  return new AuditDetectionEvent({ origin: header, schema, bytes: record, start, end }, { id, time_us, received_us }, fields);
}

/**
 * An event as the store gives it, read again from its columns. null where they were altered to values that have no encoding.
 *
 * @param schema that the entry names
 * @param fields as of `auditDetectionEvent`
 */
export function storedDetectionEvent(
  entry: EventOrigin & { readonly bytes: Uint8Array | null; readonly recorded_at: number },
  schema: EventSchema,
  fields: AuditFields = new AuditFields(),
): DetectionEvent | null {
  const { bytes } = entry;
  if (bytes === null) return null;
  const { event_id, occurred_at } = schema.decode(bytes, 0, bytes.length);
  const facts = { id: hex(event_id), time_us: occurred_at, received_us: entry.recorded_at * 1000 };
  return new AuditDetectionEvent({ origin: entry, schema, bytes, start: 0, end: bytes.length }, facts, fields);
}

/** Where an event's bytes stand, and what holds for their whole batch. */
interface EventBytes {
  readonly origin: EventOrigin;
  readonly schema: EventSchema;
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

class AuditDetectionEvent implements DetectionEvent {
  readonly id: string;
  readonly time_us: number;
  readonly received_us: number;
  readonly at: EventBytes;
  readonly #fields: AuditFields;

  constructor(
    at: EventBytes,
    { id, time_us, received_us }: { readonly id: string; readonly time_us: number; readonly received_us: number },
    fields: AuditFields,
  ) {
    this.id = id;
    this.time_us = time_us;
    this.received_us = received_us;
    this.at = at;
    this.#fields = fields;
  }

  get tenant(): string {
    return this.at.origin.tenant;
  }

  get logsource(): LogSource {
    return this.at.origin.producer === IMPORTER ? CLOUDTRAIL : EMITTED;
  }

  field(name: string): FieldValue | undefined {
    return this.#fields.field(this, name);
  }

  values(): Iterable<FieldValue> {
    const { origin, schema, bytes, start, end } = this.at;
    return [origin.tenant, origin.producer, ...valuesOf(schema.decode(bytes, start, end))];
  }
}

/** How one field is read, and what it is of the event that is looked at: several rules ask for the same. */
interface Reading {
  readonly read: (event: AuditDetectionEvent) => FieldValue | undefined;
  /** The number of the look in which `value` was read. */
  look: number;
  value: FieldValue | undefined;
}

/** Reads fields of events, of one event at a time, each field once. Holds nothing of an event but the last one's values. */
export class AuditFields {
  #event: AuditDetectionEvent | null = null;
  #look = 0;
  #isOpen = false;
  #schema: EventSchema | null = null;
  #reader: EventReader | null = null;
  readonly #readings = new Map<string, Reading>();
  readonly #room = Buffer.alloc(HEX_BYTES_MAX);

  /** The value of a field; undefined for a name that no event has. */
  field(event: AuditDetectionEvent, name: string): FieldValue | undefined {
    if (this.#event !== event) {
      this.#event = event;
      this.#isOpen = false;
      this.#look++;
      if (this.#schema !== event.at.schema) this.#take(event.at.schema);
    }
    let reading = this.#readings.get(name);
    if (reading === undefined) this.#readings.set(name, (reading = { read: this.#reading(name), look: 0, value: undefined }));
    if (reading.look !== this.#look) {
      reading.value = reading.read(event);
      reading.look = this.#look;
    }
    return reading.value;
  }

  /** Versions of the schema differ in the numbers of their fields. */
  #take(schema: EventSchema): void {
    this.#schema = schema;
    this.#reader = createEventReader(schema);
    this.#readings.clear();
  }

  #reading(name: string): Reading['read'] {
    if (name === 'tenant' || name === 'producer' || name === 'delivery') return (event) => event.at.origin[name];
    if (name === 'source_network') return (event) => this.#network(event);
    if (DERIVED_FIELDS.includes(name)) return (event) => derivedField(name, (other) => this.field(event, other));
    if (name.startsWith(ATTRIBUTE)) {
      const key = name.slice(ATTRIBUTE.length);
      return (event) => this.#attributes(event).get(key);
    }
    const list = LISTS.get(name);
    const index = (this.#reader as EventReader).indexOf(list?.field ?? name);
    if (index === -1 || name === 'attributes') return () => undefined;
    if (list !== undefined) return (event) => list.of(this.#value(event, index) as readonly never[]);
    if (name === 'source_ip') return (event) => addressOf(this.#value(event, index) as Uint8Array | null);
    return (event) => this.#plain(this.#value(event, index));
  }

  #plain(value: unknown): FieldValue | undefined {
    return value instanceof Uint8Array && value.length <= HEX_BYTES_MAX ? this.hex(value, 0, value.length) : plain(value);
  }

  /** A few bytes as hexadecimal. By way of a room that there is already: a view of the bytes costs more than to copy them. */
  hex(bytes: Uint8Array, start: number, end: number): string {
    for (let i = start; i < end; i++) this.#room[i - start] = bytes[i] as number;
    return this.#room.toString('hex', 0, end - start);
  }

  #value(event: AuditDetectionEvent, index: number): unknown {
    const reader = this.#reader as EventReader;
    if (!this.#isOpen) {
      const { bytes, start, end } = event.at;
      reader.open(bytes, start, end);
      this.#isOpen = true;
    }
    return reader.field(index);
  }

  #attributesLook = 0;
  #attributesOpen: ReadonlyMap<string, string> = new Map();
  #attributes(event: AuditDetectionEvent): ReadonlyMap<string, string> {
    if (this.#attributesLook !== this.#look) {
      const index = (this.#reader as EventReader).indexOf('attributes');
      this.#attributesOpen = this.#value(event, index) as ReadonlyMap<string, string>;
      this.#attributesLook = this.#look;
    }
    return this.#attributesOpen;
  }

  /** As `derivedField`, and without a text's detour for the addresses that nearly all events have. */
  #network(event: AuditDetectionEvent): FieldValue | undefined {
    const address = this.field(event, 'source_ip');
    if (typeof address !== 'string' || address.includes(':')) return derivedField('source_network', () => address);
    return `${address.slice(0, address.lastIndexOf('.'))}.0/24`;
  }
}

/** What is read of lists of records. */
const LISTS: ReadonlyMap<string, { readonly field: string; readonly of: (list: readonly never[]) => FieldValue }> = new Map([
  ['related.type', { field: 'related', of: (list: readonly Target[]) => list.map(({ type }) => type) }],
  ['related.id', { field: 'related', of: (list: readonly Target[]) => list.map(({ id }) => id) }],
  ['actor_chain.subject', { field: 'actor_chain', of: (list: readonly Delegate[]) => list.map(({ subject }) => subject) }],
  ['actor_chain.issuer', { field: 'actor_chain', of: (list: readonly Delegate[]) => list.map(({ issuer }) => issuer) }],
]);

const addressOf = (bytes: Uint8Array | null): string | null => (bytes === null ? null : addressText(bytes));

function plain(value: unknown): FieldValue | undefined {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || value === null) return value;
  if (value instanceof Uint8Array) return hex(value);
  if (Array.isArray(value)) return value.every((one) => typeof one === 'string') ? (value as string[]) : undefined;
  return undefined;
}

function* valuesOf(event: AuditEvent): Iterable<FieldValue> {
  for (const [name, value] of Object.entries(event)) {
    if (name === 'attributes') yield* event.attributes.values();
    else if (name === 'related') for (const { type, id } of event.related) yield [type, id];
    else if (name === 'actor_chain') for (const { subject } of event.actor_chain) yield subject;
    else {
      const one = name === 'source_ip' ? addressOf(event.source_ip) : plain(value);
      if (one !== undefined && one !== null) yield one;
    }
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');

/** A zigzag varint that the walk has found well-formed, as a safe integer. */
function zigzagAt(bytes: Uint8Array, at: number): number {
  let low = 0;
  let factor = 1;
  for (let i = 0; i < TIME_BYTES_MAX; i++) {
    const byte = bytes[at + i] as number;
    low += (byte & 0x7f) * factor;
    if (byte < 0x80) break;
    factor *= 128;
  }
  // Times are not negative in a canonical event (1970 to 2200): the zigzag value is twice the time, below 2^53.
  return low / 2;
}
