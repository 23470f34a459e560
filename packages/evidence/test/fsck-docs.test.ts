import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');
const codesIn = (text: string): string[] => [...text.matchAll(/'([a-z_]+)'/g)].map((match) => match[1] as string);

describe('docs/spec/fsck.md', () => {
  const page = read('../../../docs/spec/fsck.md');
  const union = /export type FsckCode =([^;]*);/.exec(read('../src/fsck/findings.ts'))?.[1] ?? '';
  const documented = [...page.matchAll(/^\| `([a-z_]+)` \|/gm)].map((match) => match[1] as string);

  it('lists the codes that fsck has, each once, in their order', () => {
    expect(documented.length).toBeGreaterThan(40);
    expect(documented).toEqual(codesIn(union));
  });

  it('says of each what it means and what to do', () => {
    for (const row of page.split('\n').filter((line) => line.startsWith('| `'))) {
      const cells = row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim());
      expect(cells, row).toHaveLength(3);
      for (const cell of cells) expect(cell.length, row).toBeGreaterThan(0);
    }
  });

  it('has no code that no test sees', () => {
    const tests = readdirSync(new URL('.', import.meta.url)).filter((file) => file.startsWith('fsck-') && file.endsWith('.test.ts'));
    const seen = new Set(tests.flatMap((file) => codesIn(read(file))));
    expect(documented.filter((code) => !seen.has(code))).toEqual([]);
  });
});
