/** The Fetch request, version 13: it names a topic by its id, so that a topic created again is not taken for the one before. */
import { FlexibleReader, FlexibleWriter } from './flexible.ts';
import type { KafkaBroker, ProtocolCall } from './kafka-protocol.ts';
import { assertSupports } from './topic-metadata.ts';

const fetch = { apiKey: 1, apiVersion: 13, apiName: 'Fetch' };

/** How long the broker may take beside the wait; the client's own limit counts where it is longer. */
const answer_ms = 3_000;

/** Kafka's error codes that a fetch is answered with. */
export const fetch_errors = {
  none: 0,
  offset_out_of_range: 1,
  topic_authorization_failed: 29,
  unknown_topic_id: 100,
  inconsistent_topic_id: 103,
} as const;

export interface FetchPlace {
  readonly topic_id: string;
  readonly partition: number;
  readonly leader_epoch: number;
  readonly offset: number;
}

export interface FetchLimits {
  readonly wait_ms: number;
  readonly bytes_max: number;
}

export interface Fetched {
  /** One of Kafka's error codes. */
  readonly error: number;
  /** Where records end that are on enough replicas. */
  readonly high_watermark: number;
  /** Record batches as they stand in the log; the last may be cut. */
  readonly records: Buffer;
}

/** Uncommitted records of transactions are given too, and their markers: what a batch is, its reader tells. */
export async function fetchRecords(broker: KafkaBroker, place: FetchPlace, limits: FetchLimits): Promise<Fetched> {
  assertSupports(broker, fetch);
  return broker.connectionPool.send(fetchCall(place, limits));
}

const fetchCall = (place: FetchPlace, { wait_ms, bytes_max }: FetchLimits): ProtocolCall<Fetched> => ({
  request: {
    ...fetch,
    encode: async () => {
      const writer = new FlexibleWriter();
      writer
        .noTags() // the header's
        .int32(-1) // no replica
        .int32(wait_ms)
        .int32(1)
        .int32(bytes_max)
        .int8(0)
        .int32(0) // no session
        .int32(-1)
        .array([place], ({ topic_id, partition, leader_epoch, offset }) => {
          writer
            .bytes(Buffer.from(topic_id, 'hex'))
            .length(1)
            .int32(partition)
            .int32(leader_epoch)
            .int64(offset)
            .int32(-1) // the epoch of what was fetched last: not known
            .int64(-1)
            .int32(bytes_max)
            .noTags()
            .noTags();
        })
        .length(0)
        .string('')
        .noTags();
      return writer.body();
    },
  },
  response: { decode: async (raw) => decodeFetched(new FlexibleReader(raw)), parse: async (decoded) => decoded },
  requestTimeout: wait_ms + answer_ms,
});

function decodeFetched(reader: FlexibleReader): Fetched & { readonly clientSideThrottleTime: number } {
  reader.skipTags(); // the header's
  const clientSideThrottleTime = reader.int32();
  const whole_error = reader.int16();
  reader.int32();
  const [fetched] = reader
    .array(() => {
      reader.bytes(16);
      const partitions = reader.array(() => decodePartition(reader));
      reader.skipTags();
      return partitions;
    })
    .flat();
  const { error, high_watermark, records } = fetched ?? { error: whole_error, high_watermark: -1, records: Buffer.alloc(0) };
  return { clientSideThrottleTime, error: whole_error === 0 ? error : whole_error, high_watermark, records };
}

function decodePartition(reader: FlexibleReader): Fetched {
  reader.int32();
  const error = reader.int16();
  const high_watermark = reader.int64();
  reader.int64();
  reader.int64();
  reader.array(() => {
    reader.int64();
    reader.int64();
    reader.skipTags();
  });
  reader.int32();
  const records = reader.nullableBytes() ?? Buffer.alloc(0);
  reader.skipTags();
  return { error, high_watermark, records };
}
