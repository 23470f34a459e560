import type { EventLogReader } from '@sealtrail/event-log';
import { type CheckResult, lastReached, type Metrics } from '@sealtrail/service-runtime';
import type { Halt, LedgerEvents } from './ports.ts';

export interface PartitionWatch {
  readonly events: LedgerEvents;
  /** Asks the log for its ends and sets the metrics of lag and age. Throws EventLogError. */
  look(reader: EventLogReader): Promise<void>;
  /** Failing while a partition of this member stands still. */
  halts(): CheckResult;
  /** Failing while a partition of this member waits: what it tries has failed for longer than a moment, and nothing else succeeded. */
  waits(): CheckResult;
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

/** Tries that failed, with nothing between them that succeeded. */
interface Wait {
  readonly since_ms: number;
  readonly last_ms: number;
  readonly code: string;
}

/** From the first failed try to the last: a single one is nothing to tell. */
const WAIT_MS_MIN = 10_000;
/** Tries follow one another sooner, be it after the time that a request has: what was not told again for so long is over. */
const WAIT_GAP_MS_MAX = 60_000;

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
  const waits = new Map<number, Wait>();
  const log = lastReached('the log', clock_ms);
  const change = (topic: string, partition: number, change: Partial<Watched>): void => {
    const known = partitions.get(partition) ?? { topic, sealed_to: 0, current_at_ms: clock_ms(), halt: null };
    partitions.set(partition, { ...known, ...change });
    held.set(partitions.size);
  };
  const waited = (partition: number, cause: Error): void => {
    const now_ms = clock_ms();
    const before = waits.get(partition);
    const goesOn = before !== undefined && now_ms - before.last_ms < WAIT_GAP_MS_MAX;
    const { code } = cause as { readonly code?: unknown };
    waits.set(partition, {
      since_ms: goesOn ? before.since_ms : now_ms,
      last_ms: now_ms,
      code: typeof code === 'string' ? code : 'not_agreed',
    });
  };
  return {
    events: {
      recovered({ topic, partition }, { offset }) {
        waits.delete(partition);
        change(topic, partition, { sealed_to: offset, current_at_ms: clock_ms(), halt: null });
      },
      sealed({ topic, partition }, { to }) {
        waits.delete(partition);
        change(topic, partition, { sealed_to: to, current_at_ms: clock_ms() });
      },
      checkpointed: ({ partition }) => void waits.delete(partition),
      claimEnded: ({ partition }, cause) => waited(partition, cause),
      eraStarted: () => undefined,
      waiting: ({ partition }, _what, cause) => waited(partition, cause),
      lost({ topic, partition }) {
        waits.delete(partition);
        partitions.delete(partition);
        lag.remove({ topic, partition });
        age.remove({ topic, partition });
        held.set(partitions.size);
      },
      halted({ topic, partition }, halt) {
        waits.delete(partition);
        change(topic, partition, { halt });
      },
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
      log.reached();
    },
    halts() {
      const halted = Array.from(partitions).flatMap(([partition, { halt }]) =>
        halt === null ? [] : [`partition ${partition}: ${halt.code}`],
      );
      return halted.length === 0 ? { kind: 'ok' } : { kind: 'failing', reason: halted.join('; ') };
    },
    waits() {
      const now_ms = clock_ms();
      const waiting = Array.from(waits).flatMap(([partition, { since_ms, last_ms, code }]) =>
        last_ms - since_ms < WAIT_MS_MIN || now_ms - last_ms >= WAIT_GAP_MS_MAX
          ? []
          : [`partition ${partition}: ${code} for ${Math.round((now_ms - since_ms) / 1000)} s`],
      );
      return waiting.length === 0 ? { kind: 'ok' } : { kind: 'failing', reason: waiting.join('; ') };
    },
    reached: log.check,
  };
}
