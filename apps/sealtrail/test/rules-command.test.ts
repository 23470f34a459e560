/** `sealtrail rules` on single files, misspelt names and overrides. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SHIPPED_RULES } from '@sealtrail/detector';
import { Command } from 'commander';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Console } from '../src/cli/console.ts';
import type { CommandContext } from '../src/cli/context.ts';
import { registerRules } from '../src/commands/rules.ts';

const folder = mkdtempSync(join(tmpdir(), 'sealtrail-rules-'));
let said: string[];
let noted: string[];
let results: unknown[];
let exit: number;
const context = {
  console: () =>
    ({
      columns: 100,
      say: (line: string) => void said.push(line),
      note: (line: string) => void noted.push(line),
      result: (value: unknown) => void results.push(value),
    }) as unknown as Console,
  setExitCode: (code: number) => void (exit = code),
} as unknown as CommandContext;
const rules = async (...args: readonly string[]): Promise<void> => {
  const program = new Command();
  registerRules(program, context);
  await program.parseAsync(['rules', ...args], { from: 'user' });
};

beforeAll(() => {
  mkdirSync(join(folder, 'none'));
  writeFileSync(join(folder, 'none', 'broken.yml'), 'title: Broken\n');
});
beforeEach(() => {
  [said, noted, results, exit] = [[], [], [], 0];
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('sealtrail rules', () => {
  it('tests one file of a folder, with the rules that stand beside it', async () => {
    await rules('test', join(SHIPPED_RULES, 'brute_force.yml'));
    expect(said).toEqual([expect.stringMatching(/^\d+ tests passed, 0 failed$/)]);
    expect(exit).toBe(0);
  });

  it('tests nothing where there is nothing, and says where tests stand', async () => {
    await expect(rules('test', join(folder, 'none'))).rejects.toThrow(/^no tests for .*: they stand in a folder `tests` beside rules/);
    await expect(rules('test', join(folder, 'none', 'broken.yml'))).rejects.toThrow(/^no tests for /);
  });

  it('checks one file, and says where what it lacks may stand', async () => {
    await rules('check', join(SHIPPED_RULES, 'brute_force.yml'));
    expect(said.at(-2)).toBe('0 rules and 0 correlations are understood, 3 documents refused');
    expect(said.at(-1)).toBe(`rules that it refers to may stand in other files of its folder: check ${SHIPPED_RULES}`);
    expect(exit).toBe(2);
  });

  it('counts a correlation once that a tenant has of its own', async () => {
    await rules('check');
    await rules('check', '--overrides', join(SHIPPED_RULES, 'overrides.example.yml'));
    expect(results[1]).toEqual(results[0]);
  });

  it('lists what it understands, and says that some is missing', async () => {
    await rules('list', join(folder, 'none'));
    expect(noted).toEqual([expect.stringMatching(/^sealtrail: some are refused and not listed: see `sealtrail rules check /)]);
  });

  it.each([
    ['brute_forc', ['brute_force', 'brute_force_success']],
    ['Brute force', ['brute_force', 'brute_force_success']],
    ['MASS-EXPORT', ['mass_export', 'mass_export_fast']],
  ])('suggests names where there is no rule %s', async (wanted, names) => {
    const list = names.map((name) => `"${name}"`).join(', ');
    await expect(rules('explain', wanted)).rejects.toThrow(`no rule is called "${wanted}" (${list}`);
  });

  it('suggests nothing where nothing is alike', async () => {
    await expect(rules('explain', 'xyzzy')).rejects.toThrow(
      'no rule is called "xyzzy"; list them with `sealtrail rules list`, or name the folder of your own with --rules',
    );
  });
});
