import type { DataDirectory } from '@sealtrail/data-directory';
import type { Alerting, DetectionOptions } from '@sealtrail/detector';
import type { EventLog } from '@sealtrail/event-log';
import type { Severity } from '@sealtrail/wire';
import type { OnProgress, Operations } from '../control/operations.ts';
import type { Stack } from './stack.ts';

export interface DetectToEnd {
  readonly directory: DataDirectory;
  readonly rules: DetectionOptions;
  readonly alerting: Alerting;
  /** Ends the wait, and the detector with it. */
  readonly stop: AbortSignal;
  readonly onProgress: OnProgress;
}

/** Alerts of one rule and tenant. */
export interface RuleAlerts {
  readonly rule_id: string;
  readonly title: string;
  readonly level: Severity;
  readonly tenant: string;
  readonly count: number;
}

const COUNTED = `SELECT rule_id, any(rule_title) AS title, toString(any(level)) AS level, tenant, count() AS count FROM alerts WHERE fate_detail != 'canary' GROUP BY rule_id, tenant`;
const COUNTED_ROWS_MAX = 100_000;
const LEVELS: readonly Severity[] = ['CRITICAL', 'HIGH', 'MEDIUM', 'LOW', 'INFORMATIONAL'];

/**
 * Evaluates what the log has now and no detector has evaluated, to its end, and gives the alerts that this raised, the
 * gravest first. Where it left off, the next one goes on, `sealtrail up` too. A ledger must run beside it; `seal` waits for
 * that one. Throws UsageError, AlertingError, DetectingError, and what `seal` throws.
 */
export async function detectToEnd<T>(
  stack: Stack,
  options: DetectToEnd,
  seal: () => Promise<T>,
): Promise<{ readonly sealed: T; readonly alerts: readonly RuleAlerts[] }> {
  const { directory, rules, alerting, stop, onProgress } = options;
  const before = await countedAlerts(stack.operations);
  const done = new AbortController();
  const run = await stack.startDetection(rules, alerting, AbortSignal.any([stop, done.signal]), 'pass');
  let sealed: T;
  try {
    sealed = await seal();
    const ends = await logEnds(stack.log, directory);
    await run.progress.settled(ends, stop, (evaluated, of) => onProgress('detecting', evaluated, of));
  } finally {
    done.abort();
    await run.ended;
  }
  const known = new Map(before.map((one) => [keyOf(one), one.count]));
  const alerts = (await countedAlerts(stack.operations))
    .map((one) => ({ ...one, count: one.count - (known.get(keyOf(one)) ?? 0) }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level) || (a.title < b.title ? -1 : 1));
  return { sealed, alerts };
}

const keyOf = ({ rule_id, tenant }: RuleAlerts): string => `${rule_id} ${tenant}`;

async function countedAlerts(operations: Operations): Promise<readonly RuleAlerts[]> {
  const { rows } = await operations.sql({ sql: COUNTED, rows_max: COUNTED_ROWS_MAX });
  return rows.map((row) => ({ ...(row as unknown as RuleAlerts), count: Number(row['count']) }));
}

/** Where each partition ends now. */
async function logEnds(log: EventLog, { deployment }: DataDirectory): Promise<ReadonlyMap<number, number>> {
  const reader = await log.reader();
  try {
    const ends = new Map<number, number>();
    for (let partition = 0; partition < deployment.partitions; partition++) {
      ends.set(partition, (await reader.bounds(deployment.topic, partition)).end);
    }
    return ends;
  } finally {
    await reader.close();
  }
}
