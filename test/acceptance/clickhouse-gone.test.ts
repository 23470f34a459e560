/** A ledger process under load whose ClickHouse is gone, fails midway, or is slow; on real Kafka. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { HttpFault } from '@sealtrail/chdb-http';
import { afterAll, beforeAll, describe, expect, it, onTestFailed } from 'vitest';
import { canStartBroker } from '../../scripts/kafka/test-broker.ts';
import { random } from '../fixtures/random.ts';
import type { LedgerProcess } from './ledger-process.ts';
import { NOTHING_AMISS, Servers } from './servers.ts';

const IS_SOAK = process.env['SOAK'] !== undefined;
const AWAY_MS = Number(process.env['AWAY_S'] ?? (IS_SOAK ? 60 : 15)) * 1_000;
const FAULTS = IS_SOAK ? 600 : 40;
const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const RATE = 1_000;
const SLOW_MS = 2_000;
const SLOW_ROUNDS = IS_SOAK ? 10 : 2;
/**
 * What docker-compose.yml lets a ledger have. It keeps a round under way and one that was read ahead for each partition,
 * 8 MiB of records each at most with the rows that they become, whatever waits in the log; at rest it has about 150.
 */
const MEMORY_MIB_MAX = 512;
const TIMEOUT_MS = IS_SOAK ? 600_000 : 240_000;

/** After each of them the same insert may have taken effect, or not, and the ledger is not to know. */
const FAULTS_OF_INSERTS: readonly HttpFault[] = [
  { kind: 'cut_before' },
  { kind: 'cut_after' },
  // The rows are stored; the answer has begun, with 200, and then tells of an exception.
  { kind: 'error_midway', after_bytes: 0, keeps_framing: true },
  { kind: 'error_midway', after_bytes: 0 },
  { kind: 'exception', code: 252, type: 'TOO_MANY_PARTS', message: 'Too many parts (3000).' },
  { kind: 'status', status: 502, body: '<html>bad gateway</html>' },
];
const FAULTS_OF_READS: readonly HttpFault[] = [
  { kind: 'cut_midway', after_bytes: 100 },
  { kind: 'error_midway', after_bytes: 100 },
  { kind: 'exception', code: 241, type: 'MEMORY_LIMIT_EXCEEDED', message: 'Memory limit exceeded.' },
];
const TABLES = ['entries', 'manifests', 'heads', 'rounds', 'commits', 'checkpoints'] as const;

const has_broker = await canStartBroker('a ledger whose ClickHouse is gone');

describe.skipIf(!has_broker)(`a ledger under load, SEED=${SEED}`, () => {
  let servers: Servers;
  let ledger: LedgerProcess;
  beforeAll(async () => {
    servers = await Servers.start('clickhouse-gone', 2);
    ledger = servers.startLedger('ledger');
  });
  afterAll(() => servers?.close());

  /** What every test ends with. */
  const nothingIsAmiss = async (): Promise<void> => {
    expect(await servers.settled()).toEqual(NOTHING_AMISS);
    expect(await servers.fsck()).toMatchObject({ ok: true, findings: [] });
    expect(await ledger.unready()).toEqual([]);
    expect(ledger.memory().peak_mib).toBeLessThan(MEMORY_MIB_MAX);
  };
  const roundsSealed = (): Promise<number> => ledger.metric('sealtrail_ledger_rounds_total');
  const claimsEnded = (): Promise<number> => ledger.metric('sealtrail_ledger_claims_ended_total');
  const roundsAfter = async (rounds: number): Promise<void> => {
    for (const before = await roundsSealed(); (await roundsSealed()) < before + rounds; ) await sleep(200);
  };

  it(
    `waits while its ClickHouse is gone for ${AWAY_MS / 1_000} s, says so, and catches up`,
    async () => {
      onTestFailed(() => console.error(servers.transcript()));
      const load = await servers.startLoad('gone', RATE);
      await roundsAfter(5);
      const lag = (): Promise<number> => ledger.metric('sealtrail_ledger_lag_records');
      const failed = async (): Promise<number> => (await claimsEnded()) + (await ledger.metric('sealtrail_ledger_waits_total'));
      const before = await failed();

      await servers.killFront();
      try {
        const until_ms = Date.now() + AWAY_MS;
        const told = /^progress: partition \d: store_unavailable for \d+ s/;
        while (Date.now() < until_ms || !(await ledger.unready()).some((reason) => told.test(reason))) await sleep(500);
        expect(await ledger.unready()).toEqual([expect.stringMatching(told)]);
        expect(await failed()).toBeGreaterThan(before);
        expect(await lag()).toBeGreaterThan(0);
      } finally {
        await servers.restartFront();
      }
      await roundsAfter(5);
      await load.accepted();
      await nothingIsAmiss();
      while ((await lag()) > 0) await sleep(500);
    },
    TIMEOUT_MS,
  );

  it(
    `takes no answer for what it is not, ${FAULTS} times`,
    async () => {
      onTestFailed(() => console.error(servers.transcript()));
      const next = random(SEED);
      const drawn = <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)] as T;
      const before = await claimsEnded();
      const load = await servers.startLoad('failing', RATE);
      for (let met = 0; met < FAULTS; met = await servers.front.faultsMet()) {
        const fault = drawn([...FAULTS_OF_INSERTS, ...FAULTS_OF_READS]);
        const verb = FAULTS_OF_READS.includes(fault) ? 'SELECT' : 'INSERT';
        await servers.front.fault(fault, { matching: new RegExp(`${verb}\\b[^]*\\b${drawn(TABLES)}\\b`) });
        await sleep(next() * 300);
      }
      await servers.front.clearFaults();
      await load.accepted();
      await nothingIsAmiss();
      expect(await claimsEnded()).toBeGreaterThan(before);
      // Inserts that took effect and were not told to: their rows are there, and nobody sees them.
      expect(await servers.hiddenRows('entries')).toBeGreaterThan(0);
    },
    TIMEOUT_MS,
  );

  it(
    `goes on, slowly, while every answer takes ${SLOW_MS} ms, and catches up`,
    async () => {
      onTestFailed(() => console.error(servers.transcript()));
      const before = await claimsEnded();
      const load = await servers.startLoad('slow', RATE);
      await servers.front.fault({ kind: 'slow', delay_ms: SLOW_MS }, { times: Number.POSITIVE_INFINITY });
      await roundsAfter(SLOW_ROUNDS);
      expect(await claimsEnded()).toBe(before);
      await servers.front.clearFaults();
      await load.accepted();
      await nothingIsAmiss();
      expect(await ledger.stop()).toBe(0);
    },
    TIMEOUT_MS,
  );
});
