import { halted, type Partition, persist } from './partition.ts';

/**
 * The topic that a ledger seals: its settings are held against what is pinned, and its id against the one that was there
 * when the ledger started. One for all partitions and assignments of a run.
 */
export class TopicCheck {
  #topic_id: string | null = null;

  /** Throws PartitionEnd, halted with `topic_settings` or `topic_replaced`. */
  async check(partition: Partition): Promise<void> {
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
    if (found === null || wrong !== null) throw halted(partition, 'topic_settings', `topic ${settings.topic} ${wrong}`);
    this.#topic_id ??= found.topic_id;
    if (found.topic_id === this.#topic_id) return;
    throw halted(
      partition,
      'topic_replaced',
      `topic ${settings.topic} has the id ${found.topic_id} and had ${this.#topic_id} when this ledger started: it was deleted and created again; restore it, or raise the incarnation`,
    );
  }
}
