import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { CLI, type Ended, end, lineFrom, sealtrail, start, startProgram } from './cli.ts';

/** A running `./sealtrail up`. */
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

/** Resolves once it says that it is up. A test that counts every entry asks for `--no-canaries`. */
export async function up(data: string, ...args: readonly string[]): Promise<Running> {
  const child = start(CLI, ['up', '--data', data, ...args]);
  const ended = end(child);
  await lineFrom(child, /sealtrail is up/);
  return { child, ended };
}

/** As the kernel ends a process that is out of memory, or a machine one that loses its power: nothing is said first. */
export async function kill({ child, ended }: Running): Promise<void> {
  child.kill('SIGKILL');
  await ended;
}

export async function stop({ child, ended }: Running): Promise<Ended> {
  child.kill('SIGTERM');
  return ended;
}

/** What an example service says at its end. */
export interface ServiceEnd {
  readonly accepted: number;
}

/** An example service that emits at a rate, and writes each event's id to `record` once it is durable. */
export function service(options: {
  readonly data: string;
  readonly producer: string;
  readonly rate: number;
  readonly seconds: number;
  readonly record: string;
}): { readonly child: ChildProcess; readonly ended: Promise<Ended> } {
  const { data, producer, rate, seconds, record } = options;
  const flags = { data, producer, rate: String(rate), seconds: String(seconds), record, port: '0' };
  const child = startProgram(
    'examples/src/main.ts',
    Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]),
  );
  return { child, ended: end(child) };
}

export const idsIn = (record: string): readonly string[] =>
  readFileSync(record, 'utf8')
    .split('\n')
    .filter((line) => line !== '');

interface IdRows {
  readonly rows: readonly { readonly id: string }[];
}

/** Ids of all entries, in hex, through the command line. */
export async function storedIds(data: string): Promise<readonly string[]> {
  const asked = await sealtrail(
    'sql',
    "SELECT lower(replaceAll(toString(event_id), '-', '')) AS id FROM audit_events",
    '--rows-max',
    '2000000',
    '--data',
    data,
    '--json',
  );
  if (asked.code !== 0) throw new Error(asked.stderr);
  return asked.json<IdRows>().rows.map(({ id }) => id);
}

const STORED_ATTEMPTS_MAX = 60;
const STORED_PAUSE_MS = 500;

/** Waits until as many entries are stored as were accepted, or for long enough, and says what is missing or doubled. */
export async function settle(data: string, accepted: readonly string[]): Promise<{ readonly missing: number; readonly doubled: number }> {
  let stored = await storedIds(data);
  for (let attempt = 1; attempt < STORED_ATTEMPTS_MAX && stored.length < accepted.length; attempt++) {
    await sleep(STORED_PAUSE_MS);
    stored = await storedIds(data);
  }
  return missingAndDoubled(accepted, stored);
}

/** Every accepted id stands in the store, and none stands there twice. */
export function missingAndDoubled(
  accepted: readonly string[],
  stored: readonly string[],
): { readonly missing: number; readonly doubled: number } {
  const distinct = new Set(stored);
  return { missing: accepted.filter((id) => !distinct.has(id)).length, doubled: stored.length - distinct.size };
}
