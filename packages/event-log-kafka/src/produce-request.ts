/**
 * The Produce request, version 7, with record batches (message format 2) written into one buffer: kafkajs copies each record
 * through several, and takes the checksum a byte at a time.
 */
import { crc32c } from './crc32c.ts';
import type { KafkaBroker, ProtocolCall } from './kafka-protocol.ts';
import { assertSupports } from './topic-metadata.ts';

const produce = { apiKey: 0, apiVersion: 7, apiName: 'Produce' };
const all_replicas = -1;

const message_format = 2;
/** Of a batch before its records; of these, offset and length are not counted in its length, nor up to the checksum in that. */
const batch_head_bytes = 61;
const length_from = 12;
const checksum_at = 17;
const checksum_from = 21;
const varint_bytes_max = 5;
/** Beside key and value: length, attributes, time, place, two lengths and the number of headers. */
const record_frame_bytes_max = 5 * varint_bytes_max + 2;

export interface RecordToProduce {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array;
}

/** Records of one partition, which the broker takes as one batch, once. */
export interface BatchToProduce {
  readonly topic: string;
  readonly partition: number;
  /** Of the first record, under the producer's id. */
  readonly first_sequence: number;
  /** ms since 1970: of all records. Topics of this project keep the broker's time instead. */
  readonly time_ms: number;
  readonly records: readonly RecordToProduce[];
}

export interface ProduceOptions {
  readonly producer_id: string;
  readonly producer_epoch: number;
  /** How long the broker waits for replicas. */
  readonly timeout_ms: number;
}

/** Where the broker put a batch. */
export interface Produced {
  readonly topic: string;
  readonly partition: number;
  readonly base_offset: number;
}

/** A batch was refused. `type` is Kafka's name of the reason, as kafkajs spells it. */
export class ProduceError extends Error {
  override readonly name = 'ProduceError';
  readonly type: string;
  constructor(type: string, { topic, partition }: { readonly topic: string; readonly partition: number }) {
    super(`${topic}/${partition}: ${type}`);
    this.type = type;
  }
}

/** Kafka's error codes that a batch is answered with. */
export const produce_errors: Readonly<Record<number, string>> = {
  2: 'CORRUPT_MESSAGE',
  3: 'UNKNOWN_TOPIC_OR_PARTITION',
  5: 'LEADER_NOT_AVAILABLE',
  6: 'NOT_LEADER_FOR_PARTITION',
  7: 'REQUEST_TIMED_OUT',
  9: 'REPLICA_NOT_AVAILABLE',
  10: 'MESSAGE_TOO_LARGE',
  13: 'NETWORK_EXCEPTION',
  17: 'INVALID_TOPIC_EXCEPTION',
  18: 'RECORD_LIST_TOO_LARGE',
  19: 'NOT_ENOUGH_REPLICAS',
  20: 'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
  21: 'INVALID_REQUIRED_ACKS',
  29: 'TOPIC_AUTHORIZATION_FAILED',
  31: 'CLUSTER_AUTHORIZATION_FAILED',
  32: 'INVALID_TIMESTAMP',
  42: 'INVALID_REQUEST',
  43: 'UNSUPPORTED_FOR_MESSAGE_FORMAT',
  45: 'OUT_OF_ORDER_SEQUENCE_NUMBER',
  46: 'DUPLICATE_SEQUENCE_NUMBER',
  47: 'INVALID_PRODUCER_EPOCH',
  56: 'KAFKA_STORAGE_ERROR',
  59: 'UNKNOWN_PRODUCER_ID',
  74: 'FENCED_LEADER_EPOCH',
  75: 'UNKNOWN_LEADER_EPOCH',
  76: 'UNSUPPORTED_COMPRESSION_TYPE',
};

/**
 * Sends batches, of one partition each, and gives where each of them went. Throws what the request throws, and
 * `ProduceError` where a batch was refused: those beside it may have been taken.
 */
export async function produceRecords(
  broker: KafkaBroker,
  batches: readonly BatchToProduce[],
  options: ProduceOptions,
): Promise<readonly Produced[]> {
  assertSupports(broker, produce);
  const { produced } = await broker.connectionPool.send(produceCall(batches, options));
  return produced;
}

interface ProduceAnswer {
  readonly answers: readonly { readonly place: Produced; readonly error: number }[];
  readonly produced: readonly Produced[];
}

const produceCall = (batches: readonly BatchToProduce[], options: ProduceOptions): ProtocolCall<ProduceAnswer> => ({
  request: {
    ...produce,
    encode: async () => {
      const buffer = encodeRequest(batches, options);
      return { buf: buffer, buffer };
    },
  },
  response: {
    decode: async (raw) => decodeAnswer(raw),
    async parse(decoded) {
      for (const { place, error } of decoded.answers) {
        if (error !== 0) throw new ProduceError(produce_errors[error] ?? `UNKNOWN (${error})`, place);
      }
      return decoded;
    },
  },
});

