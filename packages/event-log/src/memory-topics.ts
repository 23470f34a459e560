import { record_value_bytes_max } from './limits.ts';
import { partitionOf } from './partition.ts';
import type {
  AppendOutcome,
  AppendRefusal,
  LogBounds,
  LogRecord,
  ReadLimits,
  ReadOutcome,
  RecordToAppend,
  SourcePosition,
  TopicSettings,
  TopicToCreate,
} from './port.ts';
import { EventLogError } from './port.ts';

/** Waits `wait_ms`, or until `signal` aborts; then resolves. */
export type Sleep = (wait_ms: number, signal: AbortSignal) => Promise<void>;

interface StoredRecord {
  readonly offset: number;
  readonly appended_at_ms: number;
  readonly time_type: 'log_append_time' | 'create_time';
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
}

interface MemoryPartition {
  records: StoredRecord[];
  start: number;
  end: number;
}

interface MemoryTopic {
  settings: TopicSettings;
  readonly partitions: MemoryPartition[];
}

/** Topics and source positions of a memory log; every method takes effect at once, in the turn of its call. */
export class MemoryTopics {
  readonly #topics = new Map<string, MemoryTopic>();
  readonly #positions = new Map<string, string>();
  readonly #waiting = new Set<() => void>();
  readonly #clock_ms: () => number;
  readonly #sleep: Sleep;
  #created = 0;

  constructor(clock_ms: () => number, sleep: Sleep) {
    this.#clock_ms = clock_ms;
    this.#sleep = sleep;
  }

