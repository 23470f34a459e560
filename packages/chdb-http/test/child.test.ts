import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { forkClickHouse } from '../src/index.ts';

it('a process of its own keeps what it acknowledged when it is killed, and is served again at the same address', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'sealtrail-front-'));
  try {
    const first = await forkClickHouse({ dir });
    const port = Number(new URL(first.url).port);
    const ask = async (sql: string): Promise<string> => (await fetch(first.url, { method: 'POST', body: sql })).text();
    await ask('CREATE DATABASE d');
    await ask('CREATE TABLE d.t (a Int64) ENGINE = MergeTree ORDER BY a SETTINGS fsync_after_insert = 1, fsync_part_directory = 1');
    for (let i = 0; i < 5; i++) expect(await ask(`INSERT INTO d.t VALUES (${i})`)).toBe('');
    await first.kill();
    const again = await forkClickHouse({ dir, port });
    expect(again.url).toBe(first.url);
    expect(await ask('SELECT count() FROM d.t')).toBe('5\n');
    await again.close();
    await expect(ask('SELECT 1')).rejects.toThrow();
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});

it('a process of its own makes go wrong what it is told to, counts it, and says when it is gone', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'sealtrail-front-'));
  try {
    const front = await forkClickHouse({ dir });
    const ask = (sql: string): Promise<Response> => fetch(front.url, { method: 'POST', body: sql });
    await front.fault({ kind: 'status', status: 503, body: 'away' }, { matching: /SELECT 2/, times: 2 });
    expect(await Promise.all(['SELECT 1', 'SELECT 2', 'SELECT 2', 'SELECT 2'].map(async (sql) => (await ask(sql)).status))).toEqual([
      200, 503, 503, 200,
    ]);
    await front.fault({ kind: 'status', status: 503, body: 'away' }, { times: 9 });
    await front.clearFaults();
    expect((await ask('SELECT 1')).status).toBe(200);
    expect(await front.faultsMet()).toBe(2);
    await front.kill();
    await expect(front.faultsMet()).rejects.toThrow('the front is gone');
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});
