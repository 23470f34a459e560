import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type DataDirectory, openDataDirectory } from '@sealtrail/data-directory';
import { createEmitter } from '@sealtrail/emitter';
import { openLmdbEventLog } from '@sealtrail/event-log-lmdb';
import { openProducerKey } from '@sealtrail/examples/producer-key';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ended, remove, sealtrail, temporaryFolder } from './cli.ts';
import { kill, type Running, stop, up } from './deployment.ts';

const EVENTS = 300;
/** An event of 3 is of globex, which has an address of its own kind and text that drives terminals. */
const HOSTILE = '\x1b[2J\x1b[31mred\x07\r\n\u202egnp.exe\u009b1m 日本語 e\u0301 👩‍👩‍👧';
const TABLE_WIDTH = 100;
/** What may drive, reorder or break a terminal's output, line breaks apart. */
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const DRIVES_TERMINAL = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/u;

interface Answer extends Record<string, unknown> {
  readonly rows: readonly Record<string, unknown>[];
  readonly columns: readonly { readonly name: string; readonly type: string }[];
}

const folder = temporaryFolder('sql');
const data = join(folder, 'data');
let directory: DataDirectory;
let running: Running;
let elsewhere: Server;
let reached = 0;

const ask = (sql: string, ...more: readonly string[]): Promise<Ended> => sealtrail('sql', sql, '--data', data, ...more);
async function rowsOf(sql: string, ...more: readonly string[]): Promise<Answer['rows']> {
  const ended = await ask(sql, '--json', ...more);
  expect(ended.code, ended.stderr).toBe(0);
  return ended.json<Answer>().rows;
}

/** What the store holds, in short. */
const state = async (): Promise<string> =>
  JSON.stringify([
    await rowsOf('SELECT count() AS n, groupBitXor(cityHash64(tenant, entry, leaf_hash)) AS hash FROM entries'),
    await rowsOf('SELECT count() AS n, max(to) AS to FROM commits'),
  ]);

beforeAll(async () => {
  elsewhere = createServer((_, response) => {
    reached++;
    response.end('1\n');
  });
  await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
  running = await up(data, '--no-canaries');
  directory = await openDataDirectory({ dir: data });
  await emitEvents(directory);
  for (let n = 0; n < EVENTS; ) n = Number((await rowsOf('SELECT count() AS n FROM audit_events'))[0]?.['n']);
});
afterAll(async () => {
  await stop(running);
  await new Promise((resolve) => elsewhere.close(resolve));
  remove(folder);
});

async function emitEvents({ log_dir, deployment }: DataDirectory): Promise<void> {
  const log = await openLmdbEventLog({ dir: log_dir, clock_ms: Date.now, random: randomBytes });
  const key = await openProducerKey({ directory, log, name: 'notes', tenants: ['*'], random: randomBytes });
  const producer = await log.producer();
  const { audience, topic } = deployment;
  const emitter = createEmitter({ log: producer, topic, audience, producer: 'notes', publicKey: key.public_key, sign: key.sign });
  for (let n = 0; n < EVENTS; n++) {
    const isHostile = n % 3 === 0;
    const attributes = { n, text: isHostile ? HOSTILE : 'plain' };
    const details = { resource_id: isHostile ? HOSTILE : `note-${n}`, occurred_at_ms: Date.UTC(2026, 0, 1) + n, attributes };
    const source_ip = isHostile ? '2001:db8::7' : `198.51.100.${n % 200}`;
    void emitter.audit.log('note.write', details, { tenant: isHostile ? 'globex' : 'acme', source_ip, user_agent: 'agent' });
  }
  const closed = await emitter.close();
  expect(closed).toEqual({ kind: 'closed' });
  await producer.close();
  await log.close();
}

