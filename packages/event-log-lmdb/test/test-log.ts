import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type LmdbEventLog, type LmdbEventLogOptions, openLmdbEventLog } from '../src/index.ts';

export const topic = 'events';

/** Removed when the test is over. */
export async function testDirectory(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'sealtrail-log-'));
  onTestFinished(() => rm(dir, { recursive: true }));
  return dir;
}

/** A log with the topic `events` of one partition, closed when the test is over. */
export async function openTestLog(dir: string, options: Partial<LmdbEventLogOptions> = {}): Promise<LmdbEventLog> {
  const log = await openLmdbEventLog({ dir, clock_ms: Date.now, random: randomBytes, handles: 'several', ...options });
  onTestFinished(() => log.close());
  const admin = await log.admin();
  await admin.createTopics([{ topic, partitions: 1, cleanup_policy: 'delete' }]);
  await admin.close();
  return log;
}
