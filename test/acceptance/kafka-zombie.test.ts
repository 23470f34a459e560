/** Ledger processes that stand still past their session, join and leave under load, on real Kafka with ClickHouse over HTTP. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFailed } from 'vitest';
import { canStartBroker } from '../../scripts/kafka/test-broker.ts';
import { random } from '../fixtures/random.ts';
import { OFFSET_COMMIT } from './broker-relay.ts';
import type { KafkaLoad, LedgerProcess } from './ledger-process.ts';
import { NOTHING_AMISS, SESSION_TIMEOUT_MS, Servers } from './servers.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const CHANGES = process.env['SOAK'] === undefined ? 6 : 80;
const RATE = 1_000;
const TIMEOUT_MS = 120_000 + CHANGES * 15_000;
/** By then another has taken over from a member that stands still. */
const LATE_MS = SESSION_TIMEOUT_MS + 5_000;

const has_broker = await canStartBroker('ledgers that stand still, join and leave');

describe.skipIf(!has_broker)('a ledger that is followed by another, unawares', () => {
  let servers: Servers;
  beforeAll(async () => {
    servers = await Servers.start('kafka-zombie', 1);
  });
  afterAll(() => servers?.close());

  /** One that holds the partition, and one that stands by. */
  const firstAndSecond = async (...behind: readonly 'relay'[]): Promise<readonly [LedgerProcess, LedgerProcess]> => {
    const first = servers.startLedger('first', ...behind);
    await first.until('partition taken up');
    const second = servers.startLedger('second');
    // The group forms anew, and its eldest member keeps what it had.
    await first.until('partition taken up', { times: 2 });
    return [first, second];
  };

  /** The first has gone on: it is a member again, or ends as one that cannot go on; and can take over in its turn. */
  const takesItsTurn = async (first: LedgerProcess, second: LedgerProcess, from: number, load: KafkaLoad): Promise<void> => {
    await Promise.race([first.until('partition given up', { from }), first.ended]);
    expect(first.said('round sealed', from)).toEqual([]);
    if (first.isOver) expect(await first.ended).toBe(1);
    const next = first.isOver ? servers.startLedger('first, again') : first;
    const stood_by = next.lines.length;
    await second.until('round sealed', { from: second.lines.length });
    expect(await second.stop()).toBe(0);
    await next.until('round sealed', { from: stood_by });

    await load.accepted();
    expect(await servers.settled()).toEqual(NOTHING_AMISS);
    expect(await next.stop()).toBe(0);
    expect(await servers.fsck()).toMatchObject({ ok: true, findings: [] });
  };

  it(
    'since it was stopped in the middle of an insert: the insert takes effect, late, and nobody sees it',
    async () => {
      onTestFailed(() => console.error(servers.transcript()));
      const [first, second] = await firstAndSecond();
      const load = await servers.startLoad('stopped', RATE);
      await first.until('round sealed', { times: 3 });
      expect(await servers.hiddenRows('entries')).toBe(0);
      await servers.front.fault({ kind: 'slow', delay_ms: LATE_MS }, { matching: /INSERT\b[^]*\bentries\b/ });
      while ((await servers.front.faultsMet()) === 0) await sleep(20);
      first.signal('SIGSTOP');

      await second.until('partition taken up');
      await second.until('round sealed', { times: 2 });
      while ((await servers.hiddenRows('entries')) === 0) await sleep(100);

      const from = first.lines.length;
      first.signal('SIGCONT');
      await takesItsTurn(first, second, from, load);
      expect(await servers.hiddenRows('entries')).toBeGreaterThan(0);
    },
    TIMEOUT_MS,
  );

  it(
    'since its commit was kept on the way: the broker refuses it',
    async () => {
      onTestFailed(() => console.error(servers.transcript()));
      const [first, second] = await firstAndSecond('relay');
      const load = await servers.startLoad('kept', RATE);
      await first.until('round sealed', { times: 3 });
      const hidden = await servers.hiddenRows('entries');
      await servers.relay.keepFrom(OFFSET_COMMIT);

      // The rows and the round of what it was about to commit are there, and stay hidden.
      await second.until('partition taken up');
      await second.until('round sealed', { times: 2 });
      expect(await servers.hiddenRows('entries')).toBeGreaterThan(hidden);
      const from = first.lines.length;
      servers.relay.release();
      await takesItsTurn(first, second, from, load);
      expect(first.lines.slice(from).some((line) => line.includes('one was fenced'))).toBe(true);
    },
    TIMEOUT_MS,
  );
});

describe.skipIf(!has_broker)(`two and three ledgers under load, ${CHANGES} changes, SEED=${SEED}`, () => {
  let servers: Servers;
  beforeAll(async () => {
    servers = await Servers.start('kafka-members', 3);
  });
  afterAll(() => servers?.close());

  it(
    'that join, leave, are killed and stand still lose nothing and double nothing',
    async () => {
      onTestFailed(() => console.error(servers.transcript()));
      const next = random(SEED);
      let started = 0;
      const join = (): LedgerProcess => servers.startLedger(`member ${++started}`);
      const members = [join(), join()];
      const load = await servers.startLoad('members', RATE);
      await Promise.race(members.map((member) => member.until('round sealed')));
      for (let change = 0; change < CHANGES; change++) {
        const member = members[Math.floor(next() * members.length)] as LedgerProcess;
        // From two to three and back; every third time by a crash, or by standing still past the session.
        if (change % 3 === 2 && next() < 0.5) {
          member.signal('SIGSTOP');
          await sleep(SESSION_TIMEOUT_MS + 1_000);
          member.signal('SIGCONT');
        } else if (change % 3 === 2) {
          await member.kill();
          members.splice(members.indexOf(member), 1, join());
        } else if (members.length < 3) {
          members.push(join());
        } else {
          members.splice(members.indexOf(member), 1);
          expect(await member.stop(), member.transcript()).toBe(0);
        }
        await sleep(500 + next() * 2_500);
      }
      await load.accepted();
      expect(await servers.settled()).toEqual(NOTHING_AMISS);
      for (const member of members) expect(await member.stop(), member.transcript()).toBe(0);
      expect(await servers.fsck()).toMatchObject({ ok: true, findings: [] });
    },
    TIMEOUT_MS,
  );
});
