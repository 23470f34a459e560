import { asError, type CommitOutcome, type CommittedOffset, EventLogError } from '@sealtrail/event-log';
import { assign, assignment_protocol, decodeAssignment, decodeMember, encodeAssignment, encodeMember } from './assign.ts';
import { isRefusedCommit, reasonOf, typeOf } from './failures.ts';
import type { KafkaBroker } from './kafka-protocol.ts';
import type { Link } from './link.ts';
import { fetchTopic, type TopicMetadata } from './topic-metadata.ts';

/** What a member is to its group: every commit and heartbeat carries it, and the broker refuses it once it is over. */
export interface Generation {
  readonly generation_id: number;
  readonly member_id: string;
}

export interface Joined extends Generation {
  readonly partitions: readonly number[];
  readonly topic_id: string;
}

/** The requests of a group, each sent once, under the generation that is given. */
export class GroupLink {
  readonly #link: Link;
  readonly group: string;
  readonly topic: string;

  constructor(link: Link, group: string, topic: string) {
    this.#link = link;
    this.group = group;
    this.topic = topic;
  }

  get link(): Link {
    return this.#link;
  }

  /**
   * Joins and learns what this member gets; waits for the other members. `named` is told the member's id as soon as there
   * is one. Throws what the requests throw.
   */
  async join(member_id: string, since_ms: number, named: (member_id: string) => void): Promise<Joined> {
    const { session_timeout_ms, rebalance_timeout_ms } = this.#link.settings.timings;
    const { group: groupId, topic } = this;
    // Before joining: a member that joins and then fails holds up the others.
    const before = await this.#known();
    const coordinator = await this.#coordinator();
    const joined = await coordinator.joinGroup({
      groupId,
      memberId: member_id,
      sessionTimeout: session_timeout_ms,
      rebalanceTimeout: rebalance_timeout_ms,
      groupProtocols: [{ name: assignment_protocol, metadata: encodeMember(topic, since_ms) }],
    });
    named(joined.memberId);
    const known = await this.#known().catch(() => before);
    const members = joined.members.flatMap(({ memberId, memberMetadata }) => decodeMember(memberId, memberMetadata, topic) ?? []);
    const assigned = joined.leaderId === joined.memberId ? assign(members, known.partitions.size) : new Map<string, readonly number[]>();
    const { memberAssignment } = await coordinator.syncGroup({
      groupId,
      generationId: joined.generationId,
      memberId: joined.memberId,
      groupAssignment: Array.from(assigned, ([memberId, partitions]) => ({
        memberId,
        memberAssignment: encodeAssignment(topic, partitions),
      })),
    });
    const partitions = decodeAssignment(memberAssignment, topic);
    return { generation_id: joined.generationId, member_id: joined.memberId, partitions, topic_id: known.topic_id };
  }

  /** Throws what the broker answers: REBALANCE_IN_PROGRESS, UNKNOWN_MEMBER_ID, ILLEGAL_GENERATION among it. */
  async heartbeat({ generation_id, member_id }: Generation): Promise<void> {
    const coordinator = await this.#coordinator();
    await coordinator.heartbeat({ groupId: this.group, groupGenerationId: generation_id, memberId: member_id });
  }

  async leave(member_id: string): Promise<void> {
    const coordinator = await this.#coordinator();
    await coordinator.leaveGroup({ groupId: this.group, memberId: member_id });
  }

  /** Whether commits can be sent: the connection stands. Throws what connecting throws; nothing was sent then. */
  connect(): Promise<KafkaBroker> {
    return this.#coordinator();
  }

  /** Sends one commit. What the broker does not plainly refuse or take is unknown. */
  async commit(
    coordinator: KafkaBroker,
    { generation_id, member_id }: Generation,
    place: CommittedOffset & { readonly partition: number },
  ): Promise<CommitOutcome> {
    const { partition, offset, metadata } = place;
    try {
      await coordinator.offsetCommit({
        groupId: this.group,
        groupGenerationId: generation_id,
        memberId: member_id,
        topics: [{ topic: this.topic, partitions: [{ partition, offset: String(offset), metadata }] }],
      });
      return { kind: 'committed' };
    } catch (error) {
      this.#link.failed(error);
      if (isRefusedCommit(error)) return { kind: 'fenced', cause: asError(error) };
      if (typeOf(error) === 'OFFSET_METADATA_TOO_LARGE') {
        throw new EventLogError(
          'log_misuse',
          `the broker takes less than ${metadata.length} characters of commit metadata: raise its offset.metadata.max.bytes to 4096`,
          { cause: error },
        );
      }
      const what = `nobody knows whether ${this.group} committed ${this.topic}/${partition} at ${offset}`;
      const cause = new EventLogError('log_unavailable', `${what}: ${reasonOf(error)}; leave the group and start again`, { cause: error });
      return { kind: 'unknown', cause };
    }
  }

  /** null when the group has committed nothing there. Throws EventLogError. */
  committed(partition: number): Promise<CommittedOffset | null> {
    const { group: groupId, topic } = this;
    return this.#link.ask(`read what ${groupId} committed of ${topic}/${partition}`, async () => {
      const coordinator = await this.#coordinator();
      const { responses } = await coordinator.offsetFetch({ groupId, topics: [{ topic, partitions: [{ partition }] }] });
      const found = responses.find((response) => response.topic === topic)?.partitions.find((one) => one.partition === partition);
      const offset = Number(found?.offset ?? -1);
      return found === undefined || offset < 0 ? null : { offset, metadata: found.metadata ?? '' };
    });
  }

  async #known(): Promise<TopicMetadata> {
    const { found } = await fetchTopic(await this.#link.anyBroker(), this.topic);
    if (found === null) throw new EventLogError('log_unavailable', `topic ${this.topic} is gone: restore it, or create it`);
    return found;
  }

  #coordinator(): Promise<KafkaBroker> {
    return this.#link.coordinator(this.group, this.topic);
  }
}
