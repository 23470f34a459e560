import { readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root, sealtrail } from '../acceptance/cli.ts';
import { trackedFiles } from '../tidy/files.ts';
import { anchorsOf, codeSpans, type Document, documents, localLinks } from './documents.ts';

const files = trackedFiles();
const folders = new Set(files.flatMap((path) => path.split('/').map((_, i, parts) => parts.slice(0, i).join('/'))));
const all = documents();
/** Stands for a name. */
const PLACEHOLDER = /\bNAME\b/;

describe.each(all)('$path', ({ path, text }) => {
  it('links to files that are there, and to headings that they have', () => {
    expect(localLinks(text).filter((target) => !resolves(path, text, target))).toEqual([]);
  });

  it('names files and folders that are there', () => {
    expect(pathsIn(text).filter((named) => !isThere(named, path))).toEqual([]);
  });

  it('names commands of npm that are there', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
    const named = [...text.matchAll(/\bnpm (?:run (?:--silent )?([a-z:]+)|(test|start)\b)/g)].map(([, script, short]) => script ?? short);
    expect(named.filter((script) => !Object.hasOwn(scripts, script as string))).toEqual([]);
  });
});

function resolves(from: string, text: string, target: string): boolean {
  const [file = '', anchor] = target.split('#');
  const path = file === '' ? from : posix.normalize(posix.join(posix.dirname(from), file)).replace(/\/$/, '');
  if (anchor === undefined) return files.includes(path) || folders.has(path);
  const linked = file === '' ? text : all.find((document: Document) => document.path === path)?.text;
  return linked !== undefined && anchorsOf(linked).has(anchor);
}

/** What looks like a path of this repository: below one of its folders, or with the extension of a source. */
const pathsIn = (text: string): readonly string[] =>
  codeSpans(text).filter(
    (code) =>
      /^(?:\.\/)?[\w.-]+(?:\/[\w.-]+)*\/?$/.test(code) &&
      (/\.(?:ts|mjs|md|json|avsc)$/.test(code) ||
        code.endsWith('/') ||
        /^(?:packages|services|apps|test|docs|schemas|examples|bench|scripts|\.ci|\.\.)\//.test(code)) &&
      !PLACEHOLDER.test(code),
  );

/** From the root, from the document's folder, or the end of one path: prose goes on without naming the folder anew. */
function isThere(named: string, from: string): boolean {
  const name = posix.normalize(named).replace(/\/$/, '');
  const paths = [...files, ...folders];
  const nearby = posix.join(posix.dirname(from), name);
  return paths.some((path) => path === name || path === nearby || path.endsWith(`/${name}`));
}

it('the tests of this file see what is wrong', () => {
  const text = '# One\n\n[a](b.md) [c](#two) `packages/nowhere` `nothing.ts`\n\n    [in](code.md)\n';
  expect(localLinks(text).map((target) => resolves('README.md', text, target))).toEqual([false, false]);
  expect(pathsIn(text).map((named) => isThere(named, 'README.md'))).toEqual([false, false]);
  expect(resolves('docs/spec/event.md', text, '../../README.md')).toBe(true);
  expect([...anchorsOf('## What `it` holds, *now*\n## A\n## A\n')]).toEqual(['what-it-holds-now', 'a', 'a-1']);
});

it('commands of sealtrail that documents name are there', async () => {
  const help = (await sealtrail('--help')).stdout;
  const commands = [...help.matchAll(/^ {2}([a-z]+)(?= )/gm)].map(([, name]) => name);
  expect(commands.length).toBeGreaterThan(8);
  const named = new Set(all.flatMap(({ text }) => [...text.matchAll(/(?:\.\/|`)sealtrail ([a-z]+)/g)].map(([, name]) => name)));
  expect([...named].filter((name) => !commands.includes(name))).toEqual([]);
});
