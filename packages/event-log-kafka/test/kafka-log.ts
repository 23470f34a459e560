import { randomBytes } from 'node:crypto';
import type { EventLog } from '@sealtrail/event-log';
import { onTestFinished } from 'vitest';
import { type KafkaEventLogOptions, openKafkaEventLog } from '../src/index.ts';

/** A log for a test, closed when the test is over. */
export async function openTestLog(brokers: readonly string[], options: Partial<KafkaEventLogOptions> = {}): Promise<EventLog> {
  const log = await openKafkaEventLog({ client: { brokers: [...brokers] }, clock_ms: Date.now, random: randomBytes, ...options });
  onTestFinished(() => log.close());
  return log;
}

/** Begins the names of one test's topics and groups. */
export const freshPrefix = (): string => `t${randomBytes(6).toString('hex')}-`;
