import type { Sha256 } from '@sealtrail/merkle';
import type { BatchManifest, Duplicate, KeyRecord, LogHead, LogIdentity, PredecessorLog, Rejection, Round } from './values.ts';

const todo = (): never => {
  throw new Error('not written yet');
};

/**
 * The small records, each with its canonical Avro bytes and its leaf hash SHA-256(0x00 ‖ letter ‖ 0x01 ‖ bytes).
 * `decode` accepts only what `encode` would write, whole (throws WireError `not_canonical`); `encode` throws
 * `not_encodable`. Letters: M manifest, R round, H head, J rejection, D duplicate, K key record.
 */
export interface RecordCodec<T> {
  readonly letter: string;
  encode(value: T): Uint8Array;
  decode(bytes: Uint8Array): T;
  leafHash(sha256: Sha256, bytes: Uint8Array): Uint8Array;
}

export const manifestCodec = (): RecordCodec<BatchManifest> => todo();
export const roundCodec = (): RecordCodec<Round> => todo();
export const headCodec = (): RecordCodec<LogHead> => todo();
export const rejectionCodec = (): RecordCodec<Rejection> => todo();
export const duplicateCodec = (): RecordCodec<Duplicate> => todo();
export const keyRecordCodec = (): RecordCodec<KeyRecord> => todo();

/** First 16 bytes of SHA-256 over the Avro bytes of the identity. docs/spec/manifest.md */
export const logId = (sha256: Sha256, identity: LogIdentity): Uint8Array => (void sha256, void identity, todo());
export type { PredecessorLog };
