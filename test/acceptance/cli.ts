import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root: string = fileURLToPath(new URL('../..', import.meta.url));
export const CLI: string = join(root, 'sealtrail');

/** Real input that stands beside the clone, not in it; `.ci/run` fails where it is missing. */
export const SHARED_DATA: string = process.env['SEALTRAIL_TEST_DATA'] ?? join(root, '..', 'shared', 'data');
export const CLOUDTRAIL: string = join(SHARED_DATA, 'cloudtrail.jsonl.gz');
export const hasSharedData: boolean = existsSync(CLOUDTRAIL);

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The last line of standard output, parsed. Throws when it is not JSON. */
  readonly json: <T = Record<string, unknown>>() => T;
}

/** Runs `./sealtrail` as its user does, and waits for its end. */
export const sealtrail = (...args: readonly string[]): Promise<Ended> => end(start(CLI, args));

/** Runs a TypeScript program of this repository, such as an example. */
export const startProgram = (file: string, args: readonly string[]): ChildProcess => start('node', ['scripts/run.mjs', file, ...args]);

export function start(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  return spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NO_COLOR: '1', ...env } });
}

export async function end(child: ChildProcess): Promise<Ended> {
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => err.push(chunk));
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exit, signal) => resolve(exit ?? (signal === null ? -1 : 128)));
  });
  const stdout = Buffer.concat(out).toString('utf8');
  return {
    code,
    stdout,
    stderr: Buffer.concat(err).toString('utf8'),
    json: <T>() => JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as T,
  };
}

/** A folder of its own, for the tests to remove. */
export const temporaryFolder = (name: string): string => mkdtempSync(join(tmpdir(), `sealtrail-${name}-`));
export const remove = (folder: string): void => rmSync(folder, { recursive: true, force: true });

/** Resolves when the program has written a line that matches, to either stream; rejects when it ends before. */
export function lineFrom(child: ChildProcess, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let seen = '';
    const look = (chunk: Buffer): void => {
      seen += chunk.toString('utf8');
      const line = seen.split('\n').find((one) => pattern.test(one));
      if (line !== undefined) resolve(line);
    };
    child.stdout?.on('data', look);
    child.stderr?.on('data', look);
    child.once('close', (code) => reject(new Error(`ended with ${code} before a line matched ${pattern}: ${seen.slice(-2_000)}`)));
  });
}
