import type { SqlResult } from '@sealtrail/ledger-store';
import { formatTable } from '@sealtrail/service-runtime';

/** An answer of the store as a table for people; numbers stand to the right. */
export function resultTable(result: SqlResult, width: number): string {
  if (result.rows.length === 0) return '(no rows)';
  const names = result.columns.map((column) => column.name);
  const numeric = result.columns.map((column) => /^(?:Nullable\()?(?:U?Int|Float|Decimal)/.test(column.type));
  return formatTable({
    header: names,
    rows: result.rows.map((row) => names.map((name) => cell(row[name]))),
    align: numeric.map((right) => (right ? 'right' : 'left')),
    width,
  });
}

function cell(value: unknown): string {
  if (value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
