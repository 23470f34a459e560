import { AlertingError } from '@sealtrail/alerting';
import type { AlertStore } from '@sealtrail/ledger-store';

/**
 * Queues a dead letter again, with all attempts before it, where the detector that sends it runs elsewhere: the active instance
 * takes it up within half a minute. Throws AlertingError `message_unknown`, and the store's errors.
 */
export async function queueAgain(
  store: Pick<AlertStore, 'delivery' | 'insertDeliveries'>,
  { notifier, message_id, now_ms }: { readonly notifier: string; readonly message_id: string; readonly now_ms: number },
): Promise<void> {
  const row = await store.delivery(notifier, message_id);
  if (row?.state !== 'DEAD') {
    const what = `notifier ${notifier} has no dead letter ${message_id.slice(0, 64)}: list them to see what can be sent again`;
    throw new AlertingError('message_unknown', what);
  }
  const again = { ...row, sequence: row.sequence + 1, state: 'QUEUED', attempts: 0, updated_at: now_ms, next_attempt_at: now_ms } as const;
  const outcome = await store.insertDeliveries([again]);
  if (outcome.kind !== 'stored') throw outcome.cause;
}
