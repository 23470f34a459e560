/** Reading: pages by keyset, visible rows only, and rows as the port gives them. */

import { HASH_BYTES, sameBytes } from '@sealtrail/merkle';
import type { DuplicateRecord } from '@sealtrail/seal';
import {
  type BatchManifest,
  type Duplicate,
  eventSchemaFields,
  headCodec,
  knownEventSchemas,
  type LogHead,
  manifestCodec,
  type Round,
  roundCodec,
  WireError,
} from '@sealtrail/wire';
import type {
  BatchLeaves,
  CheckpointRow,
  HeadRow,
  LogSize,
  PartitionKey,
  Range,
  RejectedRow,
  RowQuery,
  StoredEntry,
  StoredManifest,
  StoredRound,
} from '../port.ts';
import type { VisibleInterval } from '../visible.ts';
import { READ_SETTINGS, type RowReader } from './avro-reader.ts';
import type { RowField } from './avro-writer.ts';
import { toPlain } from './column-types.ts';
import { unflatten } from './flat.ts';
import { fixedLiteral, identifier, numberLiteral, numbersLiteral, table, textLiteral } from './literals.ts';
import {
  CHECKPOINTS,
  DUPLICATES,
  ENTRIES,
  entryPlace,
  eventColumns,
  HEADS,
  MANIFESTS,
  REJECTED,
  ROUNDS,
  type TableDefinition,
} from './tables.ts';
import { valueTypes } from './value-types.ts';

/** A query that is read page by page. */
export interface PagedQuery<Row> {
  /** A table, or a select in parentheses. */
  readonly from: string;
  readonly distinct?: true;
  /** Columns that rows are ordered by: the first of the select, so that a page's last row tells where the next begins. */
  readonly order: readonly RowField[];
  readonly rest: readonly RowField[];
  /** null: nothing can match. */
  readonly condition: string | null;
  /** Reads one row, its order columns too. */
  read(reader: RowReader): Row;
}

/** SELECT of at most so many rows after the row whose order columns are given as SQL literals; from the first on without. */
export function pageStatement<Row>(query: PagedQuery<Row>, rowsMax: number, after: readonly string[] | null): string {
  const order = query.order.map(({ name }) => identifier(name));
  const conditions = after === null ? [] : [followsCondition(order, after)];
  return `${rowsStatement(query, conditions)} ORDER BY ${order.join(', ')} LIMIT ${Math.trunc(rowsMax)} ${READ_SETTINGS}`;
}

/** SELECT of all rows whose order columns are those given: more than one only where a row was inserted again. */
export const tiedStatement = <Row>(query: PagedQuery<Row>, key: readonly string[]): string =>
  `${rowsStatement(
    query,
    query.order.map(({ name }, i) => `${identifier(name)} = ${key[i] as string}`),
  )} ${READ_SETTINGS}`;

function rowsStatement<Row>(query: PagedQuery<Row>, conditions: readonly string[]): string {
  const columns = [...query.order, ...query.rest].map(({ name }) => {
    const plain = toPlain(name);
    return plain === identifier(name) ? plain : `${plain} AS ${identifier(`${name}_bytes`)}`;
  });
  const all = [query.condition as string, ...conditions].map((condition) => `(${condition})`);
  return `SELECT ${query.distinct ? 'DISTINCT ' : ''}${columns.join(', ')} FROM ${query.from} WHERE ${all.join(' AND ')}`;
}

/** (a, b, c) > (x, y, z), in a form that the engine's primary key is used for. */
function followsCondition(order: readonly string[], after: readonly string[]): string {
  const branches = order.map((column, i) =>
    [...order.slice(0, i).map((equal, j) => `${equal} = ${after[j] as string}`), `${column} > ${after[i] as string}`].join(' AND '),
  );
  return `${order[0] as string} >= ${after[0] as string} AND (${branches.map((branch) => `(${branch})`).join(' OR ')})`;
}

const partitionCondition = ({ topic, incarnation, partition }: PartitionKey): string =>
  `topic = ${textLiteral(topic)} AND incarnation = ${numberLiteral(incarnation)} AND partition = ${numberLiteral(partition)}`;

const rangeCondition = (column: string, range: Range | undefined): readonly string[] =>
  range === undefined
    ? []
    : [`${identifier(column)} >= ${numberLiteral(range.from)}`, `${identifier(column)} < ${numberLiteral(range.to)}`];

