/** A log whose topics and groups carry a prefix that its user does not see: many worlds share one broker. */
import type { Assignment, CommittedOffset, EventLog, LogRecord, ReadOutcome } from '@sealtrail/event-log';

/** `committed` is told what an assignment finds committed: also a commit of which nobody knew that it was taken. */
export function renamedLog(log: EventLog, prefix: string, committed: (partition: number, place: CommittedOffset) => void): EventLog {
  const named = (topic: string): string => `${prefix}${topic}`;
  const shown = (topic: string): string => topic.slice(prefix.length);
  const shownRecord = (record: LogRecord): LogRecord => ({ ...record, topic: shown(record.topic) });
  const shownRead = (read: ReadOutcome): ReadOutcome =>
    read.kind === 'records' ? { ...read, records: read.records.map(shownRecord) } : read;
  const shownAssignment = (assignment: Assignment): Assignment => ({
    topic: shown(assignment.topic),
    partition: assignment.partition,
    lost: assignment.lost,
    committed: async () => {
      const place = await assignment.committed();
      if (place !== null) committed(assignment.partition, place);
      return place;
    },
    bounds: () => assignment.bounds(),
    read: async (from, limits) => shownRead(await assignment.read(from, limits)),
    holds: () => assignment.holds(),
    commit: (offset, metadata) => assignment.commit(offset, metadata),
  });
  return {
    producer: async () => {
      const producer = await log.producer();
      return {
        append: (records, position) =>
          producer.append(
            records.map((record) => ({ ...record, topic: named(record.topic) })),
            position,
          ),
        position: (source) => producer.position(source),
        close: () => producer.close(),
      };
    },
    reader: async () => {
      const reader = await log.reader();
      return {
        bounds: (topic, partition) => reader.bounds(named(topic), partition),
        read: async (topic, partition, from, limits) => shownRead(await reader.read(named(topic), partition, from, limits)),
        close: () => reader.close(),
      };
    },
    consumer: async ({ group, topic }) => {
      const consumer = await log.consumer({ group: named(group), topic: named(topic) });
      return { run: (handle, stop) => consumer.run((assignment) => handle(shownAssignment(assignment)), stop) };
    },
    admin: async () => {
      const admin = await log.admin();
      return {
        topic: async (topic) => {
          const found = await admin.topic(named(topic));
          return found === null ? null : { ...found, topic };
        },
        committed: (group, topic, partition) => admin.committed(named(group), named(topic), partition),
        createTopics: (topics) => admin.createTopics(topics.map((one) => ({ ...one, topic: named(one.topic) }))),
        close: () => admin.close(),
      };
    },
    close: () => log.close(),
  };
}
