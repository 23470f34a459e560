import type { SqlResult } from '@sealtrail/ledger-store';
import { formatTable } from '@sealtrail/service-runtime';

/** A column that is squeezed below this many cells cannot be read. */
const READABLE_CELLS = 12;
const GAP_CELLS = 2;

/** An answer of the store as a table for people, numbers to the right; one table a row where the columns do not fit side by side. */
export function resultTable(result: SqlResult, width: number): string {
  if (result.rows.length === 0) return '(no rows)';
  const names = result.columns.map((column) => column.name);
  const cells = result.rows.map((row) => names.map((name) => cell(row[name])));
  const needed = names.reduce((sum, name, i) => {
    const longest = cells.reduce((most, row) => Math.max(most, row[i]?.length ?? 0), name.length);
    return sum + Math.min(longest, READABLE_CELLS) + GAP_CELLS;
  }, -GAP_CELLS);
  if (needed > width) {
    return cells
      .map((row, n) => formatTable({ header: [`row ${n + 1}`, ''], rows: names.map((name, i) => [name, row[i] ?? '']), width }))
      .join('\n\n');
  }
  const numeric = result.columns.map((column) => /^(?:Nullable\()?(?:U?Int|Float|Decimal)/.test(column.type));
  return formatTable({ header: names, rows: cells, align: numeric.map((right) => (right ? 'right' : 'left')), width });
}

function cell(value: unknown): string {
  if (value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
