import type { LogRecord } from '@sealtrail/event-log';
import {
  type ExaminedRecord,
  examineRecord,
  headersNeeded,
  type PartitionState,
  type Registry,
  recordedAtOf,
  type SealedRound,
  sealedHeaderKeyText,
  sealRound,
  type TenantState,
  tenantsNeeded,
} from '@sealtrail/seal';
import { type Partition, persist } from './partition.ts';

/** Computing that may run before others get their turn: heartbeats and the socket's callers among them. */
const EVENTS_A_BREATH = 4_096;

/**
 * Judges and seals records that follow `state`. What it is given decides what it gives: the clock, chance and this ledger's
 * identity have no part in it. Reading tenants and earlier headers is tried until it succeeds.
 */
export async function sealRecords(
  partition: Partition,
  state: PartitionState,
  registry: Registry,
  records: readonly LogRecord[],
  tenantsOf: (tenants: readonly string[]) => Promise<ReadonlyMap<string, TenantState>>,
): Promise<SealedRound> {
  const { ports, identity } = partition;
  const context = { sha256: ports.sha256, verify: ports.verify, identity, registry };
  const examined: ExaminedRecord[] = [];
  let recordedAt = state.recorded_at;
  let sinceBreath = 0;
  for (const record of records) {
    recordedAt = recordedAtOf(record, recordedAt);
    const one = examineRecord(context, record, recordedAt);
    examined.push(one);
    sinceBreath += one.kind === 'sound' ? one.batch.header.count + 1 : 1;
    if (sinceBreath >= EVENTS_A_BREATH) {
      sinceBreath = 0;
      await ports.breathe();
    }
  }
  const tenants = await persist(partition, 'reading the tenants’ logs', () => tenantsOf(tenantsNeeded(examined)));
  const sealedHeaders = await persist(partition, 'reading earlier headers', async () => {
    const found = new Map<string, Uint8Array>();
    for (const key of headersNeeded(examined, tenants)) {
      const hash = await ports.store.sealedHeader(partition.key, key);
      if (hash !== null) found.set(sealedHeaderKeyText(key), hash);
    }
    return found;
  });
  return sealRound({ sha256: ports.sha256, identity, state, registry, tenants, sealedHeaders, examined });
}
