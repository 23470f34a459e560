/** What an intruder does to rows, as steps that can be taken for many tenants at once: each mutation costs a part of a second. */
import { anyLeafHashExpression, manifestHashExpression, type TableDefinition, tableDefinitions } from '@sealtrail/ledger-store/sql';
import type { Intruder } from './tampering-deployment.ts';

type Values = Readonly<Record<string, string>>;

export type Step =
  | { readonly do: 'delete'; readonly table: string; readonly where: string }
  /** New values, as SQL over the row. Columns of the table's key are taken out and put in again. */
  | { readonly do: 'set'; readonly table: string; readonly where: string; readonly to: Values }
  /** Copies of the rows, with new values. */
  | { readonly do: 'copy'; readonly table: string; readonly where: string; readonly to: Values }
  /** The root of a manifest's header follows the leaves that stand at its position. */
  | { readonly do: 'root'; readonly tenant: string; readonly position: number }
  /** A manifest names the hash of the one before it. */
  | { readonly do: 'link'; readonly tenant: string; readonly position: number }
  | { readonly do: 'sql'; readonly sql: string };

export const leafOf = (): string => anyLeafHashExpression();
export const hashOf = (): string => manifestHashExpression();

/** Takes the first steps of all lists together, then the second ones, and so on. */
export async function take(intruder: Intruder, lists: readonly (readonly Step[])[]): Promise<void> {
  const longest = Math.max(...lists.map(({ length }) => length));
  for (let i = 0; i < longest; i++)
    await takeAtOnce(
      intruder,
      lists.flatMap((steps) => steps.slice(i, i + 1)),
    );
}

async function takeAtOnce(intruder: Intruder, steps: readonly Step[]): Promise<void> {
  const told = await Promise.all(steps.filter(isOfManifest).map((step) => manifestStep(intruder, step)));
  const rows = [...steps.filter(isOfRows), ...told];
  for (const definition of tableDefinitions()) {
    const own = rows.filter(({ table }) => table === definition.name);
    if (own.length > 0) await takeInTable(intruder, definition, own);
  }
  for (const step of steps) if (step.do === 'sql') await intruder.run(step.sql);
}

type RowStep = Extract<Step, { readonly table: string }>;
type ManifestStep = Extract<Step, { readonly position: number }>;
const isOfRows = (step: Step): step is RowStep => 'table' in step;
const isOfManifest = (step: Step): step is ManifestStep => 'position' in step;

async function takeInTable({ run }: Intruder, definition: TableDefinition, steps: readonly RowStep[]): Promise<void> {
  const { name: table, order_by, partition_by, engine } = definition;
  const isKey = (column: string): boolean =>
    order_by.includes(column) || (partition_by?.includes(column) ?? false) || engine.endsWith(`(${column})`);
  const set = steps.flatMap((step) => (step.do === 'set' ? [step] : []));
  const moved = set.filter(({ to }) => Object.keys(to).some(isKey));
  const copied = steps.flatMap((step) => (step.do === 'copy' ? [step] : []));
  const deleted = [...steps.filter((step) => step.do === 'delete'), ...moved];
  const put = [...moved, ...copied];
  if (put.length > 0) await run(`CREATE OR REPLACE TABLE taken ENGINE = Memory AS SELECT * FROM ${table} WHERE ${any(put)}`);
  if (deleted.length > 0) await run(`ALTER TABLE ${table} DELETE WHERE ${any(deleted)}`);
  if (put.length > 0) {
    const values = newValues(put).map(([column, value]) => `${value} AS ${column}`);
    await run(`INSERT INTO ${table} SELECT * REPLACE (${values.join(', ')}) FROM taken`);
  }
  const updated = set.filter((step) => !moved.includes(step));
  if (updated.length > 0) {
    const values = newValues(updated).map(([column, value]) => `${column} = ${value}`);
    await run(`ALTER TABLE ${table} UPDATE ${values.join(', ')} WHERE ${any(updated)}`);
  }
}

const any = (steps: readonly { readonly where: string }[]): string => steps.map(({ where }) => `(${where})`).join(' OR ');

/** Columns with what they become: each step's value where its rows are, else what they are. */
function newValues(steps: readonly { readonly where: string; readonly to: Values }[]): readonly (readonly [string, string])[] {
  const columns = [...new Set(steps.flatMap(({ to }) => Object.keys(to)))];
  return columns.map((column) => {
    const wheres = new Map<string, { readonly where: string }[]>();
    for (const { where, to } of steps) {
      const value = to[column];
      if (value !== undefined) wheres.set(value, [...(wheres.get(value) ?? []), { where }]);
    }
    const branches = [...wheres].map(([value, some]) => `${any(some)}, ${value}`);
    return [`\`${column}\``, `multiIf(${branches.join(', ')}, \`${column}\`)`];
  });
}

/** What a manifest must say for its new surroundings, read from them. */
async function manifestStep({ rows }: Intruder, step: ManifestStep): Promise<RowStep> {
  const { tenant, position } = step;
  const where = `tenant = '${tenant}' AND position = ${position}`;
  const fixed = (hex: unknown): string => `toFixedString(unhex('${hex}'), 32)`;
  if (step.do === 'link') {
    const [before] = await rows(
      `SELECT hex(manifest_hash) AS hash FROM manifests WHERE tenant = '${tenant}' AND position = ${position - 1}`,
    );
    return { do: 'set', table: 'manifests', where, to: { previous: fixed(before?.['hash']) } };
  }
  const leaves = `arrayMap(x -> x.2, arraySort(groupArray((batch_index, concat(leaf_hash, '')))))`;
  const [found] = await rows(`SELECT hex(sealtrail_root(${leaves})) AS root FROM entries WHERE ${where}`);
  return { do: 'set', table: 'manifests', where, to: { root: fixed(found?.['root']) } };
}
