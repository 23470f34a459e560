/** One short run of two ledgers, in which the calls with given numbers fail: the same run but for them, always. */
import type { Fault, PortCall } from '@sealtrail/event-log/faults';
import type { Library, SampleRecord } from './library.ts';
import { consult } from './oracle.ts';
import { watch } from './watch.ts';
import { World } from './world.ts';

export interface ScriptedFault {
  /** Number of the call, from 0, counted over all processes. */
  readonly call: number;
  readonly fault: Fault;
}

/** Two rounds that have every verdict: accepted and rejected, then duplicate and accepted. */
export function shortRecords({ lives }: Library): readonly SampleRecord[] {
  const batch = (life: number): SampleRecord => {
    const [version] = lives[life]?.find(([a]) => a.intent.events > 0) ?? [];
    if (version === undefined) throw new RangeError(`life ${life} has no events`);
    return { intent: version.intent, partition: 0, key: version.key, value: version.value };
  };
  const malformed: SampleRecord = { intent: { kind: 'bad', reason: 'malformed' }, partition: 0, key: null, value: new Uint8Array(3) };
  return [batch(0), malformed, batch(0), batch(1)];
}

/** A late effect arrives a moment later, or when everything is over. */
export type Lateness = 'soon' | 'at_the_end';

/** Gives back the calls that were made. Throws Violation, with the run's trace in its message. */
export async function runScripted(
  library: Library,
  records: readonly SampleRecord[],
  faults: readonly ScriptedFault[],
  lateness: Lateness,
): Promise<readonly PortCall[]> {
  const world = new World({
    library,
    records,
    partitions: 1,
    processes: 2,
    faultOf: (_call, number) => faults.find(({ call }) => call === number)?.fault ?? 'none',
    order: null,
    // Long enough for the group to give the partition to the other one, and for that one to do all that is left.
    pause: async (paused) => {
      paused.log.expire();
      await paused.turns.sleep(500);
    },
    ...(lateness === 'soon' ? { late_ms: 15 } : {}),
  });
  world.onEffect = () => watch(world);
  try {
    world.register(1);
    world.start();
    await world.drain();
    await consult(world);
    while (world.lateCount > 0) await world.arrive(0);
    await world.turns.rest();
    if (faults.some(({ fault }) => fault === 'late' || fault === 'slow')) await consult(world);
  } catch (error) {
    const script = faults.map(({ call, fault }) => `${fault} at call ${call}`).join(', ');
    throw new Error(`${script}, late effects ${lateness}: ${String(error)}\n${world.trace.slice(-80).join('\n')}`, { cause: error });
  }
  return world.calls;
}
