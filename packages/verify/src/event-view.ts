import { type AuditEvent, type EventSchema, eventSchemaFields } from '@sealtrail/wire';
import type { ErasableSection } from './sections.ts';

export type JsonValue = string | number | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** An event as plain JSON, for people and programs that read no Avro. */
export interface EventView {
  readonly erased: readonly ErasableSection[];
  /**
   * The fields by their column names, without the salts and without what was erased. Ids and hashes in hex, event_id as a
   * UUID, source_ip as an address; times in the units of their columns (ms; occurred_at µs), since 1970.
   */
  readonly fields: Readonly<Record<string, JsonValue>>;
}

export function eventView(schema: EventSchema, event: AuditEvent, erased: readonly ErasableSection[]): EventView {
  const fields: Record<string, JsonValue> = {};
  for (const { name, section } of eventSchemaFields(schema)) {
    if (name === 'actor_salt' || name === 'object_salt' || erased.some((one) => one === section)) continue;
    fields[name] = fieldView(name, event[name as keyof AuditEvent]);
  }
  return { erased, fields };
}

function fieldView(name: string, value: unknown): JsonValue {
  if (value === null) return null;
  if (value instanceof Uint8Array)
    return name === 'event_id' ? uuidText(value) : name === 'source_ip' ? addressText(value) : hexText(value);
  if (value instanceof Map) return Object.fromEntries(value as ReadonlyMap<string, string>);
  if (Array.isArray(value)) return value.map((item) => fieldView('', item));
  if (typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, fieldView('', one)]));
  return value as string | number;
}

export const hexText = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

function uuidText(id: Uint8Array): string {
  const text = hexText(id);
  return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join('-');
}

const MAPPED_IPV4 = '00000000000000000000ffff';

function addressText(address: Uint8Array): string {
  const text = hexText(address);
  if (text.startsWith(MAPPED_IPV4)) return Array.from(address.subarray(12)).join('.');
  return (text.match(/..../g) ?? []).map((group) => group.replace(/^0{1,3}/, '')).join(':');
}
