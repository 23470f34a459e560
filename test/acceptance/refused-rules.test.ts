/** Rules of others, some of which cannot run on stored events: nothing runs unasked, and one option runs the rest. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeCloudTrail } from '../fixtures/cloudtrail.ts';
import { CLOUDTRAIL, hasSharedData, remove, SHARED_DATA, sealtrail, temporaryFolder } from './cli.ts';
import { stop, up } from './deployment.ts';

interface Imported {
  readonly alerts: readonly { readonly count: number }[];
  readonly left_out: readonly { readonly file: string; readonly rule: string; readonly reason: string }[];
}
const awsRule = (n: number, field: string): string => `
title: AWS rule ${n}
id: 0000000${n}-1111-4111-8111-111111111111
logsource: { product: aws, service: cloudtrail }
detection:
  sel: { ${field} }
  condition: sel
level: low
`;

describe('a folder of rules with one that is refused', () => {
  const folder = temporaryFolder('refused');
  const rules = join(folder, 'rules');
  const events = join(folder, 'events.jsonl');
  const data = join(folder, 'data');
  afterAll(() => remove(folder));
  beforeAll(() => {
    mkdirSync(rules);
    writeFileSync(join(rules, 'runs.yml'), awsRule(1, "eventSource: '*'"));
    writeFileSync(join(rules, 'refused.yml'), awsRule(2, "requestParameters: '*'"));
    writeCloudTrail(events, 5);
  });
  const importing = (...args: readonly string[]) =>
    sealtrail('import', events, '--format', 'cloudtrail', '--tenant', 'acme', '--data', data, '--rules', rules, ...args);

  it('imports nothing, names the file and the rule, and says what to do', async () => {
    const ended = await importing();
    expect(ended.code).toBe(2);
    expect(ended.stderr.trim().split('\n')).toHaveLength(1);
    expect(ended.stderr).toMatch(/refused\.yml:\d+: 00000002-.*do not keep.*--skip-refused/);
  });

  it('runs the others when asked to, and tells in a line each which are left out', async () => {
    const ended = await importing('--skip-refused', '--json');
    expect(ended.code, ended.stderr).toBe(0);
    const { alerts, left_out } = ended.json<Imported & Record<string, unknown>>();
    expect(alerts).toMatchObject([{ title: 'AWS rule 1', count: 5 }]);
    expect(left_out).toMatchObject([{ rule: '00000002-1111-4111-8111-111111111111' }]);
    const lines = ended.stderr.split('\n').filter((line) => /left out/.test(line));
    expect(lines).toEqual([expect.stringMatching(/^left out: .*refused\.yml:/), 'sealtrail: 1 rule run, 1 left out']);
    const again = await sealtrail('backtest', '--data', data, '--rules', rules, '--skip-refused', '--json');
    expect(again.json<Imported & { alerts: readonly unknown[] }>()).toMatchObject({ left_out: [{ rule: left_out[0]?.rule }] });
  });

  it('is told by `up` as well', async () => {
    const running = await up(data, '--rules', rules, '--skip-refused', '--no-canaries');
    expect((await stop(running)).stderr).toMatch(/^left out: .*refused\.yml:/m);
  });

  it('is refused where no rule is left', async () => {
    const ended = await sealtrail('backtest', '--data', data, '--rules', join(rules, 'refused.yml'), '--skip-refused');
    expect(ended.code).toBe(2);
    expect(ended.stderr).toMatch(/^sealtrail: no rule is left that could run, 1 document refused: /);
  });

  it.skipIf(!hasSharedData)('SigmaHQ’s 57 AWS rules raise the 109 alerts of other engines over a real import', async () => {
    const real = join(folder, 'real');
    const sigma = ['--rules', join(SHARED_DATA, 'sigma-aws'), '--skip-refused'];
    const ended = await sealtrail('import', CLOUDTRAIL, '--format', 'cloudtrail', '--tenant', 'acme', '--data', real, ...sigma, '--json');
    const { alerts, left_out } = ended.json<Imported & Record<string, unknown>>();
    expect(left_out).toHaveLength(5);
    expect(alerts.reduce((sum, one) => sum + one.count, 0)).toBe(109);
  });
}, 180_000);
