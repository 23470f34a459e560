import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openLmdbEventLog } from '@sealtrail/event-log-lmdb';
import { expect, it, onTestFinished } from 'vitest';
import { holdSource } from '../src/deployment/hold-source.ts';

const TOPIC = 'audit.registry';
const script = fileURLToPath(new URL('holding-process.ts', import.meta.url));

async function openLog(): Promise<{ readonly dir: string; readonly log: Awaited<ReturnType<typeof openLmdbEventLog>> }> {
  const dir = await mkdtemp(join(tmpdir(), 'sealtrail-hold-'));
  const log = await openLmdbEventLog({ dir, clock_ms: Date.now, random: randomBytes });
  onTestFinished(async () => {
    await log.close();
    await rm(dir, { recursive: true });
  });
  await (await log.admin()).createTopics([{ topic: TOPIC, partitions: 1, cleanup_policy: 'none' }]);
  return { dir, log };
}

it('a source is held by one at a time; another source is free', async () => {
  const { log } = await openLog();
  const held = await holdSource(log, TOPIC, 'cloudtrail/acme/1');
  expect(await held?.holds()).toBe(true);
  expect(await holdSource(log, TOPIC, 'cloudtrail/acme/1')).toBeNull();
  const other = await holdSource(log, TOPIC, 'cloudtrail/acme/2');
  expect(await other?.holds()).toBe(true);
  await held?.release();
  expect(await held?.holds()).toBe(false);
  const again = await holdSource(log, TOPIC, 'cloudtrail/acme/1');
  expect(await again?.holds()).toBe(true);
  await Promise.all([again?.release(), other?.release()]);
}, 30_000);

it('a process that was killed holds nothing', async () => {
  const { dir, log } = await openLog();
  const args = ['--conditions=source', '--import', 'tsx', script, dir, TOPIC, 'cloudtrail/acme/1'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const exited = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  expect((await once(child, 'message'))[0]).toEqual({ held: true });
  expect(await holdSource(log, TOPIC, 'cloudtrail/acme/1')).toBeNull();
  child.kill('SIGKILL');
  await exited;
  const held = await holdSource(log, TOPIC, 'cloudtrail/acme/1');
  expect(await held?.holds()).toBe(true);
  await held?.release();
}, 60_000);
