import type { LogRecord, ReadLimits } from '@sealtrail/event-log';
import { halted, lost, type Partition, pause, throwWhenCorrupt } from './partition.ts';

/**
 * The records from `from` on, without a gap; empty when none came within the limits' wait. Throws PartitionEnd: lost, or
 * halted with `log_truncated`, `topic_replaced`, `offset_gap`, `log_corrupt`.
 */
export async function readRecords(partition: Partition, from: number, limits: ReadLimits): Promise<readonly LogRecord[]> {
  const { assignment, ports, key } = partition;
  for (;;) {
    if (partition.lost.aborted) throw lost();
    const read = await assignment.read(from, limits);
    switch (read.kind) {
      case 'records':
        checkContiguous(partition, from, read.records);
        return read.records;
      case 'lost':
        throw lost();
      case 'out_of_range':
        throw outOfRange(partition, from, read);
      case 'unavailable':
        throwWhenCorrupt(partition, read.cause);
        ports.events.waiting(key, 'reading the event log', read.cause);
        await pause(partition);
    }
  }
}

/** Every record of [from, to), which the log must still hold in full. */
export async function readAllRecords(partition: Partition, from: number, to: number): Promise<readonly LogRecord[]> {
  const { settings } = partition;
  const records: LogRecord[] = [];
  for (let at = from; at < to; ) {
    const read = await readRecords(partition, at, {
      records_max: Math.min(settings.round_records_max, to - at),
      bytes_max: settings.round_bytes_max,
      wait_ms: 0,
    });
    if (read.length === 0) throw outOfRange(partition, at, { start: from, end: at });
    records.push(...read);
    at += read.length;
  }
  return records;
}

function checkContiguous(partition: Partition, from: number, records: readonly LogRecord[]): void {
  records.forEach((record, i) => {
    if (record.offset === from + i) return;
    throw halted(
      partition,
      'offset_gap',
      `offset ${from + i} is wanted and the log gives ${record.offset}; nobody knows what the missing records held: ` +
        'see whether the topic was compacted or written by transactions, and restore it',
    );
  });
}

function outOfRange(partition: Partition, from: number, bounds: { readonly start: number; readonly end: number }): Error {
  if (from < bounds.start) {
    return halted(
      partition,
      'log_truncated',
      `offset ${from} is not sealed and the log begins at ${bounds.start}: records were dropped before they were sealed; ` +
        'restore the topic, or start a new incarnation and keep this message as the record of the loss',
    );
  }
  return halted(
    partition,
    'topic_replaced',
    `offset ${from} is wanted and the log ends at ${bounds.end}: the topic lost records that were sealed, or is another one; ` +
      'restore it, or raise the incarnation',
  );
}
