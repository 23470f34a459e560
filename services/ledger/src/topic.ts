import { halted, type Partition, persist } from './partition.ts';

/** Holds the topic's settings against what is pinned. Throws PartitionEnd, halted with `topic_settings`. */
export async function checkTopic(partition: Partition): Promise<void> {
  const { ports, settings } = partition;
  const found = await persist(partition, 'reading the topic’s settings', () => ports.admin.topic(settings.topic));
  const wrong =
    found === null
      ? 'does not exist; create it, or restore it where it was deleted'
      : found.partitions !== settings.partitions
        ? `has ${found.partitions} partitions and ${settings.partitions} are pinned: tenants would move between logs; restore the count, or raise the incarnation`
        : found.time_type !== 'log_append_time'
          ? 'lets producers choose the time of records; set message.timestamp.type to LogAppendTime'
          : found.cleanup_policy === 'compact'
            ? 'is compacted, which drops records; set cleanup.policy to delete'
            : null;
  if (wrong !== null) throw halted(partition, 'topic_settings', `topic ${settings.topic} ${wrong}`);
}
