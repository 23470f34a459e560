import type { CommittedOffset } from '@sealtrail/event-log';
import { consult } from '../../commit/harness/oracle.ts';
import { realTime } from '../../commit/harness/time.ts';
import { watch } from '../../commit/harness/watch.ts';
import { topicsOf, World, type WorldOptions } from '../../commit/harness/world.ts';
import { type KafkaWorldLog, kafkaWorldLog } from './kafka-world-log.ts';

const LINES_OF_TRACE = 80;

export type RunOptions = Pick<WorldOptions, 'library' | 'records'> & Partial<WorldOptions>;

/** Runs ledgers on a real broker until everything is sealed, then asks the oracle; `during` may disturb them. */
export async function runOnKafka(
  brokers: readonly string[],
  what: string,
  options: RunOptions,
  during: (world: World, log: KafkaWorldLog) => Promise<void>,
): Promise<World> {
  const partitions = options.partitions ?? 1;
  const log = await kafkaWorldLog(brokers, topicsOf(partitions));
  const world = new World({
    partitions,
    processes: 2,
    order: null,
    faultOf: () => 'none',
    real: { time: realTime(), log },
    ...options,
    settings: { read_wait_ms: 100, retry_ms: 20, checkpoint_interval_ms: 20, ...options.settings },
  });
  world.onEffect = () => watch(world);
  log.onFound = (partition, place) => noteFound(world, partition, place);
  try {
    world.register(3);
    world.append(Number.POSITIVE_INFINITY);
    await log.refresh();
    world.start();
    await during(world, log);
    await world.drain();
    await log.refresh();
    await consult(world);
    while (world.lateCount > 0) await world.arrive(0);
    await world.turns.rest();
    await log.refresh();
    await consult(world);
    return world;
  } catch (cause) {
    throw new Error(`${what}: ${String(cause)}\n${world.trace.slice(-LINES_OF_TRACE).join('\n')}`, { cause });
  } finally {
    world.isSupervised = false;
    for (const process of world.processes) process.stop();
    await log.remove();
  }
}

/** A commit whose outcome nobody knew is known to be stored once a recovery reads it. */
function noteFound(world: World, partition: number, place: CommittedOffset): void {
  const known = world.lastCommitted.get(partition);
  if (known !== undefined && known.offset >= place.offset) return;
  world.tell(`  found committed ${partition} at ${place.offset}`);
  world.committed({ partition } as Parameters<World['committed']>[0], place.offset, place.metadata);
}
