import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type DataDirectory, openDataDirectory } from '@sealtrail/data-directory';
import { openLmdbEventLog } from '@sealtrail/event-log-lmdb';
import { describe, expect, it, onTestFinished } from 'vitest';
import { writeCloudTrail } from '../fixtures/cloudtrail.ts';
import { type SettledEvents, settledIn } from '../fixtures/settled-events.ts';
import { mayMount, mountSmallDisk, type SmallDisk } from '../fixtures/small-disk.ts';
import { CLI, type Ended, end, lineFrom, remove, sealtrail, start, temporaryFolder } from './cli.ts';
import { missingAndDoubled, type Running, stop, storedIds, up } from './deployment.ts';

const DISK_BYTES = 160 * 1_048_576;
/** Of any one file: a little more than an event log has at its beginning. */
const FILE_BYTES_MAX = 4 * 1_048_576;
const POLL_MS = 100;
const WAIT_MS = 90_000;
const CALM_MS = 1_500;
const mounts = mayMount();

async function until(what: string, holds: () => boolean | Promise<boolean>, every_ms = POLL_MS): Promise<void> {
  for (const started = Date.now(); Date.now() - started < WAIT_MS; await sleep(every_ms)) if (await holds()) return;
  throw new Error(`${what}: not within ${WAIT_MS} ms`);
}

/** A step that never ends is named, in place of the whole test. */
async function within<T>(what: string, step: Promise<T>): Promise<T> {
  const over = new AbortController();
  const late = sleep(WAIT_MS, undefined, { signal: over.signal }).then(() =>
    Promise.reject(new Error(`${what}: not within ${WAIT_MS} ms`)),
  );
  return Promise.race([step, late]).finally(() => over.abort());
}

/** A program that is killed when the test ends before it. */
function program(words: readonly string[], limit: 'limited' | 'unlimited' = 'unlimited'): Running {
  // A limit on the size of every file fails a write as a full disk does.
  const limited = ['sh', '-c', `trap '' XFSZ; ulimit -f ${FILE_BYTES_MAX / 512}; exec "$@"`, 'sh', ...words];
  const [command = '', ...args] = limit === 'limited' ? limited : words;
  const child = start(command, args);
  onTestFinished(() => void child.kill('SIGKILL'));
  return { child, ended: end(child) };
}

/** A service that writes CRITICAL events until it is stopped. */
async function startWriter(data: string, record: string, limit?: 'limited'): Promise<Running> {
  const writer = program(['node', 'scripts/run.mjs', 'test/fixtures/critical-writer.ts', data, record], limit);
  await lineFrom(writer.child, /^writing$/);
  return writer;
}

const complaints = ({ stderr }: Ended): readonly string[] => stderr.split('\n').filter((line) => line.startsWith('sealtrail: '));
const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

/** A ledger that ended for want of room says so in one line, with exit code 3, and is started again; one that went on is left. */
async function stillUp(running: Running, data: string): Promise<Running> {
  if (!hasEnded(running.child)) return running;
  const ended = await running.ended;
  expect(ended.code, ended.stderr).toBe(3);
  expect(complaints(ended)).toHaveLength(1);
  return within('it is up again', up(data, '--no-canaries'));
}

interface Rows {
  readonly rows: readonly { readonly id: string }[];
}

/** What was acknowledged is there once; what was refused is not there; what was left open may be. */
async function expectHonest(data: string, { acknowledged, rejected }: SettledEvents): Promise<void> {
  let stored: readonly string[] = [];
  await until('all acknowledged events are stored', async () => {
    const sql = ['SELECT resource_id AS id FROM audit_events', '--rows-max', '1000000', '--data', data, '--json'];
    const asked = await within('sql answers', sealtrail('sql', ...sql));
    expect(asked.code, asked.stderr).toBe(0);
    stored = asked.json<Rows>().rows.map(({ id }) => id);
    return missingAndDoubled(acknowledged, stored).missing === 0;
  });
  expect(missingAndDoubled(acknowledged, stored)).toEqual({ missing: 0, doubled: 0 });
  const told = new Set(acknowledged);
  const wrong = stored.filter((id) => !told.has(id) && rejected.get(id) !== 'append_unconfirmed');
  expect(wrong, 'events that were refused and are stored').toEqual([]);
  await expectClean(data, stored.length);
}

async function expectClean(data: string, entries: number, views_checked = true): Promise<void> {
  const fsck = await within('fsck ends', sealtrail('fsck', '--data', data, '--json'));
  expect(fsck.json(), fsck.stderr).toMatchObject({ ok: true, findings: [], entries, views_checked });
}

