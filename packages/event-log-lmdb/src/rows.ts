import { EventLogError, type TopicSettings } from '@sealtrail/event-log';

/** Numbers are big-endian, so that keys sort as their numbers do. */

export interface TopicRow {
  /** Stands for the topic in keys; counted from 1. */
  readonly number: number;
  readonly partitions: number;
  readonly cleanup_policy: 'delete' | 'none';
  /** 16 random bytes. */
  readonly id: Uint8Array;
}

/** The bounds of a partition. */
export interface HeadRow {
  readonly start: number;
  readonly end: number;
}

export interface RecordRow {
  readonly appended_at_ms: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array;
}

/** Who holds a partition for a group. */
export interface HolderRow {
  /** Raised each time that the partition is given to a member, or taken from one. */
  readonly generation: number;
  /** 16 random bytes, drawn when the member joined; null when nobody holds the partition. */
  readonly member: Uint8Array | null;
  readonly process: ProcessMark;
  /** How often others have asked for a sign of life, and up to which question the holder has answered. */
  readonly asked: number;
  readonly answered: number;
}

/** One life of one process. */
export interface ProcessMark {
  readonly pid: number;
  /** ms since 1970; tells this life from an earlier one that had the same pid. */
  readonly started_at_ms: number;
}

export const nobody: HolderRow = { generation: 0, member: null, process: { pid: 0, started_at_ms: 0 }, asked: 0, answered: 0 };

const key_name_bytes_max = 249;

/** null for a name that cannot be part of a key. */
export function keyOfName(name: string): Buffer | null {
  const key = Buffer.from(name, 'utf8');
  return key.length === 0 || key.length > key_name_bytes_max ? null : key;
}

/** The key of a name. Throws EventLogError `log_misuse` when it has none. */
export function assertName(what: 'topic' | 'group', name: string): Buffer {
  const key = keyOfName(name);
  if (key !== null) return key;
  throw new EventLogError('log_misuse', `${what} name of ${Buffer.byteLength(name)} bytes: use 1 to ${key_name_bytes_max}`);
}

export function partitionKey(topic: TopicRow, partition: number): Buffer {
  const key = Buffer.allocUnsafe(8);
  key.writeUInt32BE(topic.number, 0);
  key.writeUInt32BE(partition, 4);
  return key;
}

export function recordKey(topic: TopicRow, partition: number, offset: number): Buffer {
  const key = Buffer.allocUnsafe(16);
  key.writeUInt32BE(topic.number, 0);
  key.writeUInt32BE(partition, 4);
  writeNumber(key, offset, 8);
  return key;
}

export const groupKey = (topic: TopicRow, partition: number, group: string): Buffer =>
  Buffer.concat([partitionKey(topic, partition), assertName('group', group)]);

export function encodeTopic(row: TopicRow): Buffer {
  const bytes = Buffer.alloc(25);
  bytes.writeUInt32BE(row.number, 0);
  bytes.writeUInt32BE(row.partitions, 4);
  bytes[8] = row.cleanup_policy === 'delete' ? 0 : 1;
  bytes.set(row.id, 9);
  return bytes;
}

export function decodeTopic(bytes: Buffer): TopicRow {
  assertLength(bytes, 25, 'a topic');
  return {
    number: bytes.readUInt32BE(0),
    partitions: bytes.readUInt32BE(4),
    cleanup_policy: bytes[8] === 0 ? 'delete' : 'none',
    id: Uint8Array.from(bytes.subarray(9)),
  };
}

export const settingsOf = (topic: string, row: TopicRow): TopicSettings => ({
  topic,
  partitions: row.partitions,
  topic_id: Buffer.from(row.id).toString('hex'),
  time_type: 'log_append_time',
  cleanup_policy: row.cleanup_policy,
});

export function encodeHead(row: HeadRow): Buffer {
  const bytes = Buffer.allocUnsafe(16);
  writeNumber(bytes, row.start, 0);
  writeNumber(bytes, row.end, 8);
  return bytes;
}

export function decodeHead(bytes: Buffer): HeadRow {
  assertLength(bytes, 16, 'the bounds of a partition');
  return { start: readNumber(bytes, 0), end: readNumber(bytes, 8) };
}

