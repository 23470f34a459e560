import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root, textOf, trackedFiles } from '../tidy/files.ts';

const pages = trackedFiles().filter((path) => path.endsWith('.md'));
const scripts = Object.keys((JSON.parse(textOf('package.json')) as { readonly scripts: Record<string, string> }).scripts);

/** What a heading is linked by. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[`*_]/g, '')
    .replace(/[^\p{L}\p{N} -]/gu, '')
    .trim()
    .replaceAll(' ', '-');

function anchorsOf(path: string): readonly string[] {
  return [...textOf(path).matchAll(/^#+ (.+)$/gm)].map(([, heading]) => anchorOf(heading ?? ''));
}

describe('the documentation', () => {
  it('links to pages and headings that are there', () => {
    const broken = pages.flatMap((page) =>
      [...textOf(page).matchAll(/\]\((?!https?:|mailto:)([^)\s#]*)(?:#([^)\s]*))?\)/g)].flatMap(([link, file, anchor]) => {
        const target = file === undefined || file === '' ? page : join(dirname(page), file);
        if (!existsSync(join(root, target))) return [`${page}: ${link}`];
        if (anchor === undefined || !target.endsWith('.md')) return [];
        return anchorsOf(target).includes(anchor) ? [] : [`${page}: ${link}`];
      }),
    );
    expect(broken).toEqual([]);
  });

  it('names scripts that package.json has', () => {
    const named = pages.flatMap((page) => [...textOf(page).matchAll(/npm run ([a-z:]+)/g)].map(([, name]) => ({ page, name })));
    expect(named.length).toBeGreaterThan(3);
    expect(named.filter(({ name }) => !scripts.includes(name ?? ''))).toEqual([]);
  });

  it('names files and folders that are there', () => {
    const looked = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md', 'test/acceptance/README.md'];
    const missing = looked.flatMap((page) =>
      [
        ...textOf(page).matchAll(
          /`((?:docs|packages|services|apps|test|examples|bench|schemas|scripts|\.\.|\.ci)\/[A-Za-z0-9._/-]*|[a-z-]+\.test\.ts)`/g,
        ),
      ]
        .map(([, path]) => path ?? '')
        .filter((path) => !existsSync(join(root, path)) && !existsSync(join(root, dirname(page), path)))
        .map((path) => `${page}: ${path}`),
    );
    expect(missing).toEqual([]);
  });
});
