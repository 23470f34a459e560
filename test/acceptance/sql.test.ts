import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { remove, sealtrail, temporaryFolder } from './cli.ts';
import { stop, up } from './deployment.ts';

const folder = temporaryFolder('sql');
const data = join(folder, 'data');
/** A name that would colour and move what comes after it on a terminal. */
const HOSTILE = 'arn:aws:iam::111122223333:user/\u001b[31mred\u001b[2K\r\nnext-line-ü-日本';

const records = Array.from({ length: 12 }, (_, n) => ({
  eventVersion: '1.08',
  userIdentity: { type: 'IAMUser', arn: n === 0 ? HOSTILE : `arn:aws:iam::111122223333:user/user-${n % 3}` },
  eventTime: `2026-01-01T12:00:${String(n).padStart(2, '0')}Z`,
  eventSource: 's3.amazonaws.com',
  eventName: n % 4 === 0 ? 'PutObject' : 'GetObject',
  awsRegion: 'eu-central-1',
  sourceIPAddress: '198.51.100.7',
  eventID: `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`,
}));

interface Answer {
  readonly rows: readonly Readonly<Record<string, unknown>>[];
}

beforeAll(async () => {
  const file = join(folder, 'trail.jsonl');
  writeFileSync(file, records.map((record) => JSON.stringify(record)).join('\n'));
  const imported = await sealtrail('import', '--format', 'cloudtrail', file, '--tenant', 'acme', '--data', data);
  expect(imported.code, imported.stderr).toBe(0);
});
afterAll(() => remove(folder));

const ask = async (sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> => {
  const ended = await sealtrail('sql', sql, '--data', data, '--json');
  expect(ended.code, ended.stderr).toBe(0);
  return ended.json<Answer & Record<string, unknown>>().rows;
};

/** Each would write, read what is not the ledger's, or reach out. What the engine itself would say is tested with the store. */
const REFUSED: readonly string[] = [
  'INSERT INTO audit_events SELECT * FROM audit_events',
  'ALTER TABLE entries DELETE WHERE 1',
  'CREATE TABLE t (a Int8) ENGINE = Memory',
  'SET readonly = 0',
  "SELECT 1 INTO OUTFILE '/tmp/sealtrail-outfile'",
  "SELECT * FROM file('/etc/passwd', 'LineAsString')",
  "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
  "SELECT * FROM remote('127.0.0.1', system.one)",
  'SELECT * FROM system.users',
  'SELECT 1; DROP TABLE sealtrail.entries',
  "SELECT getServerPort('http_port'), sleep(3)",
];

describe('sealtrail sql', () => {
  it('ends with the rows as JSON, and prints a table for people', async () => {
    const sql = 'SELECT action, count() AS n FROM audit_events GROUP BY action ORDER BY n DESC';
    expect(await ask(sql)).toEqual([
      { action: 's3:GetObject', n: 9 },
      { action: 's3:PutObject', n: 3 },
    ]);
    const table = await sealtrail('sql', sql, '--data', data);
    expect(table.stdout.split('\n').map((line) => line.trimEnd())).toEqual([
      'action        n',
      '────────────  ─',
      's3:GetObject  9',
      's3:PutObject  3',
      '',
    ]);
  });

  it('gives the same while the ledger runs and while it does not', async () => {
    const sql = 'SELECT entry, toString(event_id) AS id, occurred_at, leaf_hash FROM audit_events ORDER BY entry';
    const resting = await ask(sql);
    expect(resting).toHaveLength(12);
    expect(resting[0]).toMatchObject({
      entry: 0,
      id: '00000000-0000-4000-8000-000000000000',
      leaf_hash: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown,
    });
    const running = await up(data);
    try {
      expect(await ask(sql)).toEqual(resting);
    } finally {
      expect((await stop(running)).code).toBe(0);
    }
  });

  it('lets no value drive the terminal, and keeps it whole in JSON', async () => {
    const sql = 'SELECT actor_id FROM audit_events WHERE entry = 0';
    expect((await ask(sql))[0]?.['actor_id']).toBe(HOSTILE);
    const { stdout } = await sealtrail('sql', sql, '--data', data);
    expect(stdout).not.toContain('\u001b');
    expect(stdout).not.toContain('\r');
    expect(stdout).toContain('ü-日本');
  });

  it.each(REFUSED)('can only read: %s', async (sql) => {
    const ended = await sealtrail('sql', sql, '--data', data, '--json');
    expect(ended.code, ended.stdout).toBe(2);
    expect(ended.stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(await ask('SELECT count() AS n FROM audit_events')).toEqual([{ n: 12 }]);
  });
});
