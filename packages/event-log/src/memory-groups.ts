import type { CommitOutcome, CommittedOffset } from './port.ts';
import { EventLogError } from './port.ts';

/** A member of a group, as the group sees it: a new one for each time that a consumer joins. */
export interface GroupMember {
  readonly topic: string;
  /** Takes all partitions away; `released` is called once no work on them is left. */
  release(released: () => void): void;
  assign(generation: number, partitions: readonly number[]): void;
}

export interface Place {
  readonly topic: string;
  readonly partition: number;
}

/** Members whose partitions were asked back, and those that have nothing under way any more. */
interface Rebalance {
  readonly asked: Set<GroupMember>;
  readonly released: Set<GroupMember>;
}

interface Group {
  generation: number;
  rebalance: Rebalance | null;
  readonly members: GroupMember[];
  /** Who holds what in the running generation, by place. */
  readonly holders: Map<string, GroupMember>;
  readonly committed: Map<string, CommittedOffset>;
}

/**
 * Consumer groups as Kafka keeps them, with eager rebalances: whoever joins or leaves makes every member give up its
 * partitions, and the next generation begins when all of them have. A commit is judged by membership and generation
 * alone, not by who holds the partition, nor by whether the offset goes back; it is still taken while a rebalance is
 * being prepared.
 */
export class MemoryGroups {
  readonly #groups = new Map<string, Group>();
  readonly #partitionsOf: (topic: string) => number;

  constructor(partitionsOf: (topic: string) => number) {
    this.#partitionsOf = partitionsOf;
  }

  join(name: string, member: GroupMember): void {
    this.#group(name).members.push(member);
    this.rebalance(name);
  }

  /** Leaves, or is expelled: the member itself is told nothing. */
  remove(name: string, member: GroupMember): void {
    const { members } = this.#group(name);
    const at = members.indexOf(member);
    if (at === -1) return;
    members.splice(at, 1);
    this.rebalance(name);
  }

  /** Takes all partitions away and assigns them anew, in a new generation. Joins a rebalance that is being prepared. */
  rebalance(name: string): void {
    const group = this.#group(name);
    const rebalance = (group.rebalance ??= { asked: new Set(), released: new Set() });
    for (const member of group.members.slice()) {
      if (rebalance.asked.has(member)) continue;
      rebalance.asked.add(member);
      member.release(() => {
        rebalance.released.add(member);
        this.#assignWhenReleased(group, rebalance);
      });
    }
    this.#assignWhenReleased(group, rebalance);
  }

  /** The same, and each partition goes to another member where there is one. */
  rotate(name: string): void {
    const { members } = this.#group(name);
    const last = members.pop();
    if (last !== undefined) members.unshift(last);
    this.rebalance(name);
  }

  /** The partitions of a topic have changed: every group that reads it starts a new generation. */
  topicChanged(topic: string): void {
    for (const [name, group] of this.#groups) {
      if (group.members.some((member) => member.topic === topic)) this.rebalance(name);
    }
  }

  /** Members that hold something, or just the one that holds `place`. */
  holders(name: string, place?: Place): ReadonlySet<GroupMember> {
    const { holders } = this.#group(name);
    if (place === undefined) return new Set(holders.values());
    const holder = holders.get(placeKey(place));
    return new Set(holder === undefined ? [] : [holder]);
  }

  holds(name: string, member: GroupMember, generation: number): boolean {
    const group = this.#group(name);
    return group.members.includes(member) && group.generation === generation && group.rebalance === null;
  }

  commit(name: string, member: GroupMember, generation: number, place: Place, committed: CommittedOffset): CommitOutcome {
    const group = this.#group(name);
    if (!group.members.includes(member)) return fenced(place, `this consumer is no longer a member of group ${name}`);
    if (group.generation !== generation) {
      return fenced(place, `group ${name} is in generation ${group.generation}, the commit is of generation ${generation}`);
    }
    group.committed.set(placeKey(place), { ...committed });
    return { kind: 'committed' };
  }

  committed(name: string, place: Place): CommittedOffset | null {
    const found = this.#group(name).committed.get(placeKey(place));
    return found === undefined ? null : { ...found };
  }

  /** Stores an offset as an operator's tool does, whoever is a member. */
  setCommitted(name: string, place: Place, committed: CommittedOffset): void {
    this.#group(name).committed.set(placeKey(place), { ...committed });
  }

  forgetOffsets(name: string): void {
    this.#group(name).committed.clear();
  }

  #assignWhenReleased(group: Group, rebalance: Rebalance): void {
    if (group.rebalance !== rebalance || !group.members.every((member) => rebalance.released.has(member))) return;
    group.rebalance = null;
    group.generation += 1;
    group.holders.clear();
    const shares = group.members.map((member) => ({ member, partitions: this.#share(group, member) }));
    for (const { member, partitions } of shares) {
      for (const partition of partitions) group.holders.set(placeKey({ topic: member.topic, partition }), member);
    }
    // Told last: a handler may change the group at once.
    const { generation } = group;
    for (const { member, partitions } of shares) member.assign(generation, partitions);
  }

  #share(group: Group, member: GroupMember): readonly number[] {
    const subscribed = group.members.filter(({ topic }) => topic === member.topic);
    const place = subscribed.indexOf(member);
    return Array.from({ length: this.#partitionsOf(member.topic) }, (_, partition) => partition).filter(
      (partition) => partition % subscribed.length === place,
    );
  }

  #group(name: string): Group {
    const found = this.#groups.get(name);
    if (found !== undefined) return found;
    const group: Group = { generation: 0, rebalance: null, members: [], holders: new Map(), committed: new Map() };
    this.#groups.set(name, group);
    return group;
  }
}

const placeKey = ({ topic, partition }: Place): string => `${topic}/${partition}`;

function fenced({ topic, partition }: Place, why: string): CommitOutcome {
  return { kind: 'fenced', cause: new EventLogError('log_closed', `commit of ${topic}/${partition} was refused: ${why}; join again`) };
}
