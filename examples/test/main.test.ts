import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { openDataDirectory } from '@sealtrail/data-directory';
import { openLmdbEventLog } from '@sealtrail/event-log-lmdb';
import { sha256 } from '@sealtrail/merkle/node';
import { keyRecordCodec, parseHeader, walkBatch } from '@sealtrail/wire';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestOfIds } from '../src/confirmed.ts';

const MAIN = new URL('../src/main.ts', import.meta.url).pathname;
const LIMITS = { records_max: 100_000, bytes_max: 1 << 30, wait_ms: 0 };

let folder: string;
let data: string;
let record: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'invoices-api-'));
  data = join(folder, 'data');
  record = join(folder, 'confirmed.txt');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

interface Started {
  readonly child: ChildProcess;
  readonly lines: string[];
  readonly errors: string[];
  /** The exit code, or null for a signal. */
  readonly ended: Promise<number | null>;
}

function start(...flags: string[]): Started {
  const child = spawn(process.execPath, ['--conditions=source', '--import', 'tsx', MAIN, ...flags], { stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: string[] = [];
  const errors: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  createInterface({ input: child.stderr }).on('line', (line) => errors.push(line));
  return { child, lines, errors, ended: once(child, 'close').then(([code]) => code as number | null) };
}

const confirmedIds = (): readonly string[] =>
  existsSync(record)
    ? readFileSync(record, 'utf8')
        .split('\n')
        .filter((line) => line.length === 32)
    : [];

/** Ids of the events in the log, and producers in the registry. */
async function inLog(): Promise<{ readonly ids: readonly string[]; readonly producers: readonly string[] }> {
  const directory = await openDataDirectory({ dir: data });
  const log = await openLmdbEventLog({ dir: directory.log_dir, clock_ms: Date.now, random: (bytes) => new Uint8Array(bytes) });
  const reader = await log.reader();
  const values = async (topic: string): Promise<readonly Uint8Array[]> => {
    const found: Uint8Array[] = [];
    for (;;) {
      const read = await reader.read(topic, 0, found.length, LIMITS);
      if (read.kind !== 'records') throw new Error(read.kind);
      if (read.records.length === 0) return found;
      for (const { value } of read.records) found.push(value as Uint8Array);
    }
  };
  const ids: string[] = [];
  for (const value of await values(directory.deployment.topic)) {
    const parsed = parseHeader(value, sha256());
    const batch = parsed.kind === 'refused' ? parsed : walkBatch(parsed, sha256());
    if (batch.kind === 'refused') throw new Error(batch.detail);
    let from = batch.first_event;
    for (let i = 0; i < batch.header.count; i++) {
      const end = batch.ends[3 * i + 2] as number;
      ids.push(Buffer.from(batch.schema.decode(value, from, end).event_id).toString('hex'));
      from = end;
    }
  }
  const producers = (await values(directory.deployment.registry_topic)).map((value) => keyRecordCodec().decode(value).producer);
  await reader.close();
  await log.close();
  return { ids, producers };
}

describe('the example as a process', () => {
  it('drives itself, and says what the log confirmed', async () => {
    const { lines, errors, ended } = start('--data', data, '--rate', '500', '--seconds', '2', '--record', record);
    expect([await ended, errors]).toEqual([0, []]);
    const result = JSON.parse(lines.at(-1) as string) as Record<string, unknown>;
    const ids = confirmedIds();
    expect(result).toMatchObject({ accepted: 1_000, ids_sha256: digestOfIds(ids), logged: 1_000, shed: 0, lost: 0, closed: 'closed' });
    const { ids: logged, producers } = await inLog();
    expect([...logged].sort()).toEqual([...ids].sort());
    expect(producers).toEqual(['invoices-api']);
  });

  it('when it is killed, everything that it called confirmed is in the log; started again, it goes on with its key', async () => {
    const first = start('--data', data, '--rate', '1000', '--seconds', '600', '--record', record);
    await expect.poll(() => confirmedIds().length, { timeout: 30_000 }).toBeGreaterThan(1_000);
    first.child.kill('SIGKILL');
    await first.ended;
    const before = confirmedIds();
    const killed = await inLog();
    expect(new Set(killed.ids)).toEqual(new Set([...before, ...killed.ids]));
    expect(new Set(killed.ids).size).toBe(killed.ids.length);
    const second = start('--data', data, '--rate', '100', '--seconds', '1', '--record', record);
    expect([await second.ended, second.errors]).toEqual([0, []]);
    const { ids, producers } = await inLog();
    expect(new Set(ids)).toEqual(new Set([...confirmedIds(), ...ids]));
    expect(producers).toEqual(['invoices-api']);
  });

  it('serves the API and prints calls that work', async () => {
    const { child, lines, ended } = start('--data', data, '--port', '0', '--producer', 'another');
    await expect.poll(() => lines.length, { timeout: 30_000 }).toBeGreaterThanOrEqual(4);
    const [, authorization, url] = /authorization: ([^']+)' (\S+)$/.exec(lines[2] as string) ?? [];
    const response = await fetch(url as string, { headers: { authorization: authorization as string } });
    expect([response.status, await response.json()]).toEqual([200, []]);
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    expect(JSON.parse(lines.at(-1) as string)).toMatchObject({ accepted: 1, closed: 'closed' });
    expect((await inLog()).producers).toEqual(['another']);
  });

  it('says what is wrong in one line: 2 for flags, 3 for the environment', async () => {
    for (const flags of [['--rate', 'fast'], ['--nonsense'], ['positional']]) {
      const { ended, errors } = start(...flags);
      expect([await ended, errors.length]).toEqual([2, 1]);
    }
    const { ended, errors } = start('--data', MAIN, '--rate', '1');
    expect([await ended, errors.length]).toEqual([3, 1]);
    expect(errors[0]).toMatch(/^invoices-api: .*not a directory/);
  });
});
