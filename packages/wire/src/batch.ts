import { HASH_BYTES, rootOfLeaves, type Sha256, sameBytes } from '@sealtrail/merkle';
import { compileSchema, type Plan } from './avro/plan.ts';
import { Fault, Reader } from './avro/reader.ts';
import { Writer } from './avro/writer.ts';
import { type Refusal, WireError } from './errors.ts';
import { type EventSchema, knownEventSchemas, refusalOf, walkSections } from './event.ts';
import { SCHEMA_TEXTS } from './generated/schemas.ts';
import { hashEventLeaves } from './leaf.ts';
import { BATCH_BYTES_MAX, BATCH_EVENTS_MAX, FORMAT_VERSION, isWireName, SUITE_ED25519_SHA256 } from './limits.ts';
import type { BatchHeader } from './values.ts';

const MARKER_0 = 0xc3;
const MARKER_1 = 0x01;
const FINGERPRINT_BYTES = 8;
const FRAMING_BYTES = 2 + FINGERPRINT_BYTES;
const SIGNATURE_BYTES = 64;

const BATCH_PLAN: Plan = compileSchema(JSON.parse(SCHEMA_TEXTS['event-batch']));
const HEADER_PLAN: Plan = BATCH_PLAN.inner[0] as Plan;
const EVENTS_PLAN: Plan = BATCH_PLAN.inner[2] as Plan;

/** The fields of a header, in order. */
export const batchHeaderFields = (): readonly Plan[] => HEADER_PLAN.inner;

/** The header's part of a record, read and checked before anything else of it. */
export interface ParsedHeader {
  readonly kind: 'header';
  readonly record: Uint8Array;
  readonly header: BatchHeader;
  /** The header's bytes as they stand on the wire: what is signed. */
  readonly header_bytes: Uint8Array;
  /** SHA-256 of header_bytes: tells a duplicate from a conflict. */
  readonly header_hash: Uint8Array;
  readonly signature: Uint8Array;
  readonly schema: EventSchema;
  /** Offset in the record of the events array. */
  readonly events_at: number;
}

/** A record whose every byte was checked. */
export interface WalkedBatch extends Omit<ParsedHeader, 'kind'> {
  readonly kind: 'batch';
  /** Offset of the first event. */
  readonly first_event: number;
  /** Three offsets an event: end of actor, end of object, end of event. */
  readonly ends: Uint32Array;
  /** 32 bytes an event. */
  readonly leaves: Uint8Array;
}

/**
 * Reads framing, header and signature of a record. Refuses: malformed, not_canonical, unknown_schema, too_large,
 * not_supported (another version or suite, a confidential section by its digest). docs/spec/batch.md
 */
export function parseHeader(
  record: Uint8Array,
  sha256: Sha256,
  schemas: readonly EventSchema[] = knownEventSchemas(),
): ParsedHeader | Refusal {
  if (record.length > BATCH_BYTES_MAX) return refuse('too_large', `a record of ${record.length} bytes; ${BATCH_BYTES_MAX} are allowed`, 0);
  if (record.length < FRAMING_BYTES || record[0] !== MARKER_0 || record[1] !== MARKER_1) {
    return refuse('malformed', 'no single-object encoding: the record does not begin with C3 01', 0);
  }
  const schema = schemas.find((known) => known.batch_fingerprint.every((byte, i) => byte === record[2 + i]));
  if (schema === undefined) return refuse('unknown_schema', 'the framing names a schema that is not known', 2);
  let header: BatchHeader;
  const reader = new Reader(record, FRAMING_BYTES, record.length);
  try {
    header = reader.read(HEADER_PLAN) as BatchHeader;
  } catch (error) {
    return refusalOf(error);
  }
  const headerEnd = reader.at;
  const eventsAt = headerEnd + SIGNATURE_BYTES;
  if (eventsAt > record.length) return refuse('malformed', 'the bytes end early, in the signature', headerEnd);
  const fault = headerFault(header, schema, sha256);
  if (fault !== null) return fault;
  const headerBytes = record.subarray(FRAMING_BYTES, headerEnd);
  return {
    kind: 'header',
    record,
    header,
    header_bytes: headerBytes,
    header_hash: sha256.digest(headerBytes),
    signature: record.subarray(headerEnd, eventsAt),
    schema,
    events_at: eventsAt,
  };
}

