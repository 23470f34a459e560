/** The Markdown of this repository, as its readers meet it. */
import { textOf, trackedFiles } from '../tidy/files.ts';

export interface Document {
  /** From the root. */
  readonly path: string;
  readonly text: string;
}

export const documents = (): readonly Document[] =>
  trackedFiles()
    .filter((path) => path.endsWith('.md'))
    .map((path) => ({ path, text: textOf(path) }));

const CODE_BLOCK = /^```[\s\S]*?^```$|(?:^ {4}.*\n)+/gm;
const withoutCode = (text: string): string => text.replace(CODE_BLOCK, '');

/** Targets of links that lead to no other site. */
export const localLinks = (text: string): readonly string[] =>
  [...withoutCode(text).matchAll(/\]\(([^()\s]+)\)/g)].map(([, target]) => target as string).filter((target) => !/^[a-z]+:/.test(target));

/** Anchors as GitHub makes them from headings. */
export function anchorsOf(text: string): ReadonlySet<string> {
  const seen = new Map<string, number>();
  const anchors = [...withoutCode(text).matchAll(/^#{1,6} (.*)$/gm)].map(([, heading = '']) => {
    const plain = heading.replace(/[`*]|\]\([^)]*\)|\[/g, '').trim();
    const anchor = plain
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{M}_ -]/gu, '')
      .replaceAll(' ', '-');
    const before = seen.get(anchor) ?? 0;
    seen.set(anchor, before + 1);
    return before === 0 ? anchor : `${anchor}-${before}`;
  });
  return new Set(anchors);
}

/** What stands in backticks within a line of prose. */
export const codeSpans = (text: string): readonly string[] =>
  [...withoutCode(text).matchAll(/`([^`\n]+)`/g)].map(([, code]) => code as string);
