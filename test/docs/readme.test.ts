import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { CLI, type Ended, end, lineFrom, remove, root, start, temporaryFolder } from '../acceptance/cli.ts';
import { type Running, stop } from '../acceptance/deployment.ts';
import { writeCloudTrail } from '../fixtures/cloudtrail.ts';
import { documents } from './documents.ts';

const readme = documents().find(({ path }) => path === 'README.md')?.text ?? '';

/** The commands in the first block of a section, without what is said beside them. */
function commandsOf(section: string): readonly string[] {
  const [, rest = ''] = readme.split(`\n## ${section}\n`);
  const block = /(?:^ {4}.*\n)+/m.exec(rest.split('\n## ')[0] as string)?.[0] ?? '';
  return block
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.trim().split(/ {2,}/)[0] as string);
}

describe('README.md, “Use it”', () => {
  const folder = temporaryFolder('readme');
  const ran: string[] = [];
  let running: Running | null = null;
  afterAll(async () => {
    if (running !== null) await stop(running);
    remove(folder);
  });
  /** As somebody types it, in a folder of their own. */
  const typed = (line: string): ReturnType<typeof start> =>
    start('sh', ['-c', `cd "$1" && exec ${line.replace(/^\.\/sealtrail/, '"$2"')}`, 'sh', folder, CLI]);
  const run = (line: string): Promise<Ended> => {
    ran.push(line);
    return end(typed(line));
  };
  writeCloudTrail(join(folder, 'trail.jsonl.gz'), 50);

  it('is what a user types, one line after the other', async () => {
    const lines = commandsOf('Use it');
    expect(lines.length).toBeGreaterThanOrEqual(9);
    for (const line of lines) {
      expect(line).toMatch(/^\.\/sealtrail /);
      if (line.startsWith('./sealtrail up ')) {
        const child = typed(line);
        running = { child, ended: end(child) };
        await lineFrom(child, /sealtrail is up/);
        ran.push(line);
      } else {
        const ended = await run(line);
        expect(ended.code, `${line}: ${ended.stderr}`).toBe(0);
        expect(ended.stdout, line).not.toBe('');
      }
    }
    expect(ran).toEqual(lines);
    expect(ran.map((line) => line.split(' ')[1])).toEqual(
      expect.arrayContaining(['up', 'keys', 'sql', 'import', 'checkpoint', 'fsck', 'prove', 'verify']),
    );
    for (const file of ['saved.txt', 'proof.txt', 'deployment.vkey']) expect(existsSync(join(folder, file)), file).toBe(true);
  }, 180_000);

  it('has the import’s events in the store afterwards, and nothing to complain of', async () => {
    const line = commandsOf('Use it').find((one) => one.includes(' sql ')) ?? '';
    const answer = await run(`${line} --json`);
    expect(answer.json(), answer.stderr).toMatchObject({ rows: expect.arrayContaining([{ action: 's3:GetObject', 'count()': 40 }]) });
    if (running === null) throw new Error('`up` is not among the commands');
    expect((await stop(running)).code).toBe(0);
    running = null;
  });
});

describe('README.md, “Try it”', () => {
  it('names commands of npm that are there', () => {
    const lines = commandsOf('Try it');
    expect(lines).toContain('npm run demo');
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
    // That the demo runs, and says what it is said to say, is test/acceptance/demo.test.ts.
    for (const line of lines) expect(Object.keys(scripts)).toContain(/^npm (?:run )?(\S+)$/.exec(line)?.[1]);
  });
});
