import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import type { MemoryEventLog } from '@sealtrail/event-log/memory';
import { ed25519PublicKey } from '@sealtrail/merkle/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CloseOutcome, EmitterStats } from '../src/index.ts';
import { checkedBatch } from './fixtures/harness.ts';

const root = new URL('../../../', import.meta.url).pathname;
const page = join(root, 'docs/emitting.md');

/** What the page's program leaves behind. */
interface Program {
  readonly log: MemoryEventLog;
  readonly deleted: string;
  readonly refused: Response;
  readonly routine: EmitterStats['routine'];
  readonly critical: EmitterStats['critical'];
  readonly pressure: number;
  readonly append_retries: number;
  readonly ended: CloseOutcome;
}
const EXPORTS = ['log', 'deleted', 'refused', 'routine', 'critical', 'pressure', 'append_retries', 'ended'];

let folder: string;
let file: string;
let text: string;

beforeAll(async () => {
  text = await readFile(page, 'utf8');
  const blocks = Array.from(text.matchAll(/^```ts\n([\s\S]*?)^```$/gm), ([, code]) => code as string);
  expect(blocks.length).toBeGreaterThan(5);
  // Beside the tests, so that its imports are found as theirs are.
  await mkdir(join(import.meta.dirname, '.generated'), { recursive: true });
  folder = await mkdtemp(join(import.meta.dirname, '.generated', 'docs-'));
  file = join(folder, 'emitting.ts');
  await writeFile(file, `${blocks.join('\n')}\nexport { ${EXPORTS.join(', ')} };\n`);
});
afterAll(() => rm(join(import.meta.dirname, '.generated'), { recursive: true, force: true }));

describe('docs/emitting.md', () => {
  it('has code that type-checks', async () => {
    const config = join(folder, 'tsconfig.json');
    const base = relative(folder, join(root, 'tsconfig.tests.json'));
    await writeFile(config, JSON.stringify({ extends: base, include: ['emitting.ts'] }));
    const run = promisify(execFile)(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', config], { cwd: root });
    expect(await run.catch((error: { stdout: string }) => ({ stdout: error.stdout, stderr: '' }))).toEqual({ stdout: '', stderr: '' });
  });

  it('has code that does what the text says', async () => {
    const program = (await import(file)) as Program;
    expect(program.deleted).toBe('deleted');
    expect(program.refused.status).toBe(401);
    expect(program.ended).toEqual({ kind: 'closed' });
    expect(program.critical.sent_events).toBe(1);
    const key = ed25519PublicKey(new Uint8Array(32).fill(1));
    const events = program.log.control.records('audit.events', 0).flatMap(({ value }) => checkedBatch(value as Uint8Array, key).events);
    expect(events.map(({ action }) => action).sort()).toEqual([
      'invoice.create',
      'invoice.delete',
      'retention.run',
      'token.verify',
      'webhook.call',
    ]);
    const masked = events.find(({ action }) => action === 'webhook.call');
    expect(text).toContain(`\`${masked?.reason}\``);
    expect(text).toContain(`\`redactions\` = ${masked?.redactions}`);
    expect([...(masked?.attributes.keys() ?? [])].sort()).toEqual(['note', 'password', 'session']);
    for (const [name, value] of masked?.attributes ?? []) expect(text).toContain(`\`${name}\` = \`${value}\``);
    expect(events.find(({ action }) => action === 'retention.run')).toMatchObject({ actor_type: 'SYSTEM', actor_id: 'nightly-cleanup' });
    expect(events.find(({ action }) => action === 'token.verify')).toMatchObject({ reason: 'token_malformed', http_status: 401 });
  });

  it('names every option, mask and error code of the delivery classes', async () => {
    const options = await readFile(join(root, 'packages/emitter/src/options.ts'), 'utf8');
    const names = Array.from(
      options.slice(options.indexOf('export interface EmitterOptions')).matchAll(/^ {2}readonly (\w+)\??:/gm),
      ([, name]) => name,
    );
    for (const name of names) expect(text, `option ${name}`).toContain(`\`${name}\``);
    const rules = await readFile(join(root, 'packages/emitter/src/redaction/options.ts'), 'utf8');
    for (const [, rule] of rules.matchAll(/^ {2}\| '(\w+)'/gm)) {
      if (rule !== 'personal_name' && rule !== 'not_allowed') expect(text, `mask ${rule}`).toContain(`\`${rule}\``);
    }
  });
});
