import { describe, expect, it } from 'vitest';
import { type Fault, randomPlan, recordingPlan, scriptedPlan, type TestPlan, withLogFaults } from '../src/faults.ts';
import { createMemoryEventLog, type MemoryEventLog } from '../src/memory.ts';
import type { Assignment, EventLog } from '../src/port.ts';

const record = { topic: 't', key: null, value: Uint8Array.of(1) };
const no_wait = { records_max: 10, bytes_max: 1_000, wait_ms: 0 };
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function memory(): MemoryEventLog {
  const log = createMemoryEventLog({ clock_ms: () => 1_000 });
  log.control.createTopics([{ topic: 't', partitions: 1, cleanup_policy: 'delete' }]);
  return log;
}

const planOf = (fault: Fault): TestPlan => scriptedPlan({ faults: new Map([[0, fault]]) });

/** Settled within a few turns, or not. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  void promise.then(
    () => {
      done = true;
    },
    () => {
      done = true;
    },
  );
  for (let turns = 0; turns < 5; turns += 1) await turn();
  return done;
}

async function assigned(log: EventLog): Promise<Assignment> {
  const consumer = await log.consumer({ group: 'g', topic: 't' });
  return new Promise((resolve) => {
    void consumer.run(async (assignment) => {
      resolve(assignment);
      await new Promise(() => undefined);
    }, new AbortController().signal);
  });
}

describe('an append through a failing port', () => {
  it.each([
    ['none', 'appended', 1],
    ['slow', 'appended', 1],
    ['fail_before', 'unknown', 0],
    ['fail_after', 'unknown', 1],
    ['late', 'unknown', 0],
  ] as const)('%s: tells %s, %i records stand', async (fault, kind, stand) => {
    const inner = memory();
    const plan = planOf(fault);
    const producer = await withLogFaults(inner, plan).producer();
    expect((await producer.append([record])).kind).toBe(kind);
    expect(inner.control.records('t', 0)).toHaveLength(stand);
    await plan.runAllLate();
    expect(inner.control.records('t', 0)).toHaveLength(fault === 'fail_before' ? 0 : 1);
    expect((await producer.append([record])).kind).toBe('appended');
  });

  it.each([
    ['crash_before', 0],
    ['crash_after', 1],
  ] as const)('%s: never answers, %i records stand', async (fault, stand) => {
    const inner = memory();
    const plan = planOf(fault);
    const producer = await withLogFaults(inner, plan).producer();
    expect(await settled(producer.append([record]))).toBe(false);
    expect(await settled(producer.append([record]))).toBe(false);
    expect(inner.control.records('t', 0)).toHaveLength(stand);
    expect(plan.dead).toBe(true);
    expect(plan.calls).toHaveLength(1);
  });
});

describe('a commit through a failing port', () => {
  it.each([
    ['fail_before', null],
    ['fail_after', { offset: 4, metadata: 'm' }],
  ] as const)('%s is unknown', async (fault, committed) => {
    const inner = memory();
    const assignment = await assigned(withLogFaults(inner, planOf(fault)));
    expect((await assignment.commit(4, 'm')).kind).toBe('unknown');
    expect(inner.control.committed('g', 't', 0)).toEqual(committed);
  });

  it('that arrives late is fenced once the generation has moved on', async () => {
    const inner = memory();
    const plan = scriptedPlan({
      faults: new Map([
        [0, 'late'],
        [1, 'late'],
      ]),
    });
    const assignment = await assigned(withLogFaults(inner, plan));
    await assignment.commit(4, 'first');
    await assignment.commit(5, 'second');
    expect(plan.late_count).toBe(2);
    await plan.runLate();
    expect(inner.control.committed('g', 't', 0)).toEqual({ offset: 4, metadata: 'first' });
    inner.control.expire('g');
    await plan.runLate();
    expect(inner.control.committed('g', 't', 0)).toEqual({ offset: 4, metadata: 'first' });
  });
});

describe('other calls through a failing port', () => {
  const calls: readonly [string, (log: EventLog) => Promise<unknown>][] = [
    ['position', async (log) => (await log.producer()).position('s')],
    ['bounds', async (log) => (await log.reader()).bounds('t', 0)],
    ['topic', async (log) => (await log.admin()).topic('t')],
    ['createTopics', async (log) => (await log.admin()).createTopics([{ topic: 'u', partitions: 1, cleanup_policy: 'none' }])],
    ['committed', async (log) => (await assigned(log)).committed()],
    ['bounds', async (log) => (await assigned(log)).bounds()],
    ['holds', async (log) => (await assigned(log)).holds()],
  ];
  it.each(calls)('%s throws log_unavailable, and is numbered', async (method, call) => {
    const plan = planOf('fail_after');
    await expect(call(withLogFaults(memory(), plan))).rejects.toMatchObject({ code: 'log_unavailable' });
    expect(plan.calls).toEqual([{ port: 'event_log', method, fault: 'fail_after' }]);
    await expect(call(withLogFaults(memory(), recordingPlan()))).resolves.not.toThrow();
  });

  it('reads are unavailable', async () => {
    const reader = await withLogFaults(memory(), planOf('fail_before')).reader();
    expect((await reader.read('t', 0, 0, no_wait)).kind).toBe('unavailable');
    const assignment = await assigned(withLogFaults(memory(), planOf('late')));
    expect((await assignment.read(0, no_wait)).kind).toBe('unavailable');
    expect((await assignment.read(0, no_wait)).kind).toBe('records');
  });

  it('a call that is under way when the process dies is not answered', async () => {
    const inner = memory();
    const plan = scriptedPlan({ faults: new Map([[1, 'crash_before']]) });
    const log = withLogFaults(inner, plan);
    const reader = await log.reader();
    const waiting = reader.read('t', 0, 0, { ...no_wait, wait_ms: 60_000 });
    const producer = await log.producer();
    void producer.append([record]);
    await (await inner.producer()).append([record]);
    expect(await settled(waiting)).toBe(false);
  });
});

describe('a random plan', () => {
  it('chooses alike from one stream of numbers', () => {
    const numbers = [0.9, 0.1, 0.3, 0.2, 0.99];
    const stream = (): (() => number) => {
      const rest = [...numbers];
      return () => rest.shift() ?? 1;
    };
    const chosen = (): readonly Fault[] => {
      const plan = randomPlan({ random: stream(), rate: 0.5 });
      return [1, 2, 3].map(() => plan.choose({ port: 'event_log', method: 'append' }));
    };
    expect(chosen()).toEqual(['none', 'fail_after', 'slow']);
    expect(chosen()).toEqual(chosen());
  });
});
