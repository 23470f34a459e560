import type { AppendOutcome, EventLog } from '@sealtrail/event-log';
import { describe, expect, it } from 'vitest';
import { testBrokers } from '../../../scripts/kafka/test-broker.ts';
import type { KafkaTimings } from '../src/index.ts';
import { controlCluster } from './cluster-control.ts';
import { createTestTopic, openTestLog, record, sleep, textsIn } from './kafka-log.ts';
import { api, openProxy, type Proxy } from './proxy.ts';

const brokers = (await testBrokers('event-log-kafka producer')) ?? [];

async function behindProxy(timings: Partial<KafkaTimings> = {}): Promise<{ readonly log: EventLog; readonly proxy: Proxy }> {
  const proxy = await openProxy(brokers);
  const client = { brokers: [...brokers], socketFactory: proxy.socketFactory };
  return { proxy, log: await openTestLog(brokers, { client, timings }) };
}

const offsetsOf = (outcome: AppendOutcome): readonly number[] | AppendOutcome =>
  outcome.kind === 'appended' ? outcome.placed.map(({ offset }) => offset) : outcome;

describe.skipIf(brokers.length === 0)('an append', () => {
  it.each(['request', 'response'] as const)('whose %s is lost is sent again, and stands once', async (what) => {
    const { log, proxy } = await behindProxy();
    const { topic } = await createTestTopic(log);
    const producer = await log.producer();
    expect(offsetsOf(await producer.append([record(topic, 'a')]))).toEqual([0]);
    proxy.lose(api.produce, what, 2);
    expect(offsetsOf(await producer.append([record(topic, 'b'), record(topic, 'c')]))).toEqual([1, 2]);
    expect(offsetsOf(await producer.append([record(topic, 'd')]))).toEqual([3]);
    expect(await textsIn(log, topic)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('waits for the broker to come back, and stands once', async () => {
    const { log, proxy } = await behindProxy();
    const { topic } = await createTestTopic(log);
    const producer = await log.producer();
    await producer.append([record(topic, 'a')]);
    proxy.down();
    const appending = producer.append([record(topic, 'b')]);
    await sleep(2_500);
    proxy.up();
    expect(offsetsOf(await appending)).toEqual([1]);
    expect(await textsIn(log, topic)).toEqual(['a', 'b']);
  });

  it('is unknown when the broker stays away, and its bytes may be sent again', async () => {
    const { log, proxy } = await behindProxy({ append_timeout_ms: 800 });
    const { topic } = await createTestTopic(log);
    const producer = await log.producer();
    await producer.append([record(topic, 'a')]);
    proxy.down();
    expect(await producer.append([record(topic, 'b')])).toMatchObject({ kind: 'unknown', cause: { code: 'log_unavailable' } });
    expect(await producer.append([record(topic, 'b')])).toMatchObject({ kind: 'unknown' });
    proxy.up();
    expect((await producer.append([record(topic, 'b')])).kind).toBe('appended');
    expect(await textsIn(log, topic)).toEqual(['a', 'b']);
  });

  it('after one in doubt is not taken for it: what is acknowledged is stored', async () => {
    const { log, proxy } = await behindProxy({ append_timeout_ms: 300, retry_ms: 400 });
    const { topic } = await createTestTopic(log);
    const producer = await log.producer();
    await producer.append([record(topic, 'a')]);
    // It is stored, and every acknowledgement of it is lost.
    proxy.lose(api.produce, 'response', 20);
    expect((await producer.append([record(topic, 'in doubt')])).kind).toBe('unknown');
    const { log: other } = await behindProxy();
    expect(await textsIn(other, topic)).toEqual(['a', 'in doubt']);
    proxy.down();
    proxy.up();
    let next = await producer.append([record(topic, 'next')]);
    while (next.kind === 'unknown') next = await producer.append([record(topic, 'next')]);
    const texts = await textsIn(other, topic);
    expect(texts).toContain('next');
    expect(texts.slice(0, 2)).toEqual(['a', 'in doubt']);
  });

  it('of more than one batch keeps its order', async () => {
    const { log, proxy } = await behindProxy();
    const { topic } = await createTestTopic(log);
    const texts = Array.from({ length: 1_234 }, (_, number) => `record ${number}`);
    const outcome = await (await log.producer()).append(texts.map((text) => record(topic, text)));
    expect(offsetsOf(outcome)).toEqual(texts.map((_, number) => number));
    expect(proxy.seen(api.produce)).toBe(3);
    expect(await textsIn(log, topic)).toEqual(texts);
  });

  it('of more bytes than the broker takes at once is sent in several', async () => {
    const { log, proxy } = await behindProxy();
    const { topic } = await createTestTopic(log);
    const texts = Array.from({ length: 40 }, (_, number) => `${number} `.padEnd(100_000, 'x'));
    const outcome = await (await log.producer()).append(texts.map((text) => record(topic, text)));
    expect(offsetsOf(outcome)).toEqual(texts.map((_, number) => number));
    expect(proxy.seen(api.produce)).toBe(5);
    expect(await textsIn(log, topic)).toEqual(texts);
  });

  it('to a topic that takes less is cut as far as it must be; a record that is too large alone is refused', async () => {
    const log = await openTestLog(brokers, { topics: { configs: { 'max.message.bytes': '10000' } } });
    const { topic } = await createTestTopic(log, 2);
    const producer = await log.producer();
    const texts = Array.from({ length: 40 }, (_, number) => `${number} `.padEnd(1_000, 'x'));
    const both = texts.flatMap((text) => [record(topic, text, 0), record(topic, text, 1)]);
    expect((await producer.append(both)).kind).toBe('appended');
    expect(await textsIn(log, topic, 0)).toEqual(texts);
    expect(await textsIn(log, topic, 1)).toEqual(texts);
    const large = record(topic, 'x'.repeat(20_000));
    const refused = await producer.append([large]);
    expect(refused).toMatchObject({ kind: 'refused', code: 'record_too_large' });
    expect(refused.kind === 'refused' && refused.cause.message).toMatch(/20000 bytes .* raise its max\.message\.bytes$/);
    expect(offsetsOf(await producer.append([record(topic, 'next', 0)]))).toEqual([40]);
  });

  it('to several partitions of several topics is one request', async () => {
    const { log, proxy } = await behindProxy();
    const [{ topic: first }, { topic: second }] = [await createTestTopic(log, 2), await createTestTopic(log, 1)];
    const producer = await log.producer();
    await producer.append([record(first, 'warm')]);
    const before = proxy.seen(api.produce);
    proxy.lose(api.produce, 'response');
    const outcome = await producer.append([record(first, 'a', 0), record(second, 'b', 0), record(first, 'c', 1), record(first, 'd', 0)]);
    expect(outcome).toMatchObject({
      kind: 'appended',
      placed: [
        { partition: 0, offset: 1 },
        { partition: 0, offset: 0 },
        { partition: 1, offset: 0 },
        { partition: 0, offset: 2 },
      ],
    });
    expect(proxy.seen(api.produce) - before).toBe(2);
  });

  it('sees partitions that were added', async () => {
    const log = await openTestLog(brokers);
    const { topic } = await createTestTopic(log, 1);
    const producer = await log.producer();
    expect(await producer.append([record(topic, 'a', 1)])).toMatchObject({ kind: 'refused', code: 'unknown_topic' });
    const control = await controlCluster(brokers);
    await control.addPartitions(topic, 2);
    await control.close();
    expect((await (await log.admin()).topic(topic))?.partitions).toBe(2);
    expect((await producer.append([record(topic, 'a', 1)])).kind).toBe('appended');
  });

  it('keeps no positions, and says so instead of forgetting them', async () => {
    const log = await openTestLog(brokers);
    const { topic } = await createTestTopic(log);
    const producer = await log.producer();
    await expect(producer.append([record(topic, 'a')], { source: 's', value: '1' })).rejects.toMatchObject({ code: 'log_misuse' });
    await expect(producer.position('s')).rejects.toMatchObject({ code: 'log_misuse' });
    expect(await textsIn(log, topic)).toEqual([]);
  });
});
