import { describe, expect, it } from 'vitest';
import { type Fault, type FaultPlan, type PortCall, withStoreFaults } from '../src/faults.ts';
import { createMemoryLedgerStore, type MemoryLedgerStore } from '../src/memory.ts';
import type { CheckpointRow, CommitRow, LedgerStore, PartitionKey } from '../src/port.ts';

const key: PartitionKey = { topic: 'audit.events', incarnation: 1, partition: 0 };
const claim = new Uint8Array(16).fill(7);
const row = (size: number): CheckpointRow => ({ origin: 'o', size, root: new Uint8Array(32), note: `note ${size}` });
const commit: CommitRow = { ...key, claim, ordinal: 0, from: 0, to: 10, round_hash: new Uint8Array(32) };
const rejected = (offset: number) => ({
  ...key,
  offset,
  reason: 'malformed' as const,
  detail: 'no',
  length: 1,
  digest: new Uint8Array(32),
  recorded_at: 1,
  sealed_bytes: 'x',
});

interface Script extends FaultPlan {
  readonly calls: string[];
  readonly crashes: string[];
  readonly effects: (() => Promise<void>)[];
  readonly resume: (() => void)[];
  kill(): void;
}

/** Gives the faults of the list, one a call, then none. */
function script(...faults: Fault[]): Script {
  let dead = false;
  const plan: Script = {
    calls: [],
    crashes: [],
    effects: [],
    resume: [],
    choose(call: PortCall) {
      plan.calls.push(`${call.port}.${call.method}`);
      return faults.shift() ?? 'none';
    },
    later: (effect) => void plan.effects.push(effect),
    pause: () => new Promise((resolve) => plan.resume.push(resolve)),
    crashed(call) {
      plan.crashes.push(call.method);
      dead = true;
    },
    get dead() {
      return dead;
    },
    kill: () => {
      dead = true;
    },
  };
  return plan;
}

/** What a promise has come to after everything that can run has run. */
async function settled<T>(promise: Promise<T>): Promise<T | 'pending' | { readonly threw: string }> {
  const turn = new Promise<'pending'>((resolve) => setImmediate(() => setImmediate(() => resolve('pending'))));
  return Promise.race([promise.catch((error: { code?: string }) => ({ threw: error.code ?? String(error) })), turn]);
}

async function threeRejected(): Promise<MemoryLedgerStore> {
  const store = createMemoryLedgerStore({ page_rows_max: 1 });
  await store.insertRejected(key, claim, [rejected(0), rejected(1), rejected(2)]);
  await store.insertCommit(commit);
  return store;
}

/** Offsets of the pages that came, and how it ended. */
async function iterate(store: LedgerStore): Promise<{ offsets: number[]; end: unknown }> {
  const offsets: number[] = [];
  const end = await settled(
    (async () => {
      for await (const page of store.rejected({ partition: key })) offsets.push(...page.map((r) => r.offset));
      return 'done';
    })(),
  );
  return { offsets, end };
}

describe('inserts under faults', () => {
  const cases: readonly [Fault, 'stored' | 'in_doubt' | 'pending', boolean][] = [
    ['none', 'stored', true],
    ['fail_before', 'in_doubt', false],
    ['fail_after', 'in_doubt', true],
    ['late', 'in_doubt', false],
    ['slow', 'pending', false],
    ['crash_before', 'pending', false],
    ['crash_after', 'pending', true],
  ];
  for (const [fault, kind, takesEffect] of cases) {
    it(`${fault}: ${kind}, ${takesEffect ? 'took effect' : 'took no effect'}`, async () => {
      const inner = createMemoryLedgerStore();
      const plan = script(fault);
      const outcome = await settled(withStoreFaults(inner, plan).insertCheckpoint(row(1)));
      expect(typeof outcome === 'object' && 'kind' in outcome ? outcome.kind : outcome).toBe(kind);
      expect(inner.tables.checkpoints.length).toBe(takesEffect ? 1 : 0);
      expect(plan.calls).toEqual(['ledger_store.insertCheckpoint']);
      expect(plan.crashes).toEqual(fault.startsWith('crash') ? ['insertCheckpoint'] : []);
    });
  }

  it('late: the effect comes when the plan lets it, also after the process is gone', async () => {
    const inner = createMemoryLedgerStore();
    const plan = script('late', 'crash_before');
    const store = withStoreFaults(inner, plan);
    await store.insertCheckpoint(row(1));
    void store.insertCheckpoint(row(2));
    await plan.effects[0]?.();
    expect(inner.tables.checkpoints.map((r) => r.size)).toEqual([1]);
  });

  it('slow: takes effect and answers after the pause', async () => {
    const inner = createMemoryLedgerStore();
    const plan = script('slow');
    const outcome = withStoreFaults(inner, plan).insertCheckpoint(row(1));
    expect(await settled(outcome)).toBe('pending');
    plan.resume[0]?.();
    expect(await outcome).toEqual({ kind: 'stored' });
    expect(inner.tables.checkpoints.length).toBe(1);
  });
});

