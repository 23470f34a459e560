/** What the log or the store says for good: no waiting helps, so the partition halts. docs/spec/commit.md, "Halts" */
import { type EventLog, EventLogError } from '@sealtrail/event-log';
import type { InsertOutcome, LedgerStore } from '@sealtrail/ledger-store';
import { createMemoryLedgerStore, type MemoryLedgerStore } from '@sealtrail/ledger-store/memory';
import type { SealedBatch } from '@sealtrail/seal';
import { beforeEach, describe, expect, it } from 'vitest';
import { SmallLedger, settings, withAssignments } from './small-ledger.ts';

let small: SmallLedger;
beforeEach(() => {
  small = new SmallLedger();
});

const damaged = (): EventLogError => new EventLogError('log_corrupt', 'record 1 does not give its checksum: restore the topic');

/** Halted, or waiting for what never comes. */
const isSettled = (): boolean => small.halts.length > 0 || small.waits.length > 50;
const codes = (): string[] => small.halts.map(({ code }) => code);

describe('a log that says its records do not hold', () => {
  it('read on: the partition halts, and nothing of what follows is committed', async () => {
    small.emit('acme', 1);
    small.emit('acme', 1);
    const log = withAssignments((assignment) => ({
      ...assignment,
      read: async (from, limits) =>
        from >= 1 ? { kind: 'unavailable', cause: damaged() } : assignment.read(from, { ...limits, records_max: 1 }),
    }));
    await small.runUntil(isSettled, { log });
    expect(codes()).toEqual(['log_corrupt']);
    expect(small.halts[0]?.message).toBe('audit.events/1/0 halts (log_corrupt): record 1 does not give its checksum: restore the topic');
    expect(small.sealedOffset).toBeLessThanOrEqual(1);
  });

  it.each(['committed', 'bounds'] as const)('asked for %s at recovery', async (method) => {
    const log = withAssignments((assignment) => ({ ...assignment, [method]: () => Promise.reject(damaged()) }));
    await small.runUntil(isSettled, { log });
    expect(codes()).toEqual(['log_corrupt']);
  });

  it('the last sealed record at recovery', async () => {
    small.emit('acme', 1);
    await small.runUntil(small.isSealedTo(1));
    const log = withAssignments((assignment) => ({ ...assignment, read: async () => ({ kind: 'unavailable', cause: damaged() }) }));
    await small.runUntil(isSettled, { log });
    expect(codes()).toEqual(['log_corrupt']);
  });

  it('the key registry that has fewer records than were read', async () => {
    const log = (whole: EventLog): EventLog => ({
      ...whole,
      reader: async () => {
        const reader = await whole.reader();
        const isRegistry = (topic: string): boolean => topic === settings.registry_topic && small.rounds.length > 0;
        return {
          ...reader,
          bounds: async (topic, partition) => (isRegistry(topic) ? { start: 0, end: 0 } : reader.bounds(topic, partition)),
        };
      },
    });
    small.emit('acme', 1);
    await small.runUntil(isSettled, { log });
    expect(codes()).toEqual(['log_corrupt']);
    expect(small.sealedOffset).toBe(1);
  });
});

describe('a store that refuses', () => {
  const refused: InsertOutcome = { kind: 'refused', cause: new Error('CHECK ck_leaf failed') };

  it('an entry whose columns do not give its leaf: nothing is committed', async () => {
    const checking = createMemoryLedgerStore({ check_leaves: true });
    small.emit('acme', 2);
    const store: LedgerStore = {
      ...checking,
      insertEntries: (partition, claim, batches) => checking.insertEntries(partition, claim, batches.map(withWrongLeaf)),
    };
    await small.runUntil(isSettled, { store });
    expect(codes()).toEqual(['rows_refused']);
    expect(small.halts[0]?.message).toMatch(/^audit\.events\/1\/0 halts \(rows_refused\): entry 0 of tenant acme: .*run fsck/);
    expect(small.sealedOffset).toBe(0);
    expect(rowsThatShow(checking)).toEqual({ commits: 0, checkpoints: 0, rounds: 0 });
  });

  it.each(['insertManifests', 'insertHeads', 'insertRound'] as const)('%s: nothing is committed', async (method) => {
    small.emit('acme', 2);
    await small.runUntil(isSettled, { store: { ...small.store, [method]: async () => refused } });
    expect(codes()).toEqual(['rows_refused']);
    expect(small.sealedOffset).toBe(0);
  });

  it('the commit row: the round is committed, and another start makes it visible', async () => {
    small.emit('acme', 2);
    await small.runUntil(isSettled, { store: { ...small.store, insertCommit: async () => refused } });
    expect(codes()).toEqual(['rows_refused']);
    expect(small.sealedOffset).toBe(1);
    expect(await small.visible()).toEqual([]);
    await small.runUntil(small.isSealedTo(1));
    expect(await small.visible()).toHaveLength(2);
  });

  it('the rows of a rebuild', async () => {
    small.emit('acme', 2);
    await small.runUntil(small.isSealedTo(1));
    small.store.tables.entries.splice(0);
    await small.runUntil(isSettled, { store: { ...small.store, insertEntries: async () => refused } });
    expect(codes()).toEqual(['rows_refused']);
    expect(small.store.tables.commits.every(({ ordinal }) => ordinal === 0)).toBe(true);
  });
});

const withWrongLeaf = (sealed: SealedBatch): SealedBatch => ({
  ...sealed,
  batch: { ...sealed.batch, leaves: sealed.batch.leaves.map((byte, i) => (i === 3 ? byte ^ 1 : byte)) },
});

const rowsThatShow = ({ tables }: MemoryLedgerStore) => ({
  commits: tables.commits.length,
  checkpoints: tables.checkpoints.length,
  rounds: tables.rounds.length,
});
