import { describe, expect, it } from 'vitest';
import { parseYaml } from '../../src/sigma/yaml.ts';

const values = (text: string): readonly unknown[] => parseYaml('f.yml', text).documents.map(({ value }) => value);
const reasons = (text: string): readonly string[] => parseYaml('f.yml', text).errors.map(({ message }) => message);

describe('YAML', () => {
  it('gives every document of a file that is not empty, with the lines of its parts', () => {
    const { documents, errors } = parseYaml('f.yml', '# a comment\na: 1\nb:\n  - x\n  - c: 2\n---\n---\nd: &x {e: 1}\nf: *x\n');
    expect(errors).toEqual([]);
    expect(documents.map(({ value }) => JSON.stringify(value))).toEqual(['{"a":1,"b":["x",{"c":2}]}', '{"d":{"e":1},"f":{"e":1}}']);
    const [first, second] = documents;
    expect([[], ['a'], ['b'], ['b', 0], ['b', 1, 'c'], ['b', 9, 'z'], ['nothing']].map((path) => first?.lineOf(path))).toEqual([
      2, 2, 3, 4, 5, 3, 2,
    ]);
    expect(second?.lineOf(['f', 'e'])).toBe(8);
  });

  it('leaves the other documents be when one cannot be read', () => {
    const text = 'a: 1\n---\nb: 1\nb: 2\n---\nc: 3\n';
    expect(values(text).map((value) => JSON.stringify(value))).toEqual(['{"a":1}', '{"c":3}']);
    expect(reasons(text)).toEqual(['f.yml:4: Map keys must be unique']);
  });

  it('knows values of JSON alone: dates, yes and no are texts', () => {
    expect(JSON.stringify(values('[2024-01-01, yes, no, 0x1F, 1e3, ~, true, "1", 010]')[0])).toBe(
      '["2024-01-01","yes","no",31,1000,null,true,"1",10]',
    );
  });

  it.each([
    ['a: !tag x', /tag/i],
    ['a: .nan', /not-a-number/],
    ['a: -.inf', /infinity/],
    ['a: 9007199254740993', /quotes/],
    ['? [a]\n: 1', /keys must be strings/],
    ['a: *nowhere', /alias/i],
    ['a: &x [*x]', /./],
    ['a: "', /./],
    ['[', /./],
  ])('refuses %j', (text, reason) => {
    expect(values(text)).toEqual([]);
    expect(reasons(text)).toEqual([expect.stringMatching(reason)]);
  });

  it('takes names of the prototype for names', () => {
    const [value] = values('__proto__: {admin: true}\nconstructor: 1\n') as [Record<string, unknown>];
    expect(Object.keys(value)).toEqual(['__proto__', 'constructor']);
    expect(({} as Record<string, unknown>)['admin']).toBeUndefined();
  });

  it.each([
    ['brackets', '['.repeat(100_000)],
    ['closed brackets', `${'['.repeat(500)}${']'.repeat(500)}`],
    ['braces', '{a: '.repeat(100_000)],
    ['dashes', '- '.repeat(100_000)],
    ['indents', Array.from({ length: 2_000 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')],
    [
      'aliases',
      `a: &a [${'1,'.repeat(9)}]\n${'bcdefgh'.replaceAll(/./g, (c) => `${c}: &${c} [${`*${String.fromCharCode(c.charCodeAt(0) - 1)},`.repeat(9)}]\n`)}`,
    ],
    ['size', 'x'.repeat(9_000_000)],
  ])('stands hostile %s', (_, text) => {
    const { documents, errors } = parseYaml('f.yml', text);
    expect(documents).toEqual([]);
    expect(errors.map(({ code }) => code)).toEqual(['yaml_malformed']);
  });
});
