import {
  type Assignment,
  assertCommittable,
  type CommitOutcome,
  type CommittedOffset,
  type LogBounds,
  type ReadLimits,
  type ReadOutcome,
} from '@sealtrail/event-log';
import { isRefusedCommit, unavailable } from './failures.ts';
import type { Generation, GroupLink } from './group-link.ts';
import type { KafkaBroker } from './kafka-protocol.ts';
import type { PartitionReads } from './partition-reads.ts';

/** Why an assignment is over before the group says so. */
export type AssignmentLoss =
  /** The group has gone on without this member. */
  | 'fenced'
  /** Nobody knows whether a commit was taken. Another generation ends the doubt: the broker refuses it from then on. */
  | 'in_doubt'
  /** The topic was deleted and created again. */
  | 'replaced';

/** One partition for one generation. Everything that it asks the broker carries that generation. */
export class KafkaAssignment implements Assignment {
  readonly topic: string;
  readonly partition: number;
  readonly #generation: Generation;
  readonly #group: GroupLink;
  readonly #reads: PartitionReads;
  readonly #learnt: (loss: AssignmentLoss) => void;
  readonly #lost = new AbortController();

  constructor(group: GroupLink, reads: PartitionReads, partition: number, generation: Generation, learnt: (loss: AssignmentLoss) => void) {
    this.topic = group.topic;
    this.partition = partition;
    this.#generation = generation;
    this.#group = group;
    this.#reads = reads;
    this.#learnt = learnt;
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** The generation is over. */
  lose(): void {
    this.#lost.abort();
  }

  committed(): Promise<CommittedOffset | null> {
    return this.#group.committed(this.partition);
  }

  bounds(): Promise<LogBounds> {
    return this.#reads.bounds(this.topic, this.partition);
  }

  read(from: number, limits: ReadLimits): Promise<ReadOutcome> {
    return this.#reads.read(this.topic, this.partition, from, limits, {
      signal: this.#lost.signal,
      outcome: () => ({ kind: 'lost' }),
      replaced: () => {
        this.#end('replaced');
        return { kind: 'lost' };
      },
    });
  }

  async holds(): Promise<boolean> {
    if (this.lost.aborted) return false;
    try {
      await this.#group.heartbeat(this.#generation);
    } catch (error) {
      if (this.lost.aborted) return false;
      if (isRefusedCommit(error)) {
        this.#end('fenced');
        return false;
      }
      this.#group.link.failed(error);
      throw unavailable(`learn whether ${this.topic}/${this.partition} is held`, error);
    }
    return !this.lost.aborted;
  }

  async commit(offset: number, metadata: string): Promise<CommitOutcome> {
    assertCommittable(offset, metadata);
    const coordinator = await this.#coordinator();
    if (coordinator === null) {
      return { kind: 'fenced', cause: new Error(`${this.topic}/${this.partition} is not held any more: commit under the next assignment`) };
    }
    const outcome = await this.#group.commit(coordinator, this.#generation, { partition: this.partition, offset, metadata });
    if (outcome.kind === 'fenced') this.#end('fenced');
    if (outcome.kind === 'unknown') this.#end('in_doubt');
    return outcome;
  }

  /** Tries to connect for as long as the partition is held: until then nothing is sent, so nothing is in doubt. */
  async #coordinator(): Promise<KafkaBroker | null> {
    for (let attempt = 0; !this.lost.aborted; attempt += 1) {
      try {
        const coordinator = await this.#group.connect();
        return this.lost.aborted ? null : coordinator;
      } catch (error) {
        this.#group.link.failed(error);
        await this.#group.link.pause(attempt, this.lost);
      }
    }
    return null;
  }

  #end(loss: AssignmentLoss): void {
    if (this.lost.aborted) return;
    this.lose();
    this.#learnt(loss);
  }
}
