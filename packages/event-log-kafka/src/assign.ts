import kafkajs from 'kafkajs';

const { AssignerProtocol } = kafkajs;
const protocol_version = 1;

/** Of the way partitions are handed out: members that know another one are refused by the broker. */
export const assignment_protocol = 'sealtrail-seniority';

export interface GroupMemberState {
  readonly member_id: string;
  /** Since when it has been in the group without a break, by its own clock. */
  readonly since_ms: number;
}

/** What a member tells when it joins. */
export const encodeMember = (topic: string, since_ms: number): Buffer => {
  const userData = Buffer.alloc(8);
  userData.writeBigInt64BE(BigInt(Math.trunc(since_ms)));
  return AssignerProtocol.MemberMetadata.encode({ version: protocol_version, topics: [topic], userData });
};

/** null when the member does not want the topic. */
export function decodeMember(member_id: string, metadata: Buffer, topic: string): GroupMemberState | null {
  const decoded = AssignerProtocol.MemberMetadata.decode(metadata);
  if (decoded === null || !decoded.topics.includes(topic)) return null;
  const since_ms = decoded.userData.length >= 8 ? Number(decoded.userData.readBigInt64BE()) : Number.POSITIVE_INFINITY;
  return { member_id, since_ms };
}

/** Partition p goes to the p-th eldest member, round and round: whoever comes later moves as few as can be. */
export function assign(members: readonly GroupMemberState[], partitions: number): ReadonlyMap<string, readonly number[]> {
  const eldest_first = [...members].sort((a, b) => a.since_ms - b.since_ms || (a.member_id < b.member_id ? -1 : 1));
  const assigned = new Map<string, number[]>(eldest_first.map(({ member_id }) => [member_id, []]));
  for (let partition = 0; partition < partitions && eldest_first.length > 0; partition += 1) {
    const member = eldest_first[partition % eldest_first.length] as GroupMemberState;
    assigned.get(member.member_id)?.push(partition);
  }
  return assigned;
}

export const encodeAssignment = (topic: string, partitions: readonly number[]): Buffer =>
  AssignerProtocol.MemberAssignment.encode({
    version: protocol_version,
    assignment: { [topic]: [...partitions] },
    userData: Buffer.alloc(0),
  });

export const decodeAssignment = (assignment: Buffer, topic: string): readonly number[] =>
  AssignerProtocol.MemberAssignment.decode(assignment)?.assignment[topic] ?? [];
