import { createHash } from 'node:crypto';
import {
  type AppendOutcome,
  type AppendRefusal,
  EventLogError,
  type LogBounds,
  type LogRecord,
  partitionOf,
  type ReadLimits,
  type ReadOutcome,
  type RecordToAppend,
  record_value_bytes_max,
  type SourcePosition,
  type TopicSettings,
  type TopicToCreate,
} from '@sealtrail/event-log';
import {
  assertName,
  corrupt,
  decodeHead,
  decodeNumber,
  decodeRecord,
  decodeTopic,
  encodeHead,
  encodeNumber,
  encodeRecord,
  encodeTopic,
  keyOfName,
  partitionKey,
  recordBytes,
  recordKey,
  settingsOf,
  type TopicRow,
} from './rows.ts';
import { bytes_held_key, type LogTables, topics_key } from './tables.ts';

interface Placed {
  readonly record: RecordToAppend;
  readonly topic: TopicRow;
  readonly partition: number;
  readonly offset: number;
}

/** What an append writes, in bytes. */
export const appendedBytes = (records: readonly RecordToAppend[]): number =>
  records.reduce((sum, { key, value }) => sum + recordBytes(key, value), 0);

/** Records of one transaction when old ones are dropped. */
const dropped_records_max = 1_000;

/**
 * Topics, records and source positions. Methods that end in `Inside` run inside a transaction of the write queue, the others
 * outside.
 */
export class Records {
  readonly #tables: LogTables;
  readonly #size_bytes_max: number;
  readonly #random: (bytes: number) => Uint8Array;
  /** Rows of topics never change and never go. */
  readonly #topics = new Map<string, TopicRow>();
  #scratch: Buffer = Buffer.alloc(256 * 1024);

  constructor(tables: LogTables, size_bytes_max: number, random: (bytes: number) => Uint8Array) {
    this.#tables = tables;
    this.#size_bytes_max = size_bytes_max;
    this.#random = random;
  }

  topic(name: string): TopicRow | null {
    const known = this.#topics.get(name);
    if (known !== undefined) return known;
    this.#tables.env.resetReadTxn();
    const stored = this.#storedTopic(name);
    if (stored !== null) this.#topics.set(name, stored);
    return stored;
  }

  settings(name: string): TopicSettings | null {
    const row = this.topic(name);
    return row === null ? null : settingsOf(name, row);
  }

