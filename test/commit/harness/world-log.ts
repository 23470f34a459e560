import type { CommittedOffset, EventLog, LogRecord, TopicToCreate } from '@sealtrail/event-log';
import { createMemoryEventLog, type MemoryLogControl } from '@sealtrail/event-log/memory';
import type { Time } from './time.ts';

/** The log as one process has it open. */
export interface OpenedLog {
  readonly log: EventLog;
  /** The process is gone: none of its calls has an effect any more, and its group expels it. */
  kill(): void;
}

/** What a world needs of an event log beyond the port. */
export interface WorldLog {
  open(): Promise<OpenedLog>;
  put(topic: string, partition: number, record: Partial<Pick<LogRecord, 'key' | 'value' | 'time_type'>>): void;
  /** As last seen. */
  records(topic: string, partition: number): readonly LogRecord[];
  committed(partition: number): CommittedOffset | null;
  /** Told of every OffsetCommit that took effect. */
  noteCommitted(partition: number, committed: CommittedOffset): void;
  /** Takes every partition from its holder, who is not told. */
  expire(): void;
  /** Waits until what was put is there, and looks at all records again. */
  refresh(): Promise<void>;
  /** null for a log that is not of memory. */
  readonly control: MemoryLogControl | null;
}

export interface WorldTopics {
  readonly group: string;
  readonly topic: string;
  readonly all: readonly TopicToCreate[];
}

export function memoryWorldLog(time: Time, { group, topic, all }: WorldTopics): WorldLog {
  const log = createMemoryEventLog({ clock_ms: () => time.now_ms, sleep: (ms, signal) => time.sleep(ms, signal) });
  const { control } = log;
  control.createTopics(all);
  return {
    open: async () => {
      const handle = log.open();
      return { log: handle, kill: () => handle.kill() };
    },
    put: (name, partition, record) => void control.put(name, partition, record),
    records: (name, partition) => control.records(name, partition),
    committed: (partition) => control.committed(group, topic, partition),
    noteCommitted: () => undefined,
    expire: () => control.expire(group),
    refresh: async () => undefined,
    control,
  };
}
