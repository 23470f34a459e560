import { join } from 'node:path';
import { EventLogError, type EventLogProducer } from '@sealtrail/event-log';
import { open } from 'lmdb';
import { describe, expect, it } from 'vitest';
import { openLmdbEventLog } from '../src/index.ts';
import { writeFailure } from '../src/write-failure.ts';
import { openTestLog, testDirectory, topic } from './test-log.ts';

const limits = { records_max: 100, bytes_max: 1_000_000, wait_ms: 0 };
const recordOf = (text: string): { topic: string; partition: number; key: null; value: Uint8Array } => ({
  topic,
  partition: 0,
  key: null,
  value: new TextEncoder().encode(text),
});

async function fillUp(producer: EventLogProducer): Promise<number> {
  for (let count = 0; ; count += 1) {
    const outcome = await producer.append([recordOf('x'.repeat(1_000))], { source: 's', value: String(count) });
    if (outcome.kind === 'appended') continue;
    expect(outcome).toMatchObject({ kind: 'refused', code: 'no_space', cause: { code: 'log_no_space' } });
    return count;
  }
}

/** What lmdb rejects with when a commit fails. */
const failed = (code: number): Error => {
  const commitError = Promise.reject(Object.assign(new Error('told by the system'), { code }));
  return Object.assign(new Error('Commit failed'), { commitError });
};

describe('a log that is full', () => {
  it('refuses, stays readable, and takes appends once old records are dropped', async () => {
    const log = await openTestLog(await testDirectory(), { size_bytes_max: 10_000 });
    const producer = await log.producer();
    const count = await fillUp(producer);
    expect(count).toBe(9);
    // The position belongs to the append that was refused.
    expect(await producer.position('s')).toBe('8');
    // A smaller one still finds room.
    expect((await producer.append([recordOf('small')])).kind).toBe('appended');
    const reader = await log.reader();
    expect(await reader.read(topic, 0, 0, limits)).toMatchObject({ kind: 'records', records: { length: 10 } });
    expect(await log.dropBefore(topic, 0, 4)).toEqual({ start: 4, end: 10 });
    expect(await fillUp(producer)).toBe(4);
    expect(await reader.bounds(topic, 0)).toEqual({ start: 4, end: 14 });
    expect(await log.dropBefore(topic, 0, 1_000_000)).toEqual({ start: 14, end: 14 });
    expect(await log.dropBefore(topic, 0, 3)).toEqual({ start: 14, end: 14 });
    expect(await fillUp(producer)).toBe(9);
  });

  it('drops thousands of records', async () => {
    const log = await openTestLog(await testDirectory());
    const producer = await log.producer();
    await producer.append(Array.from({ length: 2_500 }, (_, number) => recordOf(String(number))));
    expect(await log.dropBefore(topic, 0, 2_400)).toEqual({ start: 2_400, end: 2_500 });
    const found = await (await log.reader()).read(topic, 0, 2_400, { ...limits, records_max: 1 });
    expect(found.kind === 'records' && new TextDecoder().decode(found.records[0]?.value ?? undefined)).toBe('2400');
  });
});

describe('writes that share a transaction', () => {
  it('stand on their own: one that cannot be leaves the others alone', async () => {
    const log = await openTestLog(await testDirectory());
    const [producer, admin] = await Promise.all([log.producer(), log.admin()]);
    const outcomes = await Promise.allSettled([
      producer.append([recordOf('a')]),
      admin.createTopics([
        { topic: 'made', partitions: 1, cleanup_policy: 'none' },
        { topic: 'bad', partitions: 0, cleanup_policy: 'none' },
      ]),
      producer.append([recordOf('b')]),
    ]);
    expect(outcomes).toMatchObject([
      { status: 'fulfilled', value: { kind: 'appended', placed: [{ partition: 0, offset: 0 }] } },
      { status: 'rejected', reason: { code: 'log_misuse' } },
      { status: 'fulfilled', value: { kind: 'appended', placed: [{ partition: 0, offset: 1 }] } },
    ]);
    // All or none holds for topics too.
    expect(await admin.topic('made')).toBeNull();
    await admin.createTopics([{ topic: 'made', partitions: 1, cleanup_policy: 'none' }]);
    expect((await admin.topic('made'))?.partitions).toBe(1);
  });

  it('are told before the log is closed', async () => {
    const log = await openTestLog(await testDirectory());
    const producer = await log.producer();
    const appending = Promise.all(['a', 'b'].map((text) => producer.append([recordOf(text)])));
    await log.close();
    expect((await appending).map(({ kind }) => kind)).toEqual(['appended', 'appended']);
  });
});

