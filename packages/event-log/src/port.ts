/**
 * The event log: partitioned, append-only, with consumer groups that fence. Kafka behind a port; every adapter passes
 * `@sealtrail/event-log/conformance`.
 *
 * Offsets are numbers: a log longer than 2^53 records is refused by the adapters.
 */

/** A record as it stands in the log. */
export interface LogRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** The time that the log gave the record, in ms since 1970. */
  readonly appended_at_ms: number;
  /** Only `log_append_time` is the log's own word; the ledger rejects the other (`time_type`). */
  readonly time_type: 'log_append_time' | 'create_time';
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
}

export interface RecordToAppend {
  readonly topic: string;
  /** Chosen by `partitionOf(key, partitions)` when absent. */
  readonly partition?: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array;
}

/** A reader's place in a source, stored in the same transaction as the records that it covers. */
export interface SourcePosition {
  readonly source: string;
  readonly value: string;
}

export type AppendOutcome =
  | { readonly kind: 'appended'; readonly placed: readonly { readonly partition: number; readonly offset: number }[] }
  /** May or may not have been appended. Sending the same bytes again is safe: the ledger recognises duplicates. */
  | { readonly kind: 'unknown'; readonly cause: Error }
  /** Was not appended, and will not be if tried again unchanged. */
  | { readonly kind: 'refused'; readonly code: AppendRefusal; readonly cause: Error };
export type AppendRefusal = 'unknown_topic' | 'record_too_large' | 'closed' | 'no_space';

export interface EventLogProducer {
  /**
   * Appends in order, all or none where the log can (LMDB), else per partition in order. Durable when it resolves; until
   * then the arrays must stay as they are.
   */
  append(records: readonly RecordToAppend[], position?: SourcePosition): Promise<AppendOutcome>;
  /** The last position appended for a source; null when there is none. */
  position(source: string): Promise<string | null>;
  close(): Promise<void>;
}

export interface ReadLimits {
  readonly records_max: number;
  /** Soft: the first record is returned whatever its size. */
  readonly bytes_max: number;
  /** How long to wait for the first record; 0 does not wait. */
  readonly wait_ms: number;
}

export type ReadOutcome =
  /** In order, contiguous from `from` unless the log itself has a gap; empty when nothing came within wait_ms. */
  | { readonly kind: 'records'; readonly records: readonly LogRecord[] }
  /** `from` is before the first offset that the log still holds, or after its end. */
  | { readonly kind: 'out_of_range'; readonly start: number; readonly end: number }
  | { readonly kind: 'lost' }
  | { readonly kind: 'unavailable'; readonly cause: Error };

export interface LogBounds {
  /** First offset that is still held. */
  readonly start: number;
  /** Offset that the next record will get. */
  readonly end: number;
}

/** Reads without a group. */
export interface EventLogReader {
  /** Throws `EventLogError` when the log cannot be reached. */
  bounds(topic: string, partition: number): Promise<LogBounds>;
  read(topic: string, partition: number, from: number, limits: ReadLimits): Promise<ReadOutcome>;
  close(): Promise<void>;
}

export interface CommittedOffset {
  readonly offset: number;
  readonly metadata: string;
}

export type CommitOutcome =
  | { readonly kind: 'committed' }
  /** The log refused it: this member no longer holds the partition. It did not take effect. */
  | { readonly kind: 'fenced'; readonly cause: Error }
  /** It may or may not have taken effect. A retry inside the same generation can fork the ledger. */
  | { readonly kind: 'unknown'; readonly cause: Error };

/** One assignment of one partition to this member, from the moment it is given until it is lost. */
export interface Assignment {
  readonly topic: string;
  readonly partition: number;
  /** Aborted when the partition is taken away or the consumer stops. */
  readonly lost: AbortSignal;
  /** The group's committed offset; null when there is none. Throws `EventLogError` when it cannot be learnt. */
  committed(): Promise<CommittedOffset | null>;
  /** Throws `EventLogError` when it cannot be learnt. */
  bounds(): Promise<LogBounds>;
  /** Any offset may be asked for, also earlier ones again. */
  read(from: number, limits: ReadLimits): Promise<ReadOutcome>;
  /** Asks the log whether this member still holds the partition. Throws `EventLogError` when it cannot be learnt. */
  holds(): Promise<boolean>;
  /**
   * Commits `offset` (the next to be read) for the group, with metadata of at most 4,096 characters. Exactly one commit
   * is sent a call; never retried inside.
   */
  commit(offset: number, metadata: string): Promise<CommitOutcome>;
}

export type ConsumerEnd =
  | { readonly kind: 'stopped' }
  /** The consumer cannot go on; the process should exit and be restarted. */
  | { readonly kind: 'failed'; readonly cause: Error };

export interface EventLogConsumer {
  /**
   * Joins the group and calls `handle` once for each assignment, side by side for several partitions. When `handle`
   * returns, the partition stays assigned but rests until the next assignment; when it throws, `run` ends as `failed`.
   * Ends when `stop` aborts, after every `handle` has returned.
   */
  run(handle: (assignment: Assignment) => Promise<void>, stop: AbortSignal): Promise<ConsumerEnd>;
}

export interface TopicSettings {
  readonly topic: string;
  readonly partitions: number;
  /** Differs when a topic was deleted and created again. */
  readonly topic_id: string;
  readonly time_type: 'log_append_time' | 'create_time';
  readonly cleanup_policy: 'delete' | 'compact' | 'none';
}

export interface TopicToCreate {
  readonly topic: string;
  readonly partitions: number;
  readonly cleanup_policy: 'delete' | 'none';
}

export interface EventLogAdmin {
  /** null when there is no such topic. Throws `EventLogError` when the log cannot be reached. */
  topic(topic: string): Promise<TopicSettings | null>;
  /** What a group has committed, asked without joining it; null when there is nothing. Throws `EventLogError`. */
  committed(group: string, topic: string, partition: number): Promise<CommittedOffset | null>;
  /** Creates what is missing and leaves what exists as it is. */
  createTopics(topics: readonly TopicToCreate[]): Promise<void>;
  close(): Promise<void>;
}

export interface EventLog {
  producer(): Promise<EventLogProducer>;
  reader(): Promise<EventLogReader>;
  consumer(options: { readonly group: string; readonly topic: string }): Promise<EventLogConsumer>;
  admin(): Promise<EventLogAdmin>;
  close(): Promise<void>;
}

export type EventLogErrorCode = 'log_unavailable' | 'log_closed' | 'log_corrupt' | 'log_no_space' | 'log_misuse';

export class EventLogError extends Error {
  readonly code: EventLogErrorCode;
  constructor(code: EventLogErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'EventLogError';
    this.code = code;
  }
}
