/**
 * The columns of a record: one a field. Fields of a record inside stand beside the others; the header's keep their names,
 * so that a manifest's tenant is `tenant`, save those that the manifest itself has (`version`, `predecessor`), which are
 * `header_version` and `header_predecessor_…`.
 */
import { manifestCodec, type Plan } from '@sealtrail/wire';
import { type ValueType, valueTypes } from './value-types.ts';

/** A column and the field that it holds. */
export interface FlatColumn {
  readonly name: string;
  readonly path: readonly string[];
  /** Of a field of an optional record: optional itself. */
  readonly type: ValueType;
  readonly doc: string;
}

/** Name of the column of the field at a path. */
export function columnName(path: readonly string[]): string {
  if (path[0] === 'header') {
    const own = manifestCodec().fields.some((field) => field.name === path[1]);
    return (own ? path : path.slice(1)).join('_');
  }
  return path.join('_');
}

export function flatColumns(fields: readonly Plan[], path: readonly string[] = []): readonly FlatColumn[] {
  return fields.flatMap((field): readonly FlatColumn[] => {
    const here = [...path, field.name];
    if (field.op === 'record') return flatColumns(field.inner, here);
    const inner = field.inner[0];
    if (field.op === 'optional' && inner?.op === 'record') {
      return flatColumns(inner.inner, here).map((column) => ({
        ...column,
        type: valueTypes.optional(column.type),
      }));
    }
    return [{ name: columnName(here), path: here, type: field, doc: field.doc }];
  });
}

/** The flat columns' values of a record. Columns that are not the record's are left out. */
export const flatValues = (fields: readonly Plan[], record: object): Record<string, unknown> => flattener(fields)(record);

/** `flatValues` for many records of the same fields. */
export function flattener(fields: readonly Plan[]): (record: object) => Record<string, unknown> {
  const columns = flatColumns(fields);
  return (record) => {
    const values: Record<string, unknown> = {};
    for (const { name, path } of columns) {
      let value: unknown = record;
      for (const step of path) value = value === null ? null : (value as Readonly<Record<string, unknown>>)[step];
      values[name] = value;
    }
    return values;
  };
}

/**
 * The record that flat columns give. A record inside whose columns are all null is null; of a mixture the nulls stay in
 * it, and no encoder accepts it.
 */
export function unflatten(
  fields: readonly Plan[],
  row: Readonly<Record<string, unknown>>,
  path: readonly string[] = [],
): Record<string, unknown> {
  const record: Record<string, unknown> = {};
  for (const field of fields) {
    const here = [...path, field.name];
    const inner = field.inner[0];
    if (field.op === 'record') record[field.name] = unflatten(field.inner, row, here);
    else if (field.op === 'optional' && inner?.op === 'record') {
      const values = unflatten(inner.inner, row, here);
      record[field.name] = Object.values(values).every((value) => value === null) ? null : values;
    } else record[field.name] = row[columnName(here)];
  }
  return record;
}
