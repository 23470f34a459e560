import {
  headersNeeded,
  type PartitionState,
  type SealedHeaderKey,
  type SealedRound,
  sealedHeaderKeyText,
  sealRound,
  type TenantState,
  tenantsNeeded,
} from '@sealtrail/seal';
import type { JudgedRecords } from './judge-records.ts';
import { type Partition, persist } from './partition.ts';

/** What was sealed before. */
export interface SealedBefore {
  tenants(names: readonly string[]): Promise<ReadonlyMap<string, TenantState>>;
  /** Header hash of the batch that was sealed under this number; null when there is none. */
  header(key: SealedHeaderKey): Promise<Uint8Array | null>;
}

/**
 * Seals judged records that follow `state`. What it is given decides what it gives: the clock, chance and this ledger's
 * identity have no part in it. Reading what was sealed before is tried until it succeeds.
 */
export async function sealRecords(
  partition: Partition,
  state: PartitionState,
  { examined, registry }: JudgedRecords,
  before: SealedBefore,
): Promise<SealedRound> {
  const { ports, identity } = partition;
  const tenants = await persist(partition, 'reading the tenants’ logs', () => before.tenants(tenantsNeeded(examined)));
  const sealedHeaders = await persist(partition, 'reading earlier headers', async () => {
    const found = new Map<string, Uint8Array>();
    for (const needed of headersNeeded(examined, tenants)) {
      const hash = await before.header(needed);
      if (hash !== null) found.set(sealedHeaderKeyText(needed), hash);
    }
    return found;
  });
  return sealRound({ sha256: ports.sha256, identity, state, registry, tenants, sealedHeaders, examined });
}
