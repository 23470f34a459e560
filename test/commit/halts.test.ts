/** What cannot be reconciled halts the partition, and nothing is written any more. docs/spec/commit.md, "Halts" */
import type { HaltCode } from '@sealtrail/ledger';
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../fixtures/seeded-random.ts';
import { createLibrary, inventRecords } from './harness/library.ts';
import { consult } from './harness/oracle.ts';
import { watch } from './harness/watch.ts';
import { GROUP, TOPIC, topicsOf, World, type WorldOptions } from './harness/world.ts';

const library = createLibrary();

/** One partition with 12 sealed records in rounds of 3, and every ledger stopped. */
async function sealedWorld(options: Partial<WorldOptions> = {}): Promise<World> {
  const world = new World({
    library,
    records: inventRecords(library, seededRandom(5), 12, 1),
    partitions: 1,
    processes: 2,
    faultOf: () => 'none',
    order: null,
    expectsHalt: true,
    ...options,
    settings: { round_records_max: 3, ...options.settings },
  });
  world.onEffect = () => watch(world);
  world.register(3);
  world.start();
  await world.drain();
  await consult(world);
  expect(world.halts).toEqual([]);
  return world;
}

const rowsOf = (world: World): number => Object.values(world.store.tables).reduce((sum, rows) => sum + rows.length, 0);
const recordsOf = (world: World) => world.control.records(TOPIC, 0);

async function expectHalt(world: World, code: HaltCode, rowsAllowed = 0): Promise<void> {
  const rows = rowsOf(world);
  const committed = world.control.committed(GROUP, TOPIC, 0);
  world.isFaulty = false;
  world.onEffect = () => undefined;
  world.start();
  await world.until('halted', () => world.halts.length > 0);
  expect(world.halts[0]?.halt.code).toBe(code);
  expect(world.halts[0]?.halt.message).toMatch(new RegExp(`^${TOPIC}/1/0 halts \\(${code}\\): [^\n]+$`));
  for (let i = 0; i < 20; i++) await world.step();
  expect(rowsOf(world) - rows).toBeLessThanOrEqual(rowsAllowed);
  expect(world.control.committed(GROUP, TOPIC, 0)).toEqual(committed);
}

/** Recovery writes the commit row again before it looks at anything else. */
const COMMIT_ROW = 1;

