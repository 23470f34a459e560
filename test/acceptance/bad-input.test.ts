import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { remove, sealtrail, temporaryFolder } from './cli.ts';

const folder = temporaryFolder('bad-input');
const data = join(folder, 'data');
const file = (name: string, content: string | Buffer): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};
const SOME_KEY = 'example.org/operator/1/0+00000000+AQAA';

beforeAll(async () => {
  const made = await sealtrail('keys', 'add', 'billing', '--tenants', 'acme', '--data', data);
  expect(made.code, made.stderr).toBe(0);
});
afterAll(() => remove(folder));

/** What is typed, the exit code, and what the one line on standard error says. */
const MISTAKES: readonly { readonly name: string; readonly args: () => readonly string[]; readonly code: number; readonly says: RegExp }[] =
  [
    { name: 'no command', args: () => [], code: 2, says: /name a command/ },
    { name: 'a command that is not there', args: () => ['prvoe'], code: 2, says: /unknown command 'prvoe'.*did you mean prove/i },
    { name: 'an option that is not there', args: () => ['fsck', '--dta', data], code: 2, says: /unknown option '--dta'/ },
    { name: 'prove without a tenant', args: () => ['prove', '--entry', '1', '--out', 'x'], code: 2, says: /--tenant/ },
    {
      name: 'an entry that is no number',
      args: () => ['prove', '--tenant', 'acme', '--entry', '-1', '--out', 'x'],
      code: 2,
      says: /whole number/,
    },
    {
      name: 'a tenant that is not there',
      args: () => ['prove', '--tenant', 'nobody', '--entry', '0', '--out', join(folder, 'p'), '--data', data],
      code: 2,
      says: /nobody/,
    },
    {
      name: 'a data directory that is not there',
      args: () => ['fsck', '--data', join(folder, 'none')],
      code: 2,
      says: /no data directory/,
    },
    {
      name: 'a data directory of something else',
      args: () => ['fsck', '--data', file('plain.txt', 'x')],
      code: 2,
      says: /not a directory/,
    },
    {
      name: 'a folder that is not empty',
      args: () => {
        mkdirSync(join(folder, 'full'), { recursive: true });
        writeFileSync(join(folder, 'full', 'letter.txt'), 'mine');
        return ['up', '--data', join(folder, 'full')];
      },
      code: 2,
      says: /not empty/,
    },
    { name: 'SQL with a mistake', args: () => ['sql', 'SELEC 1', '--data', data], code: 2, says: /\S/ },
    {
      name: 'SQL on a table that is not there',
      args: () => ['sql', 'SELECT * FROM audit_event', '--data', data],
      code: 2,
      says: /audit_event/,
    },
    { name: 'SQL that writes', args: () => ['sql', 'DROP TABLE sealtrail.entries', '--data', data], code: 2, says: /only SELECT/ },
    {
      name: 'a format that is not known',
      args: () => ['import', '--format', 'syslog', file('in.txt', ''), '--tenant', 'acme', '--data', data],
      code: 2,
      says: /syslog.*cloudtrail/,
    },
    {
      name: 'an input that is not there',
      args: () => ['import', '--format', 'cloudtrail', join(folder, 'none.gz'), '--tenant', 'acme', '--data', data],
      code: 2,
      says: /none\.gz/,
    },
    {
      name: 'an input that is cut off',
      args: () => {
        const whole = gzipSync(Buffer.from('{"eventVersion":"1.08"}\n'.repeat(1_000)));
        return [
          'import',
          '--format',
          'cloudtrail',
          file('cut.gz', whole.subarray(0, whole.length - 20)),
          '--tenant',
          'acme',
          '--data',
          data,
        ];
      },
      code: 2,
      says: /cut\.gz/,
    },
    {
      name: 'a tenant that cannot be one',
      args: () => ['import', '--format', 'cloudtrail', file('none.jsonl', ''), '--tenant', 'a b', '--data', data],
      code: 2,
      says: /A.Z/,
    },
    { name: 'a key that is none', args: () => ['verify', file('empty.proof', ''), '--key', 'nonsense'], code: 2, says: /nonsense/ },
    {
      name: 'a proof that is not there',
      args: () => ['verify', join(folder, 'none.proof'), '--key', SOME_KEY],
      code: 2,
      says: /key|none\.proof/,
    },
    {
      name: 'a second key of the same name',
      args: () => ['keys', 'add', 'billing', '--tenants', 'acme', '--data', data],
      code: 2,
      says: /billing/,
    },
    {
      name: 'a producer that cannot be one',
      args: () => ['keys', 'add', '../x', '--tenants', 'acme', '--data', data],
      code: 2,
      says: /cannot name/,
    },
    { name: 'a revocation of nobody', args: () => ['keys', 'revoke', 'nobody', '--data', data], code: 2, says: /nobody/ },
    {
      name: 'a checkpoint that is none',
      args: () => ['fsck', '--data', data, '--checkpoint', file('plain.note', 'hello')],
      code: 2,
      says: /plain\.note|checkpoint/,
    },
    {
      name: 'an output that cannot be written',
      args: () => ['keys', 'export', '--data', data, '--out', join(folder, 'no', 'folder', 'key')],
      code: 3,
      says: /cannot write/,
    },
  ];

describe('a mistake', () => {
  it.each(MISTAKES)('$name: one clear line and exit code $code', async ({ args, code, says }) => {
    const before = readdirSync(data).sort();
    const ended = await sealtrail(...args());
    expect(ended.stderr).toMatch(says);
    expect(ended.code, ended.stderr).toBe(code);
    expect(ended.stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(ended.stderr).toMatch(/^sealtrail: /);
    expect(ended.stderr).not.toMatch(/at .*\.ts:\d+|\[object/);
    expect(readdirSync(data).sort()).toEqual(expect.arrayContaining(before));
  });

  it('an unknown subcommand of keys is named too', async () => {
    const ended = await sealtrail('keys', 'ad');
    expect(ended.code).toBe(2);
    expect(ended.stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  it('help is no mistake', async () => {
    const ended = await sealtrail('--help');
    expect(ended.code).toBe(0);
    expect(ended.stdout).toMatch(/Exit codes: 0 fine/);
  });
});
