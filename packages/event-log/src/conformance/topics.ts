import { describe, expect, it } from 'vitest';
import { appendTexts, type ConformanceHarness, control, fixture, readAll } from './harness.ts';

export function topicConformance(harness: ConformanceHarness): void {
  describe('topics', () => {
    it('gives null for a topic that there is not', async () => {
      const { log, prefix } = await fixture(harness);
      expect(await (await log.admin()).topic(`${prefix}missing`)).toBeNull();
    });

    it('creates topics as asked for, with the time of the log', async () => {
      const { log, prefix } = await fixture(harness);
      const admin = await log.admin();
      const kept = `${prefix}kept`;
      const dropped = `${prefix}dropped`;
      await admin.createTopics([
        { topic: kept, partitions: 1, cleanup_policy: 'none' },
        { topic: dropped, partitions: 3, cleanup_policy: 'delete' },
      ]);
      const first = await admin.topic(kept);
      const second = await admin.topic(dropped);
      expect(first).toMatchObject({ topic: kept, partitions: 1, cleanup_policy: 'none', time_type: 'log_append_time' });
      expect(second).toMatchObject({ topic: dropped, partitions: 3, cleanup_policy: 'delete', time_type: 'log_append_time' });
      expect(first?.topic_id).not.toBe(second?.topic_id);
      expect(first?.topic_id).not.toBe('');
    });

    it('leaves an existing topic as it is and creates what is missing beside it', async () => {
      const { log, topic, prefix } = await fixture(harness, 2);
      const admin = await log.admin();
      const before = await admin.topic(topic);
      await admin.createTopics([
        { topic, partitions: 5, cleanup_policy: 'none' },
        { topic: `${prefix}new`, partitions: 1, cleanup_policy: 'none' },
      ]);
      expect(await admin.topic(topic)).toEqual(before);
      expect((await admin.topic(`${prefix}new`))?.partitions).toBe(1);
    });

    it('shows a topic to every process', async () => {
      const { log, open, topic } = await fixture(harness);
      const here = await (await log.admin()).topic(topic);
      expect(await (await (await open()).admin()).topic(topic)).toEqual(here);
    });
  });

  describe.runIf(harness.capabilities.has('recreate_topic'))('a topic that was deleted and created again', () => {
    it('is empty and has another id, for every process alike', async () => {
      const { log, open, topic, recreateTopic } = await fixture(harness);
      const admin = await log.admin();
      await appendTexts(log, topic, ['before']);
      const before = await admin.topic(topic);
      await control(recreateTopic)(topic);
      const after = await admin.topic(topic);
      expect(after).toEqual({ ...before, topic_id: after?.topic_id });
      expect(after?.topic_id).not.toBe(before?.topic_id);
      expect(after?.topic_id).not.toBe('');
      expect(await (await (await open()).admin()).topic(topic)).toEqual(after);
      expect(await readAll(log, topic)).toEqual([]);
    });
  });

  describe('closing', () => {
    it('refuses what is asked of a closed log', async () => {
      const { log, topic, group } = await fixture(harness);
      const [producer, reader, admin] = await Promise.all([log.producer(), log.reader(), log.admin()]);
      await log.close();
      expect(await producer.append([{ topic, key: null, value: new Uint8Array(1) }])).toMatchObject({ kind: 'refused', code: 'closed' });
      expect(await reader.read(topic, 0, 0, { records_max: 1, bytes_max: 1, wait_ms: 0 })).toMatchObject({
        kind: 'unavailable',
        cause: { code: 'log_closed' },
      });
      await expect(producer.position('s')).rejects.toMatchObject({ code: 'log_closed' });
      await expect(reader.bounds(topic, 0)).rejects.toMatchObject({ code: 'log_closed' });
      await expect(admin.topic(topic)).rejects.toMatchObject({ code: 'log_closed' });
      await expect(log.producer()).rejects.toMatchObject({ code: 'log_closed' });
      await expect(log.reader()).rejects.toMatchObject({ code: 'log_closed' });
      await expect(log.admin()).rejects.toMatchObject({ code: 'log_closed' });
      await expect(log.consumer({ group, topic })).rejects.toMatchObject({ code: 'log_closed' });
      // Once more is harmless.
      await log.close();
      await producer.close();
      await reader.close();
      await admin.close();
    });

    it('closes one part and leaves the others open', async () => {
      const { log, topic } = await fixture(harness);
      const [producer, other, reader] = await Promise.all([log.producer(), log.producer(), log.reader()]);
      await producer.close();
      expect(await producer.append([{ topic, key: null, value: new Uint8Array(1) }])).toMatchObject({ kind: 'refused', code: 'closed' });
      expect((await other.append([{ topic, key: null, value: new Uint8Array(1) }])).kind).toBe('appended');
      await reader.close();
      await expect(reader.bounds(topic, 0)).rejects.toMatchObject({ code: 'log_closed' });
      expect(await (await log.reader()).bounds(topic, 0)).toEqual({ start: 0, end: 1 });
    });
  });
}
