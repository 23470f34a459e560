/** The Metadata request, version 12: kafkajs stops at one that does not tell topic ids. */
import { EventLogError } from '@sealtrail/event-log';
import { FlexibleReader, FlexibleWriter } from './flexible.ts';
import type { KafkaBroker, ProtocolCall } from './kafka-protocol.ts';

const metadata = { apiKey: 3, apiVersion: 12, apiName: 'Metadata' };
const no_topic_id = Buffer.alloc(16);
const unknown_topic = 3;
const invalid_topic = 17;

export interface TopicMetadata {
  readonly topic: string;
  /** 16 bytes in hexadecimal; another one when the topic was deleted and created again. */
  readonly topic_id: string;
  readonly partitions: ReadonlyMap<number, PartitionMetadata>;
}

export interface PartitionMetadata {
  /** Node id; -1 while there is none. */
  readonly leader: number;
  readonly leader_epoch: number;
}

interface TopicAnswer extends TopicMetadata {
  readonly error: number;
}

interface MetadataAnswer {
  readonly brokers: number;
  readonly topics: readonly TopicAnswer[];
}

/** A topic as a broker knows it, null when there is none, and how many brokers there are. Throws what the request throws. */
export async function fetchTopic(
  broker: KafkaBroker,
  topic: string,
): Promise<{ readonly found: TopicMetadata | null; readonly brokers: number }> {
  assertSupports(broker, metadata);
  const { topics, brokers } = await broker.connectionPool.send(metadataCall(topic));
  const [answer] = topics;
  if (answer === undefined || answer.error === unknown_topic || answer.error === invalid_topic) return { found: null, brokers };
  // LEADER_NOT_AVAILABLE and the like stand with the partitions too.
  if (answer.partitions.size === 0) {
    throw new EventLogError(
      'log_unavailable',
      `topic ${topic} cannot be looked at (Kafka error ${answer.error}); grant DESCRIBE on it, or wait`,
    );
  }
  return { found: answer, brokers };
}

/** Throws EventLogError `log_misuse` where the broker is too old. */
export function assertSupports(broker: KafkaBroker, { apiKey, apiVersion, apiName }: typeof metadata): void {
  const known = broker.versions[apiKey];
  if (known !== undefined && known.minVersion <= apiVersion && apiVersion <= known.maxVersion) return;
  throw new EventLogError('log_misuse', `the broker does not know ${apiName} version ${apiVersion}: use Kafka 3.1 or newer`);
}

const metadataCall = (topic: string): ProtocolCall<MetadataAnswer> => ({
  request: {
    ...metadata,
    encode: async () =>
      new FlexibleWriter()
        .noTags() // the header's
        .length(1)
        .bytes(no_topic_id)
        .string(topic)
        .noTags()
        .int8(0) // create nothing
        .int8(0)
        .noTags()
        .body(),
  },
  response: { decode: async (raw) => decodeMetadata(new FlexibleReader(raw)), parse: async (decoded) => decoded },
});

function decodeMetadata(reader: FlexibleReader): MetadataAnswer & { readonly clientSideThrottleTime: number } {
  reader.skipTags(); // the header's
  const clientSideThrottleTime = reader.int32();
  const brokers = reader.array(() => {
    reader.int32();
    reader.nullableString();
    reader.int32();
    reader.nullableString();
    reader.skipTags();
  }).length;
  reader.nullableString();
  reader.int32();
  const topics = reader.array((): TopicAnswer => {
    const error = reader.int16();
    const topic = reader.nullableString() ?? '';
    const topic_id = reader.bytes(16).toString('hex');
    reader.boolean();
    const partitions = new Map(reader.array(() => decodePartition(reader)));
    reader.int32();
    reader.skipTags();
    return { error, topic, topic_id, partitions };
  });
  return { clientSideThrottleTime, brokers, topics };
}

function decodePartition(reader: FlexibleReader): readonly [number, PartitionMetadata] {
  reader.int16();
  const partition = reader.int32();
  const leader = reader.int32();
  const leader_epoch = reader.int32();
  for (let list = 0; list < 3; list += 1) reader.array(() => reader.int32());
  reader.skipTags();
  return [partition, { leader, leader_epoch }];
}
