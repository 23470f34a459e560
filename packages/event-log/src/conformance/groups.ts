import { describe, expect, it } from 'vitest';
import { commit_metadata_chars_max } from '../limits.ts';
import type { Assignment } from '../port.ts';
import { aborted, appendTexts, type ConformanceHarness, control, fixture, join, type Member, recordsOf, textsOf } from './harness.ts';

const limits = { records_max: 100, bytes_max: 1_000_000, wait_ms: 5_000 };
const patient = { ...limits, wait_ms: 3_600_000 };

export function groupConformance(harness: ConformanceHarness): void {
  describe('a member of a group', () => {
    it('reads its partition', async () => {
      const fix = await fixture(harness);
      await appendTexts(fix.log, fix.topic, ['a', 'b']);
      const assignment = await (await join(fix.log, fix)).next();
      expect(assignment).toMatchObject({ topic: fix.topic, partition: 0 });
      expect(assignment.lost.aborted).toBe(false);
      expect(await assignment.holds()).toBe(true);
      expect(await assignment.bounds()).toEqual({ start: 0, end: 2 });
      expect(textsOf(recordsOf(await assignment.read(1, limits)))).toEqual(['b']);
      // Also earlier ones again.
      expect(textsOf(recordsOf(await assignment.read(0, limits)))).toEqual(['a', 'b']);
      expect(await assignment.read(3, { ...limits, wait_ms: 0 })).toEqual({ kind: 'out_of_range', start: 0, end: 2 });
      const waiting = assignment.read(2, patient);
      await appendTexts(await fix.open(), fix.topic, ['c']);
      expect(textsOf(recordsOf(await waiting))).toEqual(['c']);
    });

    it('is given each partition once', async () => {
      const fix = await fixture(harness, 3);
      const member = await join(fix.log, fix);
      const given = [await member.next(), await member.next(), await member.next()];
      expect(given.map(({ partition }) => partition).sort((a, b) => a - b)).toEqual([0, 1, 2]);
    });

    it('commits offsets with metadata, for its group alone', async () => {
      const fix = await fixture(harness, 2);
      const member = await join(fix.log, fix);
      const given = [await member.next(), await member.next()].sort((a, b) => a.partition - b.partition);
      const [first, second] = given as [Assignment, Assignment];
      expect(await first.committed()).toBeNull();
      expect(await first.commit(5, 'five ✓')).toEqual({ kind: 'committed' });
      expect(await first.committed()).toEqual({ offset: 5, metadata: 'five ✓' });
      expect(await first.commit(7, '')).toEqual({ kind: 'committed' });
      expect(await first.committed()).toEqual({ offset: 7, metadata: '' });
      // The log does not judge what a holder commits: also an earlier one.
      expect(await first.commit(6, 'back')).toEqual({ kind: 'committed' });
      expect(await first.committed()).toEqual({ offset: 6, metadata: 'back' });
      expect(await second.committed()).toBeNull();
      const other = await (await join(fix.log, { ...fix, group: `${fix.group}-other` })).next();
      expect(await other.committed()).toBeNull();
    });

    it('has its offset told to who does not join', async () => {
      const fix = await fixture(harness);
      const admin = await (await fix.open()).admin();
      expect(await admin.committed(fix.group, fix.topic, 0)).toBeNull();
      const assignment = await (await join(fix.log, fix)).next();
      await assignment.commit(5, 'five');
      expect(await admin.committed(fix.group, fix.topic, 0)).toEqual({ offset: 5, metadata: 'five' });
      expect(await admin.committed(`${fix.group}-other`, fix.topic, 0)).toBeNull();
      expect(await assignment.holds()).toBe(true);
      await admin.close();
      await expect(admin.committed(fix.group, fix.topic, 0)).rejects.toMatchObject({ code: 'log_closed' });
    });

    it('takes metadata up to its limit', async () => {
      const fix = await fixture(harness);
      const assignment = await (await join(fix.log, fix)).next();
      const metadata = 'm'.repeat(commit_metadata_chars_max);
      expect(await assignment.commit(1, metadata)).toEqual({ kind: 'committed' });
      expect(await assignment.committed()).toEqual({ offset: 1, metadata });
      await expect(assignment.commit(2, `${metadata}m`)).rejects.toMatchObject({ code: 'log_misuse' });
      await expect(assignment.commit(-1, '')).rejects.toMatchObject({ code: 'log_misuse' });
      await expect(assignment.commit(Number.MAX_SAFE_INTEGER + 1, '')).rejects.toMatchObject({ code: 'log_misuse' });
      expect(await assignment.committed()).toEqual({ offset: 1, metadata });
    });
  });

  describe('a run of a consumer', () => {
    it('stops when it is told, after every handler has returned', async () => {
      const fix = await fixture(harness);
      const done: string[] = [];
      const stop = new AbortController();
      const consumer = await fix.log.consumer(fix);
      let waiting: Promise<unknown> = Promise.resolve();
      const begun = new AbortController();
      const end = consumer.run(async (assignment) => {
        waiting = assignment.read(0, patient);
        begun.abort();
        await aborted(assignment.lost);
        done.push((await waiting) === undefined ? 'nothing' : 'read');
        await new Promise((resolve) => setImmediate(resolve));
        done.push('handler');
      }, stop.signal);
      void end.then(() => done.push('run'));
      await aborted(begun.signal);
      stop.abort();
      expect(await end).toEqual({ kind: 'stopped' });
      expect(done).toEqual(['read', 'handler', 'run']);
      expect(await waiting).toEqual({ kind: 'lost' });
    });

    it('ends at once when it was stopped before', async () => {
      const fix = await fixture(harness);
      const handled: Assignment[] = [];
      const end = (await fix.log.consumer(fix)).run(async (assignment) => {
        handled.push(assignment);
      }, AbortSignal.abort());
      expect(await end).toEqual({ kind: 'stopped' });
      expect(handled).toEqual([]);
    });

    it('fails with what a handler throws, and takes the other partitions away', async () => {
      const fix = await fixture(harness, 2);
      const cause = new Error('disk on fire');
      const lost: number[] = [];
      const both = new Set<number>();
      const met = new AbortController();
      const end = (await fix.log.consumer(fix)).run(async ({ partition, lost: signal }) => {
        if (both.add(partition).size === 2) met.abort();
        await aborted(met.signal);
        if (partition === 0) throw cause;
        await aborted(signal);
        lost.push(partition);
      }, new AbortController().signal);
      expect(await end).toEqual({ kind: 'failed', cause });
      expect(lost).toEqual([1]);
    });

    it('lets a partition rest when its handler returns', async () => {
      const fix = await fixture(harness, 2);
      const handled: number[] = [];
      const stop = new AbortController();
      const end = (await fix.log.consumer(fix)).run(async (assignment) => {
        handled.push(assignment.partition);
        if (assignment.partition === 0) return;
        await appendTexts(fix.log, fix.topic, ['a', 'b'], 0);
        await appendTexts(fix.log, fix.topic, ['a', 'b'], 1);
        await assignment.read(0, limits);
        await assignment.read(2, { ...limits, wait_ms: 100 });
        stop.abort();
      }, stop.signal);
      expect(await end).toEqual({ kind: 'stopped' });
      expect(handled.sort((a, b) => a - b)).toEqual([0, 1]);
    });

    it('fails when there is no such topic', async () => {
      const fix = await fixture(harness);
      const consumer = await fix.log.consumer({ group: fix.group, topic: `${fix.prefix}missing` });
      expect(await consumer.run(async () => undefined, new AbortController().signal)).toMatchObject({
        kind: 'failed',
        cause: { code: 'log_misuse' },
      });
    });

    it('fails when the log is closed', async () => {
      const fix = await fixture(harness);
      const other = await fix.open();
      const member = await join(other, fix);
      const assignment = await member.next();
      await other.close();
      expect(await member.end).toMatchObject({ kind: 'failed', cause: { code: 'log_closed' } });
      expect(assignment.lost.aborted).toBe(true);
      expect((await assignment.commit(1, '')).kind).toBe('fenced');
      expect(await (await (await join(fix.log, fix)).next()).committed()).toBeNull();
    });
  });

  describe('several members of a group', () => {
    it('hand a partition on when its holder stops, with what was committed', async () => {
      const fix = await fixture(harness);
      const first = await join(fix.log, fix);
      const old = await first.next();
      await old.commit(3, 'three');
      expect(await first.stop()).toEqual({ kind: 'stopped' });
      expect(old.lost.aborted).toBe(true);
      const second = await join(await fix.open(), fix);
      const now = await second.next();
      expect(await now.committed()).toEqual({ offset: 3, metadata: 'three' });
      // What is left of the old assignment has no say any more.
      expect(await old.holds()).toBe(false);
      expect((await old.commit(4, 'stale')).kind).toBe('fenced');
      expect(await old.read(0, limits)).toEqual({ kind: 'lost' });
      expect(await now.committed()).toEqual({ offset: 3, metadata: 'three' });
      expect(await now.commit(4, 'four')).toEqual({ kind: 'committed' });
    });

    it('hand all partitions to who is left', async () => {
      const fix = await fixture(harness, 2);
      const first = await join(fix.log, fix);
      const second = await join(await fix.open(), fix);
      await untilHeld([first, second], 2);
      await first.stop();
      await untilHeld([second], 2);
      for (const assignment of first.given) expect(await assignment.holds()).toBe(false);
    });

    if (harness.capabilities.has('shared_partitions')) {
      it('share the partitions', async () => {
        const fix = await fixture(harness, 2);
        const first = await join(fix.log, fix);
        const second = await join(await fix.open(), fix);
        await untilHeld([first], 1);
        await untilHeld([second], 1);
      });
    }

    if (harness.capabilities.has('expel')) {
      it('fence a holder that was expelled and does not know', async () => {
        const fix = await fixture(harness);
        const members = [await join(fix.log, fix), await join(await fix.open(), fix)];
        const [zombie] = await untilHeld(members, 1);
        const next = members.find(({ given }) => zombie === undefined || !given.includes(zombie));
        if (zombie === undefined || next === undefined) throw new Error('one of the two holds the partition');
        await zombie.commit(2, 'two');
        await control(fix.expel)(fix.group, fix.topic, 0);
        // The holder is not asked: it would learn.
        const [now] = await untilHeld([next], 1);
        if (now === undefined) throw new Error('the other one holds the partition');
        expect(await now.committed()).toEqual({ offset: 2, metadata: 'two' });
        expect(await now.commit(3, 'three')).toEqual({ kind: 'committed' });
        expect((await zombie.commit(4, 'zombie')).kind).toBe('fenced');
        expect(zombie.lost.aborted).toBe(true);
        expect(await zombie.holds()).toBe(false);
        expect(await now.committed()).toEqual({ offset: 3, metadata: 'three' });
        // It may have joined again by now, and with that have started another generation.
        const [last] = await untilHeld(members, 1);
        expect(await last?.committed()).toEqual({ offset: 3, metadata: 'three' });
      });
    }
  });
}

/** Waits until the members hold just so many partitions, each by one of them. */
async function untilHeld(members: readonly Member[], count: number): Promise<readonly Assignment[]> {
  for (;;) {
    const held: Assignment[] = [];
    for (const { given } of members) {
      for (const assignment of given) if (await assignment.holds()) held.push(assignment);
    }
    if (held.length === count && new Set(held.map(({ partition }) => partition)).size === count) return held;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
