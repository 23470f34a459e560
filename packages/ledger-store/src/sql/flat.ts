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