/** Time, length of the key + 1 (0 for none), key, value. */
const record_header_bytes = 12;

export const recordBytes = (key: Uint8Array | null, value: Uint8Array): number => record_header_bytes + (key?.length ?? 0) + value.length;

/** Writes the record at the start of `into`, which has room for it, and gives back its part. */
export function encodeRecord(into: Buffer, row: RecordRow): Buffer {
  writeNumber(into, row.appended_at_ms, 0);
  into.writeUInt32BE(row.key === null ? 0 : row.key.length + 1, 8);
  if (row.key !== null) into.set(row.key, record_header_bytes);
  into.set(row.value, record_header_bytes + (row.key?.length ?? 0));
  return into.subarray(0, recordBytes(row.key, row.value));
}

/** Copies key and value out of `bytes`: what a read lends is overwritten by the next one. */
export function decodeRecord(bytes: Buffer, length: number): RecordRow {
  const marked = length < record_header_bytes ? -1 : bytes.readUInt32BE(8);
  const value_at = record_header_bytes + Math.max(marked - 1, 0);
  if (marked === -1 || value_at > length) throw corrupt(`a record of ${length} bytes`);
  return {
    appended_at_ms: readNumber(bytes, 0),
    key: marked === 0 ? null : copyOf(bytes, record_header_bytes, value_at),
    value: copyOf(bytes, value_at, length),
  };
}

export function encodeHolder(row: HolderRow): Buffer {
  const bytes = Buffer.alloc(44);
  writeNumber(bytes, row.generation, 0);
  if (row.member !== null) bytes.set(row.member, 8);
  bytes.writeUInt32BE(row.process.pid, 24);
  writeNumber(bytes, row.process.started_at_ms, 28);
  bytes.writeUInt32BE(row.asked, 36);
  bytes.writeUInt32BE(row.answered, 40);
  return bytes;
}

export function decodeHolder(bytes: Buffer): HolderRow {
  assertLength(bytes, 44, 'the holder of a partition');
  const member = Uint8Array.from(bytes.subarray(8, 24));
  return {
    generation: readNumber(bytes, 0),
    member: member.every((byte) => byte === 0) ? null : member,
    process: { pid: bytes.readUInt32BE(24), started_at_ms: readNumber(bytes, 28) },
    asked: bytes.readUInt32BE(36),
    answered: bytes.readUInt32BE(40),
  };
}

export function encodeCommitted(offset: number, metadata: string): Buffer {
  const text = Buffer.from(metadata, 'utf8');
  const bytes = Buffer.allocUnsafe(8 + text.length);
  writeNumber(bytes, offset, 0);
  bytes.set(text, 8);
  return bytes;
}

export function decodeCommitted(bytes: Buffer): { readonly offset: number; readonly metadata: string } {
  if (bytes.length < 8) throw corrupt(`a committed offset of ${bytes.length} bytes`);
  return { offset: readNumber(bytes, 0), metadata: bytes.toString('utf8', 8) };
}

export function encodeNumber(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  writeNumber(bytes, value, 0);
  return bytes;
}

export function decodeNumber(bytes: Buffer): number {
  assertLength(bytes, 8, 'a number');
  return readNumber(bytes, 0);
}

export const corrupt = (what: string): EventLogError =>
  new EventLogError('log_corrupt', `the event log holds ${what} that it cannot have written: restore its directory from a backup`);

function assertLength(bytes: Buffer, length: number, what: string): void {
  if (bytes.length !== length) throw corrupt(`${what} in ${bytes.length} bytes`);
}

function writeNumber(bytes: Buffer, value: number, at: number): void {
  bytes.writeUInt32BE(Math.floor(value / 2 ** 32), at);
  bytes.writeUInt32BE(value % 2 ** 32, at + 4);
}

function readNumber(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4);
}

/** A slice of the memory itself: a new array would be filled with zeros first. */
const copyOf = (bytes: Buffer, from: number, to: number): Uint8Array =>
  new Uint8Array(bytes.buffer.slice(bytes.byteOffset + from, bytes.byteOffset + to) as ArrayBuffer);
