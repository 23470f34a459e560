import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serveClickHouse } from '@sealtrail/chdb-http';
import { openKafkaEventLog } from '@sealtrail/event-log-kafka';
import { openClickHouseStore } from '@sealtrail/store-clickhouse';
import { describe } from 'vitest';
import { testBrokers } from '../../scripts/kafka/test-broker.ts';
import { endToEnd } from './suite.ts';

const brokers = await testBrokers('end to end');
describe.skipIf(brokers === null)('servers', () => {
  endToEnd(
    'Kafka and ClickHouse over HTTP',
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'end-to-end-'));
      const server = await serveClickHouse({ dir: folder });
      return {
        partitions: 3,
        openLog: () => openKafkaEventLog({ client: { brokers: [...(brokers ?? [])] }, clock_ms: Date.now, random: randomBytes }),
        openStore: () => openClickHouseStore({ url: server.url, username: 'default', password: '' }),
        async close() {
          await server.close();
          await rm(folder, { recursive: true });
        },
      };
    },
    180_000,
  );
});
