const seed = 0x9747b28c;
const multiplier = 0x5bd1e995;

/**
 * The partition of a key: murmur2 as Kafka's default partitioner computes it (seed 0x9747b28c, positive), modulo the
 * pinned partition count. Source: `org.apache.kafka.common.utils.Utils.murmur2` and `toPositive`.
 *
 * Throws `RangeError` when `partitions` is not a whole number above 0.
 */
export function partitionOf(key: Uint8Array, partitions: number): number {
  if (!Number.isSafeInteger(partitions) || partitions < 1) {
    throw new RangeError(`partition count ${partitions} is not a whole number above 0; pass the topic's pinned count`);
  }
  return (murmur2(key) & 0x7fffffff) % partitions;
}

/** The signed 32-bit hash, before `toPositive`. */
export function murmur2(bytes: Uint8Array): number {
  const whole = bytes.length & ~3;
  let hash = seed ^ bytes.length;
  for (let at = 0; at < whole; at += 4) {
    let word = byteAt(bytes, at) | (byteAt(bytes, at + 1) << 8) | (byteAt(bytes, at + 2) << 16) | (byteAt(bytes, at + 3) << 24);
    word = Math.imul(word, multiplier);
    word ^= word >>> 24;
    hash = Math.imul(hash, multiplier) ^ Math.imul(word, multiplier);
  }
  const rest = bytes.length - whole;
  if (rest === 3) hash ^= byteAt(bytes, whole + 2) << 16;
  if (rest >= 2) hash ^= byteAt(bytes, whole + 1) << 8;
  if (rest >= 1) hash = Math.imul(hash ^ byteAt(bytes, whole), multiplier);
  hash = Math.imul(hash ^ (hash >>> 13), multiplier);
  return hash ^ (hash >>> 15);
}

function byteAt(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}
