import { EventLogError } from '@sealtrail/event-log';
import { describe, expect, it } from 'vitest';
import { isPassing, isRefusedCommit, redactor, typeOf, unavailable } from '../src/failures.ts';
import { openKafkaEventLog } from '../src/index.ts';
import { saidOnce } from '../src/said.ts';

const answered = (type: string): Error =>
  Object.assign(new Error('the broker says no\nwith a second line'), { type, name: 'KafkaJSProtocolError' });

describe('what a broker answers', () => {
  it('is found below what kafkajs wraps it in', () => {
    const wrapped = new Error('gave up', { cause: new Error('again', { cause: answered('NOT_COORDINATOR_FOR_GROUP') }) });
    expect(typeOf(wrapped)).toBe('NOT_COORDINATOR_FOR_GROUP');
    expect(isPassing(wrapped)).toBe(true);
  });

  it('refuses a commit only where it cannot have been stored', () => {
    for (const type of ['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'FENCED_INSTANCE_ID', 'REBALANCE_IN_PROGRESS']) {
      expect(isRefusedCommit(answered(type))).toBe(true);
    }
    // These are also what a broker says whose copy of the commit was not confirmed in time.
    for (const type of ['GROUP_COORDINATOR_NOT_AVAILABLE', 'NOT_COORDINATOR_FOR_GROUP', 'REQUEST_TIMED_OUT']) {
      expect(isRefusedCommit(answered(type))).toBe(false);
    }
    expect(isRefusedCommit(new Error('Closed connection'))).toBe(false);
  });

  it('becomes one line with what to do', () => {
    for (const [error, advice] of [
      [answered('GROUP_AUTHORIZATION_FAILED'), /grant this client/],
      [answered('INCONSISTENT_GROUP_PROTOCOL'), /group of its own/],
      [
        Object.assign(new Error('SASL PLAIN authentication failed'), { name: 'KafkaJSSASLAuthenticationError' }),
        /user, password and mechanism/,
      ],
      [new Error('ECONNREFUSED'), /brokers run and can be reached/],
    ] as const) {
      const { code, message } = unavailable('read t/0', error);
      expect(code).toBe('log_unavailable');
      expect(message).toMatch(/^cannot read t\/0: [^\n]+; [^\n]+$/);
      expect(message).toMatch(advice);
    }
    const own = new EventLogError('log_misuse', 'no topic t: create it first');
    expect(unavailable('read t/0', own)).toBe(own);
  });
});

describe('secrets', () => {
  it('of every mechanism are hidden, names are not', () => {
    const hide = redactor({
      sasl: { mechanism: 'plain', username: 'alice', password: 'open sesame' },
      ssl: { passphrase: 'hush-hush', key: 'KEY TEXT', servername: 'broker.example' },
    });
    expect(hide('alice at broker.example: open sesame, hush-hush, KEY TEXT, open sesame')).toBe(
      'alice at broker.example: [hidden], [hidden], [hidden], [hidden]',
    );
    expect(redactor({})('open sesame')).toBe('open sesame');
  });
});

describe('what is said', () => {
  it('is one line without secrets, and not said over and over', () => {
    const lines: string[] = [];
    let now_ms = 0;
    const say = saidOnce(
      ({ message }) => lines.push(message),
      { brokers: [], sasl: { mechanism: 'plain', username: 'u', password: 'open sesame' } },
      () => now_ms,
    );
    for (now_ms = 0; now_ms <= 20_000; now_ms += 100) say({ level: 'warn', message: 'no broker for open sesame\n  at a stack' });
    expect(lines).toEqual(Array.from({ length: 3 }, () => 'no broker for [hidden]'));
    for (let number = 0; number < 1_000; number += 1) say({ level: 'warn', message: `another ${number}` });
    expect(lines.length).toBe(1_003);
  });
});

describe('options', () => {
  it('that cannot be meant are refused', async () => {
    const ports = { clock_ms: () => 0, random: (bytes: number) => new Uint8Array(bytes) };
    await expect(openKafkaEventLog({ client: { brokers: [] }, ...ports })).rejects.toMatchObject({ code: 'log_misuse' });
    for (const timings of [{ retry_ms: 0 }, { session_timeout_ms: Number.NaN }, { heartbeat_interval_ms: 5_000 }]) {
      await expect(openKafkaEventLog({ client: { brokers: ['a:1'] }, timings, ...ports })).rejects.toMatchObject({ code: 'log_misuse' });
    }
  });

  it('that lead nowhere cost an answer’s time, and leave nothing open', async () => {
    const log = await openKafkaEventLog({
      client: { brokers: ['127.0.0.1:1'] },
      clock_ms: Date.now,
      random: (bytes) => new Uint8Array(bytes),
      timings: { answer_timeout_ms: 300 },
    });
    const admin = await log.admin();
    await expect(admin.topic('t')).rejects.toThrow(
      /^cannot read the settings of topic t: [^\n]*ECONNREFUSED[^\n]*; check that the brokers run/,
    );
    const end = await (await log.consumer({ group: 'g', topic: 't' })).run(async () => undefined, new AbortController().signal);
    expect(end).toMatchObject({ kind: 'failed', cause: { code: 'log_unavailable' } });
    await log.close();
  });
});
