import type { KafkaConfig } from 'kafkajs';

/** How brokers are reached: given to kafkajs as they are. */
export type KafkaClientOptions = Pick<
  KafkaConfig,
  | 'brokers'
  | 'ssl'
  | 'sasl'
  | 'clientId'
  | 'connectionTimeout'
  | 'authenticationTimeout'
  | 'reauthenticationThreshold'
  | 'requestTimeout'
  | 'socketFactory'
>;

/** What the client library has to say. */
export interface KafkaLogLine {
  readonly level: 'error' | 'warn' | 'info';
  /** One line, without secrets. */
  readonly message: string;
}

/** Times in ms. */
export interface KafkaTimings {
  /** A member that was silent for so long is taken for dead, and its partitions go to others. */
  readonly session_timeout_ms: number;
  readonly heartbeat_interval_ms: number;
  /** How long the group waits for the handlers of a member when partitions are handed out anew. */
  readonly rebalance_timeout_ms: number;
  /** Longest stay of one fetch at the broker; a longer wait is several of them. */
  readonly fetch_wait_ms: number;
  /** How long an append is tried with the same sequence numbers before its outcome is told as unknown. */
  readonly append_timeout_ms: number;
  /** How long a question (bounds, settings, offsets, a read) is tried before it is told that the log is unavailable. */
  readonly answer_timeout_ms: number;
  /** Pause before something is tried again; half of it is drawn. */
  readonly retry_ms: number;
}

export const default_timings: KafkaTimings = {
  session_timeout_ms: 10_000,
  heartbeat_interval_ms: 1_000,
  rebalance_timeout_ms: 60_000,
  fetch_wait_ms: 500,
  append_timeout_ms: 30_000,
  answer_timeout_ms: 5_000,
  retry_ms: 200,
};

export interface KafkaTopicOptions {
  /** Replicas of topics that are created; 3, or as many as there are brokers, when absent. */
  readonly replication_factor?: number;
  /** More settings of topics that are created, by Kafka's names. */
  readonly configs?: Readonly<Record<string, string>>;
}

/** What the parts of one open log share. */
export interface KafkaSettings {
  readonly client: KafkaClientOptions;
  readonly timings: KafkaTimings;
  readonly topics: KafkaTopicOptions;
  readonly clock_ms: () => number;
  readonly random: (bytes: number) => Uint8Array;
  readonly log: (line: KafkaLogLine) => void;
}

/** Largest answer to a fetch; a single larger batch of records comes whole all the same. */
export const fetch_bytes_max = 8_388_608;
/** Asked for where a caller wants less: batches are not cut, so less would not spare anything. */
export const fetch_bytes_min = 65_536;
/** What one compressed batch of records may expand to. */
export const expanded_bytes_max = 67_108_864;
/** One batch: the broker's default for `max.message.bytes` is 1,048,588, framing included. */
export const send_bytes_max = 900_000;
export const send_records_max = 500;
/** How old a producer's knowledge of partition counts may be. */
export const metadata_age_ms_max = 60_000;
