const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-|$)/;
const TRACE_ID = /^[0-9a-f]{32}$/i;

/** The trace id of a W3C `traceparent` header (Trace Context 3.2.2) in hex; null for an absent or invalid one. */
export function traceIdOf(traceparent: string | null | undefined): string | null {
  const match = typeof traceparent === 'string' && traceparent.length <= 512 ? TRACEPARENT.exec(traceparent) : null;
  if (match === null) return null;
  const [, version, id, span, , rest] = match;
  if (version === 'ff' || (version === '00' && rest === '-')) return null;
  return /^0+$/.test(id as string) || /^0+$/.test(span as string) ? null : (id as string);
}

/** 16 bytes of an id in hex; null for anything else. */
export const traceIdBytes = (hex: string): Uint8Array | null => (TRACE_ID.test(hex) ? new Uint8Array(Buffer.from(hex, 'hex')) : null);
