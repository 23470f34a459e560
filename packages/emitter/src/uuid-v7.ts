const ID_BYTES = 16;
const RANDOM_BYTES = 8;
const POOL_BYTES = 4_096;
const COUNTER_MAX = 0xfff;

/**
 * UUIDv7 (RFC 9562 5.7), monotonic within the process by a counter in rand_a (6.2 method 1): it starts at a random
 * number below 2^11 each ms; when it runs out, or the clock is set back, the last ms is counted on.
 */
export function createUuidV7(clock_ms: () => number, random: (bytes: number) => Uint8Array): () => Uint8Array {
  let pool: Uint8Array = new Uint8Array(0);
  let used = 0;
  let last = -1;
  let counter = 0;
  return () => {
    if (used + RANDOM_BYTES > pool.length) {
      pool = random(POOL_BYTES);
      used = 0;
    }
    const now = Math.floor(clock_ms());
    if (now > last) {
      last = now;
      counter = (((pool[used] as number) << 8) | (pool[used + 1] as number)) & 0x7ff;
    } else if (++counter > COUNTER_MAX) {
      last++;
      counter = 0;
    }
    const id = new Uint8Array(ID_BYTES);
    const high = Math.floor(last / 0x1_0000);
    id[0] = high >>> 24;
    id[1] = high >>> 16;
    id[2] = high >>> 8;
    id[3] = high;
    id[4] = last >>> 8;
    id[5] = last;
    id[6] = 0x70 | (counter >>> 8);
    id[7] = counter;
    for (let i = 0; i < RANDOM_BYTES; i++) id[8 + i] = pool[used + i] as number;
    id[8] = 0x80 | ((id[8] as number) & 0x3f);
    used += RANDOM_BYTES;
    return id;
  };
}
