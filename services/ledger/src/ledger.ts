import { RegistryStream } from '@sealtrail/data-directory';
import type { Assignment, ConsumerEnd, EventLog } from '@sealtrail/event-log';
import { copyRegistry } from './copy-registry.ts';
import { lost, type Partition, PartitionEnd, type PartitionEnding, persist } from './partition.ts';
import type { LedgerPorts, LedgerSettings } from './ports.ts';
import { sealPartition } from './seal-partition.ts';
import { TopicCheck } from './topic.ts';

export interface LedgerOptions {
  /** The ledger does not close it. */
  readonly log: EventLog;
  readonly ports: Omit<LedgerPorts, 'reader' | 'producer' | 'admin'>;
  readonly settings: LedgerSettings;
}

export type LedgerEnd = ConsumerEnd;

export interface Ledger {
  /**
   * Joins the group and seals whatever partitions it is given, until `stop` aborts. `failed` says that the process must
   * not go on: a commit's outcome is unknown, or a bug showed; a supervisor starts another, which recovers.
   */
  run(stop: AbortSignal): Promise<LedgerEnd>;
}

/** Partitions that it halts on stay assigned and rest: `events.halted` says why. */
export function createLedger({ log, ports: given, settings }: LedgerOptions): Ledger {
  return {
    async run(stop) {
      const [reader, producer, admin, consumer] = await Promise.all([
        log.reader(),
        log.producer(),
        log.admin(),
        log.consumer({ group: settings.group, topic: settings.topic }),
      ]);
      const ports: LedgerPorts = { ...given, reader, producer, admin };
      const registry = new RegistryStream({
        reader,
        sha256: ports.sha256,
        topic: settings.registry_topic,
        onRecords: (records, from) => copyRegistry(ports.store, records, from),
      });
      const topic = new TopicCheck();
      try {
        return await consumer.run((assignment) => seal({ assignment, ports, settings, registry, topic }), stop);
      } finally {
        await Promise.all([reader.close(), producer.close(), admin.close()]);
      }
    },
  };
}

async function seal(given: Pick<Partition, 'assignment' | 'ports' | 'settings' | 'registry' | 'topic'>): Promise<void> {
  const { assignment, ports, settings } = given;
  const ended = new AbortController();
  const partition: Partition = { ...given, ...namesOf(assignment, settings), lost: AbortSignal.any([assignment.lost, ended.signal]) };
  // What was read ahead is of no use once the work has ended: nothing of it may go on.
  const ending = await endingOf(partition).finally(() => ended.abort());
  switch (ending.kind) {
    case 'lost':
      return ports.events.lost(partition.key);
    case 'halted':
      return ports.events.halted(partition.key, ending.halt);
    case 'fatal':
      throw ending.cause;
  }
}

async function endingOf(partition: Partition): Promise<PartitionEnding> {
  try {
    return await sealPartition(partition).catch((error: unknown) => confirmHalt(partition, error));
  } catch (error) {
    if (error instanceof PartitionEnd) return error.ending;
    // Whatever a closing log or store throws at a member that has lost the partition is of no consequence.
    if (partition.assignment.lost.aborted) return { kind: 'lost' };
    throw error;
  }
}

/** A member that has lost the partition unawares compares what it read with what its successor wrote: no ground to halt. */
async function confirmHalt(partition: Partition, error: unknown): Promise<never> {
  if (error instanceof PartitionEnd && error.ending.kind === 'halted') {
    if (!(await persist(partition, 'asking whether the partition is held', () => partition.assignment.holds()))) throw lost();
  }
  throw error;
}

function namesOf({ topic, partition }: Assignment, settings: LedgerSettings): Pick<Partition, 'key' | 'identity'> {
  const { audience, incarnation, partitions } = settings;
  return { key: { topic, incarnation, partition }, identity: { audience, topic, incarnation, partition, partitions } };
}
