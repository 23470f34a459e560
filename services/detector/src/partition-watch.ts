import type { EventLogReader } from '@sealtrail/event-log';
import type { CheckResult, Metrics } from '@sealtrail/service-runtime';
import type { DetectorEvents, PartitionPlace } from './ports.ts';

export interface PartitionWatch {
  readonly events: DetectorEvents;
  /** Asks the log for its ends and sets the metrics of lag and age. Throws EventLogError. */
  look(reader: EventLogReader): Promise<void>;
  /** Failing while a partition of this instance has waited longer for something than `waited_ms_max`. */
  waits(waited_ms_max: number): CheckResult;
}

interface Watched {
  readonly place: PartitionPlace;
  readonly replay: { readonly to: number; readonly since_ms: number } | null;
  /** null until it is known where reading begins. */
  readonly evaluated_to: number | null;
  /** When the log took what was evaluated last, in ms since 1970; when the partition was taken up before that. */
  readonly recorded_at: number;
  readonly watermark_us: number | null;
  readonly waits: { readonly step: string; readonly since_ms: number } | null;
}

const REPLAY_SECONDS = [0.1, 0.5, 1, 5, 15, 60, 300, 900, 3_600];

/** Follows the partitions that this instance holds, for readiness and for the metrics that need a clock. */
export function watchPartitions(metrics: Metrics, clock_ms: () => number): PartitionWatch {
  const labels = ['topic', 'partition'] as const;
  const lag = metrics.gauge({ name: 'detector_lag_records', help: 'Records in the log that are not evaluated yet.', labels });
  const lagTime = metrics.gauge({
    name: 'detector_lag_seconds',
    help: 'Since the log took the record that was evaluated last, while others wait; 0 when none waits.',
    labels,
  });
  const watermark = metrics.gauge({
    name: 'detector_watermark_age_seconds',
    help: 'How far the event time that is settled lies behind the clock.',
    labels,
  });
  const replays = metrics.counter({ name: 'detector_replays_total', help: 'Partitions taken up whose windows were read again.', labels });
  const replayed = metrics.counter({ name: 'detector_replayed_total', help: 'Records read again to restore windows.', labels });
  const duration = metrics.histogram({
    name: 'detector_replay_seconds',
    help: 'From a partition taken up until its windows were restored.',
    buckets: REPLAY_SECONDS,
  });
  const held = metrics.gauge({ name: 'detector_held_size', help: 'Partitions that this instance holds.' });
  const partitions = new Map<string, Watched>();
  const change = (place: PartitionPlace, changes: Partial<Watched>): void => {
    const unknown = { place, replay: null, evaluated_to: null, recorded_at: clock_ms(), watermark_us: null, waits: null };
    partitions.set(keyOf(place), { ...(partitions.get(keyOf(place)) ?? unknown), ...changes });
    held.set(partitions.size);
  };
  /** Whatever was read and dealt with ends a wait, and a replay once it has come so far. */
  const cameTo = (place: PartitionPlace, evaluated_to: number, changes: Partial<Watched>): void => {
    const replay = partitions.get(keyOf(place))?.replay ?? null;
    const isOver = replay !== null && evaluated_to >= replay.to;
    if (isOver) duration.observe((clock_ms() - replay.since_ms) / 1000);
    change(place, { ...changes, evaluated_to, waits: null, ...(isOver ? { replay: null } : {}) });
  };
  return {
    events: {
      started(place, { replay_from, from }) {
        const replay = replay_from < from ? { to: from, since_ms: clock_ms() } : null;
        change(place, { replay, evaluated_to: replay_from, recorded_at: clock_ms(), watermark_us: null, waits: null });
        if (replay === null) return;
        replays.add(1, { ...place });
        replayed.add(from - replay_from, { ...place });
      },
      evaluated: (place, { to, recorded_at, state }) => cameTo(place, to, { recorded_at, watermark_us: state.watermark_us }),
      rested: (place, { to, watermark_us }) => cameTo(place, to, { recorded_at: clock_ms(), watermark_us }),
      waiting(place, step) {
        const waits = partitions.get(keyOf(place))?.waits;
        if (waits?.step !== step) change(place, { waits: { step, since_ms: waits?.since_ms ?? clock_ms() } });
      },
      lost(place) {
        partitions.delete(keyOf(place));
        held.set(partitions.size);
        for (const gauge of [lag, lagTime, watermark]) gauge.remove({ ...place });
      },
    },
    async look(reader) {
      for (const { place, evaluated_to, recorded_at, watermark_us } of Array.from(partitions.values())) {
        const { end } = await reader.bounds(place.topic, place.partition);
        // Given up meanwhile, or not taken up yet.
        if (evaluated_to === null || !partitions.has(keyOf(place))) continue;
        const waiting = Math.max(0, end - evaluated_to);
        lag.set(waiting, { ...place });
        lagTime.set(waiting === 0 ? 0 : Math.max(0, clock_ms() - recorded_at) / 1000, { ...place });
        if (watermark_us !== null) watermark.set(Math.max(0, clock_ms() - watermark_us / 1000) / 1000, { ...place });
      }
    },
    waits(waited_ms_max) {
      const found = Array.from(partitions.values()).flatMap(({ place, waits }) =>
        waits === null || clock_ms() - waits.since_ms <= waited_ms_max
          ? []
          : [`partition ${place.partition}: ${waits.step} for ${Math.round((clock_ms() - waits.since_ms) / 1000)} s`],
      );
      return found.length === 0 ? { kind: 'ok' } : { kind: 'failing', reason: found.join('; ') };
    },
  };
}

const keyOf = ({ topic, partition }: PartitionPlace): string => `${topic}/${partition}`;
