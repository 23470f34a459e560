import type { AlertRecord } from '@sealtrail/wire';
import { describe, expect, it } from 'vitest';
import { AlertQueue } from '../src/alert-queue.ts';

const alert = (n: number): AlertRecord => ({ events_count: n }) as AlertRecord;
const alerts = (...numbers: readonly number[]): readonly AlertRecord[] => numbers.map(alert);

/** A sink whose calls end when the test says so. */
function queueOverSink() {
  const calls: { readonly numbers: readonly number[]; readonly end: (cause?: Error) => void }[] = [];
  const durable: number[] = [];
  const queue: AlertQueue = new AlertQueue(
    (raised) =>
      new Promise((resolve, reject) => {
        const end = (cause?: Error): void => (cause === undefined ? resolve() : reject(cause));
        calls.push({ numbers: raised.map(({ events_count }) => events_count), end });
      }),
    () => durable.push(queue.durable),
  );
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return { queue, calls, durable, turn };
}

describe('alerts on their way to the sink', () => {
  it('go one call at a time, in order; what comes meanwhile goes with the next', async () => {
    const { queue, calls, durable, turn } = queueOverSink();
    queue.add(alerts(1, 2));
    queue.add([]);
    queue.add(alerts(3));
    queue.add(alerts(4, 5));
    await turn();
    expect(calls.map(({ numbers }) => numbers)).toEqual([[1, 2]]);
    calls[0]?.end();
    await turn();
    expect(calls.map(({ numbers }) => numbers)).toEqual([
      [1, 2],
      [3, 4, 5],
    ]);
    expect([queue.added, queue.durable]).toEqual([5, 2]);
    const settled = queue.settled();
    calls[1]?.end();
    await settled;
    expect(durable).toEqual([2, 5]);
    queue.add(alerts(6));
    await turn();
    expect(calls[2]?.numbers).toEqual([6]);
  });

  it('end with the first call that fails: its cause is told, and nothing is raised after it', async () => {
    const { queue, calls, turn } = queueOverSink();
    queue.add(alerts(1));
    queue.add(alerts(2));
    calls[0]?.end(new Error('lost'));
    await queue.rests();
    await turn();
    expect(calls).toHaveLength(1);
    await expect(queue.settled()).rejects.toThrow('lost');
    expect(() => queue.add([])).toThrow('lost');
    expect([queue.added, queue.durable]).toEqual([2, 0]);
  });

  it('are settled while there are none', async () => {
    const { queue } = queueOverSink();
    await queue.settled();
    await queue.rests();
  });
});
