import { RegistryStream } from '@sealtrail/data-directory';
import type { ConsumerEnd, EventLog } from '@sealtrail/event-log';
import { detectPartition, PartitionLost } from './detect-partition.ts';
import type { DetectorPorts, DetectorSettings } from './ports.ts';

export interface DetectorOptions {
  /** The detector does not close it. */
  readonly log: EventLog;
  readonly ports: Omit<DetectorPorts, 'reader'>;
  readonly settings: DetectorSettings;
}

export interface Detector {
  /** Joins the group and evaluates whatever partitions it is given, until `stop` aborts. */
  run(stop: AbortSignal): Promise<ConsumerEnd>;
}

/** Records in, alerts out. It seals nothing and changes no record: a detector that is down delays alerts, and nothing else. */
export const createDetector = ({ log, ports: given, settings }: DetectorOptions): Detector => ({
  async run(stop) {
    const [reader, consumer] = await Promise.all([log.reader(), log.consumer({ group: settings.group, topic: settings.topic })]);
    const ports: DetectorPorts = { ...given, reader };
    const registry = new RegistryStream({ reader, sha256: ports.sha256, topic: settings.registry_topic });
    try {
      return await consumer.run(async (assignment) => {
        try {
          await detectPartition({ assignment, ports, settings, registry });
        } catch (error) {
          // Whatever a closing log throws at a member that has lost the partition is of no consequence.
          if (!(error instanceof PartitionLost || assignment.lost.aborted)) throw error;
          ports.events.lost({ topic: assignment.topic, partition: assignment.partition });
        }
      }, stop);
    } finally {
      await reader.close();
    }
  },
});
