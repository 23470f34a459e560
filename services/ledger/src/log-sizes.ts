import type { StoredRound } from '@sealtrail/ledger-store';
import { hexOf } from '@sealtrail/merkle';
import type { PartitionState, TenantState } from '@sealtrail/seal';
import { roundCodec } from '@sealtrail/wire';
import { type Partition, persist } from './partition.ts';
import { untilAgreed } from './until-agreed.ts';

/** How many manifests each tenant's log has, as committed: what an answer of the store is held against. */
export class LogSizes {
  readonly #sizes: Map<string, number>;

  constructor(sizes: Map<string, number>) {
    this.#sizes = sizes;
  }

  /** 0 is proof that the tenant's log has not begun. */
  of(tenant: string): number {
    return this.#sizes.get(tenant) ?? 0;
  }

  /** After a commit. */
  set(states: ReadonlyMap<string, TenantState>): void {
    for (const [tenant, { size }] of states) this.#sizes.set(tenant, size);
  }
}

/**
 * Reads the size of every log and accounts for every committed offset: each is a manifest in a log, a rejection or a
 * duplicate. A head that is lost, or that a replica does not show yet, leaves offsets over; then the partition waits as long
 * as replication may lag, and halts with `rows_disagree`. docs/spec/commit.md, Recovery, step 8. Throws PartitionEnd.
 */
export async function accountFor(partition: Partition, state: PartitionState): Promise<LogSizes> {
  const { store } = partition.ports;
  // At a beginning no log has begun, whatever a commit row of a lost era shows until the first round cuts it.
  if (state.rounds === 0) return new LogSizes(new Map());
  const from = await persist(partition, 'reading the commit rows', async () => {
    const commits = await store.commits(partition.key);
    return commits.reduce((first, row) => Math.min(first, row.from), state.next_offset);
  });
  const committed = state.next_offset - from;
  return untilAgreed<LogSizes>(partition, 'reading the sizes of the tenants’ logs', async (isLast) => {
    const { sizes, sealed, unsealed } = await persist(partition, 'reading the sizes of the tenants’ logs', () => readSizes(partition));
    if (sealed + unsealed === committed) return { kind: 'agreed', value: new LogSizes(sizes) };
    // Rejections and duplicates that the store has lost leave offsets over too; the rounds tell how many there were.
    const byRounds = isLast ? await persist(partition, 'reading the rounds', () => unsealedByRounds(partition, state)) : null;
    if (byRounds !== null && sealed + byRounds === committed) return { kind: 'agreed', value: new LogSizes(sizes) };
    const what = `of ${committed} committed offsets ${sealed} stand in the tenants’ logs by their heads, and ${unsealed} are rejections or duplicates`;
    return { kind: 'disagrees', what: `${what}: heads are missing, or are others` };
  });
}

async function readSizes({ ports, key }: Partition) {
  const sizes = new Map<string, number>();
  let sealed = 0;
  for await (const page of ports.store.logSizes(key)) {
    for (const { tenant, size } of page) {
      sizes.set(tenant, size);
      sealed += size;
    }
  }
  return { sizes, sealed, unsealed: await ports.store.unsealedCount(key) };
}

/** Rejections and duplicates of all committed rounds, by the rounds. Of the contents of one index the next index names one. */
async function unsealedByRounds({ ports, key }: Partition, state: PartitionState): Promise<number> {
  let count = 0;
  let index = -1;
  let candidates: StoredRound[] = [];
  const settle = (named: readonly string[]): void => {
    const committed = candidates.find(({ hash }) => named.includes(hexOf(hash)));
    if (committed !== undefined) count += committed.round.rejected + committed.round.duplicates;
    candidates = [];
  };
  // Rounds of the same index come one after the other, but pages may part them.
  let following: StoredRound[] = [];
  const close = (): void => {
    settle(following.map(({ round }) => hexOf(round.previous)));
    candidates = following;
    following = [];
  };
  for await (const page of ports.store.rounds(key, { from: 0, to: state.rounds })) {
    for (const one of page) {
      if (one.round.index !== index) close();
      index = one.round.index;
      const isWhole = one.bytes !== null && hexOf(roundCodec().leafHash(ports.sha256, one.bytes)) === hexOf(one.hash);
      if (isWhole) following.push(one);
    }
  }
  close();
  settle([hexOf(state.previous)]);
  return count;
}
