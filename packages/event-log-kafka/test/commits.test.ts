import { commit_metadata_chars_max } from '@sealtrail/event-log';
import { describe, expect, it, onTestFinished } from 'vitest';
import { testBrokers } from '../../../scripts/kafka/test-broker.ts';
import { controlCluster } from './cluster-control.ts';
import { createTestTopic, joinGroup, openTestLog } from './kafka-log.ts';
import { api, openProxy } from './proxy.ts';

const brokers = (await testBrokers('event-log-kafka commits')) ?? [];

describe.skipIf(brokers.length === 0)('a commit', () => {
  it('of an assignment that is over is refused, though the member holds the partition again', async () => {
    const log = await openTestLog(brokers);
    const place = await createTestTopic(log);
    const first = await joinGroup(log, place);
    const old = await first.next();
    expect(await old.commit(10, 'old')).toEqual({ kind: 'committed' });
    // Another member makes a new generation; the eldest keeps the partition.
    await joinGroup(await openTestLog(brokers), place);
    const now = await first.next();
    expect(await now.commit(15, 'now')).toEqual({ kind: 'committed' });
    expect(await old.commit(10, 'kept')).toMatchObject({ kind: 'fenced' });
    expect(await now.committed()).toEqual({ offset: 15, metadata: 'now' });
  });

  it('under an older generation is refused by the broker itself', async () => {
    // Without a heartbeat in between the member does not know: what is sent carries the generation, and that decides.
    const late = { heartbeat_interval_ms: 3_000, session_timeout_ms: 10_000 };
    const proxy = await openProxy(brokers);
    const log = await openTestLog(brokers, { timings: late, client: { brokers: [...brokers], socketFactory: proxy.socketFactory } });
    const place = await createTestTopic(log);
    const first = await joinGroup(log, place);
    const old = await first.next();
    await old.commit(1, 'first');
    const control = await controlCluster(brokers);
    onTestFinished(() => control.close());
    await control.expel(place.group, place.topic, 0);
    expect(await old.commit(2, 'zombie')).toMatchObject({ kind: 'fenced', cause: { type: 'UNKNOWN_MEMBER_ID' } });
    expect(old.lost.aborted).toBe(true);
    expect(proxy.seen(api.offset_commit)).toBe(2);
    expect(await (await first.next()).committed()).toEqual({ offset: 1, metadata: 'first' });
  });

  it.each(['request', 'response'] as const)('whose %s is lost is unknown, and is sent once', async (what) => {
    const proxy = await openProxy(brokers);
    const log = await openTestLog(brokers, { client: { brokers: [...brokers], socketFactory: proxy.socketFactory } });
    const place = await createTestTopic(log);
    const member = await joinGroup(log, place);
    const assignment = await member.next();
    expect(await assignment.commit(1, 'one')).toEqual({ kind: 'committed' });
    proxy.lose(api.offset_commit, what);
    expect(await assignment.commit(2, 'two')).toMatchObject({ kind: 'unknown' });
    // In doubt nothing more may be committed under this generation.
    expect(assignment.lost.aborted).toBe(true);
    expect(await assignment.commit(3, 'three')).toMatchObject({ kind: 'fenced' });
    expect(proxy.seen(api.offset_commit)).toBe(2);
    const next = await member.next();
    expect(await next.committed()).toEqual(what === 'response' ? { offset: 2, metadata: 'two' } : { offset: 1, metadata: 'one' });
    expect(await next.commit(4, 'four')).toEqual({ kind: 'committed' });
  });

  it('waits for a connection: until one stands, nothing is in doubt', async () => {
    const proxy = await openProxy(brokers);
    const log = await openTestLog(brokers, { client: { brokers: [...brokers], socketFactory: proxy.socketFactory } });
    const place = await createTestTopic(log);
    const assignment = await (await joinGroup(log, place)).next();
    proxy.down();
    const committing = assignment.commit(1, 'one');
    setTimeout(() => proxy.up(), 1_500);
    expect(await committing).toEqual({ kind: 'committed' });
    expect(proxy.seen(api.offset_commit)).toBe(1);
    expect(await assignment.holds()).toBe(true);
  });

  it('takes as many characters as the limit says, of whatever size', async () => {
    const log = await openTestLog(brokers);
    const assignment = await (await joinGroup(log, await createTestTopic(log))).next();
    const metadata = '✓'.repeat(commit_metadata_chars_max);
    expect(await assignment.commit(1, metadata)).toEqual({ kind: 'committed' });
    expect(await assignment.committed()).toEqual({ offset: 1, metadata });
  });
});
