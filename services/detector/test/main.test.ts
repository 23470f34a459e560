/** The process itself, as far as it goes without a log and a store: what it refuses, how it ends, and what it says. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openDataDirectory } from '@sealtrail/data-directory';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));

let folder: string;
let servers: Readonly<Record<string, string>>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'detector-main-'));
  await openDataDirectory({ dir: join(folder, 'deployment'), create: { random: (bytes) => new Uint8Array(randomBytes(bytes)) } });
  // Nobody listens there.
  servers = { KAFKA_BROKERS: '127.0.0.1:1', CLICKHOUSE_URL: 'http://127.0.0.1:1', SEALTRAIL_DEPLOYMENT_DIR: join(folder, 'deployment') };
});
afterAll(() => rm(folder, { recursive: true }));

const run = (variables: Readonly<Record<string, string>>): Promise<{ code: number | null; said: string }> =>
  new Promise((resolve) => {
    const { PATH } = process.env;
    const own = { PATH, SEALTRAIL_OPERATIONS_HOST: '127.0.0.1', SEALTRAIL_OPERATIONS_PORT: '0' };
    const child = execFile(
      process.execPath,
      ['--conditions=source', '--import', 'tsx', MAIN],
      { env: { ...own, ...variables } },
      (_error, _stdout, said) => resolve({ code: child.exitCode, said }),
    );
  });
const file = async (name: string, text: string): Promise<string> => {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
};

describe('the detector’s process', () => {
  it('refuses variables that it does not know or that are missing, and says which', async () => {
    const { code, said } = await run({ KAFKA_BROKERS: '127.0.0.1:1', SEALTRAIL_DETECTOR_GRUP: 'x' });
    expect(code).toBe(2);
    expect(said).toMatch(/^detector: SEALTRAIL_DETECTOR_GRUP: is not known/m);
    expect(said).toMatch(/^detector: CLICKHOUSE_URL: is missing$/m);
  });

  it('refuses rules that it does not understand, each with file, line and reason', async () => {
    const rule = (id: number, field: string): string =>
      `title: r${id}\nid: ${String(id).repeat(8)}-1111-4111-8111-111111111111\nlogsource: { product: sealtrail, category: audit }\n` +
      `detection:\n  found:\n    ${field}: x\n  condition: found\n`;
    const path = await file('rules.yml', [rule(1, 'action|fancy'), rule(2, 'action'), rule(3, 'action|re|cidr')].join('---\n'));
    const { code, said } = await run({ ...servers, SEALTRAIL_DETECTOR_RULES: path });
    expect(code).toBe(2);
    const lines = said.trimEnd().split('\n');
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(/^detector: .*rules\.yml:6: 11111111-.*"fancy"/);
    expect(lines[1]).toMatch(/^detector: .*rules\.yml:22: 33333333-/);
  });

  it.each([
    ['SEALTRAIL_DETECTOR_RULES', 'give a folder with rules'],
    ['SEALTRAIL_DETECTOR_PIPELINES', 'check the path'],
    ['SEALTRAIL_DETECTOR_OVERRIDES_FILE', 'check the path'],
    ['SEALTRAIL_DETECTOR_ALERTING_FILE', 'check the path'],
  ])('refuses %s that names what is not there', async (variable, advice) => {
    const { code, said } = await run({ ...servers, [variable]: join(folder, 'nothing') });
    expect(code).toBe(2);
    expect(said).toMatch(new RegExp(`^detector: cannot read .*nothing \\(ENOENT\\); ${advice}\n$`));
  });

  it('refuses a file of notifiers that is wrong, and shows no address of it', async () => {
    const path = await file('alerting.yml', 'notifiers: [{ type: slack, name: chat, url: "http://hooks.example/T0/secret" }]');
    const { code, said } = await run({ ...servers, SEALTRAIL_DETECTOR_ALERTING_FILE: path });
    expect(code).toBe(2);
    expect(said).toMatch(/^detector: notifier chat: .*https/);
    expect(said).not.toContain('secret');
  });

  it('ends with 3 where the deployment is not there, or the store cannot be reached', async () => {
    const missing = await run({ ...servers, SEALTRAIL_DEPLOYMENT_DIR: join(folder, 'none') });
    expect(missing).toMatchObject({ code: 3, said: expect.stringMatching(/^detector: no data directory at /) as string });
    const unreachable = await run(servers);
    expect(unreachable).toMatchObject({ code: 3, said: expect.stringMatching(/^detector: .*127\.0\.0\.1:1/) as string });
  });
});
