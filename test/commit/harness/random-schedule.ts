/** One schedule that chance has made: everything may fail, in any order, until it stops; then the oracle is asked. */
import type { Fault, PortCall } from '@sealtrail/event-log/faults';
import { type Random, seededRandom } from '../../fixtures/seeded-random.ts';
import { inventRecords, type Library } from './library.ts';
import { consult } from './oracle.ts';
import { watch, windowStart } from './watch.ts';
import { GROUP, TOPIC, World } from './world.ts';

export interface Schedule {
  readonly seed: number;
  readonly world: World;
}

const FAULTS: readonly Fault[] = ['fail_before', 'fail_after', 'late', 'slow', 'crash_before', 'crash_after'];

/** The same seed gives the same schedule. */
export function inventSchedule(library: Library, seed: number): { readonly world: World; readonly random: Random } {
  const random = seededRandom(seed);
  const partitions = random.pick([1, 1, 2]);
  const rate = random.pick([0, 0.01, 0.03, 0.08]);
  const tears = random.pick([0, 0.05]);
  const lags = random.pick([0, 0.5]);
  const world = new World({
    library,
    records: inventRecords(library, random, 6 + random.below(14), partitions),
    partitions,
    processes: random.pick([2, 3]),
    settings: {
      round_records_max: 1 + random.below(4),
      recovery_rounds: random.pick([1, 2, 4, 16]),
      tenants_cached_max: random.pick([1, 10]),
      checkpoint_interval_ms: random.pick([0, 20, 200]),
      // A replica lags a read or two, and not for ever.
      recovery_attempts: 40,
    },
    faultOf: (_call: PortCall) => (random.chance(rate) ? random.pick(FAULTS) : 'none'),
    order: random,
    pause: (paused) => paused.turns.sleep(random.pick([1, 50, 3_000])),
    session_ms: () => random.pick([0, 0, 100, 2_000]),
    lag: () => (random.chance(lags) ? random.below(20) : null),
    torn: (rows) => (random.chance(tears) ? random.below(rows) : null),
  });
  world.onEffect = () => watch(world);
  return { world, random };
}

export async function runSchedule({ world, random }: ReturnType<typeof inventSchedule>): Promise<void> {
  world.register(1 + random.below(2));
  world.append(random.below(6));
  world.start();
  const steps = 100 + random.below(400);
  const unrest = random.pick([0.01, 0.04]);
  for (let i = 0; i < steps; i++) {
    if (random.chance(unrest)) await disturb(world, random);
    await world.step();
  }
  if (world.troubled.size > 0) for (const process of world.processes) process.kill();
  world.isFaulty = false;
  world.register(3);
  await world.drain(async () => {
    if (world.lateCount > 0 && random.chance(0.05)) await world.arrive(random.below(world.lateCount));
  });
  await consult(world);
  // What has not arrived by now may still do so, years later; nobody may see anything of it.
  while (world.lateCount > 0) await world.arrive(random.below(world.lateCount));
  await world.turns.rest();
  await consult(world);
}

async function disturb(world: World, random: Random): Promise<void> {
  const { control } = world;
  const dice = random.next();
  if (dice < 0.35) {
    world.append(1 + random.below(4));
  } else if (dice < 0.4) {
    world.register(1);
  } else if (dice < 0.5) {
    world.tell('rebalance');
    control.rebalance(GROUP);
  } else if (dice < 0.58) {
    world.tell('rotate');
    control.rotate(GROUP);
  } else if (dice < 0.7) {
    world.tell('expire');
    control.expire(GROUP, random.chance(0.5) ? undefined : { topic: TOPIC, partition: random.below(world.options.partitions) });
  } else if (dice < 0.78) {
    random.pick(world.processes).kill(random.pick([0, 100, 2_000]));
  } else if (dice < 0.82) {
    random.pick(world.processes).stop();
  } else if (dice < 0.92) {
    if (world.lateCount > 0) await world.arrive(random.below(world.lateCount));
  } else if (dice < 0.94) {
    loseOffsets(world);
  } else {
    loseRows(world, random);
  }
}

/** Every process dies, the group's offsets are lost, and the operator orders a new era. What was in flight may still land. */
function loseOffsets(world: World): void {
  if (world.troubled.size > 0) return;
  for (const process of world.processes) process.kill();
  world.tell("the group's offsets are lost");
  world.control.forgetOffsets(GROUP);
  // A commit row that lands now may be of a round which the era seals anew.
  world.knownFindings.add('commit_altered');
  world.settings = { ...world.settings, era: 'new' };
}

/** Every process dies, and the store has lost some of the rows that it had acknowledged; some of them come back. */
function loseRows(world: World, random: Random): void {
  for (const process of world.processes) process.kill();
  for (let partition = 0; partition < world.options.partitions; partition++) {
    if (random.chance(0.5)) continue;
    const from = windowStart(world, partition);
    if (from === null) continue;
    const { entries, manifests, heads, rejected, duplicates, commits } = world.store.tables;
    const rowsBefore = commits.length;
    const isLost = (place: { readonly partition: number }, offset: number): boolean =>
      place.partition === partition && offset >= from && random.chance(0.2);
    const lost = [
      take(entries, (row) => isLost(row, row.offset)),
      take(manifests, ({ manifest }) => isLost(manifest, manifest.offset)),
      take(heads, (row) => isLost(row, row.offset)),
      take(rejected, (row) => isLost(row, row.offset)),
      take(duplicates, (row) => isLost(row, row.duplicate.offset)),
      // Of a claim that began before what recovery looks at, the commit row shows more than recovery can mend; and where the
      // offset is lost too, nothing is left to go by.
      take(commits, (row) => world.log.committed(partition) !== null && isLost(row, row.from)),
    ].flat();
    if (lost.length === 0) continue;
    // A rebuild replaces a claim whose commit row is gone; the row stays gone.
    if (commits.length < rowsBefore) world.knownFindings.add('commit_altered');
    world.troubled.add(partition);
    world.tell(`the store loses ${lost.length} rows of ${partition}`);
    for (const { restore } of lost) if (random.chance(0.5)) world.later(async () => restore());
  }
}

function take<Row>(rows: Row[], isTaken: (row: Row) => boolean): { readonly restore: () => void }[] {
  const taken: { restore: () => void }[] = [];
  for (let i = rows.length - 1; i >= 0; i--) {
    if (!isTaken(rows[i] as Row)) continue;
    const [row] = rows.splice(i, 1) as [Row];
    taken.push({ restore: () => void rows.push(row) });
  }
  return taken;
}
