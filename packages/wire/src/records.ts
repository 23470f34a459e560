import type { Sha256 } from '@sealtrail/merkle';
import { compileSchema, type Plan } from './avro/plan.ts';
import { Fault, Reader } from './avro/reader.ts';
import { Writer } from './avro/writer.ts';
import { WireError } from './errors.ts';
import { refusalOf } from './event.ts';
import { SCHEMA_TEXTS } from './generated/schemas.ts';
import { MANIFEST_BYTES_MAX } from './limits.ts';
import type { BatchManifest, Duplicate, EntryProof, KeyRecord, LogHead, LogIdentity, Rejection, Round } from './values.ts';

const LEAF_VERSION = 1;

/**
 * The small records, each with its canonical Avro bytes and its leaf hash SHA-256(0x00 ‖ letter ‖ 0x01 ‖ bytes).
 * `decode` accepts only what `encode` would write, whole (throws WireError `not_canonical`); `encode` throws
 * `not_encodable`. Letters: M manifest, R round, H head, J rejection, D duplicate, K key record.
 */
export interface RecordCodec<T> {
  readonly letter: string;
  /** Fields in order, with their types and documentation. */
  readonly fields: readonly Plan[];
  encode(value: T): Uint8Array;
  decode(bytes: Uint8Array): T;
  leafHash(sha256: Sha256, bytes: Uint8Array): Uint8Array;
}

/** Room for most records; one that needs more gets it. */
const FIRST_ROOM = 2_048;

/** A manifest, an event and the paths between them. */
const ENTRY_PROOF_BYTES_MAX = 131_072;

/** Throws WireError `not_encodable`. */
export function encodeRecord(plan: Plan, value: unknown, bytesMax: number = MANIFEST_BYTES_MAX): Uint8Array {
  for (const room of [FIRST_ROOM, bytesMax]) {
    const writer = new Writer(new Uint8Array(room), 0, room);
    try {
      writer.write(plan, value);
      return writer.out.slice(0, writer.at);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }
  throw new WireError('not_encodable', `a ${plan.typeName} of more than ${bytesMax} bytes`);
}

/** Throws WireError `not_canonical`. */
export function decodeRecord(plan: Plan, bytes: Uint8Array): unknown {
  try {
    const reader = new Reader(bytes, 0, bytes.length);
    const value = reader.read(plan);
    if (reader.at !== bytes.length)
      throw new Fault('malformed', `${bytes.length - reader.at} bytes follow the ${plan.typeName}`, reader.at);
    return value;
  } catch (error) {
    const { detail, at } = refusalOf(error);
    throw new WireError('not_canonical', `${plan.typeName}, byte ${at}: ${detail}`);
  }
}

function codec<T>(letter: string, schema: keyof typeof SCHEMA_TEXTS): RecordCodec<T> {
  const plan = compileSchema(JSON.parse(SCHEMA_TEXTS[schema]));
  const code = letter.charCodeAt(0);
  return Object.freeze({
    letter,
    fields: plan.inner,
    encode: (value: T) => encodeRecord(plan, value),
    decode: (bytes: Uint8Array) => decodeRecord(plan, bytes) as T,
    leafHash(sha256: Sha256, bytes: Uint8Array) {
      const input = new Uint8Array(3 + bytes.length);
      input.set([0, code, LEAF_VERSION]);
      input.set(bytes, 3);
      return sha256.digest(input);
    },
  });
}

const MANIFEST: RecordCodec<BatchManifest> = codec('M', 'batch-manifest');
const ROUND: RecordCodec<Round> = codec('R', 'round');
const HEAD: RecordCodec<LogHead> = codec('H', 'log-head');
const REJECTION: RecordCodec<Rejection> = codec('J', 'rejection');
const DUPLICATE: RecordCodec<Duplicate> = codec('D', 'duplicate');
const KEY_RECORD: RecordCodec<KeyRecord> = codec('K', 'key-record');
const ENTRY_PROOF_PLAN: Plan = compileSchema(JSON.parse(SCHEMA_TEXTS['entry-proof']));
const ENTRY_PROOF: Pick<RecordCodec<EntryProof>, 'fields' | 'encode' | 'decode'> = Object.freeze({
  fields: ENTRY_PROOF_PLAN.inner,
  encode: (value: EntryProof) => encodeRecord(ENTRY_PROOF_PLAN, value, ENTRY_PROOF_BYTES_MAX),
  decode: (bytes: Uint8Array) => decodeRecord(ENTRY_PROOF_PLAN, bytes) as EntryProof,
});
const LOG_IDENTITY: Plan = compileSchema(JSON.parse(SCHEMA_TEXTS['log-identity']));

export const manifestCodec = (): RecordCodec<BatchManifest> => MANIFEST;
export const roundCodec = (): RecordCodec<Round> => ROUND;
export const headCodec = (): RecordCodec<LogHead> => HEAD;
export const rejectionCodec = (): RecordCodec<Rejection> => REJECTION;
export const duplicateCodec = (): RecordCodec<Duplicate> => DUPLICATE;
export const keyRecordCodec = (): RecordCodec<KeyRecord> => KEY_RECORD;
/** It is no leaf of any tree, so it has no letter. */
export const entryProofCodec = (): Pick<RecordCodec<EntryProof>, 'fields' | 'encode' | 'decode'> => ENTRY_PROOF;

const LOG_ID_BYTES = 16;

/** First 16 bytes of SHA-256 over the Avro bytes of the identity. docs/spec/manifest.md */
export const logId = (sha256: Sha256, identity: LogIdentity): Uint8Array =>
  sha256.digest(encodeRecord(LOG_IDENTITY, identity)).slice(0, LOG_ID_BYTES);
