import { appendLeaf, EMPTY_FRONTIER, type Frontier, frontierRoot, type Sha256 } from '@sealtrail/merkle';
import { isAcceptablePublicKey, type KeyRecord, keyRecordCodec, keyThumbprint, SUITE_ED25519_SHA256, WireError } from '@sealtrail/wire';

/**
 * The key registry as far as its stream was read: record n of the stream is key record n. Immutable. A record that does
 * not parse, or whose key_id is not its key's thumbprint, keeps its place and has no effect. docs/spec/registry.md
 */
export interface Registry {
  readonly size: number;
  /** RFC 9162 root over the key records' leaf hashes. */
  readonly root: Uint8Array;
  /** The records' bytes, in order. */
  readonly records: readonly Uint8Array[];
  readonly frontier: Frontier;
  /** Every REGISTER and REVOKE record of the key, in order. */
  recordsOf(keyId: Uint8Array): readonly KeyRecord[];
}

const NONE: readonly KeyRecord[] = Object.freeze([]);

export const emptyRegistry = (sha256: Sha256): Registry => registry(sha256, [], EMPTY_FRONTIER, new Map());

export function extendRegistry(sha256: Sha256, before: Registry, records: readonly Uint8Array[]): Registry {
  if (records.length === 0) return before;
  const byKey = new Map<string, KeyRecord[]>();
  const all = [...before.records, ...records];
  for (const bytes of all) {
    const record = readRecord(sha256, bytes);
    if (record === null) continue;
    const name = keyName(record.key_id);
    byKey.set(name, [...(byKey.get(name) ?? []), record]);
  }
  let frontier = before.frontier;
  for (const bytes of records) frontier = appendLeaf(sha256, frontier, keyRecordCodec().leafHash(sha256, bytes));
  return registry(sha256, all, frontier, byKey);
}

/** The registry as it was at `size`. Throws RangeError when it never was that large. */
export function registryAt(sha256: Sha256, now: Registry, size: number): Registry {
  if (size === now.size) return now;
  if (size > now.size) throw new RangeError(`the registry has ${now.size} records; ${size} are asked for`);
  return extendRegistry(sha256, emptyRegistry(sha256), now.records.slice(0, size));
}

function registry(
  sha256: Sha256,
  records: readonly Uint8Array[],
  frontier: Frontier,
  byKey: ReadonlyMap<string, readonly KeyRecord[]>,
): Registry {
  return {
    size: records.length,
    root: frontierRoot(sha256, frontier),
    records,
    frontier,
    recordsOf: (keyId) => byKey.get(keyName(keyId)) ?? NONE,
  };
}

/** null for a record without effect. */
function readRecord(sha256: Sha256, bytes: Uint8Array): KeyRecord | null {
  let record: KeyRecord;
  try {
    record = keyRecordCodec().decode(bytes);
  } catch (error) {
    if (error instanceof WireError) return null;
    throw error;
  }
  if (record.version !== 1 || record.suite !== SUITE_ED25519_SHA256 || record.kind === 'LEDGER') return null;
  if (!isAcceptablePublicKey(record.public_key)) return null;
  return keyName(keyThumbprint(sha256, record.public_key)) === keyName(record.key_id) ? record : null;
}

const keyName = (keyId: Uint8Array): string => String.fromCharCode(...keyId);

/** What the registry says of a key, for one header at one time. */
export type KeyVerdict =
  | { readonly kind: 'valid'; readonly public_key: Uint8Array }
  | { readonly kind: 'refused'; readonly reason: 'unknown_key' | 'key_not_valid' | 'tenant_not_allowed'; readonly detail: string };

/** Any tenant at all. */
const ALL_TENANTS = '*';

export function judgeKey(
  from: Registry,
  header: { readonly key_id: Uint8Array; readonly producer: string; readonly tenant: string },
  recordedAt: number,
): KeyVerdict {
  const records = from.recordsOf(header.key_id);
  const registered = records.filter((record) => record.kind === 'REGISTER');
  if (registered.length === 0) return { kind: 'refused', reason: 'unknown_key', detail: 'the registry has no such key' };
  if (records.some((record) => record.kind === 'REVOKE' && record.valid_from <= recordedAt)) {
    return { kind: 'refused', reason: 'key_not_valid', detail: 'the key is revoked' };
  }
  const inForce = registered.filter(
    (record) =>
      record.producer === header.producer &&
      record.valid_from <= recordedAt &&
      (record.valid_until === null || recordedAt < record.valid_until),
  );
  if (inForce.length === 0)
    return { kind: 'refused', reason: 'key_not_valid', detail: 'the key is not registered for this producer at this time' };
  const allowed = inForce.find((record) => record.tenants.includes(header.tenant) || record.tenants.includes(ALL_TENANTS));
  if (allowed === undefined) return { kind: 'refused', reason: 'tenant_not_allowed', detail: 'the key may not write for this tenant' };
  return { kind: 'valid', public_key: allowed.public_key };
}
