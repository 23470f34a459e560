/** A directory in which each case has a tenant of its own: all alterations are made at once, and one fsck finds them all. */
import type { DataDirectory } from '@sealtrail/data-directory';
import type { FsckFinding } from '@sealtrail/evidence';
import { type TableDefinition, tableDefinitions } from '@sealtrail/ledger-store/sql';
import type { Alteration, Alterations, Known } from './tampering-columns.ts';
import { intrude, type Place, placeOf, sealedDirectory, type Wave } from './tampering-deployment.ts';
import type { RowCase } from './tampering-rows.ts';
import { type Step, take } from './tampering-steps.ts';

/** A table whose columns are altered in turn. */
export interface AlteredTable {
  readonly definition: TableDefinition;
  readonly alterations: (known: Known) => Alterations;
  /** Column that numbers a tenant's rows, and the rows that are altered: the first, one in the middle, the last. */
  readonly key: string;
  readonly rows: readonly number[];
  readonly placeOf: (row: number) => Partial<Place>;
}

export interface Case {
  readonly title: string;
  /** As the log's id is not known before it is sealed, without it. */
  readonly finds: readonly Place[];
  /** The tenants that these findings may name. */
  readonly tenants: readonly string[];
}

/** One column of one row. */
interface ColumnAlteration {
  readonly tenant: string;
  readonly column: string;
  readonly alteration: Alteration;
  readonly row: number;
}

const NOTHING_KNOWN: Known = { bystander: 'that of another', claims: ['one', 'the other'] };
const rowTenant = (i: number): string => `rows.${i}`;
const secondTenant = (i: number): string => `rows.${i}.second`;

/** A tenant for each alteration of a column, made in its first row, in one in the middle and in its last. */
const columnAlterations = ({ definition, alterations, rows }: AlteredTable, known: Known): readonly ColumnAlteration[] =>
  Object.entries(alterations(known)).flatMap(([column, list]) =>
    list.flatMap((alteration, i) => rows.map((row) => ({ tenant: `${definition.name}.${column}.${i}`, column, alteration, row }))),
  );

/** Names of the columns that have alterations, sorted. */
export const columnsOf = ({ alterations }: AlteredTable): readonly string[] =>
  Object.entries(alterations(NOTHING_KNOWN))
    .filter(([, list]) => list.length > 0)
    .map(([column]) => column)
    .sort();

const EXPRESSION_SHOWN_MAX = 40;

/** Each case's findings are all that name its tenants. */
export function casesOf(tables: readonly AlteredTable[], rowCases: readonly RowCase[]): readonly Case[] {
  const columns = tables.flatMap((table) => {
    const all = columnAlterations(table, NOTHING_KNOWN);
    return [...new Set(all.map(({ tenant }) => tenant))].map((tenant): Case => {
      const own = all.filter((one) => one.tenant === tenant) as [ColumnAlteration, ...ColumnAlteration[]];
      const [{ column, alteration }] = own;
      const places = own.map(({ row }): Place => ({ code: alteration.finds, tenant, ...table.placeOf(row) }));
      return {
        title: `${table.definition.name}.${column} becomes ${alteration.to.slice(0, EXPRESSION_SHOWN_MAX)}: ${alteration.finds}`,
        finds: places,
        tenants: [tenant],
      };
    });
  });
  const rows = rowCases.map(({ title, finds }, i): Case => {
    const names = { first: rowTenant(i), second: secondTenant(i), 'never-was': `${rowTenant(i)}.never-was` };
    const places = finds.map(({ in: where, ...place }): Place => ({ ...place, tenant: names[where ?? 'first'] }));
    const codes = [...new Set(finds.map(({ code }) => code))];
    return { title: `${title}: ${codes.length === 0 ? 'nothing' : codes.join(', ')}`, finds: places, tenants: Object.values(names) };
  });
  return [...columns, ...rows];
}

/** Seals, for every tenant: entries 0–2 at position 0, 3–5 at 1, 6–8 at 2, a heartbeat at 3, 9–11 at 4. */
export async function sealedWorld(dir: string, tables: readonly AlteredTable[], rowCases: readonly RowCase[]): Promise<DataDirectory> {
  const tenants = [
    ...new Set(tables.flatMap((table) => columnAlterations(table, NOTHING_KNOWN).map(({ tenant }) => tenant))),
    ...rowCases.flatMap(({ finds }, i) => [rowTenant(i), ...(finds.some((one) => one.in === 'second') ? [secondTenant(i)] : [])]),
    'bystander',
  ];
  const wave = (...batches: readonly number[]): Wave => tenants.flatMap((tenant) => batches.map((events) => ({ tenant, events })));
  return sealedDirectory(dir, [[wave(3, 3), wave(3, 0)], [wave(3)]]);
}

/** Makes all alterations. Gives each tenant's log, in hex. */
export async function alterWorld(
  directory: DataDirectory,
  tables: readonly AlteredTable[],
  rowCases: readonly RowCase[],
): Promise<ReadonlyMap<string, string>> {
  return intrude(directory, async (intruder) => {
    const heads = await intruder.rows('SELECT DISTINCT tenant, lower(hex(log)) AS log FROM heads');
    const logs = new Map(heads.map(({ tenant, log }) => [String(tenant), String(log)]));
    const claims = await intruder.rows('SELECT hex(claim) AS claim FROM commits GROUP BY claim, ordinal ORDER BY ordinal');
    const fixed = (hex: unknown): string => `toFixedString(unhex('${hex}'), 16)`;
    const [first, second] = claims.map(({ claim }) => fixed(claim)) as [string, string];
    const known: Known = { bystander: fixed(logs.get('bystander')), claims: [first, second] };
    // Whoever can insert can drop what guards inserts.
    for (const { name, checks } of tableDefinitions())
      for (const check of Object.keys(checks ?? {})) await intruder.run(`ALTER TABLE ${name} DROP CONSTRAINT ${check}`);
    const columns = tables.flatMap((table) => columnAlterations(table, known).map((one): Step[] => [columnStep(table, one)]));
    await take(intruder, [...columns, ...rowCases.map(({ steps }, i) => steps(rowTenant(i), secondTenant(i)))]);
    return logs;
  });
}

const columnStep = ({ definition, key }: AlteredTable, { tenant, row, column, alteration }: ColumnAlteration): Step => ({
  do: 'set',
  table: definition.name,
  where: `tenant = '${tenant}' AND ${key} = ${row}`,
  to: { [column]: alteration.to },
});

/** Places in an order of their own, with the log of each tenant, to be compared. */
export const sorted = (places: readonly Place[], logs: ReadonlyMap<string, string>): readonly Place[] =>
  places
    // Rows under a tenant that never was bear the log of the tenant that they were copied from.
    .map((place) => ({ log: logs.get(place.tenant?.replace(/\.never-was$/, '') ?? '') ?? '', ...place }))
    .sort(
      (a, b) =>
        compare(a.tenant ?? '', b.tenant ?? '') ||
        (a.position ?? -1) - (b.position ?? -1) ||
        (a.entry ?? -1) - (b.entry ?? -1) ||
        compare(a.code, b.code),
    );
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** The findings that name these tenants. */
export const placesIn = (findings: readonly FsckFinding[], tenants: readonly string[]): readonly Place[] =>
  sorted(findings.filter(({ tenant }) => tenant !== undefined && tenants.includes(tenant)).map(placeOf), new Map());
