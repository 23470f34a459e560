import type { InsertOutcome } from '@sealtrail/ledger-store';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LedgerSettings } from '../src/index.ts';
import { eventOf } from './events.ts';
import { SmallLedger, settings, TOPIC, withAssignments } from './small-ledger.ts';

let small: SmallLedger;
beforeEach(() => {
  small = new SmallLedger();
});
const runUntil = (done: () => boolean, changes: Partial<LedgerSettings> = {}) => small.runUntil(done, { settings: changes });
const isSealedTo = (offset: number) => () => small.isSealedTo(offset)();
const allSealedTo = (offset: number) => () => small.isSealedTo(offset)() && small.store.tables.checkpoints.length > 0;

describe('a ledger', () => {
  it('seals what stands in the log, goes on after a restart, and numbers entries densely', async () => {
    small.emit('acme', 3);
    small.emit('globex', 1);
    expect(await runUntil(isSealedTo(2))).toEqual({ kind: 'stopped' });
    small.emit('acme', 2);
    await runUntil(isSealedTo(3));
    expect(small.recovered.map(({ offset }) => offset)).toEqual([0, 2]);
    expect(await small.visible()).toEqual(
      [0, 1, 2, 3, 4].map((entry) => ({ tenant: 'acme', entry })).concat([{ tenant: 'globex', entry: 0 }]),
    );
    expect(small.halts).toEqual([]);
  });

  it('rejects a record with its reason, publishes it, and stalls nothing', async () => {
    small.log.control.put(TOPIC, 0, { key: Buffer.from('acme'), value: Buffer.from('not a batch') });
    small.emit('acme', 1);
    await runUntil(allSealedTo(2));
    expect(small.store.tables.rejected).toMatchObject([{ offset: 0, reason: 'malformed', length: 11 }]);
    expect(
      small.log.control.records(settings.rejected_topic, 0).map(({ value }) => JSON.parse(Buffer.from(value ?? []).toString())),
    ).toMatchObject([{ id: 'audit.events/1/0/0', reason: 'malformed' }]);
    expect(await small.visible()).toEqual([{ tenant: 'acme', entry: 0 }]);
  });

  it('counts the same batch sent twice as a duplicate', async () => {
    const batch = small.signer.sign({ tenant: 'acme', delivery: 'ROUTINE', events: [eventOf(0)] });
    for (let i = 0; i < 3; i++) small.log.control.put(TOPIC, 0, batch);
    await runUntil(isSealedTo(3));
    small.log.control.put(TOPIC, 0, batch);
    await runUntil(isSealedTo(4));
    expect(small.store.tables.duplicates).toHaveLength(3);
    expect(await small.visible()).toHaveLength(1);
  });

  it('builds the same rounds again under a new claim when acknowledged rows are gone', async () => {
    small.emit('acme', 3);
    await runUntil(isSealedTo(1));
    small.emit('acme', 2);
    await runUntil(isSealedTo(2));
    const hashes = small.store.tables.rounds.map((row) => Buffer.from(row.hash).toString('hex'));
    small.store.tables.entries.splice(1, 1);
    await runUntil(() => small.recovered.length === 3);
    expect(small.recovered[2]).toEqual({ offset: 2, rounds_checked: 2, rounds_rebuilt: 2 });
    expect(await small.visible()).toHaveLength(5);
    expect([...new Set(small.store.tables.rounds.map((row) => Buffer.from(row.hash).toString('hex')))]).toEqual(hashes);
    small.emit('acme', 1);
    await runUntil(isSealedTo(3));
    expect(await small.visible()).toHaveLength(6);
  });
});

describe('a ledger that loses its partition between its commit and the commit row', () => {
  /** A commit that has taken effect by the time the partition is lost, and is answered after it. */
  const log = withAssignments((assignment) => ({
    ...assignment,
    commit: async (offset, metadata) => {
      const outcome = await assignment.commit(offset, metadata);
      await new Promise((resolve) => assignment.lost.addEventListener('abort', resolve));
      return outcome;
    },
  }));
  const isCommitted = (): boolean => small.sealedOffset === 1;

  it('writes the row: nobody else may come to do so for long', async () => {
    small.emit('acme', 2);
    await small.runUntil(isCommitted, { log });
    expect(small.store.tables.commits).toMatchObject([{ from: 0, to: 1 }]);
    expect(await small.visible()).toHaveLength(2);
    expect(small.rounds, 'what follows is the next holder’s').toEqual([]);
  });

  it('does not wait for a store that does not answer: the next holder writes the row', async () => {
    small.emit('acme', 2);
    const down: InsertOutcome = { kind: 'in_doubt', cause: new Error('connection reset') };
    await small.runUntil(isCommitted, { log, store: { ...small.store, insertCommit: async () => down } });
    expect(await small.visible()).toEqual([]);
    await runUntil(isSealedTo(1));
    expect(await small.visible()).toHaveLength(2);
  });
});

