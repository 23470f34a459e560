import { describe, expect, it } from 'vitest';
import { createMemoryEventLog, type MemoryEventLog } from '../src/memory.ts';
import type { Assignment, ConsumerEnd } from '../src/port.ts';

const no_wait = { records_max: 10, bytes_max: 1_000, wait_ms: 0 };

function logWithTopic(partitions = 1): MemoryEventLog {
  const log = createMemoryEventLog({ clock_ms: () => 1_000 });
  log.control.createTopics([{ topic: 't', partitions, cleanup_policy: 'delete' }]);
  return log;
}

interface Run {
  readonly given: Assignment[];
  readonly stop: AbortController;
  readonly end: Promise<ConsumerEnd>;
}

/** A consumer whose handlers return when their partition is lost, or never when it is told nothing. */
async function consume(log: Pick<MemoryEventLog, 'consumer'>): Promise<Run> {
  const given: Assignment[] = [];
  const stop = new AbortController();
  const consumer = await log.consumer({ group: 'g', topic: 't' });
  const end = consumer.run(async (assignment) => {
    given.push(assignment);
    await aborted(assignment.lost);
  }, stop.signal);
  await turn();
  return { given, stop, end };
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const held = async (run: Run): Promise<number[]> => {
  const partitions: number[] = [];
  for (const one of run.given) if (await one.holds()) partitions.push(one.partition);
  return partitions;
};
const last = (run: Run): Assignment => {
  const found = run.given.at(-1);
  if (found === undefined) throw new Error('nothing was assigned');
  return found;
};

describe('members of a memory log', () => {
  it('fences the old generation after a rebalance', async () => {
    const log = logWithTopic();
    const run = await consume(log);
    const old = last(run);
    expect(await old.commit(3, 'a')).toEqual({ kind: 'committed' });
    log.control.rebalance('g');
    expect(old.lost.aborted).toBe(true);
    // Still preparing: the handler has not returned, so the broker still takes the commit.
    expect(await old.holds()).toBe(false);
    await turn();
    expect(run.given).toHaveLength(2);
    expect((await old.commit(9, 'stale')).kind).toBe('fenced');
    expect(await last(run).committed()).toEqual({ offset: 3, metadata: 'a' });
    expect(await last(run).holds()).toBe(true);
  });

  it('takes a commit while a rebalance is being prepared', async () => {
    const log = logWithTopic();
    const work = new AbortController();
    const held = aborted(work.signal);
    const given: Assignment[] = [];
    const consumer = await log.consumer({ group: 'g', topic: 't' });
    void consumer.run(async (assignment) => {
      given.push(assignment);
      await held;
    }, new AbortController().signal);
    await turn();
    log.control.rebalance('g');
    expect(await given[0]?.commit(5, '')).toEqual({ kind: 'committed' });
    expect(given).toHaveLength(1);
    work.abort();
    await turn();
    expect(given).toHaveLength(2);
    expect((await given[0]?.commit(6, ''))?.kind).toBe('fenced');
  });

  it('hands the partition on while an expelled member does not know', async () => {
    const log = logWithTopic();
    const first = await consume(log);
    const second = await consume(log.open());
    expect(second.given).toHaveLength(0);
    const zombie = last(first);
    log.control.expire('g');
    await turn();
    expect(zombie.lost.aborted).toBe(false);
    expect(second.given).toHaveLength(1);
    expect(await last(second).commit(7, 'new')).toEqual({ kind: 'committed' });
    expect(await zombie.read(0, no_wait)).toEqual({ kind: 'records', records: [] });
    expect(zombie.lost.aborted).toBe(false);
    expect((await zombie.commit(8, 'zombie')).kind).toBe('fenced');
    expect(zombie.lost.aborted).toBe(true);
    expect(log.control.committed('g', 't', 0)).toEqual({ offset: 7, metadata: 'new' });
    // It joins again, behind the other one.
    await turn();
    expect(await last(second).holds()).toBe(true);
    second.stop.abort();
    expect(await second.end).toEqual({ kind: 'stopped' });
    await turn();
    expect(await last(first).holds()).toBe(true);
  });

  it('never answers once killed, and its partitions go to the others', async () => {
    const log = logWithTopic();
    const other = log.open();
    const first = await consume(other);
    const second = await consume(log);
    const held = last(first);
    const append = (await other.producer()).append;
    other.kill();
    await turn();
    expect(second.given).toHaveLength(1);
    expect(held.lost.aborted).toBe(false);
    const answered: string[] = [];
    void held.commit(1, '').then(() => answered.push('commit'));
    void append([{ topic: 't', key: null, value: new Uint8Array(1) }]).then(() => answered.push('append'));
    void first.end.then(() => answered.push('end'));
    await turn();
    expect(answered).toEqual([]);
    expect(log.control.records('t', 0)).toEqual([]);
  });

  it('shares partitions, and moves them by rotation', async () => {
    const log = logWithTopic(4);
    const first = await consume(log);
    const second = await consume(log.open());
    await turn();
    expect(await held(first)).toEqual([0, 2]);
    expect(await held(second)).toEqual([1, 3]);
    log.control.rotate('g');
    await turn();
    expect(await held(first)).toEqual([1, 3]);
    expect(await held(second)).toEqual([0, 2]);
  });

  it('forgets offsets', async () => {
    const log = logWithTopic();
    const run = await consume(log);
    await last(run).commit(3, 'a');
    log.control.forgetOffsets('g');
    expect(await last(run).committed()).toBeNull();
  });
});