describe('reads under faults', () => {
  const unavailable = { threw: 'store_unavailable' };
  const cases: readonly [Fault, unknown][] = [
    ['none', []],
    ['fail_before', unavailable],
    ['fail_after', unavailable],
    ['late', unavailable],
    ['slow', 'pending'],
    ['crash_before', 'pending'],
    ['crash_after', 'pending'],
  ];
  for (const [fault, wanted] of cases) {
    it(`${fault}: ${JSON.stringify(wanted)}`, async () => {
      expect(await settled(withStoreFaults(createMemoryLedgerStore(), script(fault)).partitions())).toEqual(wanted);
    });
  }

  const ofPages: readonly [Fault, number[], unknown][] = [
    ['none', [0, 1, 2], 'done'],
    ['fail_before', [], unavailable],
    ['fail_after', [0], unavailable],
    ['late', [], unavailable],
    ['slow', [], 'pending'],
    ['crash_before', [], 'pending'],
    ['crash_after', [0], 'pending'],
  ];
  for (const [fault, offsets, end] of ofPages) {
    it(`${fault} of pages: ${offsets.length} pages, then ${JSON.stringify(end)}`, async () => {
      const plan = script(fault);
      expect(await iterate(withStoreFaults(await threeRejected(), plan))).toEqual({ offsets, end });
      expect(plan.calls).toEqual(['ledger_store.rejected']);
      expect(plan.crashes).toEqual(fault.startsWith('crash') ? ['rejected'] : []);
    });
  }

  it('fail_after of an iteration without any page fails too', async () => {
    expect(await iterate(withStoreFaults(createMemoryLedgerStore(), script('fail_after')))).toEqual({ offsets: [], end: unavailable });
  });
});

describe('a dead process', () => {
  it('asks nothing more and gets no answer', async () => {
    const inner = await threeRejected();
    const plan = script('crash_before');
    const store = withStoreFaults(inner, plan);
    void store.insertCheckpoint(row(1));
    expect(await settled(store.insertCheckpoint(row(2)))).toBe('pending');
    expect(await settled(store.partitions())).toBe('pending');
    expect(await iterate(store)).toEqual({ offsets: [], end: 'pending' });
    expect(plan.calls.length).toBe(1);
    expect(inner.tables.checkpoints).toEqual([]);
  });

  it('gets no answer to a call that was under way, nor a page', async () => {
    const plan = script();
    const store = withStoreFaults(await threeRejected(), plan);
    const pages = store.rejected({ partition: key })[Symbol.asyncIterator]();
    await pages.next();
    const insert = store.insertCheckpoint(row(1));
    plan.kill();
    expect(await settled(insert)).toBe('pending');
    expect(await settled(pages.next())).toBe('pending');
  });
});

it('every method of the port goes through the plan under its name, save close', async () => {
  const inner = createMemoryLedgerStore();
  const plan = script();
  const store = withStoreFaults(inner, plan);
  const called: string[] = [];
  for (const [name, method] of Object.entries(store) as [string, (...args: unknown[]) => unknown][]) {
    if (name === 'close') continue;
    const given = method(...(argumentsOf[name] ?? [{ partition: key }]));
    if (given !== null && typeof given === 'object' && Symbol.asyncIterator in given) {
      for await (const page of given as AsyncIterable<unknown>) expect(page).toBeDefined();
    } else await given;
    called.push(`ledger_store.${name}`);
  }
  await store.close();
  expect(plan.calls).toEqual(called);
  const port = Object.entries(inner).filter(([name, method]) => typeof method === 'function' && name !== 'close');
  expect(called.toSorted()).toEqual(port.map(([name]) => `ledger_store.${name}`).sort());
});

const sequence = { tenant: 't', producer: 'p', instance: claim, delivery: 'ROUTINE', sequence: 0 };
const argumentsOf: Readonly<Record<string, unknown[]>> = {
  insertEntries: [key, claim, []],
  insertManifests: [key, claim, []],
  insertHeads: [key, claim, []],
  insertRejected: [key, claim, []],
  insertDuplicates: [key, claim, []],
  insertRound: [{ round: { ...key, index: 1 }, bytes: claim, hash: claim, operator: { size: 0, nodes: [] } }],
  insertCommit: [commit],
  insertCheckpoint: [row(1)],
  insertKeyRecords: [[]],
  partitions: [],
  commits: [key],
  round: [claim],
  rounds: [key, { from: 0, to: 1 }],
  head: [key, 't'],
  logSizes: [key],
  unsealedCount: [key],
  sequences: [key, 't'],
  sealedHeader: [key, sequence],
  batchLeaves: [key, { from: 0, to: 1 }],
  latestCheckpoint: ['o'],
  checkpoints: ['o'],
  keyRecords: [],
};
