/** Another value of the same type: what a careful forger would write into a column. */
export function altered(value: unknown): unknown {
  if (value === null) return Uint8Array.from({ length: 32 }, (_, i) => i);
  if (typeof value === 'number') return value + 1;
  if (typeof value === 'string') return ALTERNATIVES.get(value) ?? `${value}x`;
  if (value instanceof Uint8Array) return Uint8Array.from(value, (byte, i) => (i === value.length - 1 ? byte ^ 1 : byte));
  if (value instanceof Map) return new Map([...value, ['added', 'yes']]);
  if (Array.isArray(value)) return value.length > 0 ? value.slice(1) : ['added'];
  throw new Error(`no other value of ${typeof value}`);
}

const ALTERNATIVES: ReadonlyMap<string, string> = new Map([
  ['USER', 'SERVICE'],
  ['VERIFIED', 'INVALID'],
  ['SUCCESS', 'DENIED'],
  ['MEDIUM', 'LOW'],
  ['ROUTINE', 'CRITICAL'],
  ['CRITICAL', 'ROUTINE'],
  ['DATA', 'HEARTBEAT'],
  ['malformed', 'too_large'],
]);
