/** What the store says of a tenant's log is held against what was committed: a stale or lost answer never begins a log anew. */
import type { LedgerStore } from '@sealtrail/ledger-store';
import { withStaleReads } from '@sealtrail/ledger-store/faults';
import { createMemoryLedgerStore, type MemoryLedgerStore, type MemoryTables } from '@sealtrail/ledger-store/memory';
import { beforeEach, describe, expect, it } from 'vitest';
import { SmallLedger, TOPIC } from './small-ledger.ts';

let small: SmallLedger;
/** Every tenant is read again for every round. */
const rereading = { tenants_cached_max: 0, round_records_max: 1 };

beforeEach(async () => {
  small = new SmallLedger();
  small.emit('acme', 2);
  small.emit('globex', 1);
  small.emit('acme', 1);
  await small.runUntil(small.isSealedTo(3), { settings: rereading });
  expect(await small.positions()).toEqual({ acme: [0, 1], globex: [0] });
});

/** The store as it is now, less the rows that `keep` refuses. */
function replica<Table extends keyof MemoryTables>(
  table: Table,
  keep: (row: MemoryTables[Table][number], rows: MemoryTables[Table]) => boolean,
): MemoryLedgerStore {
  const copy = createMemoryLedgerStore();
  for (const name of Object.keys(copy.tables) as (keyof MemoryTables)[]) {
    const rows: unknown[] = copy.tables[name];
    rows.push(...small.store.tables[name]);
  }
  const kept = (copy.tables[table] as MemoryTables[Table][number][]).filter((row) => keep(row, small.store.tables[table]));
  (copy.tables[table] as MemoryTables[Table][number][]).splice(0, Number.POSITIVE_INFINITY, ...kept);
  return copy;
}

/** Answers the first `times` calls of a method, once the ledger has recovered. */
const stale = (method: keyof LedgerStore, lagging: LedgerStore, times = Number.POSITIVE_INFINITY): LedgerStore => {
  let left = times;
  const recovered = small.recovered.length;
  return withStaleReads(small.store, (called) => (called === method && small.recovered.length > recovered && left-- > 0 ? lagging : null));
};

const noHeads = () => replica('heads', () => false);
const olderHeads = () => replica('heads', ({ head }) => head.size === 1);
const lastManifestGone = () => replica('manifests', ({ manifest }) => manifest.offset !== 2);

describe('a read that a replica answers which lags', () => {
  it.each([
    ['no head', 'head', noHeads],
    ['an older head', 'head', olderHeads],
    ['numbers without the last', 'sequences', lastManifestGone],
  ] as const)('%s, twice: the ledger waits for it', async (_, method, lagging) => {
    small.emit('acme', 1);
    await small.runUntil(small.isDoneAt(4), { settings: rereading, store: stale(method, lagging(), 2) });
    expect(small.halts).toEqual([]);
    expect(small.waits.length).toBe(2);
    // They are a label of metrics.
    expect(small.waits.filter((what) => /acme|globex/.test(what))).toEqual([]);
    expect(await small.positions()).toEqual({ acme: [0, 1, 2], globex: [0] });
  });

  it('no header under a number that is sealed, twice: the ledger waits, and knows the duplicate', async () => {
    const again = small.log.control.records(TOPIC, 0)[2];
    small.log.control.put(TOPIC, 0, { key: again?.key ?? null, value: again?.value ?? null });
    const store = stale('sealedHeader', lastManifestGone(), 2);
    await small.runUntil(small.isDoneAt(4), { settings: rereading, store });
    expect(small.halts).toEqual([]);
    expect(small.store.tables.duplicates.length).toBe(1);
    expect(await small.positions()).toEqual({ acme: [0, 1], globex: [0] });
  });

  it.each([
    ['no head', 'head', noHeads],
    ['an older head', 'head', olderHeads],
    ['numbers without the last', 'sequences', lastManifestGone],
  ] as const)('%s, for good: the partition halts, and nothing is committed', async (_, method, lagging) => {
    small.emit('acme', 1);
    await small.runUntil(small.isDoneAt(4), { settings: rereading, store: stale(method, lagging()) });
    expect(small.halts.map(({ code }) => code)).toEqual(['rows_disagree']);
    expect(small.halts[0]?.message).toMatch(/^audit\.events\/1\/0 halts \(rows_disagree\): .*acme.*$/);
    expect(small.sealedOffset).toBe(3);
  });

  it('a header that never comes: the partition halts', async () => {
    const again = small.log.control.records(TOPIC, 0)[2];
    small.log.control.put(TOPIC, 0, { key: again?.key ?? null, value: again?.value ?? null });
    await small.runUntil(small.isDoneAt(4), { settings: rereading, store: stale('sealedHeader', lastManifestGone()) });
    expect(small.halts.map(({ code }) => code)).toEqual(['rows_disagree']);
    expect(small.sealedOffset).toBe(3);
  });

  it('asks the store for no log that cannot have begun', async () => {
    small.emit('initech', 1);
    const asked: string[] = [];
    const store = withStaleReads(small.store, (method) => {
      asked.push(method);
      return null;
    });
    await small.runUntil(small.isDoneAt(4), { settings: rereading, store });
    expect(await small.positions()).toEqual({ acme: [0, 1], globex: [0], initech: [0] });
    expect(asked.filter((method) => method === 'head' || method === 'sequences')).toEqual([]);
  });
});

