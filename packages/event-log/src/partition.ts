/**
 * The partition of a key: murmur2 as Kafka's default partitioner computes it (seed 0x9747b28c, positive), modulo the
 * pinned partition count.
 */
export function partitionOf(key: Uint8Array, partitions: number): number {
  void key;
  void partitions;
  throw new Error('not written yet');
}
