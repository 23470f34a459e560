/** Situations that the random schedules may or may not meet, each set up on purpose. */
import type { Fault } from '@sealtrail/event-log/faults';
import type { MemoryTables } from '@sealtrail/ledger-store/memory';
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../fixtures/seeded-random.ts';
import { createLibrary, inventRecords } from './harness/library.ts';
import { consult } from './harness/oracle.ts';
import { shortRecords } from './harness/scripted-run.ts';
import { claimsOf, visibleRows } from './harness/visible-rows.ts';
import { committedRounds, watch } from './harness/watch.ts';
import { GROUP, latin1, TOPIC, World, type WorldOptions } from './harness/world.ts';

const library = createLibrary();

function worldOf(options: Partial<WorldOptions>, appended = Number.POSITIVE_INFINITY): World {
  const world = new World({
    library,
    records: shortRecords(library),
    partitions: 1,
    processes: 2,
    faultOf: () => 'none',
    order: null,
    ...options,
  });
  world.onEffect = () => watch(world);
  world.register(3);
  world.append(appended);
  return world;
}

/** Fails the first call of the method, and no other. */
function failFirst(method: string, fault: Fault): WorldOptions['faultOf'] {
  let failed = false;
  return (call) => {
    if (failed || call.method !== method) return 'none';
    failed = true;
    return fault;
  };
}

describe('a member that was fenced', () => {
  test('inserts late: its rows stay invisible', async () => {
    const world = worldOf({
      faultOf: failFirst('insertEntries', 'slow'),
      pause: async ({ log, turns }) => {
        log.expire();
        await turns.sleep(500);
      },
    });
    world.start();
    await world.until('sealed by the other', () => world.isDrained() || world.control.committed(GROUP, TOPIC, 0)?.offset === 4);
    const entries = world.store.tables.entries.length;
    await world.until('late rows', () => world.store.tables.entries.length > entries);
    await world.drain();
    await consult(world);
    const late = world.store.tables.entries.at(-1) as MemoryTables['entries'][number];
    expect(world.store.tables.entries.filter(({ offset }) => offset === late.offset).length).toBeGreaterThan(1);
    expect(visibleRows(world.store.tables, world.key(0)).entries.includes(late)).toBe(false);
  });

  test('commits with an assignment that has ended: refused, without effect', async () => {
    const world = worldOf({ faultOf: failFirst('commit', 'late') });
    world.start();
    await world.until('sealed by the other', () => world.isDrained());
    const committed = world.control.committed(GROUP, TOPIC, 0);
    expect(world.lateCount).toBe(1);
    await world.arrive(0);
    expect(world.control.committed(GROUP, TOPIC, 0)).toEqual(committed);
    await world.drain();
    await consult(world);
  });

  test('does not halt on what its successor wrote', async () => {
    const world = worldOf({
      faultOf: failFirst('commits', 'slow'),
      pause: async ({ log, turns }) => {
        log.expire();
        await turns.sleep(500);
      },
    });
    world.start();
    await world.until('sealed by the other', () => world.control.committed(GROUP, TOPIC, 0)?.offset === 4);
    for (let i = 0; i < 20; i++) await world.step();
    await world.drain();
    await consult(world);
  });
});

describe('a crash between the OffsetCommit and the commit row', () => {
  test('needs no rebuild, and so no record that retention took', async () => {
    const world = worldOf({ processes: 1, faultOf: failFirst('insertCommit', 'crash_before'), settings: { round_records_max: 4 } });
    world.start();
    await world.until('crashed', () => world.log.committed(0)?.offset === 4);
    const records = world.log.records(TOPIC, 0);
    world.control.truncateHead(TOPIC, 0, 4);
    world.onEffect = () => undefined;
    await world.until('recovered', () => world.recoveries.length > 1);
    expect(world.recoveries.at(-1)?.rounds_rebuilt).toBe(0);
    const shown = visibleRows(world.store.tables, world.key(0));
    expect(shown.manifests.length + shown.rejected.length + shown.duplicates.length).toBe(records.length);
  });
});

describe('two partitions', () => {
  test('whose claims have the same ordinals do not mix', async () => {
    const world = worldOf({ partitions: 2, records: inventRecords(library, seededRandom(2), 16, 2) }, 8);
    world.start();
    await world.until('sealed', () => world.isDrained());
    // Every partition changes hands: ordinal 1 on both, from different offsets on.
    world.control.rotate(GROUP);
    await world.drain();
    await consult(world);
    const [first, second] = [0, 1].map((partition) => [...claimsOf(world.store.tables, world.key(partition)).values()]);
    expect(first?.map(({ ordinal }) => ordinal)).toEqual(second?.map(({ ordinal }) => ordinal));
    expect(first?.length).toBeGreaterThan(1);
    expect(first?.map(({ from }) => from)).not.toEqual(second?.map(({ from }) => from));
  });
});

