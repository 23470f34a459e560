import type { Deployment } from '@sealtrail/data-directory';
import { ALERTS_TOPIC } from '@sealtrail/detector';
import type { EventLog } from '@sealtrail/event-log';

/** Creates the streams of a deployment, where they are missing. */
export async function ensureTopics(log: EventLog, deployment: Deployment): Promise<void> {
  const admin = await log.admin();
  try {
    await admin.createTopics([
      { topic: deployment.topic, partitions: deployment.partitions, cleanup_policy: 'delete' },
      { topic: deployment.registry_topic, partitions: 1, cleanup_policy: 'none' },
      { topic: deployment.rejected_topic, partitions: 1, cleanup_policy: 'delete' },
      { topic: ALERTS_TOPIC, partitions: 1, cleanup_policy: 'delete' },
    ]);
  } finally {
    await admin.close();
  }
}