/** Ends with one line that says that there is no room, and exit code 3. */
async function failing(...args: readonly string[]): Promise<void> {
  const ended = await program([CLI, ...args]).ended;
  expect(ended.code, `${args[0]}: ${ended.stderr}`).toBe(3);
  expect(ended.stdout).toBe('');
  expect(complaints(ended), ended.stderr).toEqual([expect.stringMatching(/ENOSPC|no_space|no space/)]);
}

async function fine(...args: readonly string[]): Promise<Ended> {
  const ended = await sealtrail(...args);
  expect(ended.code, `${args[0]}: ${ended.stderr}`).toBe(0);
  return ended;
}

/** A data directory with a small disk in one of its places. */
async function onSmallDisk(
  place: '' | 'log' | 'store',
): Promise<{ readonly data: string; readonly record: string; readonly disk: SmallDisk }> {
  const folder = temporaryFolder('lost-nothing');
  const data = join(folder, 'data');
  if (place !== '') await openDataDirectory({ dir: data, create: { random: randomBytes } });
  mkdirSync(join(data, place), { recursive: true });
  const disk = mountSmallDisk(join(data, place), DISK_BYTES);
  onTestFinished(() => {
    disk.unmount();
    remove(folder);
  });
  return { data: place === '' ? join(data, 'deployment') : data, record: join(folder, 'settled.txt'), disk };
}

const PLACES = [
  { what: 'the whole data directory', place: '' },
  { what: 'the event log', place: 'log' },
  { what: 'the store', place: 'store' },
] as const;

describe.runIf(mounts)('a disk that is full', () => {
  it.each(PLACES)(
    'under $what, while events are written, loses none that was acknowledged',
    async ({ place }) => {
      const { data, record, disk } = await onSmallDisk(place);
      let running = await within('it is up', up(data, '--no-canaries'));
      onTestFinished(() => void running.child.kill('SIGKILL'));
      const writer = await within('the writer begins', startWriter(data, record));
      await until('events are acknowledged', () => settledIn(record).acknowledged.length > 200);
      disk.fill();
      const { acknowledged } = settledIn(record);
      if (place === 'store') {
        // The log takes events as ever; the ledger waits with them.
        await until('more are acknowledged', () => settledIn(record).acknowledged.length > acknowledged.length + 500);
        expect(settledIn(record).rejected.size).toBe(0);
      } else {
        await until('events are rejected', () => settledIn(record).rejected.size > 200);
      }
      await sleep(CALM_MS);
      disk.free();
      const freed = settledIn(record).acknowledged.length;
      await until('events are acknowledged again', () => settledIn(record).acknowledged.length > freed + 200);
      running = await stillUp(running, data);
      writer.child.kill('SIGTERM');
      expect(await within('the writer ends', writer.ended)).toMatchObject({ code: 0 });
      await expectHonest(data, settledIn(record));
      expect((await within('it stops', stop(running))).code).toBe(0);
    },
    300_000,
  );

  it('when commands begin gives exit code 3 and one line each, and leaves nothing in the way', async () => {
    const { data, disk } = await onSmallDisk('');
    const folder = temporaryFolder('trail');
    onTestFinished(() => remove(folder));
    const file = join(folder, 'trail.jsonl');
    writeCloudTrail(file, 20_000);
    const few = join(folder, 'few.jsonl');
    writeCloudTrail(few, 300);
    const checkpoint = join(data, '..', 'saved.txt');
    const imports = (from: string) => ['import', '--format', 'cloudtrail', from, '--tenant', 'acme', '--data', data, '--json'];
    const adds = ['keys', 'add', 'billing', '--tenants', 'acme', '--data', data];
    const saves = ['checkpoint', '--data', data, '--out', checkpoint];

    disk.fill();
    for (const args of [['up', '--data', data], adds, imports(few)]) await failing(...args);
    disk.free();
    await fine(...imports(few));
    await fine(...saves);
    const saved = readFileSync(checkpoint, 'utf8');
    disk.fill();
    for (const args of [['up', '--data', data], adds, imports(file), saves]) await failing(...args);
    // What only reads goes on, and says what it could not do.
    await expectClean(data, 300, false);
    expect((await fine('sql', 'SELECT count() AS n FROM audit_events', '--data', data, '--json')).json()).toMatchObject({
      rows: [{ n: 300 }],
    });
    disk.free();
    expect(readFileSync(checkpoint, 'utf8')).toBe(saved);
    await fine(...adds);
    expect((await fine(...imports(file))).json()).toMatchObject({ read: 20_000, entries: 20_000 });
    await expectClean(data, 20_000);
  }, 300_000);
});