/** The body of a request, without its header. */
export function encodeRequest(batches: readonly BatchToProduce[], options: ProduceOptions): Buffer {
  const topics = new Map<string, BatchToProduce[]>();
  for (const batch of batches) topics.set(batch.topic, [...(topics.get(batch.topic) ?? []), batch]);
  let room = 12;
  for (const [topic, ofTopic] of topics)
    room += 6 + Buffer.byteLength(topic) + ofTopic.reduce((sum, batch) => sum + 8 + batchRoom(batch), 0);
  const out = Buffer.allocUnsafe(room);
  let at = out.writeInt16BE(-1, 0); // no transaction
  at = out.writeInt16BE(all_replicas, at);
  at = out.writeInt32BE(options.timeout_ms, at);
  at = out.writeInt32BE(topics.size, at);
  for (const [topic, ofTopic] of topics) {
    at = out.writeInt16BE(Buffer.byteLength(topic), at);
    at += out.write(topic, at);
    at = out.writeInt32BE(ofTopic.length, at);
    for (const batch of ofTopic) {
      at = out.writeInt32BE(batch.partition, at);
      const from = at + 4;
      const end = putBatch(batch, options, out, from);
      out.writeInt32BE(end - from, at);
      at = end;
    }
  }
  return out.subarray(0, at);
}

const batchRoom = ({ records }: BatchToProduce): number =>
  records.reduce((sum, { key, value }) => sum + record_frame_bytes_max + (key?.length ?? 0) + value.length, batch_head_bytes);

/** Where the batch ends. */
function putBatch(batch: BatchToProduce, { producer_id, producer_epoch }: ProduceOptions, out: Buffer, start: number): number {
  const { records, first_sequence, time_ms } = batch;
  let end = start + batch_head_bytes;
  records.forEach((record, index) => {
    end = putRecord(record, index, out, end);
  });
  const time = BigInt(time_ms);
  let at = out.writeBigInt64BE(0n, start); // the broker gives the offset
  at = out.writeInt32BE(end - start - length_from, at);
  at = out.writeInt32BE(-1, at); // no leader epoch
  out.writeInt8(message_format, at);
  at = out.writeInt16BE(0, start + checksum_from); // not compressed, with the time of who sends, no transaction
  at = out.writeInt32BE(records.length - 1, at);
  at = out.writeBigInt64BE(time, at);
  at = out.writeBigInt64BE(time, at);
  at = out.writeBigInt64BE(BigInt(producer_id), at);
  at = out.writeInt16BE(producer_epoch, at);
  at = out.writeInt32BE(first_sequence, at);
  out.writeInt32BE(records.length, at);
  out.writeUInt32BE(crc32c(out, start + checksum_from, end), start + checksum_at);
  return end;
}

function putRecord({ key, value }: RecordToProduce, index: number, out: Buffer, start: number): number {
  const key_bytes = key === null ? varintBytes(-1) : varintBytes(key.length) + key.length;
  // attributes, the time's difference and the number of headers are a zero byte each
  const length = 3 + varintBytes(index) + key_bytes + varintBytes(value.length) + value.length;
  let at = putVarint(length, out, start);
  out[at++] = 0;
  out[at++] = 0;
  at = putVarint(index, out, at);
  at = putVarint(key === null ? -1 : key.length, out, at);
  if (key !== null) {
    out.set(key, at);
    at += key.length;
  }
  at = putVarint(value.length, out, at);
  out.set(value, at);
  at += value.length;
  out[at++] = 0;
  return at;
}

/** Zigzag, of 32 bits. */
function putVarint(value: number, out: Uint8Array, start: number): number {
  let at = start;
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  for (; rest > 0x7f; rest >>>= 7) out[at++] = (rest & 0x7f) | 0x80;
  out[at++] = rest;
  return at;
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = ((value << 1) ^ (value >> 31)) >>> 0; rest > 0x7f; rest >>>= 7) bytes += 1;
  return bytes;
}

function decodeAnswer(raw: Buffer): ProduceAnswer & { readonly clientSideThrottleTime: number } {
  const answers: { place: Produced; error: number }[] = [];
  let at = 4;
  for (let topics = raw.readInt32BE(0); topics > 0; topics -= 1) {
    const topic_bytes = raw.readInt16BE(at);
    const topic = raw.toString('utf8', at + 2, at + 2 + topic_bytes);
    at += 2 + topic_bytes;
    let partitions = raw.readInt32BE(at);
    for (at += 4; partitions > 0; partitions -= 1) {
      const place = { topic, partition: raw.readInt32BE(at), base_offset: Number(raw.readBigInt64BE(at + 6)) };
      answers.push({ place, error: raw.readInt16BE(at + 4) });
      at += 30; // and when it was appended, and where the log starts
    }
  }
  return { answers, produced: answers.map(({ place }) => place), clientSideThrottleTime: raw.readInt32BE(at) };
}
