import { randomBytes } from 'node:crypto';
import type { EventLog } from '@sealtrail/event-log';
import { eventLogConformance } from '@sealtrail/event-log/conformance';
import { describe } from 'vitest';
import { testBrokers } from '../../../scripts/kafka/test-broker.ts';
import { openKafkaEventLog } from '../src/index.ts';
import { controlCluster } from './cluster-control.ts';
import { freshPrefix } from './kafka-log.ts';

const brokers = await testBrokers('event-log-kafka conformance');

describe.skipIf(brokers === null)('with a broker', () => {
  eventLogConformance('Kafka', {
    capabilities: new Set(['shared_partitions', 'expel', 'skip_offsets', 'drop_before', 'recreate_topic']),
    create: async () => {
      const control = await controlCluster(brokers ?? []);
      const opened: EventLog[] = [];
      return {
        prefix: freshPrefix(),
        clock_ms: Date.now,
        open: async () => {
          const log = await openKafkaEventLog({ client: { brokers: [...(brokers ?? [])] }, clock_ms: Date.now, random: randomBytes });
          opened.push(log);
          return log;
        },
        dispose: async () => {
          await Promise.all(opened.map((log) => log.close()));
          await control.close();
        },
        expel: control.expel,
        skipOffsets: control.skipOffsets,
        dropBefore: control.dropBefore,
        recreateTopic: control.recreateTopic,
      };
    },
  });
});
