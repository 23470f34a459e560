import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { compile, loadOverrides, loadRules, parseRuleTests, type RuleTestResult, runRuleTests } from '@sealtrail/detection';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ruleFiles, sha256Of } from './shipped-rules.ts';

const generated = join(import.meta.dirname, '.generated');
let yaml: readonly string[];
let program: string;
let prose: string;

beforeAll(async () => {
  prose = await readFile(new URL('../../docs/detection/writing-rules.md', import.meta.url), 'utf8');
  yaml = Array.from(prose.matchAll(/^```yaml\n([\s\S]*?)^```$/gm), ([, code]) => code as string);
  program = /^```ts run\n([\s\S]*?)^```$/m.exec(prose)?.[1] ?? '';
  await mkdir(generated, { recursive: true });
});
afterAll(() => rm(generated, { recursive: true, force: true }));

describe('docs/detection/writing-rules.md', () => {
  it('has a rule, a correlation, tests, a filter and an override', () => expect(yaml).toHaveLength(5));

  it('has a program that runs its tests, and they hold', async () => {
    const folder = await mkdtemp(join(generated, 'rules-'));
    const [rule = '', correlation = '', tests = ''] = yaml;
    await mkdir(join(folder, 'tests'));
    await writeFile(join(folder, 'large_refunds.yml'), `${rule}---\n${correlation}`);
    await writeFile(join(folder, 'tests/large_refunds.yml'), tests);
    const file = join(folder, 'run.ts');
    await writeFile(file, program.replace(/^for \(.*$/m, ''));
    process.env['RULES'] = folder;
    const { problems, results } = (await import(file)) as { problems: readonly string[]; results: readonly RuleTestResult[] };
    expect(problems).toEqual([]);
    expect(results.map(({ failures }) => failures)).toEqual([[], [], [], [], []]);
  });

  it('has tests that can fail: with another window, and without the order', () => {
    const [rule = '', correlation = '', text = ''] = yaml;
    const { tests } = parseRuleTests('t.yml', text);
    if (tests === null) throw new Error('no tests');
    for (const other of [correlation.replace('30m', '31m'), correlation.replace('temporal_ordered', 'temporal')]) {
      const { engine } = compile(loadRules([{ file: 'r.yml', text: `${rule}---\n${other}` }], { sha256: sha256Of }), { sha256: sha256Of });
      expect(runRuleTests(tests, () => engine.fresh()).flatMap(({ failures }) => failures)).toHaveLength(1);
    }
  });

  it('has a filter that leaves the campaign out', () => {
    const [rule = '', correlation = '', text = '', filter = ''] = yaml;
    const loaded = loadRules([{ file: 'r.yml', text: [rule, correlation, filter].join('---\n') }], { sha256: sha256Of });
    const { engine, errors } = compile(loaded, { sha256: sha256Of });
    expect([...loaded.errors, ...errors]).toEqual([]);
    const campaign = parseRuleTests(
      't.yml',
      text.replace("attributes.amount_cents: '250000'", "attributes.amount_cents: '250000', attributes.campaign: spring"),
    );
    if (campaign.tests === null) throw new Error('no tests');
    const failures = runRuleTests(campaign.tests, () => engine.fresh()).flatMap((result) => result.failures);
    expect(failures).toHaveLength(2);
    for (const failure of failures) expect(failure).toContain('no alert of refund_to_new_account');
  });

  it('has an override of a shipped rule', () => {
    const loaded = loadRules(ruleFiles(), { sha256: sha256Of });
    const overrides = loadOverrides({ file: 'overrides.yml', text: yaml[4] ?? '' });
    expect([...overrides.tenants.keys()]).toEqual(['acme']);
    expect(compile(loaded, { sha256: sha256Of, overrides }).errors).toEqual([]);
    expect(prose).toContain(`${loaded.correlations.find(({ head }) => head.name === 'brute_force')?.head.id}: # brute_force`);
  });
});