/** Loses rows while every ledger is stopped, and lets them go on. */
async function loses(world: World, lose: (tables: MemoryTables) => void): Promise<void> {
  world.start();
  await world.drain();
  await consult(world);
  const hashes = committedRounds(world, 0).map(({ hash }) => latin1(hash));
  const ordinal = Math.max(...[...claimsOf(world.store.tables, world.key(0)).values()].map((claim) => claim.ordinal));
  const recoveries = world.recoveries.length;
  lose(world.store.tables);
  world.troubled.add(0);
  world.isSupervised = true;
  world.start();
  await world.drain();
  expect(world.recoveries.slice(recoveries).some(({ rounds_rebuilt }) => rounds_rebuilt > 0)).toBe(true);
  expect(Math.max(...[...claimsOf(world.store.tables, world.key(0)).values()].map(({ ordinal }) => ordinal))).toBeGreaterThan(ordinal);
  expect(committedRounds(world, 0).map(({ hash }) => latin1(hash))).toEqual(hashes);
  await consult(world);
}

const longWorld = (options: Partial<WorldOptions> = {}): World =>
  worldOf({ records: inventRecords(library, seededRandom(3), 20, 1), ...options });

describe('rows that the store has lost', () => {
  const tables = ['entries', 'manifests', 'heads', 'rejected', 'duplicates', 'commits'] as const;

  test.each(tables.filter((table) => table !== 'commits'))('%s, all of them: rebuilt under a new claim', async (table) => {
    await loses(longWorld(), (rows) => void rows[table].splice(0));
  });

  test.each(tables.filter((table) => table !== 'commits'))('%s, one of them: rebuilt under a new claim', async (table) => {
    await loses(longWorld(), (rows) => void rows[table].splice(-1, 1));
  });

  test('everything but the rounds: rebuilt under a new claim', async () => {
    await loses(longWorld(), (rows) => {
      for (const table of tables) rows[table].splice(0);
    });
  });

  test('in a round whose predecessor recovery does not look at', async () => {
    await loses(longWorld({ settings: { recovery_rounds: 1 } }), ({ heads }) => void heads.splice(-1, 1));
  });

  test('a batch, and the duplicate of it stands in a later round', async () => {
    await loses(worldOf({}), ({ manifests }) => void manifests.splice(0, 1));
  });

  test('and that come back after the rebuild stay invisible', async () => {
    const world = longWorld();
    let lost: MemoryTables['entries'] = [];
    await loses(world, (rows) => {
      lost = rows.entries.splice(0);
    });
    world.store.tables.entries.push(...lost);
    await consult(world);
  });
});

describe('a new era', () => {
  test('begins where no commit row stood yet, and one that lands afterwards shows nothing', async () => {
    const world = worldOf({ processes: 1, faultOf: failFirst('insertCommit', 'late') });
    world.start();
    await world.until('committed', () => world.lateCount > 0);
    for (const process of world.processes) process.kill();
    world.control.forgetOffsets(GROUP);
    await world.drain();
    await consult(world);
    await world.arrive(0);
    await consult(world);
  });

  test('goes on from the commit rows, and a late row of the era before stays invisible', async () => {
    const world = worldOf({ records: inventRecords(library, seededRandom(4), 12, 1), expectsHalt: true }, 6);
    world.start();
    await world.until('sealed', () => world.isDrained());
    for (const process of world.processes) process.stop();
    await world.until('stopped', () => world.processes.every((process) => !process.isUp));
    // The newest commit row is in flight still, as is that of the round before: the store does not show them yet.
    const late = world.store.tables.commits.splice(1);
    world.store.tables.checkpoints.splice(0);
    world.signed.splice(0);
    world.control.forgetOffsets(GROUP);
    world.settings = { ...world.settings, era: 'new', round_records_max: 1 };
    await world.drain();
    expect(world.halts).toEqual([]);
    await consult(world);
    world.store.tables.commits.push(...late);
    // That round was committed, and its offsets are sealed in another one now: whoever looks is told.
    world.knownFindings.add('commit_altered');
    await consult(world);
    const ordinals = [...claimsOf(world.store.tables, world.key(0)).values()].map(({ ordinal }) => ordinal);
    expect(Math.max(...ordinals)).toBeGreaterThanOrEqual(2 ** 32);
  });
});
