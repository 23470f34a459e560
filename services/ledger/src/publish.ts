import type { PartitionKey } from '@sealtrail/ledger-store';
import { type Frontier, formatCheckpoint, frontierRoot, signNote } from '@sealtrail/merkle';
import type { RejectedRecord } from '@sealtrail/seal';
import { hex } from './metadata.ts';
import { type LedgerPorts, type LedgerSettings, operatorOrigin } from './ports.ts';

/** The record of `audit.rejected`: where the rejected record stands, and why. Its bytes are in the store, sealed. */
export function rejectedMessage(
  partition: PartitionKey,
  rejected: RejectedRecord,
): { readonly key: Uint8Array; readonly value: Uint8Array } {
  const { offset, reason, length, digest } = rejected.rejection;
  const id = `${partition.topic}/${partition.incarnation}/${partition.partition}/${offset}`;
  const value = {
    id,
    ...partition,
    offset,
    reason,
    detail: rejected.detail,
    length,
    digest: hex(digest),
    recorded_at: rejected.recorded_at,
  };
  return { key: new TextEncoder().encode(id), value: new TextEncoder().encode(JSON.stringify(value)) };
}

/** Sends rejected records to their topic. Throws when it does not plainly succeed; sending again is harmless: the id tells. */
export async function publishRejected(
  partition: PartitionKey,
  rejected: readonly RejectedRecord[],
  ports: LedgerPorts,
  settings: LedgerSettings,
): Promise<void> {
  if (rejected.length === 0) return;
  const records = rejected.map((one) => ({ topic: settings.rejected_topic, partition: 0, ...rejectedMessage(partition, one) }));
  const outcome = await ports.producer.append(records);
  if (outcome.kind !== 'appended') throw outcome.cause;
}

/** Signs the operator log's head and stores the note. Throws when it is not plainly stored; storing it again is harmless. */
export async function publishCheckpoint(
  partition: PartitionKey,
  operator: Frontier,
  ports: LedgerPorts,
  settings: LedgerSettings,
): Promise<void> {
  const origin = operatorOrigin(settings, partition.partition);
  const { key, sign } = ports.checkpointSigner(origin);
  const root = frontierRoot(ports.sha256, operator);
  const note = signNote(formatCheckpoint({ origin, size: operator.size, root }), key, sign);
  const outcome = await ports.store.insertCheckpoint({ origin, size: operator.size, root, note });
  if (outcome.kind !== 'stored') throw outcome.cause;
}
