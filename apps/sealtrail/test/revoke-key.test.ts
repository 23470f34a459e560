import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataDirectory, RegistryStream } from '@sealtrail/data-directory';
import { sha256 } from '@sealtrail/merkle/node';
import { Command } from 'commander';
import { expect, it, onTestFinished } from 'vitest';
import type { Console } from '../src/cli/console.ts';
import type { CommandContext } from '../src/cli/context.ts';
import { registerKeys } from '../src/commands/keys.ts';
import { embeddedAdapters } from '../src/deployment/adapters.ts';

it('a key is revoked once: the second time says so, gives the first time, and adds no record', async () => {
  const data = await mkdtemp(join(tmpdir(), 'sealtrail-revoke-'));
  onTestFinished(() => rm(data, { recursive: true }));
  let now_ms = 1_700_000_000_000;
  const clock_ms = (): number => now_ms;
  const random = (bytes: number): Uint8Array => new Uint8Array(randomBytes(bytes));
  const said: string[] = [];
  const results: unknown[] = [];
  const console = { json: true, say: (line: string) => said.push(line), result: (value: unknown) => results.push(value) };
  const adapters = embeddedAdapters({ clock_ms, random });
  const context = { console: () => console as unknown as Console, clock_ms, random, adapters } as unknown as CommandContext;
  const keys = async (...args: readonly string[]): Promise<void> => {
    const program = new Command();
    registerKeys(program, context);
    await program.parseAsync(['keys', ...args, '--data', data], { from: 'user' });
  };
  const records = async (): Promise<number> => {
    const directory = await openDataDirectory({ dir: data });
    const log = await adapters.openLog(directory);
    const stream = new RegistryStream({ reader: await log.reader(), sha256: sha256(), topic: directory.deployment.registry_topic });
    const registry = await stream.readToEnd();
    await log.close();
    return registry.size;
  };

  await keys('add', 'billing', '--tenants', 'acme');
  now_ms += 1_000;
  await keys('revoke', 'billing');
  expect(await records()).toBe(2);
  now_ms += 1_000;
  await keys('revoke', 'billing');
  expect(await records()).toBe(2);
  expect(results.slice(1)).toMatchObject([
    { producer: 'billing', valid_from: 1_700_000_001_000, changed: true },
    { producer: 'billing', valid_from: 1_700_000_001_000, changed: false },
  ]);
  expect(said.slice(1)).toEqual([
    'the key of billing is not valid from 2023-11-14T22:13:21.000Z on',
    'the key of billing was revoked already: it is not valid from 2023-11-14T22:13:21.000Z on',
  ]);
});
