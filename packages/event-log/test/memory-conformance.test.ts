import { eventLogConformance } from '../src/conformance.ts';
import { createMemoryEventLog } from '../src/memory.ts';

eventLogConformance('memory', {
  capabilities: new Set(['all_or_none', 'positions', 'shared_partitions', 'expel', 'skip_offsets', 'drop_before', 'recreate_topic']),
  create: async () => {
    let now_ms = 1_700_000_000_000;
    const clock_ms = (): number => {
      now_ms += 1;
      return now_ms;
    };
    const log = createMemoryEventLog({ clock_ms });
    const opened = [log.open()];
    return {
      prefix: '',
      clock_ms,
      open: async () => {
        const handle = log.open();
        opened.push(handle);
        return handle;
      },
      dispose: async () => {
        await Promise.all(opened.map((handle) => handle.close()));
      },
      expel: async (group, topic, partition) => log.control.expire(group, { topic, partition }),
      skipOffsets: async (topic, partition, count) => log.control.skipOffsets(topic, partition, count),
      dropBefore: async (topic, partition, before) => log.control.truncateHead(topic, partition, before),
      recreateTopic: async (topic) => {
        log.control.deleteTopic(topic);
        log.control.createTopics([{ topic, partitions: 1, cleanup_policy: 'delete' }]);
      },
    };
  },
});
