/** kill -9 of a ledger process, and of the broker under one, on real Kafka with ClickHouse over HTTP. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFailed } from 'vitest';
import { canStartBroker } from '../../scripts/kafka/test-broker.ts';
import { random } from '../fixtures/random.ts';
import { NOTHING_AMISS, SESSION_TIMEOUT_MS, Servers } from './servers.ts';

const KILLS = Number(process.env['KILLS'] ?? (process.env['SOAK'] === undefined ? 5 : 50));
const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const RATE = 1_000;
const TIMEOUT_MS = 120_000 + KILLS * 30_000;

const has_broker = await canStartBroker('kill -9 of a ledger on servers');

describe.skipIf(!has_broker)(`kill -9, ${KILLS} times at moments drawn from SEED=${SEED}`, () => {
  let servers: Servers;
  beforeAll(async () => {
    servers = await Servers.start('kafka-killed', 3);
  });
  afterAll(() => servers?.close());

  it(
    'of a ledger process under load loses nothing and doubles nothing',
    async () => {
      onTestFailed(() => console.error(servers.transcript()));
      const next = random(SEED);
      let ledger = servers.startLedger('ledger 0');
      const load = await servers.startLoad('killed-ledger', RATE);
      for (let kill = 1; kill <= KILLS; kill++) {
        // Every other one at work; the rest at any moment from its start on, which takes a session to be over.
        if (kill % 2 === 1) await ledger.until('round sealed');
        await sleep(next() * (kill % 2 === 1 ? 2_000 : SESSION_TIMEOUT_MS + 2_000));
        await ledger.kill();
        ledger = servers.startLedger(`ledger ${kill}`);
      }
      const accepted = await load.accepted();
      expect(accepted).toBeGreaterThan(KILLS * 2_000);
      expect(await servers.settled()).toEqual(NOTHING_AMISS);
      expect(await ledger.stop()).toBe(0);
      expect(await servers.fsck()).toMatchObject({ ok: true, findings: [], entries: accepted });
    },
    TIMEOUT_MS,
  );

  it(
    'of the broker under load and a ledger process loses nothing that was accepted and doubles nothing',
    async () => {
      onTestFailed(() => console.error(servers.transcript()));
      const next = random(SEED + 1);
      const ledger = servers.superviseLedger('ledger beside a broker');
      const load = await servers.startLoad('killed-broker', RATE);
      for (let kill = 1; kill <= KILLS; kill++) {
        await ledger.seals();
        await sleep(next() * 1_000);
        await servers.killBroker();
        await servers.restartBroker();
      }
      await load.accepted();
      expect(await servers.settled()).toEqual(NOTHING_AMISS);
      await ledger.stop();
      expect(await servers.fsck()).toMatchObject({ ok: true, findings: [] });
    },
    TIMEOUT_MS,
  );
});