/** Attempts at more than reading the ledger. `@file@` is a file with a secret, `@out@` one that must not come to be. */
const ATTEMPTS: readonly string[] = [
  // to write
  'INSERT INTO entries SELECT * FROM entries',
  "INSERT INTO FUNCTION file('@out@', 'CSV', 'a UInt8') VALUES (1)",
  'DELETE FROM entries WHERE 1',
  "ALTER TABLE entries UPDATE action = 'x' WHERE 1",
  'TRUNCATE TABLE sealtrail.commits',
  'DROP DATABASE sealtrail',
  'CREATE TABLE mine (a UInt8) ENGINE = Memory',
  'CREATE OR REPLACE VIEW audit_events AS SELECT 1',
  'RENAME TABLE entries TO gone',
  'OPTIMIZE TABLE entries FINAL',
  'SELECT 1; DROP TABLE entries',
  "SELECT * FROM audit_events INTO OUTFILE '@out@'",
  "BACKUP TABLE entries TO File('@out@')",
  'SYSTEM STOP MERGES',
  // to read files
  "SELECT * FROM file('@file@', 'LineAsString')",
  "SELECT file('@file@')",
  "SELECT * FROM s3('file://@file@')",
  "SELECT * FROM sqlite('@file@', 't')",
  "SELECT * FROM executable('cat @file@', 'LineAsString', 'a String')",
  "INSERT INTO entries FROM INFILE '@file@' FORMAT CSV",
  // to reach the network
  "SELECT * FROM url('@url@', 'CSV', 'a UInt8')",
  "SELECT * FROM urlCluster('default', '@url@', 'CSV', 'a UInt8')",
  "SELECT * FROM remote('127.0.0.1:@port@', 'system', 'one')",
  "SELECT * FROM mysql('127.0.0.1:@port@', 'a', 'b', 'c', 'd')",
  "SELECT * FROM s3('@url@bucket/x', 'CSV', 'a UInt8')",
  "SELECT count() FROM audit_events WHERE action IN (SELECT a FROM url('@url@', 'CSV', 'a String'))",
  // to change settings
  'SET readonly = 0',
  'SELECT 1 SETTINGS readonly = 0',
  'SELECT * FROM (SELECT 1 SETTINGS max_memory_usage = 0)',
  "SELECT getSetting('readonly')",
  // to see what is not the ledger's
  'SELECT * FROM system.tables',
  'SELECT name FROM information_schema.tables',
  'SHOW DATABASES',
  "SELECT * FROM merge('system', '.*')",
  'SELECT 1 WHERE (0) IN system.one',
  'USE system',
  "SELECT dictGet('d', 'a', 1)",
  'SELECT currentUser()',
];

describe('more than reading', () => {
  const file = join(folder, 'secret.csv');
  const out = join(folder, 'out.csv');
  let before: string;
  const filled = (sql: string): string => {
    const { port } = elsewhere.address() as AddressInfo;
    return sql
      .replaceAll('@file@', file)
      .replaceAll('@out@', out)
      .replaceAll('@url@', `http://127.0.0.1:${port}/`)
      .replaceAll('@port@', String(port));
  };
  beforeAll(async () => {
    writeFileSync(file, 'hidden-secret\n');
    before = await state();
  });

  it.each(ATTEMPTS)('%s', async (sql) => {
    const ended = await ask(filled(sql), '--json');
    expect(ended.code, ended.stdout).toBe(2);
    expect(ended.stdout).toBe('');
    expect(ended.stderr).toMatch(/^sealtrail: [^\n]+\n$/);
    expect(ended.stderr).not.toContain('hidden-secret');
  });

  it('has done nothing', async () => {
    expect(await state()).toBe(before);
    expect(existsSync(out)).toBe(false);
    expect(reached).toBe(0);
    expect(readFileSync(file, 'utf8')).toBe('hidden-secret\n');
    expect(readdirSync(folder).sort()).toEqual(['data', 'secret.csv']);
  });
});

