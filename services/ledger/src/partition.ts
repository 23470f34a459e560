import type { RegistryStream } from '@sealtrail/data-directory';
import { type Assignment, EventLogError } from '@sealtrail/event-log';
import { LedgerStoreError, type PartitionKey } from '@sealtrail/ledger-store';
import type { PartitionIdentity } from '@sealtrail/seal';
import type { Halt, HaltCode, LedgerPorts, LedgerSettings } from './ports.ts';
import type { TopicCheck } from './topic.ts';

/** One assignment of one partition, and all that works on it needs. */
export interface Partition {
  readonly key: PartitionKey;
  readonly identity: PartitionIdentity;
  readonly assignment: Assignment;
  /** Aborted when the assignment is lost, and when work on it has ended for another reason. */
  readonly lost: AbortSignal;
  readonly ports: LedgerPorts;
  readonly settings: LedgerSettings;
  readonly registry: RegistryStream;
  readonly topic: TopicCheck;
}

export type PartitionEnding =
  /** Another member has it now, or the ledger stops. */
  | { readonly kind: 'lost' }
  /** It stands still until an operator has looked. */
  | { readonly kind: 'halted'; readonly halt: Halt }
  /** A commit's outcome is unknown: the process must leave the group. */
  | { readonly kind: 'fatal'; readonly cause: Error };

/** Thrown from any depth of the work on a partition; caught where the assignment was handed over, and nowhere else. */
export class PartitionEnd extends Error {
  readonly ending: PartitionEnding;
  constructor(ending: PartitionEnding) {
    super(ending.kind === 'halted' ? ending.halt.message : ending.kind);
    this.name = 'PartitionEnd';
    this.ending = ending;
  }
}

export const lost = (): PartitionEnd => new PartitionEnd({ kind: 'lost' });
export const fatal = (cause: Error): PartitionEnd => new PartitionEnd({ kind: 'fatal', cause });
export function halted(partition: Partition, code: HaltCode, what: string): PartitionEnd {
  const { topic, incarnation, partition: number } = partition.key;
  return new PartitionEnd({ kind: 'halted', halt: { code, message: `${topic}/${incarnation}/${number} halts (${code}): ${what}` } });
}

/** What may be told of a failure: the message of one of the ports', which quotes nothing; of another its class. */
export const reasonOf = (cause: Error): string =>
  cause instanceof EventLogError || cause instanceof LedgerStoreError ? cause.message : cause.name;

/** What passes when the log or the store can be reached again. */
const isPassing = (error: unknown): error is Error =>
  (error instanceof EventLogError && (error.code === 'log_unavailable' || error.code === 'log_no_space')) ||
  (error instanceof LedgerStoreError && (error.code === 'store_unavailable' || error.code === 'store_no_space'));

/** Throws PartitionEnd, halted, when log or store say that what they hold does not hold: no waiting mends that. */
export function throwWhenCorrupt(partition: Partition, error: unknown): void {
  if (error instanceof LedgerStoreError && error.code === 'store_corrupt') throw halted(partition, 'rows_disagree', error.message);
  if (error instanceof EventLogError && error.code === 'log_corrupt') throw halted(partition, 'log_corrupt', error.message);
}

/** Tries until it succeeds, with a pause between, for as long as the partition is held. `what` is for the operator. */
export async function persist<T>(partition: Partition, what: string, attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    if (partition.lost.aborted) throw lost();
    try {
      return await attempt();
    } catch (error) {
      if (!isPassing(error)) {
        throwWhenCorrupt(partition, error);
        throw error;
      }
      partition.ports.events.waiting(partition.key, what, error);
      await pause(partition);
    }
  }
}

/** Waits before something is tried again; throws when the partition is lost meanwhile. */
export async function pause(partition: Partition): Promise<void> {
  await partition.ports.sleep(partition.settings.retry_ms, partition.lost);
  if (partition.lost.aborted) throw lost();
}
