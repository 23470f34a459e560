import { describe, expect, it } from 'vitest';
import { appendTexts, type ConformanceHarness, control, fixture, join, readAll, recordsOf, textsOf } from './harness.ts';

const limits = { records_max: 100, bytes_max: 1_000_000, wait_ms: 0 };
/** Longer than any test may take: only an append ends the wait. */
const patient = { ...limits, wait_ms: 3_600_000 };
/** Kafka answers a read without a wait from what it has fetched: give it a moment where records are expected. */
const soon = { ...limits, wait_ms: 5_000 };

export function readConformance(harness: ConformanceHarness): void {
  describe('reading', () => {
    it('tells the bounds', async () => {
      const { log, topic } = await fixture(harness);
      const reader = await log.reader();
      expect(await reader.bounds(topic, 0)).toEqual({ start: 0, end: 0 });
      await appendTexts(log, topic, ['a', 'b', 'c']);
      expect(await reader.bounds(topic, 0)).toEqual({ start: 0, end: 3 });
    });

    it('reads from any offset, again and again', async () => {
      const { log, topic } = await fixture(harness);
      await appendTexts(log, topic, ['a', 'b', 'c', 'd']);
      const reader = await log.reader();
      for (const [from, texts] of [
        [2, ['c', 'd']],
        [0, ['a', 'b', 'c', 'd']],
        [3, ['d']],
        [0, ['a', 'b', 'c', 'd']],
      ] as const) {
        expect(textsOf(recordsOf(await reader.read(topic, 0, from, soon)))).toEqual(texts);
      }
    });

    it('keeps to the limits', async () => {
      const { log, topic } = await fixture(harness);
      await appendTexts(
        log,
        topic,
        ['a', 'b', 'c', 'd'].map((text) => text.repeat(100)),
      );
      const reader = await log.reader();
      const count = async (records_max: number, bytes_max: number): Promise<number> =>
        recordsOf(await reader.read(topic, 0, 0, { ...soon, records_max, bytes_max })).length;
      expect(await count(3, 1_000_000)).toBe(3);
      expect(await count(1, 1_000_000)).toBe(1);
      expect(await count(100, 250)).toBe(2);
      expect(await count(100, 200)).toBe(2);
      // The first is given whatever its size.
      expect(await count(100, 0)).toBe(1);
    });

    it('gives nothing at the end, and tells when asked beyond it or before the start', async () => {
      const { log, topic } = await fixture(harness);
      await appendTexts(log, topic, ['a', 'b']);
      const reader = await log.reader();
      expect(await reader.read(topic, 0, 2, limits)).toEqual({ kind: 'records', records: [] });
      expect(await reader.read(topic, 0, 2, { ...limits, wait_ms: 5 })).toEqual({ kind: 'records', records: [] });
      expect(await reader.read(topic, 0, 3, limits)).toEqual({ kind: 'out_of_range', start: 0, end: 2 });
      expect(await reader.read(topic, 0, -1, limits)).toEqual({ kind: 'out_of_range', start: 0, end: 2 });
    });

    it('does not accept what cannot be meant', async () => {
      const { log, topic } = await fixture(harness);
      const reader = await log.reader();
      await expect(reader.read(topic, 0, 0.5, limits)).rejects.toMatchObject({ code: 'log_misuse' });
      await expect(reader.read(topic, 0, 0, { ...limits, records_max: 0 })).rejects.toMatchObject({ code: 'log_misuse' });
      await expect(reader.read(topic, 0, 0, { ...limits, wait_ms: -1 })).rejects.toMatchObject({ code: 'log_misuse' });
    });

    it('says so when there is no such topic or partition', async () => {
      const { log, topic, prefix } = await fixture(harness);
      const reader = await log.reader();
      await expect(reader.bounds(`${prefix}missing`, 0)).rejects.toMatchObject({ code: 'log_misuse' });
      await expect(reader.bounds(topic, 1)).rejects.toMatchObject({ code: 'log_misuse' });
      expect((await reader.read(`${prefix}missing`, 0, 0, limits)).kind).toBe('unavailable');
      expect((await reader.read(topic, 1, 0, limits)).kind).toBe('unavailable');
    });

    it('wakes a waiting read when its own process appends', async () => {
      const { log, topic } = await fixture(harness);
      const waiting = (await log.reader()).read(topic, 0, 0, patient);
      await appendTexts(log, topic, ['a']);
      expect(textsOf(recordsOf(await waiting))).toEqual(['a']);
    });

    it('wakes a waiting read when another process appends', async () => {
      const { log, open, topic } = await fixture(harness);
      await appendTexts(log, topic, ['a']);
      const waiting = (await log.reader()).read(topic, 0, 1, patient);
      await appendTexts(await open(), topic, ['b']);
      expect(textsOf(recordsOf(await waiting))).toEqual(['b']);
    });

    it('is not woken for good by an append elsewhere', async () => {
      const { log, topic } = await fixture(harness, 2);
      const waiting = (await log.reader()).read(topic, 0, 0, patient);
      await appendTexts(log, topic, ['elsewhere'], 1);
      await appendTexts(log, topic, ['here'], 0);
      expect(textsOf(recordsOf(await waiting))).toEqual(['here']);
    });

    it('ends a waiting read when the reader or the log closes', async () => {
      const { log, open, topic } = await fixture(harness);
      const reader = await log.reader();
      const first = reader.read(topic, 0, 0, patient);
      await reader.close();
      expect(await first).toMatchObject({ kind: 'unavailable', cause: { code: 'log_closed' } });
      const other = await open();
      const second = (await other.reader()).read(topic, 0, 0, patient);
      await other.close();
      expect(await second).toMatchObject({ kind: 'unavailable', cause: { code: 'log_closed' } });
    });
  });

  if (harness.capabilities.has('skip_offsets')) {
    it('reads across a gap of offsets', async () => {
      const { log, topic, skipOffsets } = await fixture(harness);
      await appendTexts(log, topic, ['a']);
      await control(skipOffsets)(topic, 0, 3);
      await appendTexts(log, topic, ['b']);
      expect((await readAll(log, topic)).map(({ offset }) => offset)).toEqual([0, 4]);
      const reader = await log.reader();
      // In the middle of the gap: what comes after it.
      expect(recordsOf(await reader.read(topic, 0, 2, soon)).map(({ offset }) => offset)).toEqual([4]);
    });
  }

  if (harness.capabilities.has('drop_before')) {
    it('tells what is held no more', async () => {
      const { log, topic, group, dropBefore } = await fixture(harness);
      await appendTexts(log, topic, ['a', 'b', 'c']);
      await control(dropBefore)(topic, 0, 2);
      const reader = await log.reader();
      expect(await reader.bounds(topic, 0)).toEqual({ start: 2, end: 3 });
      expect(await reader.read(topic, 0, 1, limits)).toEqual({ kind: 'out_of_range', start: 2, end: 3 });
      expect(textsOf(recordsOf(await reader.read(topic, 0, 2, soon)))).toEqual(['c']);
      const assignment = await (await join(log, { group, topic })).next();
      expect(await assignment.read(0, limits)).toEqual({ kind: 'out_of_range', start: 2, end: 3 });
      await appendTexts(log, topic, ['d']);
      expect(await reader.bounds(topic, 0)).toEqual({ start: 2, end: 4 });
      await control(dropBefore)(topic, 0, 4);
      expect(await reader.bounds(topic, 0)).toEqual({ start: 4, end: 4 });
      await appendTexts(log, topic, ['e']);
      expect((await readAll(log, topic, 0, 4)).map(({ offset }) => offset)).toEqual([4]);
    });
  }
}
