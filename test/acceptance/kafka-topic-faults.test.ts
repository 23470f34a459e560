/** What an operator, or somebody else, can do to the topic under a ledger process: it halts, says why, and seals nothing wrong. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigResourceTypes, Kafka, logLevel } from 'kafkajs';
import { afterEach, describe, expect, it, onTestFailed } from 'vitest';
import { canStartBroker } from '../../scripts/kafka/test-broker.ts';
import type { LedgerProcess } from './ledger-process.ts';
import { Servers } from './servers.ts';

const TOPIC = 'audit.events';
const RATE = 500;
const PARTITIONS = 2;
const TIMEOUT_MS = 180_000;
const has_broker = await canStartBroker('a topic that changes under a ledger');

describe.skipIf(!has_broker)('a topic under a ledger process', () => {
  let servers: Servers | null = null;
  afterEach(async () => {
    await servers?.close();
    servers = null;
  });

  const begin = async (name: string): Promise<Servers> => {
    const started = await Servers.start(name, PARTITIONS);
    servers = started;
    onTestFailed(() => console.error(started.transcript()));
    return started;
  };
  type Admin = ReturnType<Kafka['admin']>;
  const asAdmin = async (at: Servers, change: (admin: Admin) => Promise<unknown>): Promise<void> => {
    const admin = new Kafka({ brokers: [at.broker], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    await change(admin);
    await admin.disconnect();
  };
  const setTimes = (admin: Admin, type: string): Promise<unknown> =>
    admin.alterConfigs({
      validateOnly: false,
      resources: [{ type: ConfigResourceTypes.TOPIC, name: TOPIC, configEntries: [{ name: 'message.timestamp.type', value: type }] }],
    });
  /** The halts that it has told of. Waits for the first one. */
  const halts = async (ledger: LedgerProcess): Promise<readonly { readonly code: string; readonly reason: string }[]> => {
    for (;;) {
      const told = ledger.log().filter(({ message }) => message.startsWith('halted: '));
      if (told.length > 0) return told.map(({ code, message }) => ({ code: String(code), reason: message }));
      if (ledger.isOver) throw new Error(`${ledger.name} ended and never halted`);
      await sleep(100);
    }
  };
  /** Nothing that is sealed is wrong, and nothing is there twice. */
  const holds = async (at: Servers): Promise<void> => {
    const { doubled, unknown } = await at.settled(0);
    expect({ doubled, unknown }).toEqual({ doubled: 0, unknown: 0 });
    expect(await at.fsck()).toMatchObject({ ok: true, findings: [] });
  };

  it(
    'that gets another partition: it halts with topic_settings, is not ready, and what was sealed stays right',
    async () => {
      const at = await begin('partitions-added');
      const ledger = at.startLedger('ledger');
      const load = await at.startLoad('partitions', RATE);
      await ledger.until('round sealed', { times: 3 });
      await load.accepted();
      await asAdmin(at, (admin) => admin.createPartitions({ topicPartitions: [{ topic: TOPIC, count: PARTITIONS + 1 }] }));
      const restarted = at.startLedger('ledger after it');
      await ledger.stop();
      const [halt] = await halts(restarted);
      expect(halt).toMatchObject({ code: 'topic_settings' });
      expect(halt?.reason).toMatch(/has 3 partitions and 2 are pinned/);
      expect((await restarted.unready()).join()).toMatch(/^partitions: .*topic_settings/);
      await holds(at);
    },
    TIMEOUT_MS,
  );

  it(
    'whose records carry the producers’ time: it halts; such records are rejected by name once the setting is back',
    async () => {
      const at = await begin('create-time');
      const ledger = at.startLedger('ledger');
      const load = await at.startLoad('times', RATE);
      await ledger.until('round sealed', { times: 3 });
      await ledger.stop();
      await asAdmin(at, (admin) => setTimes(admin, 'CreateTime'));
      const second = at.startLedger('ledger beside CreateTime');
      const [halt] = await halts(second);
      expect(halt).toMatchObject({ code: 'topic_settings' });
      expect(halt?.reason).toMatch(/message\.timestamp\.type/);
      await second.stop();
      // Records that were appended meanwhile keep the time that their producer chose.
      await sleep(1_000);
      await asAdmin(at, (admin) => setTimes(admin, 'LogAppendTime'));
      await sleep(1_000);
      const third = at.startLedger('ledger afterwards');
      await third.until('round sealed', { times: 2 });
      await load.accepted();
      const reasons = async (): Promise<unknown> => at.ask('SELECT DISTINCT reason FROM sealtrail.rejected');
      while (((await reasons()) as readonly unknown[]).length === 0) await sleep(200);
      expect(await reasons()).toEqual([['time_type']]);
      await holds(at);
      expect(await third.metric('sealtrail_ledger_rejected_total')).toBeGreaterThan(0);
      expect(await third.unready()).toEqual([]);
    },
    TIMEOUT_MS,
  );

  it(
    'that lost records which were not sealed: it halts with log_truncated instead of going on behind the gap',
    async () => {
      const at = await begin('truncated');
      const ledger = at.startLedger('ledger');
      const load = await at.startLoad('truncated', RATE);
      await ledger.until('round sealed', { times: 3 });
      await ledger.kill();
      await sleep(1_500);
      await load.accepted();
      await asAdmin(at, async (admin) => {
        const ends = await admin.fetchTopicOffsets(TOPIC);
        await admin.deleteTopicRecords({ topic: TOPIC, partitions: ends.map(({ partition, high }) => ({ partition, offset: high })) });
      });
      const second = at.startLedger('ledger after it');
      const [halt] = await halts(second);
      expect(halt).toMatchObject({ code: 'log_truncated' });
      expect((await second.unready()).join()).toMatch(/log_truncated/);
      await holds(at);
    },
    TIMEOUT_MS,
  );

  it(
    'that was deleted and created again under its name: it halts and takes none of the new topic’s records',
    async () => {
      const at = await begin('created-again');
      const ledger = at.startLedger('ledger');
      const load = await at.startLoad('replaced', RATE);
      await ledger.until('round sealed', { times: 3 });
      await load.accepted();
      await asAdmin(at, async (admin) => {
        await admin.deleteTopics({ topics: [TOPIC] });
        await sleep(1_000);
        await admin.createTopics({
          topics: [
            { topic: TOPIC, numPartitions: PARTITIONS, configEntries: [{ name: 'message.timestamp.type', value: 'LogAppendTime' }] },
          ],
        });
      });
      const told = await halts(ledger);
      expect(told.map(({ code }) => code).filter((code) => !['topic_replaced', 'topic_settings', 'log_truncated'].includes(code))).toEqual(
        [],
      );
      const again = await at.startLoad('replaced-again', RATE);
      await sleep(2_000);
      await again.accepted();
      const second = at.startLedger('ledger after it');
      const [halt] = await halts(second);
      expect(halt?.reason).toMatch(/another topic|created again|deleted|restore/);
      await holds(at);
    },
    TIMEOUT_MS,
  );
});
