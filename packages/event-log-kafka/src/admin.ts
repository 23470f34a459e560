import { type CommittedOffset, type EventLogAdmin, EventLogError, type TopicSettings, type TopicToCreate } from '@sealtrail/event-log';
import { closed, typeOf, unavailable } from './failures.ts';
import { GroupLink } from './group-link.ts';
import type { KafkaBroker } from './kafka-protocol.ts';
import type { Link } from './link.ts';
import { fetchTopic } from './topic-metadata.ts';

const topic_resource = 2;
const replication_factor_wanted = 3;
const for_ever = '-1';
const config_names = ['cleanup.policy', 'message.timestamp.type', 'retention.ms', 'retention.bytes'] as const;

export function kafkaAdmin(link: Link): EventLogAdmin {
  return {
    topic: (topic) => link.ask(`read the settings of topic ${topic}`, () => settingsOf(link, topic)),
    committed: async (group, topic, partition): Promise<CommittedOffset | null> => {
      const { found } = await link.ask(`look up topic ${topic}`, async () => fetchTopic(await link.anyBroker(), topic));
      return found === null ? null : new GroupLink(link, group, topic).committed(partition);
    },
    createTopics: async (topics) => {
      if (link.isClosed) throw closed();
      for (const topic of topics) await createTopic(link, topic);
    },
    close: async () => link.close(),
  };
}

async function settingsOf(link: Link, topic: string): Promise<TopicSettings | null> {
  const broker = await link.anyBroker();
  const { found } = await fetchTopic(broker, topic);
  if (found === null) return null;
  const configs = await configsOf(broker, topic);
  return {
    topic,
    partitions: found.partitions.size,
    topic_id: found.topic_id,
    time_type: configs.get('message.timestamp.type') === 'LogAppendTime' ? 'log_append_time' : 'create_time',
    cleanup_policy: cleanupPolicyOf(configs),
  };
}

async function configsOf(broker: KafkaBroker, topic: string): Promise<ReadonlyMap<string, string>> {
  const { resources } = await broker.describeConfigs({ resources: [{ type: topic_resource, name: topic, configNames: config_names }] });
  const entries = resources[0]?.configEntries ?? [];
  if (entries.length === 0)
    throw new EventLogError('log_unavailable', `the settings of topic ${topic} are not told: grant DESCRIBE_CONFIGS on it`);
  return new Map(entries.map(({ configName, configValue }) => [configName, configValue]));
}

/** Kafka keeps records for ever when retention, and not the policy, says so. */
function cleanupPolicyOf(configs: ReadonlyMap<string, string>): TopicSettings['cleanup_policy'] {
  const policy = configs.get('cleanup.policy') ?? '';
  if (policy.includes('compact')) return 'compact';
  const is_kept = configs.get('retention.ms') === for_ever && configs.get('retention.bytes') === for_ever;
  return policy === '' || is_kept ? 'none' : 'delete';
}

async function createTopic(link: Link, { topic, partitions, cleanup_policy }: TopicToCreate): Promise<void> {
  const look = () => link.ask(`look up topic ${topic}`, async () => fetchTopic(await link.anyBroker(), topic));
  const { found, brokers } = await look();
  if (found !== null) return;
  const { replication_factor, configs } = link.settings.topics;
  const replicas = replication_factor ?? Math.min(replication_factor_wanted, brokers);
  const wanted = {
    'message.timestamp.type': 'LogAppendTime',
    'cleanup.policy': 'delete',
    'unclean.leader.election.enable': 'false',
    'min.insync.replicas': replicas >= replication_factor_wanted ? '2' : '1',
    // The broker expands what producers compress, so its limit on size is one on what readers have to hold.
    'compression.type': 'uncompressed',
    ...(cleanup_policy === 'none' ? { 'retention.ms': for_ever, 'retention.bytes': for_ever } : {}),
    ...configs,
  };
  const admin = link.kafka.admin();
  try {
    await admin.connect();
    await admin.createTopics({
      waitForLeaders: false,
      topics: [
        {
          topic,
          numPartitions: partitions,
          replicationFactor: replicas,
          configEntries: Object.entries(wanted).map(([name, value]) => ({ name, value })),
        },
      ],
    });
  } catch (error) {
    if (link.isClosed) throw closed();
    // Its own error says how many failed; the one inside says why.
    const [inner] = (error as { readonly errors?: readonly unknown[] }).errors ?? [];
    throw creationFailed(topic, inner ?? error);
  } finally {
    await admin.disconnect();
  }
  await link.ask(`wait for topic ${topic}`, async () => {
    const { found: created } = await fetchTopic(await link.anyBroker(), topic);
    const has_leaders = created !== null && [...created.partitions.values()].every(({ leader }) => leader >= 0);
    if (!has_leaders) throw new EventLogError('log_unavailable', `topic ${topic} has no leaders yet: wait`);
  });
}

const configuration_errors: ReadonlySet<string> = new Set([
  'INVALID_TOPIC_EXCEPTION',
  'INVALID_PARTITIONS',
  'INVALID_REPLICATION_FACTOR',
  'INVALID_CONFIG',
  'POLICY_VIOLATION',
]);

function creationFailed(topic: string, error: unknown): EventLogError {
  if (!configuration_errors.has(typeOf(error))) return unavailable(`create topic ${topic}`, error);
  return new EventLogError(
    'log_misuse',
    `the brokers do not create topic ${topic} (${typeOf(error)}): change its name, partitions, replicas or settings`,
    {
      cause: error,
    },
  );
}
