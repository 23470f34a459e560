import kafkajs from 'kafkajs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { testBrokers } from '../../../scripts/kafka/test-broker.ts';
import { type ClusterControl, controlCluster } from './cluster-control.ts';
import { createTestTopic, joinGroup, openTestLog, record, textsIn } from './kafka-log.ts';
import { api, openProxy } from './proxy.ts';

const brokers = (await testBrokers('event-log-kafka reads')) ?? [];
const limits = { records_max: 100, bytes_max: 1_048_576, wait_ms: 5_000 };

async function control(): Promise<ClusterControl> {
  const cluster = await controlCluster(brokers);
  onTestFinished(() => cluster.close());
  return cluster;
}

describe.skipIf(brokers.length === 0)('a read', () => {
  it('of a topic that was deleted and created again never gives records of the new one as if of the old', async () => {
    const log = await openTestLog(brokers);
    const place = await createTestTopic(log);
    const producer = await log.producer();
    await producer.append(['a', 'b', 'c'].map((text) => record(place.topic, text)));
    const member = await joinGroup(log, place);
    const old = await member.next();
    expect((await old.read(0, { ...limits, records_max: 2 })).kind).toBe('records');
    const reader = await log.reader();
    await reader.read(place.topic, 0, 0, limits);

    await (await control()).recreateTopic(place.topic);
    const other = await (await openTestLog(brokers)).producer();
    await other.append(['x', 'y', 'z', 'w'].map((text) => record(place.topic, text)));

    // What was fetched before may still be given; nothing after it.
    await old.read(2, limits);
    expect(await old.read(3, limits)).toEqual({ kind: 'lost' });
    expect(old.lost.aborted).toBe(true);
    const now = await member.next();
    expect(await now.committed()).toBeNull();
    const fresh = await now.read(3, limits);
    expect(fresh.kind === 'records' && fresh.records.map(({ value }) => new TextDecoder().decode(value ?? undefined))).toEqual(['w']);
    expect(await reader.read(place.topic, 0, 3, limits)).toMatchObject({ kind: 'unavailable', cause: { code: 'log_corrupt' } });
  });

  it('tells a time that the producer chose from one that the log gave', async () => {
    const log = await openTestLog(brokers, { topics: { configs: { 'message.timestamp.type': 'CreateTime' } } });
    const { topic } = await createTestTopic(log);
    expect(await (await log.admin()).topic(topic)).toMatchObject({ time_type: 'create_time' });
    const producer = (await control()).kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
    await producer.connect();
    const chosen_ms = Date.now() - 86_400_000;
    await producer.send({
      topic,
      messages: [0, 1_000, 500].map((after_ms) => ({ value: 'v', timestamp: String(chosen_ms + after_ms) })),
    });
    await producer.disconnect();
    const read = await (await log.reader()).read(topic, 0, 0, limits);
    expect(read.kind === 'records' && read.records.map(({ time_type, appended_at_ms }) => [time_type, appended_at_ms - chosen_ms])).toEqual(
      [
        ['create_time', 0],
        ['create_time', 1_000],
        ['create_time', 500],
      ],
    );
  });

  it('gives records that a producer compressed with gzip, from the middle of a batch on', async () => {
    const log = await openTestLog(brokers, { topics: { configs: { 'compression.type': 'producer' } } });
    const { topic } = await createTestTopic(log);
    const producer = (await control()).kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
    await producer.connect();
    const texts = Array.from({ length: 50 }, (_, number) => `text ${number}`);
    await producer.send({
      topic,
      compression: kafkajs.CompressionTypes.GZIP,
      messages: texts.map((value) => ({ value, headers: { h: 'x' } })),
    });
    await producer.disconnect();
    expect(await textsIn(log, topic)).toEqual(texts);
    const middle = await (await log.reader()).read(topic, 0, 33, limits);
    expect(middle.kind === 'records' && middle.records.map(({ offset }) => offset)).toEqual(texts.map((_, offset) => offset).slice(33));
    expect(middle.kind === 'records' && middle.records[0]?.time_type).toBe('log_append_time');
  });

  it('stores what producers compress uncompressed in topics that it creates', async () => {
    const log = await openTestLog(brokers);
    const { topic } = await createTestTopic(log);
    const cluster = await control();
    const producer = cluster.kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
    await producer.connect();
    // 3 MB that compress to a few KB: more than a batch may hold.
    const bomb = producer.send({ topic, compression: kafkajs.CompressionTypes.GZIP, messages: [{ value: 'x'.repeat(3_000_000) }] });
    await expect(bomb).rejects.toMatchObject({ type: 'MESSAGE_TOO_LARGE' });
    await producer.disconnect();
  });

  it('gives a batch that is larger than what was asked for', async () => {
    const log = await openTestLog(brokers);
    const { topic } = await createTestTopic(log);
    await (await log.producer()).append(Array.from({ length: 8 }, (_, number) => record(topic, `${number}`.repeat(100_000))));
    const reader = await log.reader();
    for (let offset = 0; offset < 8; offset += 1) {
      const read = await reader.read(topic, 0, offset, { records_max: 10, bytes_max: 0, wait_ms: 0 });
      expect(read.kind === 'records' && read.records.map((one) => [one.offset, one.value?.[0]])).toEqual([[offset, 48 + offset]]);
    }
  });

  it('record by record fetches a batch once, and waits without asking over and over', async () => {
    const proxy = await openProxy(brokers);
    const log = await openTestLog(brokers, { client: { brokers: [...brokers], socketFactory: proxy.socketFactory } });
    const { topic } = await createTestTopic(log);
    await (await log.producer()).append(Array.from({ length: 200 }, (_, number) => record(topic, `${number}`)));
    const reader = await log.reader();
    for (let offset = 0; offset < 200; offset += 1) {
      const read = await reader.read(topic, 0, offset, { records_max: 1, bytes_max: 1_000, wait_ms: 0 });
      expect(read.kind === 'records' && read.records[0]?.offset).toBe(offset);
    }
    expect(proxy.seen(api.fetch)).toBe(1);
    expect(await reader.read(topic, 0, 200, { ...limits, wait_ms: 1_600 })).toEqual({ kind: 'records', records: [] });
    // At 500 ms each.
    expect(proxy.seen(api.fetch)).toBeLessThan(8);
  });

  it('goes on when its connection is lost, and is unavailable when the broker stays away', async () => {
    const proxy = await openProxy(brokers);
    const client = { brokers: [...brokers], socketFactory: proxy.socketFactory };
    const log = await openTestLog(brokers, { client, timings: { answer_timeout_ms: 1_500 } });
    const { topic } = await createTestTopic(log);
    await (await log.producer()).append([record(topic, 'a')]);
    const reader = await log.reader();
    proxy.lose(api.fetch, 'response');
    expect((await reader.read(topic, 0, 0, limits)).kind).toBe('records');
    proxy.down();
    const away = await reader.read(topic, 0, 0, { ...limits, wait_ms: 0 });
    expect(away).toMatchObject({ kind: 'unavailable', cause: { code: 'log_unavailable' } });
    expect(away.kind === 'unavailable' && away.cause.message).toMatch(
      /^cannot read .*: [^\n]+; check that the brokers run and can be reached from here$/,
    );
    await expect(reader.bounds(topic, 0)).rejects.toMatchObject({ code: 'log_unavailable' });
    proxy.up();
    expect((await reader.read(topic, 0, 0, limits)).kind).toBe('records');
  });

  it('goes on across markers of transactions at the end of what was written', async () => {
    const log = await openTestLog(brokers);
    const { topic } = await createTestTopic(log);
    await (await log.producer()).append([record(topic, 'a')]);
    await (await control()).skipOffsets(topic, 0, 2);
    const reader = await log.reader();
    expect(await reader.bounds(topic, 0)).toEqual({ start: 0, end: 3 });
    expect(await reader.read(topic, 0, 1, { ...limits, wait_ms: 700 })).toEqual({ kind: 'records', records: [] });
    const waiting = reader.read(topic, 0, 1, { ...limits, wait_ms: 3_600_000 });
    await (await log.producer()).append([record(topic, 'b')]);
    const read = await waiting;
    expect(read.kind === 'records' && read.records.map(({ offset }) => offset)).toEqual([3]);
  });
});
