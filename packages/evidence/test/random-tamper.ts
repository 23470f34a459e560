import { visibility, visibleIntervals } from '@sealtrail/ledger-store';
import type { SealedWorld } from '../../verify/test/sealed-world.ts';
import { altered } from './alter.ts';

export interface Tampering {
  readonly what: string;
  readonly apply: () => void;
}

/** Columns that no hash, manifest or claim binds: docs/spec/fsck.md lists them. */
const UNBOUND = new Set([
  'rejected.detail',
  'rejected.sealed_bytes',
  'rejected.recorded_at',
  'duplicates.tenant',
  'duplicates.recorded_at',
]);

interface Row {
  readonly table: unknown[];
  readonly row: object;
  readonly name: string;
}

/** Rows that readers see: of claims inside of their intervals, of committed rounds. */
export function seenRows({ store: { tables }, rounds }: SealedWorld): readonly Row[] {
  // Of a claim's commit rows the last stands for all.
  const last = tables.commits.filter((row) => !tables.commits.some((other) => same(other.claim, row.claim) && other.to > row.to));
  tables.commits.splice(0, tables.commits.length, ...last);
  const sees = visibility(visibleIntervals(tables.commits));
  const of = <T extends object>(name: string, table: T[], visible: (row: T) => boolean): Row[] =>
    table.filter(visible).map((row) => ({ table, row, name }));
  return [
    ...of('entries', tables.entries, (row) => sees(row.claim, row.offset)),
    ...of('manifests', tables.manifests, (row) => sees(row.claim, row.manifest.offset)),
    ...of('heads', tables.heads, (row) => sees(row.claim, row.offset)),
    ...of('rejected', tables.rejected, (row) => sees(row.claim, row.offset)),
    ...of('duplicates', tables.duplicates, (row) => sees(row.claim, row.duplicate.offset)),
    ...of('rounds', tables.rounds, (row) => rounds.some(({ hash }) => same(hash, row.hash))),
    ...of('commits', tables.commits, () => true),
  ];
}

/** Alters one column of a row, however deep it stands. */
export function alterOne({ row, name }: Row, pick: (n: number) => number): Tampering | null {
  let at = row as Record<string, unknown>;
  let path = name;
  for (;;) {
    const columns = Object.keys(at);
    const column = columns[pick(columns.length)] as string;
    path += `.${column}`;
    const value = at[column];
    if (UNBOUND.has(path)) return null;
    if (column === 'frontier' || column === 'operator') {
      const frontier = value as { readonly size: number; readonly nodes: readonly Uint8Array[] };
      return { what: path, apply: () => void (at[column] = { size: frontier.size, nodes: frontier.nodes.map(altered) }) };
    }
    if (isRecord(value)) at = value;
    else {
      const owner = at;
      const other = path.endsWith('.manifest.predecessor')
        ? { log: new Uint8Array(16), size: 1, root: new Uint8Array(32) }
        : path.endsWith('.header.predecessor')
          ? { instance: new Uint8Array(16), routine: 1, critical: 1 }
          : altered(value);
      return { what: path, apply: () => void (owner[column] = other) };
    }
  }
}

export const removeOne = ({ table, row, name }: Row): Tampering => ({
  what: `${name} removed`,
  apply: () => void table.splice(table.indexOf(row), 1),
});

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !(value instanceof Uint8Array) && !(value instanceof Map) && !Array.isArray(value);
const same = (a: Uint8Array, b: Uint8Array): boolean => a.every((byte, i) => byte === b[i]);