/** What a header may not say, whoever signed it. */
function headerFault(header: BatchHeader, schema: EventSchema, sha256: Sha256): Refusal | null {
  const at = FRAMING_BYTES;
  if (header.version !== FORMAT_VERSION)
    return refuse('not_supported', `batch format ${header.version}; this build reads ${FORMAT_VERSION}`, at);
  if (header.suite !== SUITE_ED25519_SHA256)
    return refuse('not_supported', `suite ${header.suite}; this build knows ${SUITE_ED25519_SHA256}`, at);
  if (header.confidential_digest !== null) return refuse('not_supported', 'a confidential section', at);
  if (!isWireName(header.audience) || !isWireName(header.tenant) || !isWireName(header.producer)) {
    return refuse('not_canonical', 'audience, tenant and producer are 1 to 128 of A–Z a–z 0–9 . _ : / @ -', at);
  }
  if (!sameBytes(header.event_schema, schema.sha256))
    return refuse('unknown_schema', 'event_schema is not the schema that the framing names', at);
  const predecessor = header.predecessor;
  if (header.sequence < 0 || header.shed < 0 || (predecessor !== null && (predecessor.routine < 0 || predecessor.critical < 0))) {
    return refuse('not_canonical', 'a counter is negative', at);
  }
  if (header.count > BATCH_EVENTS_MAX) return refuse('too_large', `${header.count} events; ${BATCH_EVENTS_MAX} are allowed`, at);
  if (header.kind === 'DATA' ? header.count < 1 : header.count !== 0) {
    return refuse('not_canonical', `a ${header.kind} batch of ${header.count} events`, at);
  }
  if (header.count === 0 && !sameBytes(header.root, sha256.digest(new Uint8Array(0))))
    return refuse('root_mismatch', 'no events, and not the root over none', at);
  return null;
}

/** Walks the events, checks their number, that nothing follows, and that their leaves give the header's root. */
export function walkBatch(parsed: ParsedHeader, sha256: Sha256): WalkedBatch | Refusal {
  const { record, header, schema } = parsed;
  const ends = new Uint32Array(3 * header.count);
  let firstEvent: number;
  try {
    const reader = new Reader(record, parsed.events_at, record.length);
    const count = reader.blockCount(EVENTS_PLAN);
    if (count !== header.count) throw new Fault('malformed', `${count} events where the header says ${header.count}`, parsed.events_at);
    firstEvent = reader.at;
    for (let i = 0; i < count; i++) walkSections(schema, reader, ends, 3 * i);
    if (count > 0) reader.closeBlock(EVENTS_PLAN);
    const confidentialAt = reader.at;
    const branch = reader.long('confidential');
    if (branch === 1) return refuse('not_supported', 'a confidential section', confidentialAt);
    if (branch !== 0) throw new Fault('malformed', `confidential: the union has no branch ${branch}`, confidentialAt);
    if (reader.at !== record.length) throw new Fault('malformed', `${record.length - reader.at} bytes follow the batch`, reader.at);
  } catch (error) {
    return refusalOf(error);
  }
  const leaves = new Uint8Array(header.count * HASH_BYTES);
  hashEventLeaves(sha256, record, firstEvent, header.count, ends, leaves);
  if (!sameBytes(rootOfLeaves(sha256, leaves, header.count), header.root))
    return refuse('root_mismatch', 'the events do not give the header’s root', firstEvent);
  return { ...parsed, kind: 'batch', first_event: firstEvent, ends, leaves };
}

/** Avro bytes of a header. Throws WireError `not_encodable`. */
export function encodeHeader(header: BatchHeader): Uint8Array {
  // Names of at most 128 bytes and a few fixed fields: a header cannot pass 1 KiB.
  const writer = new Writer(new Uint8Array(HEADER_BYTES_MAX), 0, HEADER_BYTES_MAX);
  for (const name of [header.audience, header.tenant, header.producer]) {
    if (!isWireName(name))
      throw new WireError(
        'not_encodable',
        `"${name.slice(0, 40)}" cannot be an audience, tenant or producer: 1 to 128 of A–Z a–z 0–9 . _ : / @ -`,
      );
  }
  writer.write(HEADER_PLAN, header);
  return writer.out.slice(0, writer.at);
}
const HEADER_BYTES_MAX = 1_024;

/** Decodes a header from its bytes alone. Throws WireError `not_canonical`. */
export function decodeHeader(bytes: Uint8Array): BatchHeader {
  try {
    const reader = new Reader(bytes, 0, bytes.length);
    const header = reader.read(HEADER_PLAN) as BatchHeader;
    if (reader.at !== bytes.length) throw new Fault('malformed', 'bytes follow the header', reader.at);
    return header;
  } catch (error) {
    const { detail, at } = refusalOf(error);
    throw new WireError('not_canonical', `byte ${at}: ${detail}`);
  }
}

/**
 * Assembles a record: framing ‖ header ‖ signature ‖ one block of events ‖ no confidential section. `events` are the
 * events' bytes, one after the other. Throws WireError `batch_too_large`.
 */
export function assembleBatch(
  header: Uint8Array,
  signature: Uint8Array,
  count: number,
  events: Uint8Array,
  schema: EventSchema,
): Uint8Array {
  const room = FRAMING_BYTES + header.length + signature.length + 10 + events.length + 2;
  const writer = new Writer(new Uint8Array(room), 0, room);
  writer.byte(MARKER_0);
  writer.byte(MARKER_1);
  writer.raw(schema.batch_fingerprint);
  writer.raw(header);
  writer.raw(signature);
  if (count > 0) {
    writer.long(count);
    writer.raw(events);
  }
  writer.byte(0);
  writer.byte(0);
  if (writer.at > BATCH_BYTES_MAX) throw new WireError('batch_too_large', `a batch of ${writer.at} bytes; ${BATCH_BYTES_MAX} are allowed`);
  return writer.out.subarray(0, writer.at);
}

const refuse = (reason: Refusal['reason'], detail: string, at: number): Refusal => ({ kind: 'refused', reason, detail, at });
