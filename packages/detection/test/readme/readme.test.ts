import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const page = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
const modules: Record<string, () => Promise<unknown>> = {
  'node:crypto': () => import('node:crypto'),
  '@sealtrail/detection': () => import('../../src/index.ts'),
};

it('the example of the README prints what it says', async () => {
  const [, code = ''] = /```js\n(.*?)```/s.exec(page) ?? [];
  const printed: unknown[] = [];
  const body = code.replaceAll(/^import (\{.*?\}) from '(.*?)';$/gm, "const $1 = await modules['$2']();");
  const AsyncFunction = (async () => undefined).constructor as new (...text: string[]) => (...values: unknown[]) => Promise<void>;
  await new AsyncFunction('modules', 'console', body)(modules, { log: (value: unknown) => printed.push(value) });
  expect(printed).toEqual([['Many failed logins of one user: ada (e0, e1, e2)']]);
  expect(code).toContain("// [ 'Many failed logins of one user: ada (e0, e1, e2)' ]");
});

it('every name that the README gives is exported', async () => {
  const exported = await import('../../src/index.ts');
  const names = [
    'loadRules',
    'loadPipelines',
    'compile',
    'replaySpan_us',
    'wasGiven',
    'createMatcher',
    'linkCorrelations',
    'createCorrelator',
  ];
  for (const name of [...names, 'DetectionError', 'CORRELATOR_DEFAULTS']) {
    expect(page).toContain(name);
    expect(exported).toHaveProperty(name);
  }
});
