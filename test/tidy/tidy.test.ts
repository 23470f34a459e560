import { describe, expect, it } from 'vitest';
import { textOf, trackedFiles } from './files.ts';

const LINES_MAX = 400;
const files = trackedFiles();
const sources = files.filter((path) => /\.(?:ts|mjs)$/.test(path) && !path.includes('/generated/'));
const texts = files.filter((path) => /\.(?:ts|mjs|json|md|avsc|yml|yaml|sql)$|(?:^|\/)(?:sealtrail|run|LICENSE)$/.test(path));

/** Lines of files that match, as `path:line: text`. */
function linesThatMatch(paths: readonly string[], pattern: RegExp): readonly string[] {
  return paths.flatMap((path) =>
    textOf(path)
      .split('\n')
      .flatMap((line, i) => (pattern.test(line) ? [`${path}:${i + 1}: ${line.trim().slice(0, 120)}`] : [])),
  );
}
const others = (paths: readonly string[]): readonly string[] => paths.filter((path) => !path.startsWith('test/tidy/'));

describe('the source', () => {
  it(`has no file of more than ${LINES_MAX} lines`, () => {
    expect(sources.filter((path) => textOf(path).split('\n').length > LINES_MAX + 1)).toEqual([]);
  });

  it('has no drawer: files and folders are named after what they hold', () => {
    expect(files.filter((path) => /(?:^|\/)(?:utils?|helpers?|common|misc|shared|manager|stuff)(?:\/|\.|$)/i.test(path))).toEqual([]);
  });

  it('skips no test and keeps none to itself', () => {
    const tests = sources.filter((path) => path.endsWith('.test.ts'));
    expect(linesThatMatch(others(tests), /\b(?:it|test|describe)\.(?:skip|only|todo|fails)\b|\bx(?:it|describe)\(/)).toEqual([]);
  });

  it('swallows no error', () => {
    expect(linesThatMatch(others(sources), /catch\s*(?:\([^)]*\)\s*)?\{\s*\}|\.catch\(\(\)\s*=>\s*\{\s*\}\)/)).toEqual([]);
  });

  it('leaves nothing for later without saying so in the docs', () => {
    expect(linesThatMatch(others(sources), /\b(?:TODO|FIXME|XXX|HACK)\b/)).toEqual([]);
  });

  it('writes to the console only where a program talks to people', () => {
    const quiet = sources.filter((path) => /^(?:packages|services)\/[^/]+\/src\//.test(path));
    expect(linesThatMatch(quiet, /\bconsole\.(?:log|error|warn|info|debug)\(/)).toEqual([]);
  });
});

describe('the texts', () => {
  it('name no machine and no registry', () => {
    expect(
      linesThatMatch(others(texts), /(?:^|[\s"'`(=])\/(?:work|root|check|home\/\w+)\/|registry\.(?:npmjs|yarnpkg)|\bnpmmirror\b/),
    ).toEqual([]);
  });

  it('speak of the software alone', () => {
    expect(
      linesThatMatch(others(texts), /\b(?:issue|task|ticket) #?\d+\b|\b(?:Claude|ChatGPT|Copilot|Anthropic|OpenAI)\b|\bsubagents?\b/i),
    ).toEqual([]);
  });

  it('hold no private key', () => {
    const kept = others(texts).filter((path) => !/(?:^|\/)test\//.test(path));
    expect(linesThatMatch(kept, /-----BEGIN [A-Z ]*PRIVATE KEY-----|\bAKIA(?!.*EXAMPLE)[0-9A-Z]{16}\b/)).toEqual([]);
  });

  it('lock what is installed without saying where from', () => {
    expect(linesThatMatch(['package-lock.json'], /"resolved": "(?:https?|git)/)).toEqual([]);
  });
});