const showsSomething = (offsets: Range | undefined): ((interval: VisibleInterval) => boolean) => {
  return ({ from, to }) => from < to && (offsets === undefined || (from < offsets.to && offsets.from < to));
};

/** The smallest range of offsets that holds every row which the intervals show within the given one. */
export function shownRange(intervals: readonly VisibleInterval[], offsets: Range): Range {
  const shown = intervals.filter(showsSomething(offsets));
  if (shown.length === 0) return { from: 0, to: 0 };
  return {
    from: Math.max(offsets.from, bounded(Math.min(...shown.map(({ from }) => from)))),
    to: Math.min(offsets.to, bounded(Math.max(...shown.map(({ to }) => to)))),
  };
}

/** A condition for rows of a partition that its intervals show; null when they show nothing. */
export function visibleRows(partition: PartitionKey, intervals: readonly VisibleInterval[], offsets: Range | undefined): string | null {
  const shown = intervals.filter(showsSomething(offsets));
  if (shown.length === 0) return null;
  const claims = shown.map(({ claim }) => claim);
  const of = (numbers: readonly number[]): string => `transform(claim, ${claimsLiteral(claims)}, ${numbersLiteral(numbers)}, toInt64(0))`;
  const froms = shown.map(({ from }) => bounded(from));
  const tos = shown.map(({ to }) => bounded(to));
  // The outermost bounds are implied; said as well, they let the index on offset leave blocks out.
  const outer = `offset >= ${numberLiteral(Math.min(...froms))} AND offset < ${numberLiteral(Math.max(...tos))}`;
  return `${partitionCondition(partition)} AND ${outer} AND offset < ${of(tos)} AND offset >= ${of(froms)}`;
}

/** Altered commit rows may say more than a number holds. */
const bounded = (value: number): number => Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, value));

const CLAIM_BYTES = 16;

/** As one literal, cut in the engine: thousands of literals would be slow to parse. */
function claimsLiteral(claims: readonly Uint8Array[]): string {
  const all = new Uint8Array(claims.length * CLAIM_BYTES);
  for (const [i, claim] of claims.entries()) all.set(claim, i * CLAIM_BYTES);
  const cut = `substring(${fixedLiteral(all)}, i * ${CLAIM_BYTES} + 1, ${CLAIM_BYTES})`;
  return `arrayMap(i -> toFixedString(${cut}, ${CLAIM_BYTES}), range(${claims.length}))`;
}

interface Narrowing {
  readonly tenant?: true;
  readonly log?: true;
  /** Column that `numbers` of a query are of. */
  readonly numbers?: string;
}

function condition(query: RowQuery, intervals: readonly VisibleInterval[], narrow: Narrowing): string | null {
  const visible = visibleRows(query.partition, intervals, query.offsets);
  if (visible === null) return null;
  return [
    visible,
    ...rangeCondition('offset', query.offsets),
    ...(narrow.tenant && query.tenant !== undefined ? [`tenant = ${textLiteral(query.tenant)}`] : []),
    ...(narrow.log && query.log !== undefined ? [`log = ${fixedLiteral(query.log)}`] : []),
    ...(narrow.numbers === undefined ? [] : rangeCondition(narrow.numbers, query.numbers)),
  ].join(' AND ');
}

/** Splits a table's columns: those that rows are ordered by, and the others. */
function ordered(
  definition: TableDefinition,
  names: readonly string[],
): { readonly order: readonly RowField[]; readonly rest: readonly RowField[] } {
  return {
    order: names.map((name) => definition.columns.find((column) => column.name === name) as RowField),
    rest: definition.columns.filter(({ name }) => !names.includes(name)),
  };
}

/** The fields of both lists, one after the other. */
function readFields(reader: RowReader, order: readonly RowField[], rest: readonly RowField[]): Record<string, unknown> {
  const row: Record<string, unknown> = {};
  for (const { name, type } of order) row[name] = reader.value(type);
  for (const { name, type } of rest) row[name] = reader.value(type);
  return row;
}

