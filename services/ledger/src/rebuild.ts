import type { StoredRound } from '@sealtrail/ledger-store';
import { hexOf } from '@sealtrail/merkle';
import {
  emptyPartition,
  type PartitionState,
  registryAt,
  type SealedHeaderKey,
  type SealedRound,
  sealedHeaderKeyText,
  type TenantState,
} from '@sealtrail/seal';
import { type Claim, commitOffset, commitRow, insertCommitRow, newClaim } from './claim.ts';
import { insertRows } from './commit-round.ts';
import { judgeRecords } from './judge-records.ts';
import { halted, type Partition, pause, persist } from './partition.ts';
import { stateAfter } from './partition-state.ts';
import { readAllRecords } from './read-records.ts';
import { type SealedBefore, sealRecords } from './seal-records.ts';
import { loadSealedHeader, loadTenantBefore } from './tenant-states.ts';

export interface RebuildOrder {
  /** Committed rounds, oldest first, up to the last one. */
  readonly rounds: readonly StoredRound[];
  /** The round before them; null when they begin the partition. */
  readonly before: StoredRound | null;
  /** Of the new claim. */
  readonly ordinal: number;
}

/**
 * Seals committed rounds again from the log, under the registry and rules that they record, and inserts their rows under a
 * new claim, which hides from their first offset on what the old claims wrote. The rounds must come out the same. Its
 * OffsetCommit comes before its commit row. Throws PartitionEnd.
 */
export async function rebuild(partition: Partition, order: RebuildOrder): Promise<Claim> {
  const { ports, settings } = partition;
  const first = order.rounds[0] as StoredRound;
  const last = order.rounds[order.rounds.length - 1] as StoredRound;
  const sealed = await sealAgain(partition, order);
  for (;;) {
    // One claim covers them all. A doubt ends it: rows that may yet land must not share a claim with those inserted again.
    const claim = newClaim(partition, order.ordinal, first.round.from);
    const doubt = await insertAll(partition, claim, sealed);
    if (doubt !== null) {
      ports.events.claimEnded(partition.key, doubt);
      await pause(partition);
      continue;
    }
    const metadata = { claim: claim.id, ordinal: claim.ordinal, from: claim.from, to: last.round.to, round_hash: last.hash };
    await commitOffset(partition, metadata);
    await insertCommitRow(partition, commitRow(partition, metadata));
    if (settings.era === 'new') ports.events.eraStarted(partition.key, claim.ordinal);
    return claim;
  }
}

async function insertAll(partition: Partition, claim: Claim, rounds: readonly SealedRound[]): Promise<Error | null> {
  for (const sealed of rounds) {
    const outcome = await insertRows(partition.key, claim, sealed, partition.ports);
    if (outcome.kind === 'refused') throw halted(partition, 'rows_refused', outcome.cause.message);
    if (outcome.kind === 'in_doubt') return outcome.cause;
  }
  return null;
}

async function sealAgain(partition: Partition, order: RebuildOrder): Promise<readonly SealedRound[]> {
  const { ports, identity, key } = partition;
  const registryNow = await persist(partition, 'reading the key registry', () => partition.registry.readToEnd());
  let state: PartitionState =
    order.before === null ? { ...emptyPartition(), next_offset: (order.rounds[0] as StoredRound).round.from } : stateAfter(order.before);
  const from = state.next_offset;
  const tenants = new Map<string, TenantState>();
  const tenantsOf = async (names: readonly string[]): Promise<ReadonlyMap<string, TenantState>> => {
    for (const name of names) {
      if (!tenants.has(name)) tenants.set(name, await loadTenantBefore(ports.store, ports.sha256, identity, key, name, from));
    }
    return tenants;
  };
  // Of what is being rebuilt the store may have lost the manifest: these headers are known from here.
  const headers = new Map<string, Uint8Array>();
  const headerOf = async (number: SealedHeaderKey): Promise<Uint8Array | null> =>
    headers.get(sealedHeaderKeyText(number)) ?? (await loadSealedHeader(partition, number));
  const before: SealedBefore = { tenants: tenantsOf, header: headerOf };
  const rebuilt: SealedRound[] = [];
  for (const { round, hash } of order.rounds) {
    if (round.registry_size > registryNow.size) {
      throw halted(
        partition,
        'registry_disagrees',
        `round ${round.index} was judged by ${round.registry_size} key records and the registry has ${registryNow.size}; restore its topic`,
      );
    }
    const registry = registryAt(ports.sha256, registryNow, round.registry_size);
    if (hexOf(registry.root) !== hexOf(round.registry_root)) {
      throw halted(
        partition,
        'registry_disagrees',
        `the key records that round ${round.index} was judged by were changed; restore the registry’s topic`,
      );
    }
    const records = await readAllRecords(partition, round.from, round.to);
    const sealed = await sealRecords(partition, state, await judgeRecords(partition, state, registry, records), before);
    if (hexOf(sealed.hash) !== hexOf(hash)) {
      throw halted(
        partition,
        'rebuild_disagrees',
        `round ${round.index} (offsets ${round.from} to ${round.to}) comes out as ${hexOf(sealed.hash)} and was committed as ${hexOf(hash)}: ` +
          'the log or the rows before it are not what they were; run fsck',
      );
    }
    rebuilt.push(sealed);
    for (const { batch } of sealed.batches) headers.set(sealedHeaderKeyText(batch.header), batch.header_hash);
    state = sealed.next.partition;
    for (const [tenant, next] of sealed.next.tenants) tenants.set(tenant, next);
  }
  return rebuilt;
}
