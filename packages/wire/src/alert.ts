import { crc64Avro, parsingCanonicalForm } from './avro/canonical.ts';
import { compileSchema, type Plan } from './avro/plan.ts';
import { WireError } from './errors.ts';
import { SCHEMA_TEXTS } from './generated/schemas.ts';
import { ALERT_BYTES_MAX, ALERT_EVIDENCE_MAX } from './limits.ts';
import { decodeRecord, encodeRecord, type RecordCodec } from './records.ts';
import type { AlertRecord } from './values.ts';

/** An alert is no leaf of any tree, so it has no letter. docs/spec/alert.md */
export interface AlertCodec extends Pick<RecordCodec<AlertRecord>, 'fields' | 'encode' | 'decode'> {
  /** A record of the topic of alerts: Avro single-object encoding. Throws WireError `not_encodable`. */
  encodeFramed(alert: AlertRecord): Uint8Array;
  /** Throws WireError `unknown_schema` for a frame of another schema, `not_canonical` for any other fault. */
  decodeFramed(record: Uint8Array): AlertRecord;
}

const SCHEMA: unknown = JSON.parse(SCHEMA_TEXTS.alert);
const PLAN: Plan = compileSchema(SCHEMA);
const FRAME: Uint8Array = Uint8Array.of(0xc3, 0x01, ...crc64Avro(parsingCanonicalForm(SCHEMA)));
const MARKER_BYTES = 2;

/** What the types of the fields do not say. */
function faultOf(alert: AlertRecord): string | null {
  if (alert.evidence.length > ALERT_EVIDENCE_MAX) return `evidence: ${alert.evidence.length} events, ${ALERT_EVIDENCE_MAX} are allowed`;
  if (alert.events_count < alert.evidence.length)
    return `events_count: ${alert.events_count} is less than the ${alert.evidence.length} events of evidence`;
  if (alert.last_seen < alert.first_seen) return 'last_seen: it is before first_seen';
  return null;
}

function encode(alert: AlertRecord): Uint8Array {
  const bytes = encodeRecord(PLAN, alert, ALERT_BYTES_MAX);
  const fault = faultOf(alert);
  if (fault !== null) throw new WireError('not_encodable', fault);
  return bytes;
}

function decode(bytes: Uint8Array): AlertRecord {
  const alert = decodeRecord(PLAN, bytes) as AlertRecord;
  const fault = faultOf(alert);
  if (fault !== null) throw new WireError('not_canonical', `Alert, ${fault}`);
  return alert;
}

function decodeFramed(record: Uint8Array): AlertRecord {
  const differs = FRAME.findIndex((byte, i) => record[i] !== byte);
  if (differs >= 0 && (differs < MARKER_BYTES || record.length < FRAME.length))
    throw new WireError('not_canonical', 'no single-object encoding: the record does not begin with C3 01 and a fingerprint');
  if (differs >= 0)
    throw new WireError('unknown_schema', 'the record is in a schema that is not schemas/alert.avsc: read it with a later build');
  return decode(record.subarray(FRAME.length));
}

const ALERT: AlertCodec = Object.freeze({
  fields: PLAN.inner,
  encode,
  decode,
  encodeFramed(alert: AlertRecord) {
    const bytes = encode(alert);
    const framed = new Uint8Array(FRAME.length + bytes.length);
    framed.set(FRAME);
    framed.set(bytes, FRAME.length);
    return framed;
  },
  decodeFramed,
});

export const alertCodec = (): AlertCodec => ALERT;
