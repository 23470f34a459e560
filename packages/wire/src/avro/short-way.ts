import type { Plan } from './plan.ts';
import { orOfBytes } from './utf8.ts';

/**
 * The short way past a value that is plainly right: whole, text of ASCII, counts and indexes of one byte. Where it ends; -1
 * for every other value, right or wrong, which `skip` then judges: so each fault has one place.
 */
export function shortEnd(plan: Plan, bytes: Uint8Array, at: number, limit: number): number {
  if (at >= limit) return -1;
  const first = bytes[at] as number;
  switch (plan.op) {
    case 'optional':
      return first === 0 ? at + 1 : first === 2 ? shortEnd(plan.inner[0] as Plan, bytes, at + 1, limit) : -1;
    case 'string':
      return shortStringEnd(bytes, at, limit);
    case 'int':
    case 'long':
      return shortLongEnd(plan, bytes, at, limit);
    case 'fixed':
      return plan.size <= limit - at ? at + plan.size : -1;
    case 'enum':
      return (first & 0x81) === 0 && first >> 1 < plan.symbols.length ? at + 1 : -1;
    case 'record': {
      let to = at;
      for (let i = 0; i < plan.inner.length && to >= 0; i++) to = shortEnd(plan.inner[i] as Plan, bytes, to, limit);
      return to;
    }
    case 'array': {
      if ((first & 0x81) !== 0) return -1;
      let to = at + 1;
      if (first === 0) return to;
      for (let left = first >> 1; left > 0 && to >= 0; left--) to = shortEnd(plan.inner[0] as Plan, bytes, to, limit);
      return to >= 0 && to < limit && bytes[to] === 0 ? to + 1 : -1;
    }
    case 'map':
      return shortMapEnd(bytes, at, limit);
    default:
      return -1;
  }
}

/** A key with its length, which is then of one byte. */
const SHORT_KEY_BYTES = 64;

/** Of a length of at most two bytes. */
function shortStringEnd(bytes: Uint8Array, at: number, limit: number): number {
  if (at >= limit) return -1;
  let start = at + 1;
  let length = bytes[at] as number;
  if ((length & 1) !== 0) return -1;
  if (length >= 0x80) {
    const second = start < limit ? (bytes[start] as number) : 0;
    if (second === 0 || second >= 0x80) return -1;
    length = (length & 0x7f) | (second << 7);
    start++;
  }
  const end = start + (length >> 1);
  return end <= limit && orOfBytes(bytes, start, end) < 0x80 ? end : -1;
}

/** Of at most 8 bytes: 56 bits. */
function shortLongEnd(plan: Plan, bytes: Uint8Array, at: number, limit: number): number {
  let low = 0; // bits 0 to 27
  let high = 0; // bits 28 to 55
  const stop = limit - at < 8 ? limit : at + 8;
  for (let to = at, shift = 0; to < stop; shift += 7) {
    const byte = bytes[to++] as number;
    if (shift < 28) low |= (byte & 0x7f) << shift;
    else high |= (byte & 0x7f) << (shift - 28);
    if (byte >= 0x80) continue;
    if (byte === 0 && to - at > 1) return -1; // not in its shortest form
    const half = high * 0x8000000 + (low >>> 1);
    const value = (low & 1) === 0 ? half : -half - 1;
    return value >= plan.min && value <= plan.max ? to : -1;
  }
  return -1;
}

function shortMapEnd(bytes: Uint8Array, at: number, limit: number): number {
  const first = bytes[at] as number;
  if ((first & 0x81) !== 0) return -1;
  let to = at + 1;
  if (first === 0) return to;
  let keyAt = -1;
  let keyEnd = -1;
  for (let left = first >> 1; left > 0; left--) {
    const end = shortStringEnd(bytes, to, limit);
    if (end < 0 || end - to > SHORT_KEY_BYTES) return -1;
    if (keyAt >= 0 && !ascends(bytes, keyAt, keyEnd, to + 1, end)) return -1;
    keyAt = to + 1;
    keyEnd = end;
    to = shortStringEnd(bytes, end, limit);
    if (to < 0) return -1;
  }
  return to < limit && bytes[to] === 0 ? to + 1 : -1;
}

/** Whether bytes[aStart, aEnd) stand before bytes[bStart, bEnd). */
export function ascends(bytes: Uint8Array, aStart: number, aEnd: number, bStart: number, bEnd: number): boolean {
  let a = aStart;
  let b = bStart;
  while (a < aEnd && b < bEnd) {
    const difference = (bytes[a++] as number) - (bytes[b++] as number);
    if (difference !== 0) return difference < 0;
  }
  return aEnd - aStart < bEnd - bStart;
}
