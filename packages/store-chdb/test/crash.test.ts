import { spawn } from 'node:child_process';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openChdbStore } from '../src/index.ts';
import { rowsOf, temporaryFolder } from './temporary.ts';

const child = fileURLToPath(new URL('crash-child.ts', import.meta.url));
const EVENTS_A_ROUND = 43;

let dir: string;
beforeAll(async () => {
  dir = await temporaryFolder();
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** Runs the child until it has acknowledged some rounds, then kills it in the middle of whatever it does. */
function killAfter(topic: string, rounds: number, delayMs: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const run = spawn(process.execPath, ['--conditions=source', '--import', 'tsx', child, dir, topic], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let acknowledged = 0;
    let errors = '';
    run.stderr.on('data', (text: Buffer) => {
      errors += text.toString();
    });
    run.stdout.on('data', (text: Buffer) => {
      acknowledged = Number(text.toString().trim().split('\n').at(-1));
      if (acknowledged >= rounds) setTimeout(() => run.kill('SIGKILL'), delayMs);
    });
    run.on('exit', (_code, signal) =>
      signal === 'SIGKILL' ? resolve(acknowledged) : reject(new Error(`the child ended by itself: ${errors}`)),
    );
  });
}

describe('kill -9', () => {
  // Each run is killed at another moment of a round: the delays are spread, not exact.
  for (const [run, delayMs] of [0, 9, 23, 41, 77].entries()) {
    it(`after ${run + 1} rounds and ${delayMs} ms: what was acknowledged is there, whole, and nothing in part`, async () => {
      const topic = `crash-${run}`;
      const acknowledged = await killAfter(topic, run + 1, delayMs);
      const store = await openChdbStore({ dir });
      try {
        expect(await readdir(join(dir, 'inserts'))).toEqual([]);
        const key = { topic, incarnation: 1, partition: 0 };
        const [commit] = await store.commits(key);
        expect(commit?.to).toBeGreaterThanOrEqual(2 * acknowledged);
        const committed = (commit?.to ?? 0) / 2;
        const entries = await rowsOf(store.entries({ partition: key }));
        expect(entries.length).toBe(committed * EVENTS_A_ROUND);
        expect(entries.every(({ bytes }) => bytes !== null)).toBe(true);
        expect((await rowsOf(store.manifests({ partition: key }))).length).toBe(committed * 2);
        // Rows without a commit row are those of one round at most, and each insert of it is there whole or not at all.
        const { rows } = await store.select(`SELECT count() AS n FROM entries WHERE topic = '${topic}'`);
        expect([0, EVENTS_A_ROUND]).toContain(Number(rows[0]?.['n']) - entries.length);
        expect((await store.select('SELECT * FROM verify_entries')).rows).toEqual([]);
      } finally {
        await store.close();
      }
    });
  }

  it('leaves no container behind for ever', async () => {
    await mkdir(join(dir, 'inserts'), { recursive: true });
    await writeFile(join(dir, 'inserts', 'entries-left.avro'), 'x');
    const store = await openChdbStore({ dir });
    await store.close();
    expect(await readdir(join(dir, 'inserts'))).toEqual([]);
  });
});
