import { readdir, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../src/index.ts';
import { openRoomyEngine } from '../src/room.ts';
import { temporaryFolder } from './temporary.ts';

const MIN = 1_000_000;

describe('an engine that looks at its disk', () => {
  let folder: string;
  let engine: Engine;
  let free = 10 * MIN;
  /** What the disk has left once an insert has run. */
  let afterInsert: number | null = null;
  let looks = 0;

  async function free_bytes(): Promise<number> {
    looks++;
    const now = free;
    if (afterInsert !== null) free = afterInsert;
    return now;
  }
  beforeAll(async () => {
    folder = await temporaryFolder();
    // The clock does not look by itself here.
    engine = openRoomyEngine(join(folder, 'engine'), { room_bytes_min: MIN, look_every_ms: 2 ** 30, free_bytes });
    await engine.run('CREATE DATABASE d', 'TSVRaw');
    await engine.run(`CREATE TABLE d.t (k UInt64, v String) ENGINE = MergeTree ORDER BY k SETTINGS min_bytes_for_wide_part = 0`, 'TSVRaw');
  });
  afterAll(async () => {
    await engine.close();
    await rm(folder, { recursive: true, force: true });
  });

  const ask = async (sql: string): Promise<string> =>
    Buffer.from(await engine.run(sql, 'TSVRaw'))
      .toString('utf8')
      .trim();
  const insert = (from: number): Promise<string> => ask(`INSERT INTO d.t SELECT number + ${from}, 'v' FROM numbers(10)`);

  it('takes rows while there is room, and looks before and after', async () => {
    const before = looks;
    await insert(0);
    expect(looks - before).toBe(2);
    expect(await ask('SELECT count() FROM d.t')).toBe('10');
  });

  it('takes none when there is too little, and answers questions', async () => {
    free = MIN - 1;
    await expect(insert(10)).rejects.toMatchObject({ code: 'store_no_space' });
    expect(await ask('SELECT count() FROM d.t')).toBe('10');
    await expect(ask('CREATE OR REPLACE VIEW d.w AS SELECT 1')).rejects.toMatchObject({ code: 'store_no_space' });
    // A little more is not enough to go on.
    free = MIN + 1;
    await expect(insert(10)).rejects.toMatchObject({ code: 'store_no_space' });
    expect(await ask('SELECT count() FROM d.t')).toBe('10');
    free = 2 * MIN;
    await insert(10);
    expect(await ask('SELECT count() FROM d.t')).toBe('20');
  });

  it('does not call rows stored when the room went while it wrote them', async () => {
    afterInsert = MIN - 1;
    await expect(insert(20)).rejects.toMatchObject({ code: 'store_no_space' });
    afterInsert = null;
    free = 10 * MIN;
    await insert(30);
  });

  it('takes up the sources of a merge whose part is empty', async () => {
    await ask('OPTIMIZE TABLE d.t FINAL');
    const rows = await ask('SELECT count(), sum(length(v)) FROM d.t');
    const part = await ask("SELECT path FROM system.parts WHERE active AND database = 'd' AND table = 't'");
    for (const file of await readdir(part)) await truncate(join(part, file));
    await ask('SYSTEM DROP MARK CACHE');
    await expect(ask('SELECT sum(length(v)) FROM d.t')).rejects.toMatchObject({ code: 'store_corrupt' });
    free = MIN - 1;
    await expect(insert(100)).rejects.toMatchObject({ code: 'store_no_space' });
    expect(await ask('SELECT count(), sum(length(v)) FROM d.t')).toBe(rows);
    free = 10 * MIN;
    await insert(100);
    expect(await ask('SELECT count() FROM d.t')).toBe(String(Number(rows.split('\t')[0]) + 10));
  });

  it('waits with questions while it is opened anew', async () => {
    free = MIN - 1;
    const refused = insert(200);
    const answers = Promise.all(Array.from({ length: 20 }, () => ask('SELECT 1')));
    await expect(refused).rejects.toMatchObject({ code: 'store_no_space' });
    expect(new Set(await answers)).toEqual(new Set(['1']));
  });
});
