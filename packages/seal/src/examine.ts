import { type LogRecord, partitionOf } from '@sealtrail/event-log';
import type { Ed25519Verify, Sha256 } from '@sealtrail/merkle';
import {
  BATCH_BYTES_MAX,
  type EventSchema,
  parseHeader,
  type RejectReason,
  verifyBatchSignature,
  type WalkedBatch,
  walkBatch,
} from '@sealtrail/wire';
import { judgeKey, type Registry } from './registry.ts';
import type { PartitionIdentity } from './state.ts';

/** A record judged on its own: all but its sequence number, which needs the tenant's state. */
export type ExaminedRecord =
  | { readonly kind: 'sound'; readonly record: LogRecord; readonly batch: WalkedBatch }
  | { readonly kind: 'rejected'; readonly record: LogRecord; readonly reason: RejectReason; readonly detail: string };

export interface ExamineContext {
  readonly sha256: Sha256;
  readonly verify: Ed25519Verify;
  readonly identity: PartitionIdentity;
  readonly registry: Registry;
  /** The event schemas that are known; those of this build when absent. */
  readonly schemas?: readonly EventSchema[];
}

/**
 * Judges one record: limits and header first, then audience, partition, key, signature, then the events. A pure function of
 * the bytes, the identity, `recordedAt` and the registry. docs/spec/batch.md has the steps and their reason codes.
 */
export function examineRecord(context: ExamineContext, record: LogRecord, recordedAt: number): ExaminedRecord {
  const rejected = (reason: RejectReason, detail: string): ExaminedRecord => ({ kind: 'rejected', record, reason, detail });
  if (record.value === null) return rejected('malformed', 'the record has no value');
  if (record.value.length > BATCH_BYTES_MAX)
    return rejected('too_large', `a record of ${record.value.length} bytes; ${BATCH_BYTES_MAX} are allowed`);
  if (record.time_type !== 'log_append_time') return rejected('time_type', 'the record carries a time that its producer chose');

  const parsed = parseHeader(record.value, context.sha256, context.schemas);
  if (parsed.kind === 'refused') return rejected(parsed.reason, `byte ${parsed.at}: ${parsed.detail}`);
  const { header } = parsed;
  const { identity } = context;
  if (header.audience !== identity.audience) return rejected('wrong_audience', 'the batch is meant for another deployment');
  if (record.key === null || !isAscii(record.key, header.tenant) || partitionOf(record.key, identity.partitions) !== identity.partition) {
    return rejected('wrong_partition', 'the record’s key is not its tenant, or its tenant belongs on another partition');
  }
  const key = judgeKey(context.registry, header, recordedAt);
  if (key.kind === 'refused') return rejected(key.reason, key.detail);
  if (!verifyBatchSignature(context.verify, key.public_key, header.key_id, parsed.header_bytes, parsed.signature)) {
    return rejected('signature_invalid', 'the signature does not verify');
  }

  const batch = walkBatch(parsed, context.sha256);
  return batch.kind === 'refused' ? rejected(batch.reason, `byte ${batch.at}: ${batch.detail}`) : { kind: 'sound', record, batch };
}

function isAscii(bytes: Uint8Array, text: string): boolean {
  if (bytes.length !== text.length) return false;
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== text.charCodeAt(i)) return false;
  return true;
}

/** recorded_at of a record: never before that of the record before it, whatever the broker's clock does. */
export const recordedAtOf = (record: LogRecord, previous: number): number => Math.max(record.appended_at_ms, previous);
