/** Whether bytes[start, end) are well-formed UTF-8 (Unicode 15, table 3-7): no overlong forms, surrogates or values above U+10FFFF. */
export function isWellFormedUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  let i = start;
  while (i < end) {
    const first = bytes[i++] as number;
    if (first < 0x80) continue;
    let more: number;
    let low = 0x80;
    let high = 0xbf;
    if (first >= 0xc2 && first <= 0xdf) more = 1;
    else if (first >= 0xe0 && first <= 0xef) {
      more = 2;
      if (first === 0xe0) low = 0xa0;
      if (first === 0xed) high = 0x9f;
    } else if (first >= 0xf0 && first <= 0xf4) {
      more = 3;
      if (first === 0xf0) low = 0x90;
      if (first === 0xf4) high = 0x8f;
    } else return false;
    if (i + more > end) return false;
    const second = bytes[i++] as number;
    if (second < low || second > high) return false;
    for (; more > 1; more--) if (((bytes[i++] as number) & 0xc0) !== 0x80) return false;
  }
  return true;
}

/** OR of all bytes: a high bit in it says that there is more than ASCII. */
export function orOfBytes(bytes: Uint8Array, start: number, end: number): number {
  let or = 0;
  let i = start;
  for (const stop = end - 3; i < stop; i += 4) {
    or |= (bytes[i] as number) | (bytes[i + 1] as number) | (bytes[i + 2] as number) | (bytes[i + 3] as number);
  }
  for (; i < end; i++) or |= bytes[i] as number;
  return or;
}
