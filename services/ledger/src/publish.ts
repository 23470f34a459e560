import { EventLogError } from '@sealtrail/event-log';
import { LedgerStoreError, type PartitionKey, type RejectedRow } from '@sealtrail/ledger-store';
import { type Frontier, formatCheckpoint, frontierRoot, hexOf, signNote } from '@sealtrail/merkle';
import type { RejectedRecord } from '@sealtrail/seal';
import type { Rejection, Round } from '@sealtrail/wire';
import { reasonOf } from './partition.ts';
import { type LedgerPorts, type LedgerSettings, operatorOrigin } from './ports.ts';

type Rejected = Rejection & Pick<RejectedRow, 'detail' | 'recorded_at'>;

/** The record of `audit.rejected`: where the rejected record stands, and why. Its bytes are in the store, sealed. */
function rejectedMessage(partition: PartitionKey, rejected: Rejected): { readonly key: Uint8Array; readonly value: Uint8Array } {
  const { offset, reason, detail, length, digest, recorded_at } = rejected;
  const { topic, incarnation, partition: number } = partition;
  const id = `${topic}/${incarnation}/${number}/${offset}`;
  const value = { id, topic, incarnation, partition: number, offset, reason, detail, length, digest: hexOf(digest), recorded_at };
  return { key: new TextEncoder().encode(id), value: new TextEncoder().encode(JSON.stringify(value)) };
}

/**
 * Sends a round's rejected records to their topic. Sending them again is harmless: the id tells. Throws EventLogError
 * `log_unavailable`, `log_no_space` when it does not plainly succeed.
 */
export const publishRejected = (
  partition: PartitionKey,
  rejected: readonly RejectedRecord[],
  ports: LedgerPorts,
  settings: LedgerSettings,
): Promise<void> =>
  append(
    partition,
    rejected.map(({ rejection, detail, recorded_at }) => ({ ...rejection, detail, recorded_at })),
    ports,
    settings,
  );

/** The same, from the rows of a round that was committed earlier. */
export async function publishRejectedRows(
  partition: PartitionKey,
  round: Round,
  ports: LedgerPorts,
  settings: LedgerSettings,
): Promise<void> {
  if (round.rejected === 0) return;
  for await (const page of ports.store.rejected({ partition, offsets: { from: round.from, to: round.to } })) {
    await append(partition, page, ports, settings);
  }
}

async function append(partition: PartitionKey, rejected: readonly Rejected[], ports: LedgerPorts, settings: LedgerSettings): Promise<void> {
  if (rejected.length === 0) return;
  const topic = settings.rejected_topic;
  const outcome = await ports.producer.append(rejected.map((one) => ({ topic, partition: 0, ...rejectedMessage(partition, one) })));
  if (outcome.kind === 'appended') return;
  const isFull = outcome.kind === 'refused' && outcome.code === 'no_space';
  const why = outcome.kind === 'refused' ? `refused (${outcome.code})` : 'not confirmed';
  throw new EventLogError(
    isFull ? 'log_no_space' : 'log_unavailable',
    `${rejected.length} records for ${topic} were ${why} and are sent again: ${reasonOf(outcome.cause)}`,
    {
      cause: outcome.cause,
    },
  );
}

/** Signs the operator log's head and stores the note; storing it again is harmless. Throws LedgerStoreError `store_unavailable`. */
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
  if (outcome.kind === 'stored') return;
  throw new LedgerStoreError(
    'store_unavailable',
    `checkpoint ${operator.size} of ${origin} is inserted again: ${reasonOf(outcome.cause)}`,
    {
      cause: outcome.cause,
    },
  );
}
