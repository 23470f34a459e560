import { describe, expect, it } from 'vitest';
import { record_value_bytes_max } from '../limits.ts';
import { partitionOf } from '../partition.ts';
import { appendTexts, type ConformanceHarness, fixture, readAll, recordOf, textsOf } from './harness.ts';

export function appendConformance(harness: ConformanceHarness): void {
  describe('appending', () => {
    it('keeps the order and tells the places', async () => {
      const { log, topic } = await fixture(harness);
      const producer = await log.producer();
      expect(await producer.append([recordOf(topic, 'a', 0), recordOf(topic, 'b', 0)])).toEqual({
        kind: 'appended',
        placed: [
          { partition: 0, offset: 0 },
          { partition: 0, offset: 1 },
        ],
      });
      expect(await producer.append([recordOf(topic, 'c', 0)])).toEqual({ kind: 'appended', placed: [{ partition: 0, offset: 2 }] });
      const records = await readAll(log, topic);
      expect(textsOf(records)).toEqual(['a', 'b', 'c']);
      expect(records.map(({ offset }) => offset)).toEqual([0, 1, 2]);
    });

    it('keeps the order of appends that are not awaited one by one', async () => {
      const { log, topic } = await fixture(harness);
      const producer = await log.producer();
      const texts = Array.from({ length: 100 }, (_, number) => `record ${number}`);
      const outcomes = await Promise.all(texts.map((text) => producer.append([recordOf(topic, text, 0)])));
      expect(outcomes.map((outcome) => (outcome.kind === 'appended' ? outcome.placed[0]?.offset : outcome))).toEqual(
        texts.map((_, number) => number),
      );
      expect(textsOf(await readAll(log, topic))).toEqual(texts);
    });

    it('gives back keys and values byte by byte', async () => {
      const { log, topic } = await fixture(harness);
      const every_byte = Uint8Array.from({ length: 256 }, (_, byte) => byte);
      const records = [
        { topic, partition: 0, key: null, value: every_byte },
        { topic, partition: 0, key: every_byte, value: new Uint8Array(0) },
        { topic, partition: 0, key: new Uint8Array(0), value: Uint8Array.of(0) },
        // A view of a larger buffer: only what it covers counts.
        { topic, partition: 0, key: every_byte.subarray(3, 5), value: every_byte.subarray(250) },
      ];
      await (await log.producer()).append(records);
      const found = (await readAll(log, topic)).map(({ key, value }) => ({
        key: key && Array.from(key),
        value: value && Array.from(value),
      }));
      expect(found).toEqual(records.map(({ key, value }) => ({ key: key && Array.from(key), value: Array.from(value) })));
    });

    it('takes a value of the largest size', async () => {
      const { log, topic } = await fixture(harness);
      // Room for what a log keeps beside the value.
      const value = new Uint8Array(record_value_bytes_max - 1_024).fill(7);
      expect((await (await log.producer()).append([{ topic, partition: 0, key: null, value }])).kind).toBe('appended');
      const [record] = await readAll(log, topic);
      expect(record?.value?.length).toBe(value.length);
      expect(record?.value?.every((byte) => byte === 7)).toBe(true);
    });

    it('does not see what the caller does to its arrays afterwards', async () => {
      const { log, topic } = await fixture(harness);
      // Buffers, because their slice() copies nothing.
      const value = Buffer.of(1, 2, 3);
      const key = Buffer.of(4);
      await (await log.producer()).append([{ topic, partition: 0, key, value }]);
      value.fill(9);
      key.fill(9);
      const [record] = await readAll(log, topic);
      expect(Array.from(record?.value ?? [])).toEqual([1, 2, 3]);
      record?.value?.fill(8);
      expect(Array.from((await readAll(log, topic))[0]?.value ?? [])).toEqual([1, 2, 3]);
    });

    it('gives records the time of the log', async () => {
      const { log, topic, clock_ms } = await fixture(harness);
      const before = clock_ms();
      await appendTexts(log, topic, ['a']);
      const after = clock_ms();
      const [record] = await readAll(log, topic);
      expect(record).toMatchObject({ topic, partition: 0, offset: 0, time_type: 'log_append_time' });
      expect(record?.appended_at_ms).toBeGreaterThanOrEqual(before);
      expect(record?.appended_at_ms).toBeLessThanOrEqual(after);
    });

    it('chooses the partition by the key', async () => {
      const { log, topic } = await fixture(harness, 5);
      const keys = ['acme', 'globex', 'initech', 'umbrella', 'ö'].map((key) => new TextEncoder().encode(key));
      const outcome = await (await log.producer()).append(keys.map((key) => ({ topic, key, value: key })));
      expect(outcome.kind === 'appended' && outcome.placed.map(({ partition }) => partition)).toEqual(
        keys.map((key) => partitionOf(key, 5)),
      );
      for (const key of keys) {
        const values = (await readAll(log, topic, partitionOf(key, 5))).map(({ value }) => Array.from(value ?? []));
        expect(values).toContainEqual(Array.from(key));
      }
    });

    it('numbers the offsets of each partition on its own', async () => {
      const { log, topic } = await fixture(harness, 2);
      await appendTexts(log, topic, ['a', 'b'], 1);
      await appendTexts(log, topic, ['c'], 0);
      expect(textsOf(await readAll(log, topic, 0))).toEqual(['c']);
      expect(textsOf(await readAll(log, topic, 1))).toEqual(['a', 'b']);
    });

    it('loses nothing of what several processes append at the same time', async () => {
      const { log, open, topic } = await fixture(harness);
      const producers = [await log.producer(), await (await open()).producer()];
      const offsets: number[] = [];
      await Promise.all(
        producers.map(async (producer, process) => {
          for (let number = 0; number < 20; number += 1) {
            const outcome = await producer.append([
              recordOf(topic, `${process}/${number}`, 0),
              recordOf(topic, `${process}/${number}+`, 0),
            ]);
            if (outcome.kind === 'appended') offsets.push(...outcome.placed.map(({ offset }) => offset));
          }
        }),
      );
      const texts = textsOf(await readAll(log, topic));
      expect(offsets.sort((a, b) => a - b)).toEqual(Array.from({ length: 80 }, (_, offset) => offset));
      for (const process of [0, 1]) {
        const own = Array.from({ length: 20 }, (_, number) => [`${process}/${number}`, `${process}/${number}+`]).flat();
        expect(texts.filter((text) => text.startsWith(`${process}/`))).toEqual(own);
      }
    });

    it('appends no records as well', async () => {
      const { log } = await fixture(harness);
      expect(await (await log.producer()).append([])).toEqual({ kind: 'appended', placed: [] });
    });

    it('refuses what no retry can help', async () => {
      const { log, topic, prefix } = await fixture(harness);
      const producer = await log.producer();
      expect(await producer.append([recordOf(`${prefix}missing`, 'a', 0)])).toMatchObject({ kind: 'refused', code: 'unknown_topic' });
      expect(await producer.append([recordOf(topic, 'a', 1)])).toMatchObject({ kind: 'refused', code: 'unknown_topic' });
      const value = new Uint8Array(record_value_bytes_max + 1);
      expect(await producer.append([{ topic, key: null, value }])).toMatchObject({ kind: 'refused', code: 'record_too_large' });
      expect(await (await log.reader()).bounds(topic, 0)).toEqual({ start: 0, end: 0 });
      expect((await producer.append([recordOf(topic, 'b', 0)])).kind).toBe('appended');
    });
  });

  if (harness.capabilities.has('positions')) {
    describe('positions of sources', () => {
      it('stores the position with its append', async () => {
        const { log, open, topic, prefix } = await fixture(harness);
        const producer = await log.producer();
        const source = `${prefix}source`;
        expect(await producer.position(source)).toBeNull();
        await producer.append([recordOf(topic, 'a', 0)], { source, value: 'line 1' });
        expect(await producer.position(source)).toBe('line 1');
        await producer.append([recordOf(topic, 'b', 0)]);
        expect(await producer.position(source)).toBe('line 1');
        await producer.append([], { source, value: 'the end ✓' });
        expect(await (await (await open()).producer()).position(source)).toBe('the end ✓');
        expect(await producer.position(`${prefix}other`)).toBeNull();
      });
    });
  }

  if (harness.capabilities.has('all_or_none')) {
    it('appends all or none, the position included', async () => {
      const { log, topic, prefix } = await fixture(harness, 2);
      const producer = await log.producer();
      const source = `${prefix}source`;
      const good = [recordOf(topic, 'a', 0), recordOf(topic, 'b', 1)];
      for (const bad of [recordOf(`${prefix}missing`, 'c', 0), { topic, key: null, value: new Uint8Array(record_value_bytes_max + 1) }]) {
        expect((await producer.append([...good, bad], { source, value: 'after' })).kind).toBe('refused');
      }
      const reader = await log.reader();
      expect(await reader.bounds(topic, 0)).toEqual({ start: 0, end: 0 });
      expect(await reader.bounds(topic, 1)).toEqual({ start: 0, end: 0 });
      expect(await producer.position(source)).toBeNull();
    });
  }
}
