import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Assignment, EventLog, LogRecord } from '@sealtrail/event-log';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { LmdbEventLogOptions } from '../src/index.ts';
import type { Told } from './process.ts';
import { openTestLog, testDirectory, topic } from './test-log.ts';

const script = fileURLToPath(new URL('process.ts', import.meta.url));

interface Child {
  readonly process: ChildProcess;
  readonly told: readonly Told[];
  /** What it has written to standard error. */
  errors(): string;
  /** Resolves when the child has told something that `which` accepts. */
  until(which: (told: Told) => boolean): Promise<Told>;
  kill(): Promise<void>;
}

function start(work: string, dir: string, name = work, shell_prefix = ''): Child {
  const args = ['--conditions=source', '--import', 'tsx', script, work, dir, name];
  const stdio = ['ignore', 'inherit', 'pipe', 'ipc'] as const;
  const child =
    shell_prefix === ''
      ? spawn(process.execPath, args, { stdio: [...stdio] })
      : spawn('sh', ['-c', `${shell_prefix}; exec "$0" "$@"`, process.execPath, ...args], { stdio: [...stdio] });
  const told: Told[] = [];
  const errors: Buffer[] = [];
  const exited = once(child, 'exit');
  child.stderr?.on('data', (chunk: Buffer) => errors.push(chunk));
  child.on('message', (message: Told) => told.push(message));
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  onTestFinished(kill);
  return {
    process: child,
    told,
    errors: () => Buffer.concat(errors).toString(),
    until: (which) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = told.find(which);
          if (found !== undefined) resolve(found);
        };
        look();
        child.on('message', look);
        void exited.then(() => setImmediate(() => reject(new Error(`the process ended: ${Buffer.concat(errors).toString()}`))));
      }),
    kill,
  };
}

async function open(dir: string, options: Partial<LmdbEventLogOptions> = {}): Promise<EventLog> {
  return openTestLog(dir, options);
}

async function recordsOf(log: EventLog): Promise<readonly LogRecord[]> {
  const reader = await log.reader();
  const records: LogRecord[] = [];
  const { end } = await reader.bounds(topic, 0);
  while (records.length < end) {
    const read = await reader.read(topic, 0, records.length, { records_max: 500, bytes_max: 10_000_000, wait_ms: 0 });
    if (read.kind !== 'records') throw new Error(read.kind);
    records.push(...read.records);
  }
  return records;
}

/** Every record must be whole, and the two of an append stand side by side, in the order of their numbers. */
function appendsOf(records: readonly LogRecord[]): ReadonlyMap<string, readonly number[]> {
  const found = new Map<string, number[]>();
  records.forEach((record, offset) => {
    const text = new TextDecoder().decode(record.value ?? undefined);
    const [told = ''] = text.split(' ');
    if (record.offset !== offset || text !== `${told} `.repeat(150)) throw new Error(`record ${offset} is not whole: ${text}`);
    const [name = '', number = '', part = ''] = told.split('/');
    if (part !== 'first') return;
    const second = new TextDecoder().decode(records[offset + 1]?.value ?? undefined);
    if (!second.startsWith(`${name}/${number}/second `)) throw new Error(`half an append at ${offset}: ${second}`);
    const numbers = found.get(name);
    if (numbers === undefined) found.set(name, [Number(number)]);
    else numbers.push(Number(number));
  });
  return found;
}

const acknowledged = (child: Child): readonly number[] => child.told.flatMap((told) => (told.kind === 'appended' ? [told.number] : []));
const countTo = (count: number): readonly number[] => Array.from({ length: count }, (_, number) => number);

describe('several processes', () => {
  it('append side by side: nothing is lost, offsets are dense, a reader sees it all', async () => {
    const dir = await testDirectory();
    const log = await open(dir);
    const children = [start('append', dir, 'left'), start('append', dir, 'right')];
    const reader = await log.reader();
    let seen = 0;
    while (seen < 600) {
      const read = await reader.read(topic, 0, seen, { records_max: 100, bytes_max: 1_000_000, wait_ms: 3_600_000 });
      if (read.kind !== 'records') throw new Error(read.kind);
      seen += read.records.length;
    }
    await Promise.all(children.map((child) => child.until(({ kind }) => kind === 'done')));
    const appends = appendsOf(await recordsOf(log));
    expect(appends.get('left')).toEqual(countTo(150));
    expect(appends.get('right')).toEqual(countTo(150));
    const offsets = children.flatMap(({ told }) => told.flatMap((one) => (one.kind === 'appended' ? one.offsets : [])));
    expect(offsets.sort((a, b) => a - b)).toEqual(countTo(600));
  });

  it('are killed while they append: what was acknowledged stands, whole, with its position', async () => {
    const dir = await testDirectory();
    const log = await open(dir);
    const producer = await log.producer();
    const other = start('append_slowly', dir, 'survivor');
    await other.until(({ kind }) => kind === 'appended');
    for (let round = 0; round < 10; round += 1) {
      const child = start('append_for_ever', dir, `round-${round}`);
      await child.until((told) => told.kind === 'appended' && told.number >= 3 * round);
      await child.kill();
      // A commit that was written but not yet announced shows from the next transaction on: its records with its position.
      await producer.append([], { source: 'round', value: String(round) });
      const stored = appendsOf(await recordsOf(log)).get(`round-${round}`) ?? [];
      expect(stored).toEqual(countTo(stored.length));
      expect(stored.length).toBeGreaterThan(Math.max(...acknowledged(child)));
      expect(await producer.position(`round-${round}`)).toBe(String(stored.length - 1));
    }
    // Who was not killed is not held up by who was.
    const before = acknowledged(other).length;
    await other.until((told) => told.kind === 'appended' && told.number > before + 5);
  });
});

