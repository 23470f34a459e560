import { type DetectionEvent, derivedField, type FieldValue, type LogSource } from '@sealtrail/detection';
import type { AuditEvent, EventSchema, WalkedBatch } from '@sealtrail/wire';
import { addressText } from './address-text.ts';

const AUDIT = { category: 'audit', product: 'sealtrail' } as const;
/** What a service emitted. */
const EMITTED: LogSource = { ...AUDIT, service: 'api' };
/** What an importer read from CloudTrail: rules for AWS apply to it by way of rules/pipelines/cloudtrail-audit.yml. */
const CLOUDTRAIL: LogSource = { ...AUDIT, service: 'cloudtrail' };
const IMPORTER = 'importer';

const EVENT_ID_BYTES = 16;
const TIME_BYTES_MAX = 10;

const ATTRIBUTE = 'attributes.';

/** Of the batch that an event came in; its events are asked for these like for their own. */
export interface EventOrigin {
  readonly tenant: string;
  readonly producer: string;
  readonly delivery: string;
}

/**
 * The event at `index` of a batch as detection sees it: fields by their column's names, attributes as `attributes.NAME`,
 * hashes and ids as hex, addresses as text. It is decoded when the first field is asked for; time and id are read in place.
 */
export function auditDetectionEvent(batch: WalkedBatch, index: number, received_us: number): DetectionEvent {
  const { header, record, schema, ends, first_event } = batch;
  const start = index === 0 ? first_event : (ends[3 * index - 1] as number);
  const rest = ends[3 * index + 1] as number;
  const end = ends[3 * index + 2] as number;
  // The id opens the rest section, the time follows it (docs/spec/event.md).
  const id = Buffer.from(record.buffer, record.byteOffset + rest, EVENT_ID_BYTES).toString('hex');
  const time_us = zigzagAt(record, rest + EVENT_ID_BYTES);
  return new AuditDetectionEvent(header, { id, time_us, received_us }, () => schema.decode(record, start, end));
}

/**
 * An event as the store gives it, read again from its columns. null where they were altered to values that have no encoding.
 *
 * @param schema that the entry names
 */
export function storedDetectionEvent(
  entry: EventOrigin & { readonly bytes: Uint8Array | null; readonly recorded_at: number },
  schema: EventSchema,
): DetectionEvent | null {
  const { bytes } = entry;
  if (bytes === null) return null;
  const decoded = schema.decode(bytes, 0, bytes.length);
  const facts = { id: hex(decoded.event_id), time_us: decoded.occurred_at, received_us: entry.recorded_at * 1000 };
  return new AuditDetectionEvent(entry, facts, () => decoded);
}

/** Hex, addresses and networks are made once: several rules ask for each. No function is made for an event but the one that decodes it. */
class AuditDetectionEvent implements DetectionEvent {
  readonly id: string;
  readonly tenant: string;
  readonly time_us: number;
  readonly received_us: number;
  readonly logsource: LogSource;
  readonly #origin: EventOrigin;
  readonly #decode: () => AuditEvent;
  #decoded: AuditEvent | null = null;
  #address: FieldValue | undefined;
  #network: FieldValue | undefined;
  #token: FieldValue | undefined;
  #session: FieldValue | undefined;

  constructor(
    origin: EventOrigin,
    { id, time_us, received_us }: { readonly id: string; readonly time_us: number; readonly received_us: number },
    decode: () => AuditEvent,
  ) {
    this.id = id;
    this.tenant = origin.tenant;
    this.time_us = time_us;
    this.received_us = received_us;
    this.logsource = origin.producer === IMPORTER ? CLOUDTRAIL : EMITTED;
    this.#origin = origin;
    this.#decode = decode;
  }

  field(name: string): FieldValue | undefined {
    switch (name) {
      case 'tenant':
      case 'producer':
      case 'delivery':
        return this.#origin[name];
      case 'source_ip':
        return (this.#address ??= fieldOf(this.#event(), name));
      case 'source_network':
        return (this.#network ??= this.#derived(name));
      case 'token_id_hash':
        return (this.#token ??= fieldOf(this.#event(), name));
      case 'session_id_hash':
        return (this.#session ??= fieldOf(this.#event(), name));
      default: {
        const own = fieldOf(this.#event(), name);
        return own === undefined ? this.#derived(name) : own;
      }
    }
  }

  values(): Iterable<FieldValue> {
    return [this.tenant, this.#origin.producer, ...valuesOf(this.#event())];
  }

  #derived(name: string): FieldValue | undefined {
    return derivedField(name, (other) => this.field(other));
  }

  #event(): AuditEvent {
    return (this.#decoded ??= this.#decode());
  }
}

/** The value of a field of an event. Undefined for a name that no event has. */
export function fieldOf(event: AuditEvent, name: string): FieldValue | undefined {
  if (name.startsWith(ATTRIBUTE)) return event.attributes.get(name.slice(ATTRIBUTE.length));
  switch (name) {
    case 'attributes':
      return undefined;
    case 'source_ip':
      return event.source_ip === null ? null : addressText(event.source_ip);
    case 'related.type':
      return event.related.map(({ type }) => type);
    case 'related.id':
      return event.related.map(({ id }) => id);
    case 'actor_chain.subject':
      return event.actor_chain.map(({ subject }) => subject);
    case 'actor_chain.issuer':
      return event.actor_chain.map(({ issuer }) => issuer);
    default:
      return plain((event as unknown as Readonly<Record<string, unknown>>)[name]);
  }
}

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
      const one = name === 'source_ip' ? fieldOf(event, name) : plain(value);
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
