/** kill -9 of the broker under ledgers and producers at work: what it acknowledged stands, and all goes on by itself. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openKafkaEventLog } from '@sealtrail/event-log-kafka';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Broker, freePort, startBroker } from '../../scripts/kafka/broker.ts';
import { canStartBroker } from '../../scripts/kafka/test-broker.ts';
import { createLibrary, inventRecords } from '../commit/harness/library.ts';
import { seededRandom } from '../fixtures/seeded-random.ts';
import { runOnKafka } from './harness/run.ts';

const SEED = Number(process.env['COMMIT_SEED'] ?? randomBytes(4).readUInt32BE());
const TIMEOUT_MS = 300_000;

// The broker that is lent is not to be killed: others use it.
const has_broker = await canStartBroker('kill -9 of a Kafka broker');

describe.skipIf(!has_broker)('a broker that is killed', () => {
  let dir = '';
  let port = 0;
  let broker: Broker;
  const start = async (): Promise<void> => {
    broker = await startBroker({ dir: join(dir, 'broker'), port });
  };

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'sealtrail-broker-'));
    port = await freePort();
    await start();
  });
  afterAll(async () => {
    await broker.stop();
    await rm(dir, { recursive: true, force: true });
  });

  test(
    'is come back to by ledgers, which seal the rest once',
    async () => {
      const library = createLibrary();
      const records = inventRecords(library, seededRandom(SEED), 120, 2).filter(
        ({ value, time_type }) => value !== null && time_type === undefined,
      );
      const options = { library, records, partitions: 2, settings: { round_records_max: 1 } };
      const world = await runOnKafka([broker.address], `COMMIT_SEED=${SEED}`, options, async (running) => {
        for (let again = 0; again < 2; again += 1) {
          const before = running.store.tables.commits.length;
          await running.until('at work', () => running.store.tables.commits.length > before + 4);
          await broker.kill();
          running.tell('the broker is killed');
          await start();
          running.tell('the broker is back');
        }
      });
      expect(world.store.tables.rounds.length).toBeGreaterThan(60);
    },
    TIMEOUT_MS,
  );

  test(
    'has lost nothing that a producer was told was appended, and holds it in order, each append once',
    async () => {
      const log = await openKafkaEventLog({ client: { brokers: [broker.address] }, clock_ms: Date.now, random: randomBytes });
      const topic = `t${randomBytes(6).toString('hex')}`;
      const admin = await log.admin();
      await admin.createTopics([{ topic, partitions: 1, cleanup_policy: 'delete' }]);
      const producer = await log.producer();
      const appended: { readonly text: string; readonly offset: number }[] = [];
      const refused: string[] = [];
      let is_over = false;
      const producing = (async () => {
        for (let number = 0; !is_over || appended.length === 0; number += 1) {
          const text = `append ${number}`;
          const outcome = await producer.append([{ topic, partition: 0, key: null, value: new TextEncoder().encode(text) }]);
          if (outcome.kind === 'appended') appended.push({ text, offset: outcome.placed[0]?.offset ?? -1 });
          else refused.push(`${text}: ${outcome.kind}`);
        }
      })();
      while (appended.length < 50) await new Promise((resolve) => setTimeout(resolve, 10));
      const before = appended.length;
      await broker.kill();
      await start();
      while (appended.length < before + 50) await new Promise((resolve) => setTimeout(resolve, 10));
      is_over = true;
      await producing;
      // The broker was away for less than append_timeout_ms.
      expect(refused).toEqual([]);
      expect(appended.map(({ offset }) => offset)).toEqual(appended.map((_, offset) => offset));
      const reader = await log.reader();
      expect(await reader.bounds(topic, 0)).toEqual({ start: 0, end: appended.length });
      const texts: string[] = [];
      while (texts.length < appended.length) {
        const read = await reader.read(topic, 0, texts.length, { records_max: 1_000, bytes_max: 1_000_000, wait_ms: 5_000 });
        if (read.kind !== 'records') throw new Error(read.kind);
        texts.push(...read.records.map(({ value }) => new TextDecoder().decode(value ?? undefined)));
      }
      expect(texts).toEqual(appended.map(({ text }) => text));
      await log.close();
    },
    TIMEOUT_MS,
  );
});
