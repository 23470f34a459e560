import type { LedgerStore, PartitionKey } from '@sealtrail/ledger-store';
import type { Sha256 } from '@sealtrail/merkle';
import { emptyTenant, type PartitionIdentity, type SequenceIntervals, sequenceKey, type TenantState, withSealed } from '@sealtrail/seal';

/** The tenants' logs as last committed: the least recently used are dropped and read again when they are needed. */
export class TenantStates {
  readonly #kept = new Map<string, TenantState>();
  readonly #kept_max: number;
  readonly #load: (tenant: string) => Promise<TenantState>;

  constructor(load: (tenant: string) => Promise<TenantState>, keptMax: number) {
    this.#load = load;
    this.#kept_max = keptMax;
  }

  async get(tenants: readonly string[]): Promise<ReadonlyMap<string, TenantState>> {
    const states = new Map<string, TenantState>();
    for (const tenant of tenants) {
      const state = this.#kept.get(tenant) ?? (await this.#load(tenant));
      this.#keep(tenant, state);
      states.set(tenant, state);
    }
    return states;
  }

  /** After a commit. */
  set(states: ReadonlyMap<string, TenantState>): void {
    for (const [tenant, state] of states) this.#keep(tenant, state);
    for (const tenant of this.#kept.keys()) {
      if (this.#kept.size <= this.#kept_max) break;
      this.#kept.delete(tenant);
    }
  }

  #keep(tenant: string, state: TenantState): void {
    this.#kept.delete(tenant);
    this.#kept.set(tenant, state);
  }
}

/** A tenant's log from its visible rows. */
export async function loadTenant(
  store: LedgerStore,
  sha256: Sha256,
  identity: PartitionIdentity,
  partition: PartitionKey,
  tenant: string,
): Promise<TenantState> {
  const head = await store.head(partition, tenant);
  const empty = emptyTenant(sha256, identity, tenant, null);
  if (head === null) return empty;
  const lives = await store.sequences(partition, tenant);
  return {
    ...empty,
    log: head.head.log,
    size: head.head.size,
    entries: head.head.entries,
    last: head.head.last,
    frontier: head.frontier,
    sequences: new Map(lives.map((life) => [sequenceKey(life.producer, life.instance, life.delivery), life])),
  };
}

/** A tenant's log as it was before an offset, for a rebuild from there. */
export async function loadTenantBefore(
  store: LedgerStore,
  sha256: Sha256,
  identity: PartitionIdentity,
  partition: PartitionKey,
  tenant: string,
  offset: number,
): Promise<TenantState> {
  const empty = emptyTenant(sha256, identity, tenant, null);
  const query = { partition, tenant, offsets: { from: 0, to: offset } };
  let state = empty;
  for await (const page of store.heads(query)) {
    for (const { head, frontier } of page) {
      if (head.size > state.size) state = { ...state, log: head.log, size: head.size, entries: head.entries, last: head.last, frontier };
    }
  }
  const sequences = new Map<string, SequenceIntervals>();
  for await (const page of store.manifests(query)) {
    for (const { manifest } of page) {
      const { producer, instance, delivery, sequence } = manifest.header;
      const key = sequenceKey(producer, instance, delivery);
      sequences.set(key, { producer, instance, delivery, intervals: withSealed(sequences.get(key)?.intervals ?? [], sequence) });
    }
  }
  return { ...state, sequences };
}