  create(wanted: TopicToCreate): void {
    if (this.#topics.has(wanted.topic)) return;
    if (!Number.isSafeInteger(wanted.partitions) || wanted.partitions < 1) {
      throw new EventLogError('log_misuse', `cannot create topic ${wanted.topic} with ${wanted.partitions} partitions: at least 1`);
    }
    this.#created += 1;
    this.#topics.set(wanted.topic, {
      settings: { ...wanted, topic_id: `memory-topic-${this.#created}`, time_type: 'log_append_time' },
      partitions: Array.from({ length: wanted.partitions }, emptyPartition),
    });
    this.#wake();
  }

  delete(topic: string): void {
    this.#topics.delete(topic);
    this.#wake();
  }

  settings(topic: string): TopicSettings | null {
    return this.#topics.get(topic)?.settings ?? null;
  }

  /** Changes settings of a topic; raising `partitions` adds empty ones, lowering hides the last ones for ever. */
  change(topic: string, changes: Partial<Omit<TopicSettings, 'topic' | 'topic_id'>>): void {
    const stored = this.#topics.get(topic);
    if (stored === undefined) throw noTopic(topic);
    stored.settings = { ...stored.settings, ...changes };
    while (stored.partitions.length < stored.settings.partitions) stored.partitions.push(emptyPartition());
    stored.partitions.length = stored.settings.partitions;
  }

  position(source: string): string | null {
    return this.#positions.get(source) ?? null;
  }

  /** All or none, the source position included. */
  append(records: readonly RecordToAppend[], position: SourcePosition | undefined): AppendOutcome {
    const chosen: {
      readonly record: RecordToAppend;
      readonly number: number;
      readonly partition: MemoryPartition;
      readonly topic: MemoryTopic;
    }[] = [];
    for (const record of records) {
      const topic = this.#topics.get(record.topic);
      if (topic === undefined) return refused('unknown_topic', `no topic ${record.topic}: create it before appending`);
      // A record without a key and without a partition goes to the first one: the log stays deterministic.
      const number = record.partition ?? (record.key === null ? 0 : partitionOf(record.key, topic.settings.partitions));
      const partition = topic.partitions[number];
      if (partition === undefined) return refused('unknown_topic', `topic ${record.topic} has no partition ${number}`);
      if (record.value.length > record_value_bytes_max) {
        return refused(
          'record_too_large',
          `a record of ${record.value.length} bytes for ${record.topic}: at most ${record_value_bytes_max}`,
        );
      }
      chosen.push({ record, number, partition, topic });
    }
    const now_ms = this.#clock_ms();
    const placed = chosen.map(({ record, number, partition, topic }) => {
      const offset = partition.end;
      partition.end += 1;
      partition.records.push({
        offset,
        appended_at_ms: now_ms,
        time_type: topic.settings.time_type,
        // Not slice(): a Buffer's is a view.
        key: record.key === null ? null : new Uint8Array(record.key),
        value: new Uint8Array(record.value),
      });
      return { partition: number, offset };
    });
    if (position !== undefined) this.#positions.set(position.source, position.value);
    this.#wake();
    return { kind: 'appended', placed };
  }

  /** Throws `EventLogError` `log_misuse` when there is no such partition. */
  bounds(topic: string, partition: number): LogBounds {
    const { start, end } = this.#partition(topic, partition);
    return { start, end };
  }

  /** Sleeps once; every change of the log until then makes it look again. */
  async read(topic: string, partition: number, from: number, limits: ReadLimits, lost: AbortSignal): Promise<ReadOutcome> {
    const read = (): ReadOutcome => (lost.aborted ? { kind: 'lost' } : this.#readNow(topic, partition, from, limits));
    const first = read();
    if (limits.wait_ms === 0 || !isEmpty(first)) return first;
    const ended = new AbortController();
    try {
      return await new Promise<ReadOutcome>((resolve, reject) => {
        const look = (): void => {
          const found = read();
          if (!isEmpty(found)) resolve(found);
        };
        this.#waiting.add(look);
        ended.signal.addEventListener('abort', () => this.#waiting.delete(look));
        lost.addEventListener('abort', look, { signal: ended.signal });
        this.#sleep(limits.wait_ms, ended.signal).then(() => resolve(read()), reject);
      });
    } finally {
      ended.abort();
    }
  }

  /** Retention: forgets the records below `before`. */
  truncateHead(topic: string, partition: number, before: number): void {
    const held = this.#partition(topic, partition);
    held.start = Math.min(Math.max(held.start, before), held.end);
    held.records = held.records.filter((record) => record.offset >= held.start);
    this.#wake();
  }

  /** Loses acknowledged records, as an unclean leader election does: the next append gets offset `end`. */
  truncateTail(topic: string, partition: number, end: number): void {
    const held = this.#partition(topic, partition);
    held.end = Math.min(Math.max(end, held.start), held.end);
    held.records = held.records.filter((record) => record.offset < held.end);
    this.#wake();
  }

  /** Leaves a gap of `count` offsets, as compaction and transaction markers do. */
  skipOffsets(topic: string, partition: number, count: number): void {
    this.#partition(topic, partition).end += count;
    this.#wake();
  }

  /** Appends what no producer of the port can: a record with a null value, or with a time of its own. */
  put(topic: string, partition: number, record: Partial<Omit<LogRecord, 'topic' | 'partition' | 'offset'>>): number {
    const held = this.#partition(topic, partition);
    const offset = held.end;
    held.end += 1;
    held.records.push({
      offset,
      appended_at_ms: record.appended_at_ms ?? this.#clock_ms(),
      time_type: record.time_type ?? this.settings(topic)?.time_type ?? 'log_append_time',
      key: record.key == null ? null : new Uint8Array(record.key),
      value: record.value == null ? null : new Uint8Array(record.value),
    });
    this.#wake();
    return offset;
  }

  /** Every record that is held, for an oracle. */
  records(topic: string, partition: number): readonly LogRecord[] {
    return this.#partition(topic, partition).records.map((record) => ({ topic, partition, ...record }));
  }

  #readNow(topic: string, partition: number, from: number, limits: ReadLimits): ReadOutcome {
    const held = this.#topics.get(topic)?.partitions[partition];
    if (held === undefined) return { kind: 'unavailable', cause: noPartition(topic, partition) };
    if (from < held.start || from > held.end) return { kind: 'out_of_range', start: held.start, end: held.end };
    const records: LogRecord[] = [];
    let bytes = 0;
    for (let at = firstAtOrAfter(held.records, from); at < held.records.length && records.length < limits.records_max; at += 1) {
      const record = held.records[at];
      if (record === undefined) break;
      bytes += (record.key?.length ?? 0) + (record.value?.length ?? 0);
      if (records.length > 0 && bytes > limits.bytes_max) break;
      records.push({ topic, partition, ...record, key: record.key?.slice() ?? null, value: record.value?.slice() ?? null });
    }
    return { kind: 'records', records };
  }

  #wake(): void {
    for (const look of this.#waiting) look();
  }

  #partition(topic: string, partition: number): MemoryPartition {
    const held = this.#topics.get(topic)?.partitions[partition];
    if (held === undefined) throw noPartition(topic, partition);
    return held;
  }
}

function isEmpty(outcome: ReadOutcome): boolean {
  return outcome.kind === 'records' && outcome.records.length === 0;
}

function emptyPartition(): MemoryPartition {
  return { records: [], start: 0, end: 0 };
}

function firstAtOrAfter(records: readonly StoredRecord[], offset: number): number {
  let low = 0;
  let high = records.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((records[middle]?.offset ?? 0) < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

function refused(code: AppendRefusal, message: string): AppendOutcome {
  return { kind: 'refused', code, cause: new EventLogError('log_misuse', message) };
}

function noTopic(topic: string): EventLogError {
  return new EventLogError('log_misuse', `no topic ${topic}: create it first`);
}

function noPartition(topic: string, partition: number): EventLogError {
  return new EventLogError(
    'log_misuse',
    `no partition ${partition} of topic ${topic}: create the topic, or ask for a partition that it has`,
  );
}
