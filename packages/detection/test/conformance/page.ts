/** The table of docs/detection/sigma.md that follows from the tables of cases. */
import type { Case } from './case.ts';
import { FORM_CASES } from './form-cases.ts';
import { TEXT_CASES } from './text-cases.ts';
import { TYPED_CASES } from './typed-cases.ts';

const BEGIN = '<!-- generated: conformance -->';
const END = '<!-- end: conformance -->';

/** Puts the table between its markers and leaves the rest as it stands. Throws when a marker is not there. */
export function withConformance(page: string): string {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`docs/detection/sigma.md lacks the markers ${BEGIN} … ${END}`);
  return `${page.slice(0, from + BEGIN.length)}\n${table()}\n${page.slice(to)}`;
}

function table(): string {
  const sections: readonly (readonly [file: string, cases: readonly Case[]])[] = [
    ['text-cases.ts', TEXT_CASES],
    ['typed-cases.ts', TYPED_CASES],
    ['form-cases.ts', FORM_CASES],
  ];
  const rows = sections.flatMap(([file, cases]) => {
    const features = [...new Set(cases.map(({ feature }) => feature))];
    return features.flatMap((feature) => cases.filter((one) => one.feature === feature).map((one, i) => row(one, i === 0, file)));
  });
  return ['| | what holds | shown by | where |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

function row({ feature, says, hits = [], misses = [], refused }: Case, isFirst: boolean, file: string): string {
  const shown = refused === undefined ? `${counted(hits.length, 'hit')}, ${counted(misses.length, 'miss')}` : `refused: \`${refused}\``;
  return `| ${isFirst ? escaped(feature) : ''} | ${escaped(says)} | ${shown} | \`${file}\` |`;
}

const counted = (count: number, what: 'hit' | 'miss'): string => `${count} ${what}${count === 1 ? '' : what === 'hit' ? 's' : 'es'}`;
const escaped = (text: string): string => text.replaceAll(/[|*_\\]/g, '\\$&');