describe('a ledger halts', () => {
  const halted = (): boolean => small.halts.length > 0;
  afterEach(() => expect(small.halts[0]?.message).toMatch(/^audit\.events\/1\/0 halts \([a-z_]+\): .+$/));

  beforeEach(async () => {
    small.emit('acme', 2);
    small.emit('acme', 1);
    await runUntil(isSealedTo(2));
  });

  it('when the group’s offsets are lost, until an operator starts a new era', async () => {
    small.log.control.forgetOffsets('ledger');
    await runUntil(halted);
    expect(small.halts[0]?.code).toBe('offsets_lost');
    small.emit('acme', 1);
    await runUntil(isSealedTo(3), { era: 'new' });
    expect(await small.visible()).toHaveLength(4);
    expect(small.store.tables.commits.at(-1)?.ordinal).toBe(2 ** 32);
  });

  it('when something else committed an offset', async () => {
    small.log.control.setCommitted('ledger', TOPIC, 0, { offset: 1, metadata: '' });
    await runUntil(halted);
    expect(small.halts[0]?.code).toBe('metadata_unreadable');
  });

  it('when the committed round is missing, or was altered', async () => {
    const row = small.store.tables.rounds[0];
    if (row === undefined) throw new Error('no round');
    row.round.recorded_at += 1;
    await runUntil(halted);
    expect(small.halts[0]?.code).toBe('round_disagrees');
    small.store.tables.rounds.length = 0;
    small.halts.length = 0;
    await runUntil(halted);
    expect(small.halts[0]?.code).toBe('round_missing');
  });

  it('when the topic was created again', async () => {
    small.log.control.deleteTopic(TOPIC);
    small.log.control.createTopics([{ topic: TOPIC, partitions: 1, cleanup_policy: 'delete' }]);
    small.emit('acme', 1);
    await runUntil(halted);
    expect(small.halts[0]?.code).toBe('topic_replaced');
    small.emit('acme', 1);
    small.halts.length = 0;
    await runUntil(halted);
    expect(small.halts[0]?.code).toBe('topic_replaced');
  });

  it('when the topic is created again while it runs, with the same records and more', async () => {
    const records = small.log.control.records(TOPIC, 0);
    let isReplaced = false;
    await runUntil(
      () => {
        if (!isReplaced && small.recovered.length === 2) {
          isReplaced = true;
          small.log.control.deleteTopic(TOPIC);
          small.log.control.createTopics([{ topic: TOPIC, partitions: 1, cleanup_policy: 'delete' }]);
          for (const { key, value } of records) small.log.control.put(TOPIC, 0, { key, value });
          small.emit('acme', 1);
        }
        return halted() || small.sealedOffset > 2;
      },
      { topic_check_ms: 0 },
    );
    expect(small.halts[0]?.code).toBe('topic_replaced');
    expect(small.sealedOffset).toBe(2);
  });

  it('when records were dropped before they were sealed', async () => {
    small.emit('acme', 1);
    small.emit('acme', 1);
    small.log.control.truncateHead(TOPIC, 0, 3);
    await runUntil(halted);
    expect(small.halts[0]?.code).toBe('log_truncated');
  });

  it('when offsets are missing in the log', async () => {
    small.log.control.skipOffsets(TOPIC, 0, 1);
    small.emit('acme', 1);
    await runUntil(halted);
    expect(small.halts[0]?.code).toBe('offset_gap');
  });

  it('when a row stands twice', async () => {
    const row = small.store.tables.entries[0];
    if (row === undefined) throw new Error('no entry');
    small.store.tables.entries.push({ ...row });
    await runUntil(halted);
    expect(small.halts[0]?.code).toBe('rows_disagree');
  });

  it('when a checkpoint of more rounds was published', async () => {
    const row = small.store.tables.checkpoints[0];
    if (row === undefined) throw new Error('no checkpoint');
    small.store.tables.checkpoints.push({ ...row, size: 9 });
    await runUntil(halted);
    expect(small.halts[0]?.code).toBe('checkpoint_ahead');
  });

  it.each([
    ['another partition count', { partitions: 2 }],
    ['times that producers choose', { time_type: 'create_time' as const }],
    ['compaction', { cleanup_policy: 'compact' as const }],
  ])('on a topic with %s', async (_, changes) => {
    small.log.control.changeTopic(TOPIC, changes);
    await runUntil(halted);
    expect(small.halts[0]?.code).toBe('topic_settings');
  });
});
