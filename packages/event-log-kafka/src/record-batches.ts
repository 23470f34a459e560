/** Record batches as Kafka keeps them (message format 2): kafkajs's own decoder forgets where a batch without records ends. */
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { asError, EventLogError, type LogRecord } from '@sealtrail/event-log';

/** Bytes of a batch before its records: offset and length included. */
const batch_head_bytes = 61;
/** Offset and length. */
const length_head_bytes = 12;
const magic = 2;
const compression_mask = 0x07;
const log_append_time_bit = 0x08;
const control_bit = 0x20;
const compressions = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;

const expand = promisify(gunzip);

export interface RecordBatch {
  /** Those of them that an application wrote. */
  readonly records: readonly LogRecord[];
  /** The offset after the batch, whether it holds a record there or not. */
  readonly next_offset: number;
}

/** Walks the batches of one answer, one at a time: a compressed one is expanded when its turn comes. */
export class RecordBatches {
  readonly #place: Pick<LogRecord, 'topic' | 'partition'>;
  readonly #bytes: Buffer;
  readonly #expanded_bytes_max: number;
  #at = 0;

  constructor(place: Pick<LogRecord, 'topic' | 'partition'>, bytes: Buffer, expanded_bytes_max: number) {
    this.#place = place;
    this.#bytes = bytes;
    this.#expanded_bytes_max = expanded_bytes_max;
  }

  /** null when no whole batch is left. Throws EventLogError `log_corrupt`. */
  async next(): Promise<RecordBatch | null> {
    const left = this.#bytes.length - this.#at;
    if (left < batch_head_bytes) return null;
    const length = this.#bytes.readInt32BE(this.#at + 8);
    const base = Number(this.#bytes.readBigInt64BE(this.#at));
    if (length < batch_head_bytes - length_head_bytes) throw this.#corrupt(base, `a batch of ${length} bytes`);
    if (left < length_head_bytes + length) return null;
    const batch = this.#bytes.subarray(this.#at, this.#at + length_head_bytes + length);
    this.#at += batch.length;
    try {
      return await this.#decode(base, batch);
    } catch (thrown) {
      if (thrown instanceof EventLogError) throw thrown;
      throw this.#corrupt(base, asError(thrown).message, thrown);
    }
  }

  async #decode(base: number, batch: Buffer): Promise<RecordBatch> {
    const format = batch.readInt8(16);
    if (format !== magic) throw this.#corrupt(base, `message format ${format}, and only ${magic} is read`);
    const attributes = batch.readInt16BE(21);
    const next_offset = base + batch.readInt32BE(23) + 1;
    if ((attributes & control_bit) !== 0) return { records: [], next_offset };
    const has_log_time = (attributes & log_append_time_bit) !== 0;
    const first_ms = Number(batch.readBigInt64BE(27));
    const last_ms = Number(batch.readBigInt64BE(35));
    const count = batch.readInt32BE(57);
    const bytes = await this.#expanded(base, attributes & compression_mask, batch.subarray(batch_head_bytes));
    const reader = new RecordReader(bytes);
    const records: LogRecord[] = [];
    for (let number = 0; number < count; number += 1) {
      const { offset_delta, time_delta_ms, key, value } = reader.record();
      records.push({
        ...this.#place,
        offset: base + offset_delta,
        appended_at_ms: has_log_time ? last_ms : first_ms + time_delta_ms,
        time_type: has_log_time ? 'log_append_time' : 'create_time',
        key,
        value,
      });
    }
    return { records, next_offset };
  }

  async #expanded(base: number, compression: number, bytes: Buffer): Promise<Buffer> {
    const name = compressions[compression];
    if (name === 'none') return bytes;
    if (name !== 'gzip') {
      throw this.#corrupt(
        base,
        `compressed with ${name ?? compression}, which is not read here: set the topic's compression.type to uncompressed`,
      );
    }
    return expand(bytes, { maxOutputLength: this.#expanded_bytes_max });
  }

  #corrupt(base: number, what: string, cause?: unknown): EventLogError {
    const { topic, partition } = this.#place;
    return new EventLogError('log_corrupt', `the records of ${topic}/${partition} from offset ${base} on cannot be read: ${what}`, {
      cause,
    });
  }
}

/** Reads the records of one batch. Throws RangeError where the bytes end too early. */
class RecordReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  record(): { readonly offset_delta: number; readonly time_delta_ms: number; readonly key: Buffer | null; readonly value: Buffer | null } {
    const length = this.#varint();
    const end = this.#at + length;
    if (length < 0 || end > this.#bytes.length)
      throw new RangeError(`a record of ${length} bytes where ${this.#bytes.length - this.#at} are left`);
    this.#at += 1; // attributes, unused
    const time_delta_ms = this.#varint();
    const offset_delta = this.#varint();
    const key = this.#slice();
    const value = this.#slice();
    if (this.#at > end) throw new RangeError('a record is longer than it says');
    // Headers are of no use here.
    this.#at = end;
    return { offset_delta, time_delta_ms, key, value };
  }

  #slice(): Buffer | null {
    const length = this.#varint();
    if (length < 0) return null;
    const from = this.#at;
    this.#at += length;
    if (this.#at > this.#bytes.length) throw new RangeError('a field is longer than its record');
    return this.#bytes.subarray(from, this.#at);
  }

  /** Zigzag; by arithmetic, because times may need more than 32 bits. */
  #varint(): number {
    let value = 0;
    let factor = 1;
    for (let count = 0; count < 10; count += 1) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) throw new RangeError('the batch ends within a number');
      this.#at += 1;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
      factor *= 128;
    }
    throw new RangeError('a number of more than ten bytes');
  }
}
