import type { EventLogReader } from '@sealtrail/event-log';
import type { CheckResult, Metrics } from '@sealtrail/service-runtime';
import type { Halt, LedgerEvents } from './ports.ts';

export interface PartitionWatch {
  readonly events: LedgerEvents;
  /** Asks the log for its ends and sets the metrics of lag and age. Throws EventLogError. */
  look(reader: EventLogReader): Promise<void>;
  /** Failing while a partition of this member stands still. */
  halts(): CheckResult;
  /** Failing until the log was last reached not longer than `age_ms_max` ago. */
  reached(age_ms_max: number): CheckResult;
}

interface Watched {
  readonly topic: string;
  sealed_to: number;
  /** When a round was last committed, or the partition was found to have nothing left to seal. */
  current_at_ms: number;
  halt: Halt | null;
}

/** Follows the partitions that this member holds, for readiness and for the metrics that need a clock. */
export function watchPartitions(metrics: Metrics, clock_ms: () => number): PartitionWatch {
  const lag = metrics.gauge({
    name: 'ledger_lag_records',
    help: 'Records in the log that are not sealed yet.',
    labels: ['topic', 'partition'],
  });
  const age = metrics.gauge({
    name: 'ledger_last_seal_age_seconds',
    help: 'Since the last round was committed while records wait; 0 when none waits.',
    labels: ['topic', 'partition'],
  });
  const held = metrics.gauge({ name: 'ledger_held_size', help: 'Partitions that this member holds.' });
  const partitions = new Map<number, Watched>();
  let reachedAt_ms: number | null = null;
  const change = (topic: string, partition: number, change: Partial<Watched>): void => {
    const known = partitions.get(partition) ?? { topic, sealed_to: 0, current_at_ms: clock_ms(), halt: null };
    partitions.set(partition, { ...known, ...change });
    held.set(partitions.size);
  };
  return {
    events: {
      recovered: ({ topic, partition }, { offset }) =>
        change(topic, partition, { sealed_to: offset, current_at_ms: clock_ms(), halt: null }),
      sealed: ({ topic, partition }, { to }) => change(topic, partition, { sealed_to: to, current_at_ms: clock_ms() }),
      checkpointed: () => undefined,
      claimEnded: () => undefined,
      eraStarted: () => undefined,
      waiting: () => undefined,
      lost({ topic, partition }) {
        partitions.delete(partition);
        lag.remove({ topic, partition });
        age.remove({ topic, partition });
        held.set(partitions.size);
      },
      halted: ({ topic, partition }, halt) => change(topic, partition, { halt }),
    },
    async look(reader) {
      for (const [partition, watched] of Array.from(partitions)) {
        const { end } = await reader.bounds(watched.topic, partition);
        const place = { topic: watched.topic, partition };
        const waiting = Math.max(0, end - watched.sealed_to);
        if (waiting === 0) watched.current_at_ms = clock_ms();
        lag.set(waiting, place);
        age.set(Math.max(0, clock_ms() - watched.current_at_ms) / 1000, place);
      }
      reachedAt_ms = clock_ms();
    },
    halts() {
      const halted = Array.from(partitions).flatMap(([partition, { halt }]) =>
        halt === null ? [] : [`partition ${partition}: ${halt.code}`],
      );
      return halted.length === 0 ? { kind: 'ok' } : { kind: 'failing', reason: halted.join('; ') };
    },
    reached(age_ms_max) {
      const ago_ms = reachedAt_ms === null ? null : clock_ms() - reachedAt_ms;
      if (ago_ms !== null && ago_ms <= age_ms_max) return { kind: 'ok' };
      return {
        kind: 'failing',
        reason: ago_ms === null ? 'the log was not reached yet' : `the log was last reached ${Math.round(ago_ms / 1000)} s ago`,
      };
    },
  };
}
