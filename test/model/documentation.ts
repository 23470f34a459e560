/** The tables of docs/spec/commit-model.md, as the cases give them. */
import type { ExhaustiveCase, RemovalCase } from './cases.ts';
import { BOUNDS, type Bounds } from './rules.ts';

type Columns<Row> = Readonly<Record<string, (row: Row) => string>>;

export const CELLS_OF_RUNS: Columns<ExhaustiveCase> = {
  run: ({ name }) => name,
  'bounds that differ': ({ bounds }) => boundsText(bounds),
  states: ({ states }) => states.toLocaleString('en-US'),
};

export const CELLS_OF_REMOVALS: Columns<RemovalCase> = {
  removed: ({ name }) => `\`${name}\``,
  'what then happens': ({ does }) => does,
  found: ({ found }) => (typeof found === 'string' ? found : `nothing: ${found.redundant}`),
};

export function tableOf<Row>(columns: Columns<Row>, rows: readonly Row[]): string {
  const lines = [
    Object.keys(columns),
    Object.keys(columns).map(() => '---'),
    ...rows.map((row) => Object.values(columns).map((cell) => cell(row))),
  ];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function boundsText(bounds: Partial<Bounds>): string {
  const names = Object.keys(BOUNDS) as (keyof Bounds)[];
  const changed = names.filter((name) => bounds[name] !== undefined && bounds[name] !== BOUNDS[name]);
  return changed.map((name) => `${name} ${bounds[name]}`).join(', ') || 'none';
}