describe('an answer in JSON', () => {
  it('is one object on the last line, rows by column name, columns with their types', async () => {
    const ended = await ask('SELECT tenant, count() AS n FROM audit_events GROUP BY tenant ORDER BY tenant', '--json');
    expect(ended.stdout.trimEnd().split('\n')).toHaveLength(1);
    expect(ended.json<Answer>()).toEqual({
      rows: [
        { tenant: 'acme', n: 200 },
        { tenant: 'globex', n: 100 },
      ],
      columns: [
        { name: 'tenant', type: 'LowCardinality(String)' },
        { name: 'n', type: 'UInt64' },
      ],
    });
  });

  /** What JSON cannot hold exactly is text. */
  const VALUES: readonly (readonly [sql: string, value: unknown])[] = [
    ["CAST(unhex('00ff7f'), 'FixedString(3)')", '00ff7f'],
    ["SHA256('abc')", 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
    ["toIPv6('::ffff:10.0.0.7')", '::ffff:10.0.0.7'],
    ["toIPv6('2001:db8:0:0:0:0:0:7')", '2001:db8::7'],
    ["toIPv4('10.0.0.7')", '10.0.0.7'],
    ["toUUID('0192f0c1-2b3a-7c4d-8e5f-60718293a4b5')", '0192f0c1-2b3a-7c4d-8e5f-60718293a4b5'],
    ["toDateTime64('2026-01-02 03:04:05.678901', 6, 'UTC')", '2026-01-02T03:04:05.678901Z'],
    ["toDateTime64('2026-01-02 03:04:05.678', 3, 'UTC')", '2026-01-02T03:04:05.678Z'],
    ["toDateTime('2026-01-02 03:04:05', 'UTC')", '2026-01-02T03:04:05Z'],
    ["toDate('2026-01-02')", '2026-01-02'],
    ['toInt64(9007199254740991)', 9_007_199_254_740_991],
    ['toInt64(9007199254740993)', '9007199254740993'],
    ['toUInt64(18446744073709551615)', '18446744073709551615'],
    ['toInt64(-9223372036854775808)', '-9223372036854775808'],
    ["toInt128('170141183460469231731687303715884105727')", '170141183460469231731687303715884105727'],
    ['0.1', 0.1],
    ['1 / 0', 'Infinity'],
    ['NULL', null],
    ["map('b', '2', 'a', '1')", { b: '2', a: '1' }],
    ["[tuple('invoice', 'inv-1')]", [['invoice', 'inv-1']]],
    ["CAST('HIGH', 'Enum8(\\'LOW\\' = 1, \\'HIGH\\' = 3)')", 'HIGH'],
    ["'日本語 👩‍👩‍👧 e\u0301'", '日本語 👩‍👩‍👧 e\u0301'],
  ];
  it('gives each type a form that loses nothing', async () => {
    const [row] = await rowsOf(`SELECT ${VALUES.map(([sql], i) => `(${sql}) AS v${i}`).join(', ')}`);
    for (const [i, [sql, value]] of VALUES.entries()) expect(row?.[`v${i}`], sql).toEqual(value);
  });

  it('gives an event’s columns as they were written', async () => {
    const [event] = await rowsOf("SELECT * FROM audit_events WHERE tenant = 'acme' ORDER BY occurred_at LIMIT 1");
    expect(event).toMatchObject({
      resource_id: 'note-1',
      action: 'note.write',
      occurred_at: '2026-01-01T00:00:00.001000Z',
      source_ip: '::ffff:198.51.100.1',
      attributes: { n: '1', text: 'plain' },
      actor_roles: [],
      reason: null,
    });
    expect(event?.['leaf_hash']).toMatch(/^[0-9a-f]{64}$/);
    const [same] = await rowsOf(`SELECT resource_id FROM audit_events WHERE leaf_hash = unhex('${String(event?.['leaf_hash'])}')`);
    expect(same).toEqual({ resource_id: 'note-1' });
    const [hostile] = await rowsOf("SELECT resource_id, attributes FROM audit_events WHERE tenant = 'globex' ORDER BY occurred_at LIMIT 1");
    expect(hostile).toEqual({ resource_id: HOSTILE, attributes: { n: '0', text: HOSTILE } });
  });
});

describe('an answer for people', () => {
  it('is a table: a header, a rule, numbers to the right', async () => {
    const ended = await ask(
      "SELECT tenant, count() AS events, min(occurred_at) AS first FROM audit_events WHERE tenant != '' GROUP BY tenant ORDER BY events",
    );
    expect(ended.stdout.split('\n')).toEqual([
      'tenant  events  first',
      '──────  ──────  ───────────────────────────',
      'globex     100  2026-01-01T00:00:00.000000Z',
      'acme       200  2026-01-01T00:00:00.001000Z',
      '',
    ]);
    expect((await ask('SELECT 1 WHERE 0')).stdout).toBe('(no rows)\n');
  });

  it('stands a row below the other where the columns are too many', async () => {
    const { stdout } = await ask("SELECT * FROM audit_events WHERE tenant = 'acme' ORDER BY entry LIMIT 2");
    const lines = stdout.split('\n');
    expect(lines[0]).toBe('row 1');
    expect(lines).toContain('row 2');
    expect(lines.filter((line) => /^resource_id +note-\d+$/.test(line))).toHaveLength(2);
    for (const line of lines) expect(line.length, line).toBeLessThanOrEqual(TABLE_WIDTH);
  });

  it('cannot drive the terminal, whatever was stored, asked or named', async () => {
    const shown = await Promise.all([
      ask("SELECT resource_id, attributes FROM audit_events WHERE tenant = 'globex' LIMIT 3"),
      ask("SELECT * FROM audit_events WHERE tenant = 'globex' LIMIT 1"),
      ask('SELECT char(27, 91, 50, 74) AS `\x1b[31m`, char(7, 8, 13, 155) AS b'),
      ask("SELECT toUInt64(resource_id) FROM audit_events WHERE tenant = 'globex'"),
      ask('SELECT `\x1b[31m` FROM audit_events'),
      ask('SELECT 1', `--\x1b[31m`),
    ]);
    expect(shown.map(({ code }) => code)).toEqual([0, 0, 0, 2, 2, 2]);
    for (const { stdout, stderr } of shown) {
      expect(stdout).not.toMatch(DRIVES_TERMINAL);
      expect(stderr).not.toMatch(DRIVES_TERMINAL);
    }
    expect(shown[0]?.stdout).toContain('\\x1b[2J');
    expect(shown[0]?.stdout).toContain('日本語 e\u0301 👩‍👩‍👧');
  });
});

describe('limits', () => {
  it('refuse an answer of more rows than allowed, rather than giving part of it', async () => {
    expect(await rowsOf('SELECT entry FROM audit_events LIMIT 7', '--rows-max', '7')).toHaveLength(7);
    const ended = await ask('SELECT entry FROM audit_events LIMIT 8', '--rows-max', '7', '--json');
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toMatch(/^sealtrail: the answer has more than 7 rows[^\n]*\n$/);
    expect((await ask('SELECT number FROM numbers(10001)', '--json')).stderr).toContain('more than 10000 rows');
    expect(await rowsOf('SELECT number FROM numbers(50000)', '--rows-max', '50000')).toHaveLength(50_000);
  });

  it('stop a question that takes too much memory; the ledger goes on', async () => {
    const ended = await ask("SELECT length(groupArray(repeat('x', 1000000))) FROM numbers(100000)", '--json');
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toMatch(/^sealtrail: [^\n]*memory[^\n]*\n$/i);
    expect(await rowsOf('SELECT count() AS n FROM audit_events')).toEqual([{ n: EVENTS }]);
  });
});

/** All that is said: beside the answer a deployment that is opened for the while says nothing. */
const answers = async (questions: readonly string[]): Promise<readonly string[]> => {
  const found: string[] = [];
  for (const sql of questions) {
    const { code, stdout, stderr } = await ask(sql, '--json');
    found.push(`${code} ${stdout}${stderr}`);
  }
  return found;
};

describe('whether or not `up` runs', () => {
  const QUESTIONS = [
    'SELECT tenant, action, count() AS n, min(occurred_at) AS first FROM audit_events GROUP BY tenant, action ORDER BY tenant',
    "SELECT * FROM audit_events WHERE tenant = 'globex' ORDER BY entry",
    'SELECT source_ip, uniqExact(actor_id) AS n, groupArray(attributes) AS a FROM audit_events GROUP BY source_ip ORDER BY source_ip',
    'SELECT * FROM manifests ORDER BY tenant, position',
    'SELECT * FROM nothing_there',
    'DROP TABLE entries',
  ];

  it('the same questions have the same answers', async () => {
    const first = await answers(QUESTIONS);
    expect((await stop(running)).code).toBe(0);
    expect(await answers(QUESTIONS)).toEqual(first);
    running = await up(data, '--no-canaries');
    await kill(running);
    expect(await answers(QUESTIONS.slice(0, 2))).toEqual(first.slice(0, 2));
    running = await up(data, '--no-canaries');
  }, 240_000);
});