describe('names', () => {
  it('that no topic can have are refused where they are given, and unknown elsewhere', async () => {
    const log = await openTestLog(await testDirectory());
    const [producer, admin] = await Promise.all([log.producer(), log.admin()]);
    for (const bad of ['', 'ü'.repeat(125)]) {
      await expect(admin.createTopics([{ topic: bad, partitions: 1, cleanup_policy: 'none' }])).rejects.toMatchObject({
        code: 'log_misuse',
      });
      expect(await admin.topic(bad)).toBeNull();
      expect(await producer.append([{ ...recordOf('a'), topic: bad }])).toMatchObject({ kind: 'refused', code: 'unknown_topic' });
      await expect(log.consumer({ group: bad, topic })).rejects.toMatchObject({ code: 'log_misuse' });
    }
    expect((await producer.append([], { source: 's'.repeat(10_000), value: 'long' })).kind).toBe('appended');
    expect(await producer.position('s'.repeat(10_000))).toBe('long');
  });
});

describe('a directory that is not in order', () => {
  it('is refused when it holds another format', async () => {
    const dir = await testDirectory();
    await (await openTestLog(dir)).close();
    const env = open({ path: dir, noSubdir: false, overlappingSync: false, encoding: 'binary', keyEncoding: 'binary' });
    await env.openDB({ name: 'meta', encoding: 'binary', keyEncoding: 'binary' }).put(Buffer.from('format'), Buffer.from('of tomorrow'));
    await env.close();
    await expect(openTestLog(dir)).rejects.toMatchObject({ code: 'log_corrupt' });
  });

  it('is told when a record is missing', async () => {
    const dir = await testDirectory();
    const log = await openTestLog(dir);
    await (await log.producer()).append([recordOf('a'), recordOf('b')]);
    await log.close();
    const env = open({ path: dir, noSubdir: false, overlappingSync: false, encoding: 'binary', keyEncoding: 'binary' });
    const records = env.openDB({ name: 'records', encoding: 'binary', keyEncoding: 'binary' });
    await records.remove(Buffer.from('00000001000000000000000000000001', 'hex'));
    await env.close();
    const reader = await (await openTestLog(dir)).reader();
    expect(await reader.read(topic, 0, 0, limits)).toMatchObject({ kind: 'unavailable', cause: { code: 'log_corrupt' } });
    expect(await reader.read(topic, 0, 0, { ...limits, records_max: 1 })).toMatchObject({ kind: 'records' });
  });

  it('is told when it cannot be made', async () => {
    const dir = await testDirectory();
    await (await openTestLog(dir)).close();
    await expect(
      openLmdbEventLog({ dir: join(dir, 'data.mdb', 'below'), clock_ms: Date.now, random: (bytes) => new Uint8Array(bytes) }),
    ).rejects.toMatchObject({ code: 'log_unavailable' });
  });
});

describe('what a failed write means', () => {
  it.each([
    ['no space on the device', 28, 'log_no_space', false],
    ['file too large', 27, 'log_no_space', false],
    ['an I/O error where there is room', 5, 'log_unavailable', true],
    ['a damaged page', -30796, 'log_corrupt', true],
  ] as const)('%s', async (_, code, told, doubtful) => {
    const failure = await writeFailure(failed(code), '/');
    expect(failure).toMatchObject({ error: { code: told }, doubtful });
  });

  it('is what the work itself threw, which was rolled back', async () => {
    const error = new EventLogError('log_misuse', 'no');
    expect(await writeFailure(error, '/')).toEqual({ error, doubtful: false });
    expect(await writeFailure(Object.assign(new Error('put'), { code: 12 }), '/')).toMatchObject({
      error: { code: 'log_unavailable' },
      doubtful: false,
    });
  });
});
