/** Canaries of detectors on a real broker: each partition's come back, to the instance that detects and to the one that stands by. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ChdbHttpProcess, forkClickHouse } from '@sealtrail/chdb-http';
import { type Deployment, openDataDirectory } from '@sealtrail/data-directory';
import { ALERTS_TOPIC, CANARY_RULE_ID, canaryTargets, openCanaryKey } from '@sealtrail/detector';
import { openKafkaEventLog } from '@sealtrail/event-log-kafka';
import { sha256 } from '@sealtrail/merkle/node';
import { openClickHouseStore } from '@sealtrail/store-clickhouse';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testBrokers } from '../../scripts/kafka/test-broker.ts';
import { DetectorProcess, until } from './harness/detector-process.ts';

const PARTITIONS = 3;
const TIMEOUT_MS = 300_000;
const random = (bytes: number): Uint8Array => new Uint8Array(randomBytes(bytes));
const brokers = (await testBrokers('canaries on Kafka')) ?? [];

describe.skipIf(brokers.length === 0)('canaries on Kafka and ClickHouse', () => {
  const name = randomBytes(5).toString('hex');
  const started: DetectorProcess[] = [];
  let dir: string;
  let clickhouse: ChdbHttpProcess;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'canaries-'));
    clickhouse = await forkClickHouse({ dir: join(dir, 'clickhouse') });
    const data = join(dir, 'deployment');
    const made = await openDataDirectory({ dir: data, create: { random, audience: `test.${name}` } });
    const deployment: Deployment = {
      ...(JSON.parse(await readFile(join(made.path, 'deployment.json'), 'utf8')) as Deployment),
      topic: `events-${name}`,
      registry_topic: `registry-${name}`,
      partitions: PARTITIONS,
    };
    await writeFile(join(data, 'deployment.json'), JSON.stringify(deployment));
    const log = await openKafkaEventLog({ client: { brokers: [...brokers], clientId: 'test' }, clock_ms: Date.now, random });
    const admin = await log.admin();
    await admin.createTopics([
      { topic: deployment.topic, partitions: PARTITIONS, cleanup_policy: 'delete' },
      { topic: deployment.registry_topic, partitions: 1, cleanup_policy: 'none' },
      { topic: ALERTS_TOPIC, partitions: 1, cleanup_policy: 'delete' },
    ]);
    const directory = await openDataDirectory({ dir: data });
    const options = { directory, log, targets: canaryTargets(PARTITIONS), sha256: sha256(), random, clock_ms: Date.now };
    const key = await openCanaryKey(options);
    expect(key).not.toBeNull();
    // A second time it is the same one, and nothing more is registered.
    const reader = await log.reader();
    const { end } = await reader.bounds(deployment.registry_topic, 0);
    expect((await openCanaryKey(options))?.key_id).toEqual(key?.key_id);
    expect((await reader.bounds(deployment.registry_topic, 0)).end).toBe(end);
    await log.close();
  }, TIMEOUT_MS);
  afterAll(async () => {
    await Promise.all(started.filter(({ isUp }) => isUp).map((one) => one.kill()));
    await clickhouse.kill();
    await rm(dir, { recursive: true, force: true });
  });

  const start = (): DetectorProcess => {
    const detector = new DetectorProcess({
      KAFKA_BROKERS: brokers.join(','),
      CLICKHOUSE_URL: clickhouse.url,
      CLICKHOUSE_DATABASE: `d${name}`,
      SEALTRAIL_DEPLOYMENT_DIR: join(dir, 'deployment'),
      SEALTRAIL_DETECTOR_GROUP: `detector-${name}`,
      SEALTRAIL_DETECTOR_SESSION_TIMEOUT_MS: '6000',
      SEALTRAIL_DETECTOR_CANARY_INTERVAL_MS: '1000',
    });
    started.push(detector);
    return detector;
  };
  const seenBy = async (detector: DetectorProcess): Promise<number> => {
    const { text } = await detector.get('/metrics');
    return Number(/^sealtrail_detector_canaries_total\{outcome="seen"\} (\d+)$/m.exec(text)?.[1] ?? 0);
  };
  const seesMore = async (detector: DetectorProcess, more: number): Promise<void> => {
    const from = await seenBy(detector);
    await until(
      'canaries are seen',
      async () => (await seenBy(detector)) >= from + more,
      () => detector.told(),
    );
  };

  it(
    'come back to whoever sent them, and go on when the instance that detects is killed',
    async () => {
      const first = start();
      await seesMore(first, 2 * PARTITIONS);
      await first.ready();
      const second = start();
      await seesMore(second, PARTITIONS);
      await second.ready();

      const store = await openClickHouseStore({ url: clickhouse.url, username: 'default', password: '', database: `d${name}` });
      const alerts = await store.alerts.alerts({ rule_id: CANARY_RULE_ID, rows_max: 1_000 });
      await store.close();
      expect(new Set(alerts.map(({ alert }) => alert.evidence[0]?.partition))).toEqual(new Set([0, 1, 2]));
      expect(alerts.every(({ fate, fate_detail }) => fate === 'UNROUTED' && fate_detail === 'canary')).toBe(true);

      await first.kill();
      await second.seen('this instance is the active one');
      await seesMore(second, PARTITIONS);
      await second.ready();
      expect(await second.stop()).toBe(0);
    },
    TIMEOUT_MS,
  );
});