export function entriesQuery(query: RowQuery, intervals: readonly VisibleInterval[]): PagedQuery<StoredEntry> {
  const names = ['tenant', 'log', 'entry', 'offset'];
  const order = names.map((name) => ENTRIES.columns.find((column) => column.name === name) as RowField);
  const events = eventColumns();
  const place = entryPlace().filter(({ name }) => !names.includes(name));
  const bytesOf = eventBytesReader(events);
  return {
    from: table(ENTRIES.name),
    order,
    rest: [...place, ...events],
    condition: condition(query, intervals, { tenant: true, log: true, numbers: 'entry' }),
    read(reader) {
      const row = readFields(reader, order, place);
      row['bytes'] = bytesOf(reader, row['event_schema'] as Uint8Array);
      return row as unknown as StoredEntry;
    },
  };
}

/** Reads the event's bytes: those of its schema's fields among the columns of all schemas. null when they are not canonical. */
function eventBytesReader(columns: readonly RowField[]): (reader: RowReader, schema: Uint8Array) => Uint8Array | null {
  const known = knownEventSchemas().map((schema) => ({
    schema,
    fields: eventSchemaFields(schema).map(({ name }) => columns.findIndex((column) => column.name === name)),
  }));
  // Where each column begins, and the end of the last.
  const starts = new Uint32Array(columns.length + 1);
  const sectionEnds = new Uint32Array(3);
  const fault = { reason: 'malformed' as const, detail: '' };
  return (reader, sha256) => {
    for (const [i, { type }] of columns.entries()) {
      starts[i] = reader.at;
      reader.skip(type);
    }
    starts[columns.length] = reader.at;
    const found = known.find(({ schema }) => sameBytes(schema.sha256, sha256));
    if (found === undefined) return null;
    const bytes = fieldBytes(reader.bytes, starts, found.fields);
    return found.schema.walk(bytes, 0, bytes.length, sectionEnds, 0, fault) === bytes.length ? bytes : null;
  };
}

/** The fields' bytes one after the other, as a copy. */
function fieldBytes(bytes: Uint8Array, starts: Uint32Array, fields: readonly number[]): Uint8Array {
  let size = 0;
  for (const field of fields) size += (starts[field + 1] as number) - (starts[field] as number);
  const copy = new Uint8Array(size);
  // As long as there is one schema its fields are all columns, in order: one run of bytes.
  const first = starts[fields[0] as number] as number;
  if (size === (starts[starts.length - 1] as number) - first) copy.set(bytes.subarray(first, first + size));
  else {
    let at = 0;
    for (const field of fields) {
      const [start, end] = [starts[field] as number, starts[field + 1] as number];
      copy.set(bytes.subarray(start, end), at);
      at += end - start;
    }
  }
  return copy;
}

/** Leaves of whole batches: grouped in the engine, so that an event costs 32 bytes on its way. */
export function batchLeavesQuery(partition: PartitionKey, offsets: Range, intervals: readonly VisibleInterval[]): PagedQuery<BatchLeaves> {
  const { order } = ordered(ENTRIES, ['offset', 'log', 'position']);
  const rows = condition({ partition, offsets }, intervals, {});
  const hashes = valueTypes.list(valueTypes.fixed(HASH_BYTES));
  const rest = [{ name: 'leaves', type: hashes }];
  const leaves = 'arrayMap(x -> tupleElement(x, 2), arraySort(groupArray((batch_index, leaf_hash))))';
  return {
    from: `(SELECT offset, log, position, ${leaves} AS leaves FROM ${table(ENTRIES.name)} WHERE ${rows ?? '0'} GROUP BY offset, log, position)`,
    order,
    rest,
    condition: rows === null ? null : '1',
    read(reader) {
      const row = readFields(reader, order, rest);
      const all = new Uint8Array((row['leaves'] as readonly Uint8Array[]).length * HASH_BYTES);
      for (const [i, hash] of (row['leaves'] as readonly Uint8Array[]).entries()) all.set(hash, i * HASH_BYTES);
      return { ...row, leaves: all } as unknown as BatchLeaves;
    },
  };
}

export function manifestsQuery(query: RowQuery, intervals: readonly VisibleInterval[]): PagedQuery<StoredManifest> {
  const { order, rest } = ordered(MANIFESTS, ['tenant', 'log', 'position', 'offset']);
  return {
    from: table(MANIFESTS.name),
    order,
    rest,
    condition: condition(query, intervals, { tenant: true, log: true, numbers: 'position' }),
    read: (reader) => manifestOf(readFields(reader, order, rest)),
  };
}