describe('a holder in another process', () => {
  it('that is killed is followed at once', async () => {
    const dir = await testDirectory();
    // Longer than the test may take: only the end of the process can hand the partition on.
    const log = await open(dir, { session_timeout_ms: 3_600_000 });
    const holder = start('hold', dir);
    await holder.until(({ kind }) => kind === 'ready');
    const next = firstAssignment(log);
    await holder.kill();
    expect(await (await next).commit(1, 'next')).toEqual({ kind: 'committed' });
  });

  it('that stands still is followed after the session timeout, and is fenced when it goes on', async () => {
    const dir = await testDirectory();
    const log = await open(dir, { session_timeout_ms: 300 });
    const holder = start('hold', dir);
    await holder.until(({ kind }) => kind === 'ready');
    holder.process.kill('SIGSTOP');
    const next = await firstAssignment(log);
    expect(await next.commit(5, 'next')).toEqual({ kind: 'committed' });
    holder.process.send(7);
    holder.process.kill('SIGCONT');
    expect(await holder.until((told) => told.kind === 'outcome' && told.of === 'commit')).toMatchObject({ outcome: 'fenced' });
    expect(await holder.until((told) => told.kind === 'outcome' && told.of === 'holds')).toMatchObject({ outcome: 'false' });
    expect(await next.committed()).toEqual({ offset: 5, metadata: 'next' });
    expect(await next.holds()).toBe(true);
  });

  it('that is alive keeps its partition', async () => {
    const dir = await testDirectory();
    const log = await open(dir, { session_timeout_ms: 2_000 });
    const holder = start('hold', dir);
    await holder.until(({ kind }) => kind === 'ready');
    let taken = false;
    void firstAssignment(log).then(() => {
      taken = true;
    });
    // It was asked, and asked again.
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect(taken).toBe(false);
    holder.process.send(7);
    expect(await holder.until((told) => told.kind === 'outcome' && told.of === 'commit')).toMatchObject({ outcome: 'committed' });
  });
});

describe('a disk that takes no more', () => {
  it('leaves the log readable, and appends go on once there is room', async () => {
    const dir = await testDirectory();
    await (await open(dir)).close();
    // The limit is on the size of a file, in blocks of 512 or 1,024 bytes; ignoring the signal makes writes fail instead.
    const child = start('fill', dir, 'fill', "trap '' XFSZ; ulimit -f 12000");
    await child.until(({ kind }) => kind === 'done');
    const outcomes = child.told.flatMap((told) => (told.kind === 'outcome' ? [told] : []));
    expect(outcomes.map(({ of }) => of)).toEqual(['append', 'append', 'read', 'append']);
    const [refused, again, read, after] = outcomes;
    expect(refused?.detail).toBeGreaterThan(10);
    expect([refused?.outcome, again?.outcome]).toEqual(['refused', 'refused']);
    expect(read?.outcome).toBe(`${refused?.detail} of ${refused?.detail}`);
    expect(after?.outcome).toBe('appended');
    expect(child.errors(), 'LMDB was let into a write that failed').toBe('');
  });

  it('fails no write of LMDB, which does not outlive one, however often it is full', async () => {
    const dir = await testDirectory();
    await (await open(dir)).close();
    const child = start('refill', dir, 'refill', "trap '' XFSZ; ulimit -f 12000");
    await child.until(({ kind }) => kind === 'done');
    const outcomes = child.told.flatMap((told) => (told.kind === 'outcome' ? [told] : []));
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(Array(20).fill('refused'));
    // What was dropped makes room.
    expect(Math.min(...outcomes.map(({ detail }) => detail ?? 0))).toBeGreaterThan(5);
    expect(child.errors()).toBe('');
  });
});

function firstAssignment(log: EventLog): Promise<Assignment> {
  const stop = new AbortController();
  return new Promise((resolve, reject) => {
    const run = async (): Promise<void> => {
      const consumer = await log.consumer({ group: 'group', topic });
      const end = await consumer.run(async (assignment) => {
        resolve(assignment);
        await once(assignment.lost, 'abort');
      }, stop.signal);
      if (end.kind === 'failed') reject(end.cause);
    };
    const running = run();
    onTestFinished(async () => {
      stop.abort();
      await running;
    });
  });
}