  createTopicsInside(wanted: readonly TopicToCreate[]): void {
    for (const { topic, partitions, cleanup_policy } of wanted) {
      if (!Number.isSafeInteger(partitions) || partitions < 1) {
        throw new EventLogError('log_misuse', `cannot create topic ${topic} with ${partitions} partitions: at least 1`);
      }
      if (this.#storedTopic(topic) !== null) continue;
      const number = this.#number(topics_key) + 1;
      this.#tables.meta.putSync(topics_key, encodeNumber(number));
      const row: TopicRow = { number, partitions, cleanup_policy, id: this.#random(16) };
      this.#tables.topics.putSync(assertName('topic', topic), encodeTopic(row));
      for (let partition = 0; partition < partitions; partition += 1) {
        this.#tables.heads.putSync(partitionKey(row, partition), encodeHead({ start: 0, end: 0 }));
      }
    }
  }

  appendInside(records: readonly RecordToAppend[], position: SourcePosition | undefined, now_ms: number): AppendOutcome {
    const { heads, records: table, positions, meta } = this.#tables;
    const ends = new Map<string, { readonly key: Buffer; readonly start: number; end: number }>();
    const placed: Placed[] = [];
    // Everything is judged before anything is written: a refusal leaves the others of the transaction alone.
    for (const record of records) {
      const topic = this.#topics.get(record.topic) ?? this.#storedTopic(record.topic);
      if (topic === null) return refused('unknown_topic', `no topic ${record.topic}: create it before appending`);
      // Without a key and a partition the first one: the log stays the same for the same appends.
      const partition = record.partition ?? (record.key === null ? 0 : partitionOf(record.key, topic.partitions));
      if (!hasPartition(topic, partition)) return refused('unknown_topic', `topic ${record.topic} has no partition ${partition}`);
      if (record.value.length > record_value_bytes_max) {
        const told = `a record of ${record.value.length} bytes for ${record.topic}: at most ${record_value_bytes_max}`;
        return refused('record_too_large', told);
      }
      const place = `${topic.number}/${partition}`;
      let head = ends.get(place);
      if (head === undefined) {
        const key = partitionKey(topic, partition);
        head = { key, ...this.#head(key) };
        ends.set(place, head);
      }
      placed.push({ record, topic, partition, offset: head.end });
      head.end += 1;
    }
    const held = this.#number(bytes_held_key) + appendedBytes(records);
    if (held > this.#size_bytes_max) return noSpace(held, this.#size_bytes_max);

    for (const { record, topic, partition, offset } of placed) {
      const row = { appended_at_ms: now_ms, key: record.key, value: record.value };
      table.putSync(recordKey(topic, partition, offset), encodeRecord(this.#room(recordBytes(record.key, record.value)), row));
    }
    for (const { key, start, end } of ends.values()) heads.putSync(key, encodeHead({ start, end }));
    if (records.length > 0) meta.putSync(bytes_held_key, encodeNumber(held));
    if (position !== undefined) positions.putSync(positionKey(position.source), Buffer.from(position.value));
    return { kind: 'appended', placed: placed.map(({ partition, offset }) => ({ partition, offset })) };
  }

  position(source: string): string | null {
    this.#tables.env.resetReadTxn();
    return this.#tables.positions.getBinary(positionKey(source))?.toString() ?? null;
  }

  /** Throws EventLogError `log_misuse` when there is no such partition. */
  bounds(topic: string, partition: number): LogBounds {
    const row = this.topic(topic);
    if (row === null || !hasPartition(row, partition)) throw noPartition(topic, partition);
    this.#tables.env.resetReadTxn();
    const { start, end } = this.#head(partitionKey(row, partition));
    return { start, end };
  }

  read(topic: string, partition: number, from: number, limits: ReadLimits): ReadOutcome {
    const row = this.topic(topic);
    if (row === null || !hasPartition(row, partition)) return { kind: 'unavailable', cause: noPartition(topic, partition) };
    this.#tables.env.resetReadTxn();
    const { start, end } = this.#head(partitionKey(row, partition));
    if (from < start || from > end) return { kind: 'out_of_range', start, end };
    const table = this.#tables.records;
    const found: LogRecord[] = [];
    let bytes = 0;
    for (let offset = from; offset < end && found.length < limits.records_max; offset += 1) {
      const lent = table.getBinaryFast(recordKey(row, partition, offset));
      if (lent === undefined) throw corrupt(`no record ${topic}/${partition}/${offset}, between others,`);
      // Read at once: the length of what was lent changes with the next read.
      const length = lent.length;
      bytes += length - recordBytes(null, new Uint8Array(0));
      if (found.length > 0 && bytes > limits.bytes_max) break;
      found.push({ topic, partition, offset, time_type: 'log_append_time', ...decodeRecord(lent, length) });
    }
    return { kind: 'records', records: found };
  }

  /** Drops the oldest records below `before`; true when some are left to drop. */
  dropBeforeInside(topic: TopicRow, partition: number, before: number): boolean {
    const { heads, records, meta } = this.#tables;
    const key = partitionKey(topic, partition);
    const { start, end } = this.#head(key);
    const target = Math.min(before, end);
    const until = Math.min(target, start + dropped_records_max);
    if (until <= start) return false;
    let freed = 0;
    for (let offset = start; offset < until; offset += 1) {
      const record = recordKey(topic, partition, offset);
      freed += records.getBinaryFast(record)?.length ?? 0;
      records.removeSync(record);
    }
    heads.putSync(key, encodeHead({ start: until, end }));
    meta.putSync(bytes_held_key, encodeNumber(Math.max(this.#number(bytes_held_key) - freed, 0)));
    return until < target;
  }

  /** Changes nothing, in a transaction that LMDB does not take for empty. */
  touchInside(): void {
    this.#tables.meta.putSync(bytes_held_key, encodeNumber(this.#number(bytes_held_key)));
  }

  #storedTopic(name: string): TopicRow | null {
    // A name that no topic can have is not an error of who asks for it.
    const key = keyOfName(name);
    const stored = key === null ? undefined : this.#tables.topics.getBinary(key);
    return stored === undefined ? null : decodeTopic(stored);
  }

  #head(key: Buffer): LogBounds {
    const stored = this.#tables.heads.getBinary(key);
    if (stored === undefined) throw corrupt('a partition without bounds');
    return decodeHead(stored);
  }

  #number(key: Buffer): number {
    const stored = this.#tables.meta.getBinary(key);
    return stored === undefined ? 0 : decodeNumber(stored);
  }

  /** LMDB copies what it is given at once, so that all records share one buffer. */
  #room(bytes: number): Buffer {
    if (this.#scratch.length < bytes) this.#scratch = Buffer.alloc(bytes * 2);
    return this.#scratch;
  }
}

export const noPartition = (topic: string, partition: number): EventLogError =>
  new EventLogError('log_misuse', `no partition ${partition} of topic ${topic}: create the topic, or ask for a partition that it has`);

export const hasPartition = (topic: TopicRow, partition: number): boolean =>
  Number.isSafeInteger(partition) && partition >= 0 && partition < topic.partitions;

/** A source may be called anything, of any length. */
const positionKey = (source: string): Buffer => createHash('sha256').update(source).digest();

const refused = (code: AppendRefusal, message: string): AppendOutcome => ({
  kind: 'refused',
  code,
  cause: new EventLogError('log_misuse', message),
});

const noSpace = (bytes: number, bytes_max: number): AppendOutcome => ({
  kind: 'refused',
  code: 'no_space',
  cause: new EventLogError(
    'log_no_space',
    `the event log would hold ${bytes} bytes of records, ${bytes_max} are allowed: drop old records, or allow more`,
  ),
});
