import { createHash } from 'node:crypto';
import type { EventLogProducer } from '@sealtrail/event-log';
import { sha256 } from '@sealtrail/merkle/node';
import { parseHeader, walkBatch } from '@sealtrail/wire';

const EVENT_ID_BYTES = 16;

/**
 * A producer that tells the ids of the events that the log has confirmed to be durable, once an append that succeeded. The
 * id is the first field behind an event's object section (docs/spec/event.md).
 */
export function withConfirmed(producer: EventLogProducer, onConfirmed: (ids: readonly string[]) => void): EventLogProducer {
  const hashing = sha256();
  const idsOf = (record: Uint8Array): string[] => {
    const parsed = parseHeader(record, hashing);
    const batch = parsed.kind === 'refused' ? parsed : walkBatch(parsed, hashing);
    if (batch.kind === 'refused') throw new Error(`a batch that was sent does not parse: ${batch.reason} at byte ${batch.at}`);
    return Array.from({ length: batch.header.count }, (_, i) => {
      const at = batch.ends[3 * i + 1] as number;
      return Buffer.from(record.buffer, record.byteOffset + at, EVENT_ID_BYTES).toString('hex');
    });
  };
  return {
    async append(records, position) {
      const outcome = await producer.append(records, position);
      if (outcome.kind === 'appended') onConfirmed(records.flatMap(({ value }) => idsOf(value)));
      return outcome;
    },
    position: (source) => producer.position(source),
    close: () => producer.close(),
  };
}

/** SHA-256 of the ids in hex, sorted, one a line: what `sort FILE | sha256sum` prints. */
export function digestOfIds(ids: readonly string[]): string {
  const digest = createHash('sha256');
  for (const id of [...ids].sort()) digest.update(`${id}\n`);
  return digest.digest('hex');
}