describe('rows that were lost before the rounds that recovery looks at', () => {
  const short = { recovery_rounds: 1 };
  const lose = <Table extends keyof MemoryTables>(table: Table, lost: (row: MemoryTables[Table][number]) => boolean): void => {
    const rows = small.store.tables[table] as MemoryTables[Table][number][];
    rows.splice(0, Number.POSITIVE_INFINITY, ...rows.filter((row) => !lost(row)));
  };

  it('the only head of a tenant: the partition halts', async () => {
    lose('heads', ({ tenant }) => tenant === 'globex');
    small.emit('globex', 1);
    await small.runUntil(small.isDoneAt(4), { settings: short });
    expect(small.halts.map(({ code }) => code)).toEqual(['rows_disagree']);
    expect(small.sealedOffset).toBe(3);
  });

  it('the head and all other rows of a tenant: the partition halts', async () => {
    lose('heads', ({ tenant }) => tenant === 'globex');
    lose('manifests', ({ manifest }) => manifest.header.tenant === 'globex');
    lose('entries', ({ tenant }) => tenant === 'globex');
    small.emit('globex', 1);
    await small.runUntil(small.isDoneAt(4), { settings: short });
    expect(small.halts.map(({ code }) => code)).toEqual(['rows_disagree']);
  });

  it('a head that a later one of the same log has overtaken: the ledger goes on', async () => {
    lose('heads', ({ head }) => head.size === 1 && head.entries === 2);
    small.emit('acme', 1);
    await small.runUntil(small.isDoneAt(4), { settings: short });
    expect(small.halts).toEqual([]);
    expect(await small.positions()).toEqual({ acme: [0, 1, 2], globex: [0] });
  });

  it('a rejected record: the rounds say that there was one, and the ledger goes on', async () => {
    small.log.control.put(TOPIC, 0, { key: Buffer.from('acme'), value: Buffer.from('not a batch') });
    small.emit('acme', 1);
    await small.runUntil(small.isSealedTo(5), { settings: rereading });
    lose('rejected', () => true);
    small.emit('acme', 1);
    await small.runUntil(small.isDoneAt(6), { settings: short });
    expect(small.halts).toEqual([]);
    expect(await small.positions()).toEqual({ acme: [0, 1, 2, 3], globex: [0] });
  });

  it('a rejected record and a head: the partition halts', async () => {
    small.log.control.put(TOPIC, 0, { key: Buffer.from('acme'), value: Buffer.from('not a batch') });
    small.emit('acme', 1);
    await small.runUntil(small.isSealedTo(5), { settings: rereading });
    lose('rejected', () => true);
    lose('heads', ({ tenant }) => tenant === 'globex');
    small.emit('globex', 1);
    await small.runUntil(small.isDoneAt(6), { settings: short });
    expect(small.halts.map(({ code }) => code)).toEqual(['rows_disagree']);
  });
});

describe('a head that was altered', () => {
  it.each([
    ['its log', (head: MemoryTables['heads'][number]) => void (head.head = { ...head.head, log: new Uint8Array(16) })],
    ['its frontier', (head: MemoryTables['heads'][number]) => void (head.frontier = { size: 1, nodes: [new Uint8Array(32)] })],
  ])('%s: the partition halts', async (_, alter) => {
    for (const row of small.store.tables.heads) if (row.tenant === 'globex') alter(row);
    small.emit('globex', 1);
    await small.runUntil(small.isDoneAt(4), { settings: { recovery_rounds: 1 } });
    expect(small.halts.map(({ code }) => code)).toEqual(['rows_disagree']);
    expect(small.sealedOffset).toBe(3);
  });
});

it('a commit row of a lost era lands before a tenant is read: its log begins where the new era says', async () => {
  // The first round was committed, its offset is lost, its commit row was in flight.
  small.log.control.forgetOffsets('ledger');
  const late = small.store.tables.commits.splice(0);
  small.store.tables.checkpoints.splice(0);
  // Recovery has read the commit rows by then, and no tenant's log.
  const store = withStaleReads(small.store, (method) => {
    if (method === 'rounds') small.store.tables.commits.push(...late.splice(0));
    return null;
  });
  await small.runUntil(small.isDoneAt(3), { store });
  expect(small.halts).toEqual([]);
  expect(late).toEqual([]);
  expect(await small.positions()).toEqual({ acme: [0, 1], globex: [0] });
});
