import type { EventLogReader } from '@sealtrail/event-log';
import { alertCodec } from '@sealtrail/wire';
import { isCanaryAlert } from './canary.ts';
import type { CanaryPorts } from './canary-run.ts';

export interface AlertTopic {
  readonly reader: EventLogReader;
  readonly topic: string;
  /** Asked again where it throws. */
  readonly partitions: () => Promise<number>;
  readonly sleep: CanaryPorts['sleep'];
  /** The topic cannot be read; it is tried again. */
  readonly onFailure: (cause: Error) => void;
}

const READ_LIMITS = { records_max: 256, bytes_max: 1_048_576, wait_ms: 500 };
const RETRY_MS = 1_000;

/**
 * Reads the topic of alerts from its end on, so that a canary counts as seen when its alert stands where other systems read
 * it, whichever process raised it.
 */
export const followCanaryAlerts =
  (options: AlertTopic): CanaryPorts['follow'] =>
  async (take, ready, stop) => {
    const partitions = await untilKnown(options, stop);
    if (partitions === null) return;
    let waiting = partitions;
    const one = (): void => {
      waiting--;
      if (waiting === 0) ready();
    };
    await Promise.all(Array.from({ length: partitions }, (_, partition) => followPartition(options, partition, take, one, stop)));
  };

/** Null where `stop` aborted first. */
async function untilKnown({ partitions, sleep, onFailure }: AlertTopic, stop: AbortSignal): Promise<number | null> {
  while (!stop.aborted) {
    try {
      return await partitions();
    } catch (error) {
      onFailure(error as Error);
      await sleep(RETRY_MS, stop);
    }
  }
  return null;
}

async function followPartition(
  { reader, topic, sleep, onFailure }: AlertTopic,
  partition: number,
  take: (id: Uint8Array) => void,
  ready: () => void,
  stop: AbortSignal,
): Promise<void> {
  const failed = async (cause: Error): Promise<void> => {
    if (stop.aborted) return;
    onFailure(cause);
    await sleep(RETRY_MS, stop);
  };
  let next: number | null = null;
  while (!stop.aborted) {
    if (next === null) {
      try {
        next = (await reader.bounds(topic, partition)).end;
        ready();
      } catch (error) {
        await failed(error as Error);
      }
      continue;
    }
    const read = await reader.read(topic, partition, next, READ_LIMITS);
    switch (read.kind) {
      case 'records':
        for (const { offset, value } of read.records) {
          next = offset + 1;
          const id = value === null ? null : canaryIn(value);
          if (id !== null) take(id);
        }
        break;
      case 'out_of_range':
        next = Math.max(read.start, Math.min(next, read.end));
        break;
      case 'lost':
        return;
      case 'unavailable':
        await failed(read.cause);
    }
  }
}

/** The event id of the canary that an alert tells of; null for other alerts. What is no alert is passed by: others may write to the topic. */
function canaryIn(record: Uint8Array): Uint8Array | null {
  try {
    const alert = alertCodec().decodeFramed(record);
    return isCanaryAlert(alert) ? alert.anchor_event_id : null;
  } catch {
    return null;
  }
}
