import type { Registry } from '@sealtrail/seal';

/** What the registry says of one key. */
export interface KeyStanding {
  readonly state: 'valid' | 'revoked' | 'not registered';
  readonly tenants: readonly string[];
  /** Since when it is revoked, in ms since 1970; null when it is not. */
  readonly revoked_from: number | null;
}

export function standingOf(registry: Registry, keyId: Uint8Array, now_ms: number): KeyStanding {
  const records = registry.recordsOf(keyId);
  const tenants = [...new Set(records.flatMap((record) => (record.kind === 'REGISTER' ? record.tenants : [])))].sort();
  const revocations = records.flatMap((record) => (record.kind === 'REVOKE' && record.valid_from <= now_ms ? [record.valid_from] : []));
  const revoked_from = revocations.length === 0 ? null : Math.min(...revocations);
  return { state: revoked_from !== null ? 'revoked' : tenants.length === 0 ? 'not registered' : 'valid', tenants, revoked_from };
}
