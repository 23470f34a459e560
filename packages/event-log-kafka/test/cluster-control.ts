/** What only a test does to a cluster. */
import { randomUUID } from 'node:crypto';
import kafkajs, { type Kafka } from 'kafkajs';
import type { KafkaBroker, KafkaCluster } from '../src/kafka-protocol.ts';
import { clusterOf } from '../src/link.ts';

/** Requests of transactions, which the adapter has no use for. */
interface TransactionBroker extends KafkaBroker {
  addPartitionsToTxn(request: object): Promise<unknown>;
  endTxn(request: object): Promise<unknown>;
}
const transaction_coordinator = 1;

export interface ClusterControl {
  readonly kafka: Kafka;
  /** Leaves a gap of offsets: markers of transactions that wrote nothing. */
  skipOffsets(topic: string, partition: number, count: number): Promise<void>;
  dropBefore(topic: string, partition: number, before: number): Promise<void>;
  /** Has the broker take the holder of a partition for gone. */
  expel(group: string, topic: string, partition: number): Promise<void>;
  /** Deletes the topic and creates it again with as many partitions and the log's own time. */
  recreateTopic(topic: string): Promise<void>;
  /** The same for whoever has such a client id. */
  expelMembers(group: string, which: (client_id: string) => boolean): Promise<void>;
  removeTopics(topics: readonly string[]): Promise<void>;
  addPartitions(topic: string, count: number): Promise<void>;
  close(): Promise<void>;
}

export async function controlCluster(brokers: readonly string[]): Promise<ClusterControl> {
  const kafka = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const cluster = clusterOf(kafka) as KafkaCluster & {
    findGroupCoordinator(wanted: { groupId: string; coordinatorType?: number }): Promise<KafkaBroker>;
  };
  await cluster.connect();
  return {
    kafka,
    skipOffsets: async (topic, partition, count) => {
      await cluster.addTargetTopic(topic);
      const transactionalId = randomUUID();
      const broker = (await cluster.findGroupCoordinator({
        groupId: transactionalId,
        coordinatorType: transaction_coordinator,
      })) as TransactionBroker;
      for (let number = 0; number < count; number += 1) {
        const id = await retried(() => broker.initProducerId({ transactionalId, transactionTimeout: 30_000 } as never));
        const transaction = { transactionalId, ...id };
        await retried(() => broker.addPartitionsToTxn({ ...transaction, topics: [{ topic, partitions: [{ partition }] }] }));
        await retried(() => broker.endTxn({ ...transaction, transactionResult: false }));
      }
    },
    dropBefore: async (topic, partition, before) => {
      // kafkajs forgets to ask who leads the partition.
      await admin.fetchTopicMetadata({ topics: [topic] });
      await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(before) }] });
    },
    expel: async (group, topic, partition) => {
      const { groups } = await admin.describeGroups([group]);
      const holder = groups[0]?.members.find(({ memberAssignment }) =>
        kafkajs.AssignerProtocol.MemberAssignment.decode(memberAssignment)?.assignment[topic]?.includes(partition),
      );
      if (holder === undefined) throw new Error(`nobody holds ${topic}/${partition}`);
      const coordinator = await cluster.findGroupCoordinator({ groupId: group });
      await coordinator.leaveGroup({ groupId: group, memberId: holder.memberId });
    },
    expelMembers: async (group, which) => {
      const { groups } = await admin.describeGroups([group]);
      const coordinator = await cluster.findGroupCoordinator({ groupId: group });
      for (const { memberId, clientId } of groups[0]?.members ?? []) {
        if (which(clientId)) await coordinator.leaveGroup({ groupId: group, memberId }).catch(unlessGone);
      }
    },
    removeTopics: (topics) => admin.deleteTopics({ topics: [...topics] }),
    recreateTopic: async (topic) => {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
      const numPartitions = topics[0]?.partitions.length ?? 1;
      await admin.deleteTopics({ topics: [topic] });
      const configEntries = [{ name: 'message.timestamp.type', value: 'LogAppendTime' }];
      await retried(async () => {
        const created = await admin.createTopics({ topics: [{ topic, numPartitions, configEntries }], waitForLeaders: false });
        if (!created) throw new Error(`${topic} is there still`);
      });
      await retried(() => admin.fetchTopicOffsets(topic));
    },
    addPartitions: async (topic, count) => {
      await admin.createPartitions({ topicPartitions: [{ topic, count }] });
      await retried(async () => {
        const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
        if (topics[0]?.partitions.length !== count) throw new Error(`${topic} has not ${count} partitions yet`);
      });
    },
    close: async () => {
      await cluster.disconnect();
      await admin.disconnect();
    },
  };
}

/** A transaction's coordinator asks for patience while the one before is being written down. */
async function retried<T>(attempt: () => Promise<T>): Promise<T> {
  for (let left = 100; ; left -= 1) {
    try {
      return await attempt();
    } catch (error) {
      if (left === 0 || (error as { retriable?: boolean }).retriable === false) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

function unlessGone(error: unknown): void {
  if ((error as { readonly type?: string }).type !== 'UNKNOWN_MEMBER_ID') throw error;
}
