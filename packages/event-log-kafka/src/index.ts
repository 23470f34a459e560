/** The event log on Kafka, by way of kafkajs. What of it is hidden, and why: docs/decisions/0008-kafka-protocol.md */
import { type EventLog, type EventLogConsumer, EventLogError, type EventLogReader } from '@sealtrail/event-log';
import { kafkaAdmin } from './admin.ts';
import { ConsumerRun } from './consumer-run.ts';
import { closed } from './failures.ts';
import { Link } from './link.ts';
import { PartitionReads } from './partition-reads.ts';
import { kafkaProducer } from './producer.ts';
import { saidOnce } from './said.ts';
import {
  default_timings,
  type KafkaClientOptions,
  type KafkaLogLine,
  type KafkaSettings,
  type KafkaTimings,
  type KafkaTopicOptions,
} from './settings.ts';

export { default_timings, type KafkaClientOptions, type KafkaLogLine, type KafkaTimings, type KafkaTopicOptions } from './settings.ts';

export interface KafkaEventLogOptions {
  /** Brokers, TLS, SASL and the like, as kafkajs takes them. */
  readonly client: KafkaClientOptions;
  readonly timings?: Partial<KafkaTimings>;
  /** Of topics that are created. */
  readonly topics?: KafkaTopicOptions;
  /** For timeouts, and the time that producers give records: topics with the log's own time overwrite it. */
  readonly clock_ms: () => number;
  /** Draws pauses. */
  readonly random: (bytes: number) => Uint8Array;
  /** What the client library and the adapter have to say; nothing is said when absent. */
  readonly log?: (line: KafkaLogLine) => void;
}

/**
 * Opens the log; brokers are connected to when they are first needed. Works with Kafka 3.1 and newer.
 *
 * An append is in order and durable on enough replicas for each partition, but not all or none. Positions of sources are
 * not kept: asking for one, or passing one, throws `log_misuse`. Members of a group share the partitions, the eldest
 * first; a commit carries the generation that its assignment was given under, and the broker refuses any other.
 *
 * Throws EventLogError `log_misuse` for options that cannot be meant.
 */
export async function openKafkaEventLog(options: KafkaEventLogOptions): Promise<EventLog> {
  const settings: KafkaSettings = {
    client: options.client,
    timings: { ...default_timings, ...options.timings },
    topics: options.topics ?? {},
    clock_ms: options.clock_ms,
    random: options.random,
    log: saidOnce(options.log ?? (() => undefined), options.client, options.clock_ms),
  };
  assertSettings(settings);
  const parts = new Set<{ close(): Promise<void> }>();
  let is_closed = false;
  const open = async <T extends { close(): Promise<void> }>(part: () => T): Promise<T> => {
    if (is_closed) throw closed();
    const opened = part();
    const close = async (): Promise<void> => {
      parts.delete(entry);
      await opened.close();
    };
    const entry = { close };
    parts.add(entry);
    return { ...opened, close };
  };
  return {
    producer: () => open(() => kafkaProducer(new Link(settings))),
    reader: () => open(() => kafkaReader(new Link(settings))),
    admin: () => open(() => kafkaAdmin(new Link(settings))),
    consumer: async ({ group, topic }): Promise<EventLogConsumer> => {
      if (is_closed) throw closed();
      return {
        run: async (handle, stop) => {
          if (is_closed) return { kind: 'failed', cause: closed() };
          const run = new ConsumerRun({ settings, group, topic, handle });
          parts.add(run);
          try {
            return await run.untilEnd(stop);
          } finally {
            parts.delete(run);
          }
        },
      };
    },
    close: async () => {
      is_closed = true;
      await Promise.all(Array.from(parts, (part) => part.close()));
    },
  };
}

function kafkaReader(link: Link): EventLogReader {
  const own = new AbortController();
  const reads = new PartitionReads(link);
  return {
    bounds: (topic, partition) => reads.bounds(topic, partition),
    read: (topic, partition, from, limits) =>
      reads.read(topic, partition, from, limits, {
        signal: own.signal,
        outcome: () => ({ kind: 'unavailable', cause: closed() }),
        replaced: (cause) => ({ kind: 'unavailable', cause }),
      }),
    close: async () => {
      own.abort();
      link.close();
    },
  };
}

function assertSettings({ client, timings }: KafkaSettings): void {
  if (Array.isArray(client.brokers) && client.brokers.length === 0) {
    throw new EventLogError('log_misuse', 'no broker is named: pass at least one address as host:port');
  }
  for (const [name, value] of Object.entries(timings)) {
    if (!(value > 0)) throw new EventLogError('log_misuse', `${name} is ${value}: pass a number of milliseconds above 0`);
  }
  if (timings.heartbeat_interval_ms * 3 > timings.session_timeout_ms) {
    throw new EventLogError(
      'log_misuse',
      `heartbeat_interval_ms ${timings.heartbeat_interval_ms} is more than a third of session_timeout_ms ${timings.session_timeout_ms}: lower it`,
    );
  }
}
