import type { HeadRow, LedgerStore, PartitionKey } from '@sealtrail/ledger-store';
import { type Frontier, frontierRoot, hexOf, type Sha256 } from '@sealtrail/merkle';
import {
  emptyTenant,
  type PartitionIdentity,
  type SealedHeaderKey,
  type SequenceIntervals,
  sequenceKey,
  type TenantState,
  withSealed,
} from '@sealtrail/seal';
import type { LogSizes } from './log-sizes.ts';
import type { Partition } from './partition.ts';
import { type Answer, untilAgreed } from './until-agreed.ts';

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

/**
 * A tenant's log from its visible rows, which must be all that was committed: the head of the committed size, and as many
 * sealed numbers as the log has manifests. A log that has not begun is not asked for. Throws PartitionEnd, LedgerStoreError.
 */
export async function loadTenant(partition: Partition, sizes: LogSizes, tenant: string): Promise<TenantState> {
  const { ports, identity, key } = partition;
  const { store, sha256 } = ports;
  const empty = emptyTenant(sha256, identity, tenant, null);
  const size = sizes.of(tenant);
  if (size === 0) return empty;
  return untilAgreed<TenantState>(partition, 'reading a tenant’s log', async () => {
    const head = await store.head(key, tenant);
    const wrong = head === null ? 'there is no head' : faultOf(sha256, head, empty.log, size);
    if (head === null || wrong !== null) return disagrees(`tenant ${tenant} has a log of ${size} manifests, and ${wrong}`);
    const lives = await store.sequences(key, tenant);
    const numbers = lives.reduce((sum, { intervals }) => sum + intervals.reduce((count, { from, to }) => count + to - from, 0), 0);
    if (numbers !== size) return disagrees(`tenant ${tenant} has a log of ${size} manifests, and ${numbers} of them are there`);
    const sequences = new Map(lives.map((life) => [sequenceKey(life.producer, life.instance, life.delivery), life]));
    const { entries, last } = head.head;
    return { kind: 'agreed', value: { ...empty, size, entries, last, frontier: head.frontier, sequences } };
  });
}

const disagrees = (what: string): Answer<never> => ({ kind: 'disagrees', what });

function faultOf(sha256: Sha256, { head, frontier }: HeadRow, log: Uint8Array, size: number): string | null {
  if (head.size !== size) return `its newest head has ${head.size}`;
  const same = (a: Uint8Array, b: Uint8Array): boolean => hexOf(a) === hexOf(b);
  if (!same(head.log, log)) return 'its head names another log';
  const isRooted = frontier.size === size && isFrontier(frontier) && same(frontierRoot(sha256, frontier), head.root);
  return isRooted ? null : 'the frontier of its head does not give the root';
}

/** A frontier has a node for each bit of its size. */
function isFrontier({ size, nodes }: Frontier): boolean {
  let bits = 0;
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) bits += rest % 2;
  return nodes.length === bits;
}

/** Header hash of the batch that is sealed under a number, which its tenant's manifests say that there is. Throws as `loadTenant`. */
export function loadSealedHeader(partition: Partition, number: SealedHeaderKey): Promise<Uint8Array> {
  const { ports, key } = partition;
  const { tenant, producer, sequence } = number;
  return untilAgreed<Uint8Array>(partition, 'reading an earlier header', async () => {
    const value = await ports.store.sealedHeader(key, number);
    if (value !== null) return { kind: 'agreed', value };
    return disagrees(`number ${sequence} of producer ${producer} is sealed in the log of tenant ${tenant}, and its manifest is not there`);
  });
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
