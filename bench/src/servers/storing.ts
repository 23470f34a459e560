/**
 * The process that reads from Kafka and stores in ClickHouse: the ledger, or what a user would write instead, a consumer that
 * inserts JSONEachRow in blocks of 10,000, parsing the JSON or passing its text through.
 */
import { randomBytes } from 'node:crypto';
import { createClient } from '@clickhouse/client';
import { openKafkaEventLog } from '@sealtrail/event-log-kafka';
import { DEFAULT_LIMITS } from '@sealtrail/ledger';
import { openClickHouseStore } from '@sealtrail/store-clickhouse';
import { Kafka, logLevel } from 'kafkajs';
import { runLedger } from '../run-ledger.ts';

export type Mode = 'ledger' | 'json' | 'json-text';
export interface StoringOptions {
  readonly mode: Mode;
  readonly broker: string;
  readonly clickhouse: string;
  readonly topic: string;
  readonly partitions: number;
}
/** Everything before `to` of a partition is visible in the store. */
export interface Stored {
  readonly partition: number;
  readonly to: number;
  readonly at_ms: number;
}

const BLOCK_ROWS = 10_000;
const PLAIN_TABLE = 'plain.events';
const say = (stored: Stored | 'ready'): void => void process.send?.(stored);
const now_ms = (): number => performance.timeOrigin + performance.now();

async function ledger({ broker, clickhouse, partitions }: StoringOptions): Promise<() => Promise<void>> {
  const log = await openKafkaEventLog({ client: { brokers: [broker] }, clock_ms: Date.now, random: randomBytes });
  const store = await openClickHouseStore({ url: clickhouse, username: 'default', password: '' });
  const running = runLedger(log, store, {
    settings: { ...DEFAULT_LIMITS, recovery_rounds: 1, partitions },
    onSealed: (to, partition) => say({ partition, to, at_ms: now_ms() }),
  });
  void running.failed.then((cause) => {
    process.stderr.write(`${cause.message}\n`);
    process.exit(1);
  });
  say('ready');
  return async () => {
    await running.stop();
    await store.close();
    await log.close();
  };
}

async function plainCopy({ mode, broker, clickhouse, topic }: StoringOptions): Promise<() => Promise<void>> {
  const client = createClient({ url: clickhouse, clickhouse_settings: { async_insert: 0 } });
  const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING });
  const consumer = kafka.consumer({ groupId: `plain-${mode}`, maxBytesPerPartition: 8_388_608, maxBytes: 8_388_608, maxWaitTimeInMs: 500 });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    eachBatch: async ({ batch, resolveOffset, heartbeat, commitOffsetsIfNecessary, uncommittedOffsets }) => {
      for (let from = 0; from < batch.messages.length; from += BLOCK_ROWS) {
        const block = batch.messages.slice(from, from + BLOCK_ROWS);
        if (mode === 'json') {
          const values = block.map(({ value }) => JSON.parse((value as Buffer).toString('utf8')) as unknown);
          await client.insert({ table: PLAIN_TABLE, values, format: 'JSONEachRow' });
        } else {
          const text = Buffer.concat(block.flatMap(({ value }) => [value as Buffer, NEW_LINE]));
          await client.command({ query: `INSERT INTO ${PLAIN_TABLE} FORMAT JSONEachRow\n${text.toString('utf8')}` });
        }
        const last = block.at(-1)?.offset as string;
        resolveOffset(last);
        await heartbeat();
        await commitOffsetsIfNecessary(uncommittedOffsets());
        say({ partition: batch.partition, to: Number(last) + 1, at_ms: now_ms() });
      }
    },
  });
  say('ready');
  return async () => {
    await consumer.disconnect();
    await client.close();
  };
}
const NEW_LINE = Buffer.from('\n');

const options = JSON.parse(process.argv[2] ?? '') as StoringOptions;
const close = await (options.mode === 'ledger' ? ledger(options) : plainCopy(options));
process.once('disconnect', () => void close().then(() => process.exit(0)));
