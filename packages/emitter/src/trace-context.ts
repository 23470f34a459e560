const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-|$)/;
const ID_BYTES = 16;

/** The trace id of a W3C `traceparent` header (Trace Context 3.2.2) in hex; null for an absent or invalid one. */
export function traceIdOf(traceparent: string | null | undefined): string | null {
  const match = typeof traceparent === 'string' && traceparent.length <= 512 ? TRACEPARENT.exec(traceparent) : null;
  if (match === null) return null;
  const [, version, id, span, , rest] = match;
  if (version === 'ff' || (version === '00' && rest === '-')) return null;
  return /^0+$/.test(id as string) || /^0+$/.test(span as string) ? null : (id as string);
}

/** 16 bytes of an id in hex; null for anything else. */
export function traceIdBytes(hex: string): Uint8Array | null {
  if (hex.length !== 2 * ID_BYTES) return null;
  const out = new Uint8Array(ID_BYTES);
  for (let i = 0; i < ID_BYTES; i++) {
    const high = hexValue(hex.charCodeAt(2 * i));
    const low = hexValue(hex.charCodeAt(2 * i + 1));
    if (high === -1 || low === -1) return null;
    out[i] = (high << 4) | low;
  }
  return out;
}

const hexValue = (code: number): number =>
  code >= 48 && code <= 57 ? code - 48 : code >= 97 && code <= 102 ? code - 87 : code >= 65 && code <= 70 ? code - 55 : -1;