export function manifestOf(row: Readonly<Record<string, unknown>>): StoredManifest {
  const manifest = unflatten(manifestCodec().fields, row) as unknown as BatchManifest;
  return {
    manifest,
    bytes: encodedOrNull(() => manifestCodec().encode(manifest)),
    tenant: manifest.header.tenant,
    manifest_hash: row['manifest_hash'] as Uint8Array,
    claim: row['claim'] as Uint8Array,
  };
}

export function headsQuery(query: RowQuery, intervals: readonly VisibleInterval[]): PagedQuery<HeadRow> {
  const { order, rest } = ordered(HEADS, ['offset', 'log']);
  return {
    from: table(HEADS.name),
    order,
    rest,
    condition: condition(query, intervals, { tenant: true, log: true }),
    read: (reader) => headOf(readFields(reader, order, rest)),
  };
}

/** Grouped in the engine: the table is in the order of its tenants. */
export function logSizesQuery(partition: PartitionKey, intervals: readonly VisibleInterval[]): PagedQuery<LogSize> {
  const order = ordered(HEADS, ['tenant']).order;
  const rest = ordered(HEADS, ['size']).order;
  const visible = visibleRows(partition, intervals, undefined);
  return {
    from: `(SELECT tenant, max(size) AS size FROM ${table(HEADS.name)} WHERE ${visible ?? '0'} GROUP BY tenant)`,
    order,
    rest,
    condition: visible === null ? null : '1',
    read: (reader) => readFields(reader, order, rest) as unknown as LogSize,
  };
}

export function headOf(row: Readonly<Record<string, unknown>>): HeadRow {
  const head = unflatten(headCodec().fields, row) as unknown as LogHead;
  const frontier = { size: row['frontier_size'] as number, nodes: row['frontier'] as readonly Uint8Array[] };
  return { tenant: row['tenant'] as string, head, frontier, offset: row['offset'] as number };
}

export function rejectedQuery(query: RowQuery, intervals: readonly VisibleInterval[]): PagedQuery<RejectedRow> {
  const { order, rest } = ordered(REJECTED, ['offset']);
  return {
    from: table(REJECTED.name),
    order,
    rest,
    condition: condition(query, intervals, {}),
    read(reader) {
      const row = readFields(reader, order, rest);
      delete row['claim'];
      return row as unknown as RejectedRow;
    },
  };
}

export function duplicatesQuery(query: RowQuery, intervals: readonly VisibleInterval[]): PagedQuery<DuplicateRecord> {
  const { order, rest } = ordered(DUPLICATES, ['offset']);
  return {
    from: table(DUPLICATES.name),
    order,
    rest,
    condition: condition(query, intervals, { tenant: true }),
    read(reader) {
      const { offset, header_hash, digest, tenant, recorded_at } = readFields(reader, order, rest);
      return { duplicate: { offset, header_hash, digest } as Duplicate, tenant: tenant as string, recorded_at: recorded_at as number };
    },
  };
}

export function roundsQuery(partition: PartitionKey, indexes: Range): PagedQuery<StoredRound> {
  const { order, rest } = ordered(ROUNDS, ['index', 'hash']);
  return {
    from: table(ROUNDS.name),
    // A round may have been inserted twice; one that was altered differs, and is given too.
    distinct: true,
    order,
    rest,
    condition: [partitionCondition(partition), ...rangeCondition('index', indexes)].join(' AND '),
    read: (reader) => roundOf(readFields(reader, order, rest)),
  };
}

export function checkpointsQuery(origin: string): PagedQuery<CheckpointRow> {
  const { order, rest } = ordered(CHECKPOINTS, ['size', 'note']);
  return {
    from: table(CHECKPOINTS.name),
    // One that was published again by a recovery stands twice.
    distinct: true,
    order,
    rest,
    condition: `origin = ${textLiteral(origin)}`,
    read: (reader) => readFields(reader, order, rest) as unknown as CheckpointRow,
  };
}

export function roundOf(row: Readonly<Record<string, unknown>>): StoredRound {
  const round = unflatten(roundCodec().fields, row) as unknown as Round;
  return {
    round,
    bytes: encodedOrNull(() => roundCodec().encode(round)),
    hash: row['hash'] as Uint8Array,
    operator: { size: row['operator_size'] as number, nodes: row['operator_frontier'] as readonly Uint8Array[] },
  };
}

function encodedOrNull(encode: () => Uint8Array): Uint8Array | null {
  try {
    return encode();
  } catch (error) {
    if (error instanceof WireError) return null;
    throw error;
  }
}
