/** One handle a process: a second one would wait for ever for a write of the first. */
import { randomBytes } from 'node:crypto';
import { readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { open as openEnvironment } from 'lmdb';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type LmdbEventLog, openLmdbEventLog } from '../src/index.ts';
import { testDirectory } from './test-log.ts';

async function open(dir: string): Promise<LmdbEventLog> {
  const log = await openLmdbEventLog({ dir, clock_ms: Date.now, random: randomBytes });
  onTestFinished(() => log.close());
  return log;
}
const marksIn = async (dir: string): Promise<readonly string[]> => (await readdir(dir)).filter((name) => name.startsWith('open-in-'));
const refusal = { name: 'EventLogError', code: 'log_misuse', message: expect.stringMatching(/is open in this process: [^\n]+$/) };

describe('a second handle of one process', () => {
  it('is refused while the first is open, and the first goes on', async () => {
    const dir = await testDirectory();
    const log = await open(dir);
    await (await log.admin()).createTopics([{ topic: 't', partitions: 1, cleanup_policy: 'none' }]);
    const producer = await log.producer();
    const appended = producer.append([{ topic: 't', key: null, value: new Uint8Array(1) }]);
    await expect(open(dir)).rejects.toMatchObject(refusal);
    expect((await appended).kind).toBe('appended');
    expect((await producer.append([{ topic: 't', key: null, value: new Uint8Array(1) }])).kind).toBe('appended');
  });

  it('is refused under another name of the folder', async () => {
    const dir = await testDirectory();
    const other = `${dir}-link`;
    await symlink(dir, other);
    onTestFinished(() => rm(other));
    await open(dir);
    await expect(open(other)).rejects.toMatchObject(refusal);
  });

  it('is given once the first is closed; nothing is left behind', async () => {
    const dir = await testDirectory();
    for (let i = 0; i < 3; i++) {
      const log = await open(dir);
      expect(await marksIn(dir)).toEqual([`open-in-${process.pid}`]);
      await log.close();
      await log.close();
      expect(await marksIn(dir)).toEqual([]);
    }
  });

  it('is given after one that could not be opened', async () => {
    const dir = await testDirectory();
    const bytes = { encoding: 'binary', keyEncoding: 'binary' } as const;
    const env = openEnvironment({ path: dir, noSubdir: false, overlappingSync: false, ...bytes });
    await env.openDB({ name: 'meta', ...bytes }).put(Buffer.from('format'), Buffer.from('of tomorrow'));
    await env.close();
    for (let i = 0; i < 2; i++) await expect(open(dir)).rejects.toMatchObject({ code: 'log_corrupt' });
    expect(await marksIn(dir)).toEqual([]);
  });
});

describe('what a killed process left behind', () => {
  it.each([
    ['of a process that is gone', `open-in-${2 ** 22 + 1}`, '1700000000000'],
    ['of an earlier process with this pid', `open-in-${process.pid}`, '1700000000000'],
    ['cut off before it was written', `open-in-${process.pid}`, ''],
    ['of whatever', 'open-in-x', 'y'],
  ])('%s is no hindrance', async (_, name, text) => {
    const dir = await testDirectory();
    await writeFile(join(dir, name), text);
    const log = await open(dir);
    expect(await marksIn(dir)).toContain(`open-in-${process.pid}`);
    await log.close();
  });

  it('the mark of a process that lives stays', async () => {
    const dir = await testDirectory();
    await writeFile(join(dir, `open-in-${process.ppid}`), '1700000000000');
    await open(dir);
    expect(await marksIn(dir)).toContain(`open-in-${process.ppid}`);
  });
});