describe('a partition halts', () => {
  test('offsets_lost: the group has no offset and the store has commit rows', async () => {
    const world = await sealedWorld();
    world.control.forgetOffsets(GROUP);
    await expectHalt(world, 'offsets_lost');
  });

  test('metadata_unreadable: another program committed', async () => {
    const world = await sealedWorld();
    world.control.setCommitted(GROUP, TOPIC, 0, { offset: 12, metadata: '' });
    await expectHalt(world, 'metadata_unreadable');
  });

  test('metadata_unreadable: the offset was moved and the metadata was not', async () => {
    const world = await sealedWorld();
    const metadata = world.control.committed(GROUP, TOPIC, 0)?.metadata ?? '';
    world.control.setCommitted(GROUP, TOPIC, 0, { offset: 6, metadata });
    await expectHalt(world, 'metadata_unreadable');
  });

  test('round_missing: the store has lost the round', async () => {
    const world = await sealedWorld();
    world.store.tables.rounds.splice(-1, 1);
    await expectHalt(world, 'round_missing', COMMIT_ROW);
  });

  test('round_disagrees: a round was altered', async () => {
    const world = await sealedWorld();
    const last = world.store.tables.rounds.at(-1);
    if (last !== undefined) last.round = { ...last.round, rejected: last.round.rejected + 1 };
    await expectHalt(world, 'round_disagrees', COMMIT_ROW);
  });

  test('checkpoint_ahead: offset and metadata were set back', async () => {
    const world = await sealedWorld();
    const { round, hash } = world.store.tables.rounds.at(-2) as (typeof world.store.tables.rounds)[number];
    const [, claim, ordinal, from] = (world.control.committed(GROUP, TOPIC, 0)?.metadata ?? '').split(' ');
    const metadata = `v1 ${claim} ${ordinal} ${from} ${round.to} ${Buffer.from(hash).toString('hex')}`;
    world.control.setCommitted(GROUP, TOPIC, 0, { offset: round.to, metadata });
    await expectHalt(world, 'checkpoint_ahead', COMMIT_ROW);
  });

  test('checkpoint_ahead: neither an offset nor a commit row is left of what was published', async () => {
    const world = await sealedWorld();
    world.control.forgetOffsets(GROUP);
    world.store.tables.commits.splice(0);
    await expectHalt(world, 'checkpoint_ahead');
  });

  test('topic_replaced: the topic was created again and has other records', async () => {
    const world = await sealedWorld();
    world.control.deleteTopic(TOPIC);
    world.control.createTopics(topicsOf(1).all);
    for (let i = 0; i < 20; i++) world.control.put(TOPIC, 0, { value: new Uint8Array([i]) });
    await expectHalt(world, 'topic_replaced', COMMIT_ROW);
  });

  test('topic_replaced: the topic was created again and is empty', async () => {
    const world = await sealedWorld();
    world.control.deleteTopic(TOPIC);
    world.control.createTopics(topicsOf(1).all);
    await expectHalt(world, 'topic_replaced', COMMIT_ROW);
  });

  test('topic_replaced: the topic is created again while ledgers run', async () => {
    const world = await sealedWorld();
    world.start();
    await world.until('recovered', () => world.recoveries.length > 1);
    world.control.deleteTopic(TOPIC);
    world.control.createTopics(topicsOf(1).all);
    for (let i = 0; i < 20; i++) world.control.put(TOPIC, 0, { value: new Uint8Array([i]) });
    await world.until('halted', () => world.halts.length > 0);
    expect(world.halts[0]?.halt.code).toBe('topic_replaced');
  });

  test('topic_replaced: sealed records were lost from the end of the log', async () => {
    const world = await sealedWorld();
    world.control.truncateTail(TOPIC, 0, 11);
    await expectHalt(world, 'topic_replaced', COMMIT_ROW);
  });

  test('log_truncated: retention took records that were not sealed', async () => {
    const world = await sealedWorld();
    for (let i = 0; i < 3; i++) world.control.put(TOPIC, 0, { value: new Uint8Array([i]) });
    world.control.truncateHead(TOPIC, 0, 13);
    await expectHalt(world, 'log_truncated', COMMIT_ROW);
  });

  test('log_truncated: retention took the records of a round that has to be rebuilt', async () => {
    const world = await sealedWorld();
    world.control.truncateHead(TOPIC, 0, 10);
    world.store.tables.manifests.splice(0);
    await expectHalt(world, 'log_truncated', COMMIT_ROW + library.registry.length);
  });

  test('offset_gap: the log leaves offsets out', async () => {
    const world = await sealedWorld();
    world.control.skipOffsets(TOPIC, 0, 1);
    world.control.put(TOPIC, 0, { value: new Uint8Array([1]) });
    // A checkpoint of what is sealed is published once more.
    await expectHalt(world, 'offset_gap', COMMIT_ROW + 1);
  });

  test('rows_disagree: a row stands there twice', async () => {
    const world = await sealedWorld();
    const { rejected } = world.store.tables;
    rejected.push({ ...(rejected.at(-1) as (typeof rejected)[number]) });
    await expectHalt(world, 'rows_disagree', COMMIT_ROW);
  });

  test('rows_disagree: a row was altered', async () => {
    const world = await sealedWorld();
    const entry = world.store.tables.entries.at(-1);
    if (entry !== undefined) entry.leaf_hash = new Uint8Array(32);
    await expectHalt(world, 'rows_disagree', COMMIT_ROW);
  });

  test('registry_disagrees: what a round is rebuilt by was changed', async () => {
    const world = await sealedWorld();
    const { registry_topic } = world.settings;
    const values = world.control.records(registry_topic, 0).map(({ value }) => value);
    world.control.deleteTopic(registry_topic);
    world.control.createTopics([{ topic: registry_topic, partitions: 1, cleanup_policy: 'none' }]);
    for (const value of values.reverse()) world.control.put(registry_topic, 0, { value });
    world.store.tables.manifests.splice(0);
    await expectHalt(world, 'registry_disagrees', COMMIT_ROW + values.length);
  });

  test('rebuild_disagrees: a record that is sealed was exchanged, and its rows are lost', async () => {
    const world = await sealedWorld();
    const [first, ...others] = recordsOf(world);
    world.control.deleteTopic(TOPIC);
    world.control.createTopics(topicsOf(1).all);
    for (const { appended_at_ms, time_type, key, value } of [{ ...first, value: new Uint8Array([9]) }, ...others]) {
      world.control.put(TOPIC, 0, { key: key ?? null, value, ...(time_type && { time_type }), ...(appended_at_ms && { appended_at_ms }) });
    }
    world.store.tables.manifests.splice(0);
    await expectHalt(world, 'rebuild_disagrees', COMMIT_ROW + library.registry.length);
  });

  test.each([
    ['another number of partitions', { partitions: 2 }],
    ['times that producers choose', { time_type: 'create_time' }],
    ['compaction', { cleanup_policy: 'compact' }],
  ] as const)('topic_settings: %s', async (_, changes) => {
    const world = await sealedWorld();
    world.control.changeTopic(TOPIC, changes);
    await expectHalt(world, 'topic_settings');
  });
});

describe('a partition goes on', () => {
  test('when retention took exactly what is sealed', async () => {
    const world = await sealedWorld({ expectsHalt: false });
    world.control.truncateHead(TOPIC, 0, 12);
    world.control.put(TOPIC, 0, { value: new Uint8Array([1]) });
    world.onEffect = () => undefined;
    world.isSupervised = true;
    world.start();
    await world.until('sealed', () => world.isDrained());
    expect(recordsOf(world).map(({ offset }) => offset)).toEqual([12]);
  });

  test('when a round that was not there at first appears', async () => {
    const world = await sealedWorld({ expectsHalt: false });
    const [round] = world.store.tables.rounds.splice(-1, 1) as [(typeof world.store.tables.rounds)[number]];
    world.onEffect = () => undefined;
    world.isSupervised = true;
    world.start();
    const before = world.recoveries.length;
    void world.turns.sleep(35).then(() => world.store.tables.rounds.push(round));
    await world.until('recovered', () => world.recoveries.length > before);
    await consult(world);
  });

  test('when another partition halts', async () => {
    const world = await sealedWorld({ partitions: 2, processes: 1, records: inventRecords(library, seededRandom(8), 12, 2) });
    const sealed = world.control.committed(GROUP, TOPIC, 1)?.offset ?? 0;
    world.control.setCommitted(GROUP, TOPIC, 0, { offset: 1, metadata: 'other' });
    world.control.put(TOPIC, 1, { value: new Uint8Array([1]) });
    world.onEffect = () => undefined;
    world.start();
    await world.until('sealed', () => world.control.committed(GROUP, TOPIC, 1)?.offset === sealed + 1);
    expect(world.halts.map(({ partition, halt }) => [partition, halt.code])).toEqual([[0, 'metadata_unreadable']]);
  });
});
