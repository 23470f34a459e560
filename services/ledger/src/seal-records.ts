import {
  headersNeeded,
  type PartitionState,
  type SealedRound,
  sealedHeaderKeyText,
  sealRound,
  type TenantState,
  tenantsNeeded,
} from '@sealtrail/seal';
import type { JudgedRecords } from './judge-records.ts';
import { type Partition, persist } from './partition.ts';

/**
 * Seals judged records that follow `state`. What it is given decides what it gives: the clock, chance and this ledger's
 * identity have no part in it. Reading tenants and earlier headers is tried until it succeeds.
 */
export async function sealRecords(
  partition: Partition,
  state: PartitionState,
  { examined, registry }: JudgedRecords,
  tenantsOf: (tenants: readonly string[]) => Promise<ReadonlyMap<string, TenantState>>,
): Promise<SealedRound> {
  const { ports, identity, key } = partition;
  const tenants = await persist(partition, 'reading the tenants’ logs', () => tenantsOf(tenantsNeeded(examined)));
  const sealedHeaders = await persist(partition, 'reading earlier headers', async () => {
    const found = new Map<string, Uint8Array>();
    for (const needed of headersNeeded(examined, tenants)) {
      const hash = await ports.store.sealedHeader(key, needed);
      if (hash !== null) found.set(sealedHeaderKeyText(needed), hash);
    }
    return found;
  });
  return sealRound({ sha256: ports.sha256, identity, state, registry, tenants, sealedHeaders, examined });
}
