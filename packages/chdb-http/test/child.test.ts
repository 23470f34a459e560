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
