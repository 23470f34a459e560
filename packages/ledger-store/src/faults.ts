/** Any ledger store, made to fail on command: for tests of what survives. */
import { type Fault, type FaultPlan, never, type PortCall } from '@sealtrail/event-log/faults';
import { type InsertOutcome, type LedgerStore, LedgerStoreError } from './port.ts';

export { type Fault, type FaultPlan, never, type PortCall } from '@sealtrail/event-log/faults';

/**
 * The store behind a plan of faults. The plan is asked once a call; of a read that gives pages, when its first page is
 * asked for. `close` goes through without being asked.
 *
 * - Inserts that fail are `in_doubt`, whether they took effect or not: a caller cannot know. `late` hands the insert to
 *   `plan.later`; it then sees the arguments as they are by then.
 * - Reads that fail throw LedgerStoreError `store_unavailable`. Of a read that gives pages `fail_before` and `late` fail at
 *   the first page, `fail_after` after it; `crash_after` dies after the first page.
 * - Once the plan is dead no call answers, nor does one that was under way.
 */
export function withStoreFaults(store: LedgerStore, plan: FaultPlan): LedgerStore {
  /** Gives the answer only to a process that still lives. */
  const answer = async <T>(promise: Promise<T>): Promise<T> => {
    try {
      return await promise;
    } finally {
      // A finally that never ends keeps the answer, and the error too.
      if (plan.dead) await never();
    }
  };
  const crash = <T>(call: PortCall): Promise<T> => {
    plan.crashed(call);
    return never();
  };

  /** One call; `fail` says what the caller is told, `late` what becomes of the effect. */
  const run = async <T>(
    method: keyof LedgerStore,
    effect: () => Promise<T>,
    fail: (method: string, fault: Fault) => T,
    late: () => void,
  ): Promise<T> => {
    if (plan.dead) return never();
    const call = callOf(method);
    const fault = plan.choose(call);
    switch (fault) {
      case 'none':
        return answer(effect());
      case 'fail_before':
        return fail(method, fault);
      case 'fail_after':
        await answer(effect());
        return fail(method, fault);
      case 'late':
        late();
        return fail(method, fault);
      case 'slow':
        await answer(plan.pause());
        return answer(effect());
      case 'crash_before':
        return crash(call);
      case 'crash_after':
        await answer(effect());
        return crash(call);
      default:
        return fault satisfies never;
    }
  };
  const insert = (method: keyof LedgerStore, effect: () => Promise<InsertOutcome>): Promise<InsertOutcome> =>
    run(method, effect, inDoubt, () => plan.later(async () => void (await effect())));
  const read = <T>(method: keyof LedgerStore, ask: () => Promise<T>): Promise<T> => run(method, ask, refuse, () => undefined);

  const pages = async function* <T>(method: keyof LedgerStore, ask: () => AsyncIterable<T>): AsyncGenerator<T> {
    if (plan.dead) await never();
    const call = callOf(method);
    const fault = plan.choose(call);
    if (fault === 'fail_before' || fault === 'late') throw unavailable(method, fault);
    if (fault === 'crash_before') await crash(call);
    if (fault === 'slow') await answer(plan.pause());
    const iterator = ask()[Symbol.asyncIterator]();
    try {
      let given = 0;
      for (let next = await answer(iterator.next()); next.done !== true; next = await answer(iterator.next())) {
        if (given === 1) await endOf(fault, call);
        given++;
        yield next.value;
      }
      if (given <= 1) await endOf(fault, call);
    } finally {
      await iterator.return?.();
    }
  };
  /** What happens after the first page, or at the end where there is no second. */
  const endOf = async (fault: Fault, call: PortCall): Promise<void> => {
    if (fault === 'fail_after') throw unavailable(call.method, fault);
    if (fault === 'crash_after') await crash(call);
  };

  return {
    insertEntries: (...args) => insert('insertEntries', () => store.insertEntries(...args)),
    insertManifests: (...args) => insert('insertManifests', () => store.insertManifests(...args)),
    insertHeads: (...args) => insert('insertHeads', () => store.insertHeads(...args)),
    insertRejected: (...args) => insert('insertRejected', () => store.insertRejected(...args)),
    insertDuplicates: (...args) => insert('insertDuplicates', () => store.insertDuplicates(...args)),
    insertRound: (...args) => insert('insertRound', () => store.insertRound(...args)),
    insertCommit: (...args) => insert('insertCommit', () => store.insertCommit(...args)),
    insertCheckpoint: (...args) => insert('insertCheckpoint', () => store.insertCheckpoint(...args)),
    insertKeyRecords: (...args) => insert('insertKeyRecords', () => store.insertKeyRecords(...args)),

    partitions: () => read('partitions', () => store.partitions()),
    commits: (...args) => read('commits', () => store.commits(...args)),
    round: (...args) => read('round', () => store.round(...args)),
    rounds: (...args) => pages('rounds', () => store.rounds(...args)),
    head: (...args) => read('head', () => store.head(...args)),
    logSizes: (...args) => pages('logSizes', () => store.logSizes(...args)),
    unsealedCount: (...args) => read('unsealedCount', () => store.unsealedCount(...args)),
    heads: (...args) => pages('heads', () => store.heads(...args)),
    sequences: (...args) => read('sequences', () => store.sequences(...args)),
    sealedHeader: (...args) => read('sealedHeader', () => store.sealedHeader(...args)),
    manifests: (...args) => pages('manifests', () => store.manifests(...args)),
    entries: (...args) => pages('entries', () => store.entries(...args)),
    batchLeaves: (...args) => pages('batchLeaves', () => store.batchLeaves(...args)),
    rejected: (...args) => pages('rejected', () => store.rejected(...args)),
    duplicates: (...args) => pages('duplicates', () => store.duplicates(...args)),
    latestCheckpoint: (...args) => read('latestCheckpoint', () => store.latestCheckpoint(...args)),
    checkpoints: (...args) => pages('checkpoints', () => store.checkpoints(...args)),
    keyRecords: () => read('keyRecords', () => store.keyRecords()),
    close: () => store.close(),
  };
}

/**
 * The store where some reads are answered by another one, as by a replica that lags or has lost rows. `replicaFor` is asked
 * once a read, in the order of calls; null lets the read go through. Inserts and `close` go through without being asked.
 */
export function withStaleReads(store: LedgerStore, replicaFor: (method: keyof LedgerStore) => LedgerStore | null): LedgerStore {
  const stale: Record<string, unknown> = {};
  for (const method of Object.keys(store) as (keyof LedgerStore)[]) {
    const isRead = typeof store[method] === 'function' && !method.startsWith('insert') && method !== 'close';
    if (!isRead) continue;
    stale[method] = (...args: never[]): unknown => {
      const replica = replicaFor(method) ?? store;
      return (replica[method] as (...args: never[]) => unknown)(...args);
    };
  }
  return { ...store, ...stale };
}

const callOf = (method: keyof LedgerStore): PortCall => ({ port: 'ledger_store', method });

const unavailable = (method: string, fault: Fault): LedgerStoreError =>
  new LedgerStoreError('store_unavailable', `the ledger store did not answer ${method} (${fault}, on command): try again`);

const refuse = (method: string, fault: Fault): never => {
  throw unavailable(method, fault);
};

const inDoubt = (method: string, fault: Fault): InsertOutcome => ({ kind: 'in_doubt', cause: unavailable(method, fault) });
