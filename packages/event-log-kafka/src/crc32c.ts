/** CRC-32C (Castagnoli; RFC 3720, appendix B.4), which Kafka keeps of a record batch. */

const reversed_polynomial = 0x82f63b78;
const stride = 16;
const word_bytes = 4;

/** A table for each byte of a stride, one after the other (“slicing by 16”): a byte at a time costs eight times as much. */
const tables: Int32Array = tablesOf();

function tablesOf(): Int32Array {
  const all = new Int32Array(stride * 256);
  for (let byte = 0; byte < 256; byte += 1) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (-(crc & 1) & reversed_polynomial);
    all[byte] = crc;
  }
  for (let at = 256; at < all.length; at += 1) {
    const crc = all[at - 256] as number;
    all[at] = (crc >>> 8) ^ (all[crc & 0xff] as number);
  }
  return all;
}

/** Words stand in memory as the machine has them: only little-endian ones can be looked up byte by byte from the lowest. */
const is_little_endian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/** Unsigned, of the bytes from `start` to `end`. */
export function crc32c(bytes: Uint8Array, start = 0, end: number = bytes.length): number {
  // Words can only be read where they are aligned.
  const words_at = start + ((word_bytes - ((bytes.byteOffset + start) % word_bytes)) % word_bytes);
  const strides = is_little_endian ? Math.floor((end - words_at) / stride) : 0;
  if (strides <= 0) return ~byBytes(-1, bytes, start, end) >>> 0;
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + words_at, (strides * stride) / word_bytes);
  const crc = byWords(byBytes(-1, bytes, start, words_at), words);
  return ~byBytes(crc, bytes, words_at + words.byteLength, end) >>> 0;
}

function byBytes(before: number, bytes: Uint8Array, start: number, end: number): number {
  let crc = before;
  for (let at = start; at < end; at += 1) crc = (tables[(crc ^ (bytes[at] as number)) & 0xff] as number) ^ (crc >>> 8);
  return crc;
}

/** Words of whole strides. */
function byWords(before: number, words: Int32Array): number {
  const t = tables;
  let crc = before;
  for (let at = 0; at < words.length; at += 4) {
    const [a, b, c, d] = [(words[at] as number) ^ crc, words[at + 1] as number, words[at + 2] as number, words[at + 3] as number];
    // biome-ignore format: one line a word
    crc =
      (t[0xf00 + (a & 0xff)] as number) ^ (t[0xe00 + ((a >>> 8) & 0xff)] as number) ^ (t[0xd00 + ((a >>> 16) & 0xff)] as number) ^ (t[0xc00 + (a >>> 24)] as number) ^
      (t[0xb00 + (b & 0xff)] as number) ^ (t[0xa00 + ((b >>> 8) & 0xff)] as number) ^ (t[0x900 + ((b >>> 16) & 0xff)] as number) ^ (t[0x800 + (b >>> 24)] as number) ^
      (t[0x700 + (c & 0xff)] as number) ^ (t[0x600 + ((c >>> 8) & 0xff)] as number) ^ (t[0x500 + ((c >>> 16) & 0xff)] as number) ^ (t[0x400 + (c >>> 24)] as number) ^
      (t[0x300 + (d & 0xff)] as number) ^ (t[0x200 + ((d >>> 8) & 0xff)] as number) ^ (t[0x100 + ((d >>> 16) & 0xff)] as number) ^ (t[d >>> 24] as number);
  }
  return crc;
}
