import type { Assignment, ConsumerEnd, EventLog } from '@sealtrail/event-log';
import { ALERTS_TOPIC } from './alert-pipeline.ts';

export interface ActiveInstanceOptions {
  readonly log: EventLog;
  /** Consumer group of the detector; that of the active instance is named after it. */
  readonly group: string;
  /** Works for as long as this instance is the active one: until the assignment is lost. What it throws ends the run. */
  readonly whileActive: (held: Assignment) => Promise<void>;
}

/** Whoever holds this partition of the topic of alerts is the active instance. */
const PARTITION = 0;

export const activeGroupOf = (group: string): string => `${group}.active`;

/**
 * One instance at a time is active, the others stand by: what is known of alerts that were told (silences, groups, ids) is one
 * state, which two could not keep. The log's group decides who it is, as it does for partitions, and the eldest stays it.
 */
export async function runWhileActive({ log, group, whileActive }: ActiveInstanceOptions, stop: AbortSignal): Promise<ConsumerEnd> {
  const consumer = await log.consumer({ group: activeGroupOf(group), topic: ALERTS_TOPIC });
  return consumer.run(async (assignment) => {
    if (assignment.partition === PARTITION) await whileActive(assignment);
  }, stop);
}
