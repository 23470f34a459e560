import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { testBrokers } from '../../../scripts/kafka/test-broker.ts';
import { controlCluster } from './cluster-control.ts';
import { aborted, createTestTopic, joinGroup, openTestLog, record, sleep, type TestTopic } from './kafka-log.ts';
import type { Asked, Told } from './member-process.ts';
import { api, openProxy } from './proxy.ts';

const brokers = (await testBrokers('event-log-kafka members')) ?? [];
/** The shortest that brokers allow as they come. */
const short_session = { session_timeout_ms: 6_000, heartbeat_interval_ms: 500 };

describe.skipIf(brokers.length === 0)('a member', () => {
  it('that stands still past its session is followed, and its commit is refused when it goes on', async () => {
    const log = await openTestLog(brokers, { timings: short_session });
    const place = await createTestTopic(log);
    const child = startMember(place);
    await child.until(({ kind }) => kind === 'assigned');
    child.ask({ number: 0, offset: 5 });
    expect(await child.until(({ kind }) => kind === 'outcome')).toMatchObject({ outcome: 'committed' });
    child.process.kill('SIGSTOP');
    const next = await (await joinGroup(log, place)).next();
    expect(await next.committed()).toEqual({ offset: 5, metadata: 'child' });
    expect(await next.commit(6, 'next')).toEqual({ kind: 'committed' });
    // It finds this in its mailbox before it can have heard that it was expelled.
    child.ask({ number: 0, offset: 9 });
    child.process.kill('SIGCONT');
    const refused = await child.until((told, i) => told.kind === 'outcome' && i > 1);
    expect(refused).toMatchObject({ outcome: 'fenced' });
    await child.until((told) => told.kind === 'lost');
    expect(await next.committed()).toEqual({ offset: 6, metadata: 'next' });
  });

  it('keeps its partition through work that is longer than a session', async () => {
    const log = await openTestLog(brokers, { timings: short_session });
    const assignment = await (await joinGroup(log, await createTestTopic(log))).next();
    // Nothing is read, committed or asked for meanwhile.
    await sleep(short_session.session_timeout_ms + 2_000);
    expect(assignment.lost.aborted).toBe(false);
    expect(await assignment.commit(1, 'late')).toEqual({ kind: 'committed' });
  });

  it('loses its assignments before it joins again, and joins again only when its work has ended', async () => {
    const log = await openTestLog(brokers);
    const place = await createTestTopic(log, 2);
    const order: string[] = [];
    const working = joinGroup(log, place, async () => {
      order.push('lost');
      await sleep(1_500);
      order.push('work has ended');
    });
    const first = await working;
    const old = [await first.next(), await first.next()];
    const second = await joinGroup(await openTestLog(brokers), place);
    const given = await second.next();
    order.push('second has one');
    expect(order).toEqual(['lost', 'lost', 'work has ended', 'work has ended', 'second has one']);
    for (const assignment of old) expect((await assignment.commit(1, 'old')).kind).toBe('fenced');
    expect(await given.commit(1, 'now')).toEqual({ kind: 'committed' });
  });

  it('commits while a rebalance is prepared that it has not heard of: it still holds the partition', async () => {
    const log = await openTestLog(brokers, { timings: { heartbeat_interval_ms: 3_000 } });
    const place = await createTestTopic(log);
    const first = await joinGroup(log, place);
    const held = await first.next();
    void joinGroup(await openTestLog(brokers), place);
    await sleep(700);
    expect(held.lost.aborted).toBe(false);
    expect(await held.commit(3, 'three')).toEqual({ kind: 'committed' });
    expect(await (await first.next()).committed()).toEqual({ offset: 3, metadata: 'three' });
  });

  it.each([new TypeError('undefined is not a function'), new Error('plain'), new RangeError('far out')])(
    'whose handler throws %s ends its run and tells why',
    async (cause) => {
      const log = await openTestLog(brokers);
      const place = await createTestTopic(log);
      const end = await (await log.consumer(place)).run(async () => {
        throw cause;
      }, new AbortController().signal);
      expect(end).toEqual({ kind: 'failed', cause });
      // It has left: nobody waits for its session to end.
      const next = await (await joinGroup(log, place)).next();
      expect(await next.holds()).toBe(true);
    },
  );

  it('goes on after the broker was away', async () => {
    const proxy = await openProxy(brokers);
    const said: string[] = [];
    const log = await openTestLog(brokers, {
      client: { brokers: [...brokers], socketFactory: proxy.socketFactory },
      timings: { answer_timeout_ms: 1_000 },
      log: ({ message }) => said.push(message),
    });
    const place = await createTestTopic(log);
    await (await log.producer()).append([record(place.topic, 'a')]);
    const held = await (await joinGroup(log, place)).next();
    proxy.down();
    const limits = { records_max: 1, bytes_max: 1, wait_ms: 0 };
    expect((await held.read(0, limits)).kind).toBe('unavailable');
    await expect(held.holds()).rejects.toMatchObject({ code: 'log_unavailable' });
    await sleep(2_000);
    proxy.up();
    expect((await held.read(0, { ...limits, wait_ms: 10_000 })).kind).toBe('records');
    expect(await held.commit(1, 'after')).toEqual({ kind: 'committed' });
    expect(said.some((line) => line.startsWith(`a heartbeat to group ${place.group} failed: `))).toBe(true);
    expect(said.filter((line) => line.includes('\n'))).toEqual([]);
  });

  it('leaves a connection that has gone silent for another', async () => {
    const proxy = await openProxy(brokers);
    const client = { brokers: [...brokers], socketFactory: proxy.socketFactory, requestTimeout: 1_500 };
    const log = await openTestLog(brokers, { client });
    const place = await createTestTopic(log);
    const producer = await log.producer();
    await producer.append([record(place.topic, 'a')]);
    const held = await (await joinGroup(log, place)).next();
    const limits = { records_max: 1, bytes_max: 1, wait_ms: 0 };
    expect((await held.read(0, limits)).kind).toBe('records');
    proxy.silence();
    const [read, appended] = await Promise.all([held.read(0, { ...limits, wait_ms: 20_000 }), producer.append([record(place.topic, 'b')])]);
    expect([read.kind, appended.kind]).toEqual(['records', 'appended']);
    expect(await held.holds()).toBe(true);
    expect(await held.commit(1, 'one')).toEqual({ kind: 'committed' });
  });

  it('whose join is interrupted tries again', async () => {
    const proxy = await openProxy(brokers);
    const log = await openTestLog(brokers, { client: { brokers: [...brokers], socketFactory: proxy.socketFactory } });
    const place = await createTestTopic(log);
    proxy.lose(api.join_group, 'request');
    proxy.lose(api.join_group, 'response');
    const held = await (await joinGroup(log, place)).next();
    expect(await held.commit(1, 'one')).toEqual({ kind: 'committed' });
  });

  it('sends heartbeats at its interval, not more', async () => {
    const proxy = await openProxy(brokers);
    const client = { brokers: [...brokers], socketFactory: proxy.socketFactory };
    const log = await openTestLog(brokers, { client, timings: short_session });
    const assignment = await (await joinGroup(log, await createTestTopic(log))).next();
    await assignment.read(0, { records_max: 1, bytes_max: 1, wait_ms: 2_200 });
    expect(proxy.seen(api.heartbeat)).toBeGreaterThan(1);
    expect(proxy.seen(api.heartbeat)).toBeLessThan(6);
  });

  it('is refused, with a reason, by a group of another kind of program', async () => {
    const log = await openTestLog(brokers);
    const place = await createTestTopic(log);
    const control = await controlCluster(brokers);
    const other = control.kafka.consumer({ groupId: place.group });
    await other.connect();
    await other.subscribe({ topic: place.topic });
    const joined = new Promise((resolve) => other.on(other.events.GROUP_JOIN, resolve));
    await other.run({ eachMessage: async () => undefined });
    onTestFinished(async () => {
      await other.disconnect();
      await control.close();
    });
    await joined;
    const end = await (await log.consumer(place)).run(async () => undefined, new AbortController().signal);
    expect(end).toMatchObject({ kind: 'failed', cause: { code: 'log_unavailable' } });
    expect(end.kind === 'failed' && end.cause.message).toMatch(/another kind of program is in the group: give it a group of its own$/);
  });

  it('that joins a third hands over one partition more, and those that leave give theirs back', async () => {
    const log = await openTestLog(brokers);
    const place = await createTestTopic(log, 3);
    const members = [await joinGroup(log, place), await joinGroup(await openTestLog(brokers), place)];
    members.push(await joinGroup(await openTestLog(brokers), place));
    const held = async (): Promise<readonly number[]> => {
      const all = members.flatMap(({ given }) => given).filter(({ lost }) => !lost.aborted);
      return all.map(({ partition }) => partition).sort((a, b) => a - b);
    };
    while (members.some(({ given }) => given.filter(({ lost }) => !lost.aborted).length !== 1)) await sleep(50);
    expect(await held()).toEqual([0, 1, 2]);
    await members[1]?.stop();
    await members[2]?.stop();
    while ((await held()).length !== 3) await sleep(50);
    expect(members[0]?.given.filter(({ lost }) => !lost.aborted).length).toBe(3);
  });
});

interface Child {
  readonly process: ChildProcess;
  ask(asked: Asked): void;
  until(which: (told: Told, index: number) => boolean): Promise<Told>;
}

function startMember({ topic, group }: TestTopic): Child {
  const script = fileURLToPath(new URL('member-process.ts', import.meta.url));
  const child = fork(script, [brokers.join(','), topic, group], { execArgv: ['--conditions=source', '--import', 'tsx'] });
  const told: Told[] = [];
  child.on('message', (message: Told) => told.push(message));
  const over = new AbortController();
  child.on('exit', () => over.abort());
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await aborted(over.signal);
  });
  return {
    process: child,
    ask: (asked) => void child.send(asked),
    until: (which) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = told.find(which);
          if (found !== undefined) resolve(found);
        };
        look();
        child.on('message', look);
        child.on('exit', () => reject(new Error('the member’s process has ended')));
      }),
  };
}