const title = mounts
  ? 'a limit on the size of files, reached while events are written, loses none that was acknowledged'
  : 'MOUNT IS NOT PERMITTED HERE, SO NO DISK WAS FILLED; a limit on the size of files loses no event that was acknowledged';
/** Also where no disk can be filled. */
it(title, async () => {
  const folder = temporaryFolder('limited');
  onTestFinished(() => remove(folder));
  const data = join(folder, 'data');
  const record = join(folder, 'settled.txt');
  const limited = program([CLI, 'up', '--data', data, '--no-canaries'], 'limited');
  await lineFrom(limited.child, /sealtrail is up/);
  const first = await startWriter(data, record, 'limited');
  await until('events are rejected', () => settledIn(record).rejected.size > 100);
  expect(settledIn(record).acknowledged.length).toBeGreaterThan(100);
  first.child.kill('SIGTERM');
  expect(await first.ended).toMatchObject({ code: 0 });
  if (!hasEnded(limited.child)) limited.child.kill('SIGTERM');
  const ended = await limited.ended;
  expect([0, 3], ended.stderr).toContain(ended.code);
  expect(complaints(ended)).toHaveLength(ended.code === 0 ? 0 : 1);

  const running = await up(data, '--no-canaries');
  onTestFinished(() => void running.child.kill('SIGKILL'));
  const before = settledIn(record).acknowledged.length;
  const second = await startWriter(data, record);
  await until('events are acknowledged again', () => settledIn(record).acknowledged.length > before + 200);
  second.child.kill('SIGTERM');
  expect(await second.ended).toMatchObject({ code: 0 });
  await expectHonest(data, settledIn(record));
  expect((await stop(running)).code).toBe(0);
}, 300_000);

describe('an import of 40,000 events', () => {
  const EVENTS = 40_000;
  const BATCHES = Math.ceil(EVENTS / 256);
  /** When it is killed: once so many batches are in the log, and then after a while, in which it may seal or have ended. */
  const KILLS: readonly { readonly appended: number; readonly after_ms?: number }[] = [
    { appended: 1 },
    { appended: Math.round(BATCHES * 0.3) },
    { appended: Math.round(BATCHES * 0.7) },
    { appended: BATCHES },
    { appended: BATCHES, after_ms: 2_500 },
    { appended: BATCHES, after_ms: 3_500 },
  ];

  it(`that is killed ${KILLS.length} times and run again leaves each event there once`, async () => {
    const folder = temporaryFolder('killed-import');
    onTestFinished(() => remove(folder));
    const data = join(folder, 'data');
    const file = join(folder, 'trail.jsonl.gz');
    writeCloudTrail(file, EVENTS);
    expect((await sealtrail('keys', 'add', 'billing', '--tenants', 'acme', '--data', data)).code).toBe(0);
    const directory = await openDataDirectory({ dir: data });
    const imports = ['import', '--format', 'cloudtrail', file, '--tenant', 'acme', '--data', data, '--json'];

    for (const { appended, after_ms } of KILLS) {
      const { child, ended } = program([CLI, ...imports]);
      await until(`batch ${appended} is in the log`, async () => hasEnded(child) || (await endOf(directory)) >= appended, 5);
      if (after_ms !== undefined) await sleep(after_ms);
      else expect(hasEnded(child), 'it had ended by itself').toBe(false);
      child.kill('SIGKILL');
      await ended;
    }

    const last = await sealtrail(...imports);
    expect(last.code, last.stderr).toBe(0);
    expect(last.json()).toMatchObject({ read: EVENTS, rejected: 0, entries: EVENTS });
    const stored = await storedIds(data);
    expect(stored).toHaveLength(EVENTS);
    expect(new Set(stored).size).toBe(EVENTS);
    const again = await sealtrail(...imports);
    expect(again.json(), again.stderr).toMatchObject({ accepted: 0, skipped: EVENTS, entries: EVENTS });
    await expectClean(data, EVENTS);
  }, 300_000);
});

/** How many records are in the log, seen from beside whoever writes. */
async function endOf(directory: DataDirectory): Promise<number> {
  const log = await openLmdbEventLog({ dir: directory.log_dir, clock_ms: Date.now, random: randomBytes });
  try {
    const reader = await log.reader();
    return (await reader.bounds(directory.deployment.topic, 0)).end;
  } finally {
    await log.close();
  }
}
