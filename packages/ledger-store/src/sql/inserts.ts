/** Rows on their way in: a container of Avro rows and the INSERT … SELECT that reads it as one block. */
import type { DuplicateRecord, SealedBatch } from '@sealtrail/seal';
import { type EventSchema, eventSchemaFields, manifestCodec } from '@sealtrail/wire';
import type { CheckpointRow, CommitRow, HeadRow, KeyRecordRow, PartitionKey, RejectedRow, RoundRow } from '../port.ts';
import { containerFrame, type RowField, RowWriter } from './avro-writer.ts';
import { fromPlain, plainType } from './column-types.ts';
import { batchRows, type RowsOfBatch } from './entry-rows.ts';
import { flattener } from './flat.ts';
import { identifier, quoted, table } from './literals.ts';
import {
  CHECKPOINTS,
  COMMITS,
  DUPLICATES,
  ENTRIES,
  entryPlace,
  HEADS,
  MANIFESTS,
  REGISTRY,
  REJECTED,
  ROUNDS,
  type TableDefinition,
} from './tables.ts';
import { valueTypes } from './value-types.ts';

export interface PreparedInsert {
  readonly table: string;
  /** That the table has then. */
  readonly rows: number;
  /** The container file, in parts that follow each other. */
  readonly parts: readonly Uint8Array[];
  /** The statement. `source` gives a table of the container's rows for the quoted text of their structure: file(…) or input(…). */
  statement(source: (structure: string) => string): string;
}

/** Everything in one block, so that the rows are there whole or not at all; and no deduplication, which is never relied on. */
const ONE_BLOCK =
  'max_block_size = 1000000000, min_insert_block_size_rows = 1000000000, min_insert_block_size_bytes = 0, max_insert_threads = 1, max_threads = 1, async_insert = 0, insert_deduplicate = 0';

/** Rows of `fields`, encoded, in pieces that follow each other. */
interface Rows {
  readonly fields: readonly RowField[];
  readonly count: number;
  readonly pieces: readonly Uint8Array[];
  /** Rows that the table gets of them, where these are others. */
  readonly inserted?: number;
}

/** `select`: what comes between INSERT INTO … and its settings, for a source of the rows. */
function prepared(
  definition: TableDefinition,
  { fields, count, pieces, inserted }: Rows,
  select: (source: string) => string,
): PreparedInsert {
  const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
  const { head, tail } = containerFrame(fields, { rows: count, bytes, ...(inserted === undefined ? {} : { inserted }) });
  const structure = quoted(fields.map(({ name, type }) => `${identifier(name)} ${plainType(type)}`).join(', '));
  return {
    table: definition.name,
    rows: inserted ?? count,
    parts: [head, ...pieces, tail],
    statement: (source) => `INSERT INTO ${table(definition.name)} ${select(source(structure))} SETTINGS ${ONE_BLOCK}`,
  };
}

const columnNames = (columns: readonly { readonly name: string }[]): string => columns.map(({ name }) => identifier(name)).join(', ');

/** An insert for each event schema among the batches: almost always one. None when there are no events. */
export function entryInserts(key: PartitionKey, claim: Uint8Array, batches: readonly SealedBatch[]): readonly PreparedInsert[] {
  const bySchema = new Map<EventSchema, SealedBatch[]>();
  for (const sealed of batches) {
    if (sealed.manifest.header.count === 0) continue;
    const group = bySchema.get(sealed.batch.schema);
    if (group === undefined) bySchema.set(sealed.batch.schema, [sealed]);
    else group.push(sealed);
  }
  return [...bySchema].map(([schema, group]) => entryInsert(schema, key, claim, group));
}

/** Short names: the statement travels in the address of a request. */
const eventName = (place: number): string => `e${place + 1}`;

function entryInsert(schema: EventSchema, key: PartitionKey, claim: Uint8Array, batches: readonly SealedBatch[]): PreparedInsert {
  const place = entryPlace();
  const ofBatch = place.slice(
    0,
    place.findIndex(({ name }) => name === 'entry'),
  );
  const parts = batches.map(({ batch, manifest }): RowsOfBatch => {
    const { tenant, producer, delivery, event_schema, count } = manifest.header;
    const { log, position, recorded_at, offset } = manifest;
    const shared = new RowWriter(1_024);
    const values: Readonly<Record<string, unknown>> = {
      ...partitionOf(key),
      tenant,
      producer,
      delivery,
      event_schema,
      log,
      position,
      recorded_at,
      offset,
      claim,
      batch_size: count,
    };
    for (const { name, type } of ofBatch) shared.value(type, values[name]);
    return { batch, shared: shared.bytes, first_entry: manifest.first_entry };
  });
  const { fixed, list, long, record } = valueTypes;
  const events = eventSchemaFields(schema);
  const fields: readonly RowField[] = [
    ...ofBatch,
    { name: 'first_entry', type: long },
    { name: 'events', type: list(record(events.map(({ plan }, i) => ({ ...plan, name: eventName(i) })))) },
    { name: 'leaves', type: list(fixed(32)) },
  ];
  // Erased is nobody yet: the digests stay null.
  const columns = `${columnNames([...events, ...ofBatch])}, entry, batch_index, leaf_hash`;
  const values = [
    ...events.map(({ name, plan }, i) => fromPlain(plan, name, eventName(i))),
    columnNames(ofBatch),
    'first_entry + number - 1, number - 1, leaf',
  ];
  // Joined field by field: the engine then takes each array's items as they are, where a joined tuple is copied.
  const joined = [...events.map((_, i) => `events.${i + 1} AS ${eventName(i)}`), 'leaves AS leaf', 'arrayEnumerate(leaves) AS number'];
  const inserted = batches.reduce((sum, { manifest }) => sum + manifest.header.count, 0);
  return prepared(
    ENTRIES,
    { fields, count: batches.length, pieces: batchRows(parts), inserted },
    (source) => `(${columns}) SELECT ${values.join(', ')} FROM ${source} ARRAY JOIN ${joined.join(', ')}`,
  );
}

export function rowsInsert(definition: TableDefinition, rows: readonly Readonly<Record<string, unknown>>[]): readonly PreparedInsert[] {
  if (rows.length === 0) return [];
  const { columns } = definition;
  const writer = new RowWriter();
  for (const row of rows) for (const { name, type } of columns) writer.value(type, row[name]);
  const values = columns.map(({ name, type }) => fromPlain(type, name)).join(', ');
  const select = (source: string): string => `(${columnNames(columns)}) SELECT ${values} FROM ${source}`;
  return [prepared(definition, { fields: columns, count: rows.length, pieces: [writer.bytes] }, select)];
}

const partitionOf = ({ topic, incarnation, partition }: PartitionKey): PartitionKey => ({ topic, incarnation, partition });

export function manifestInserts(claim: Uint8Array, batches: readonly SealedBatch[]): readonly PreparedInsert[] {
  const flat = flattener(manifestCodec().fields);
  return rowsInsert(
    MANIFESTS,
    batches.map(({ manifest, manifest_hash }) => ({ ...flat(manifest), manifest_hash, claim })),
  );
}

export const headInserts = (key: PartitionKey, claim: Uint8Array, heads: readonly HeadRow[]): readonly PreparedInsert[] =>
  rowsInsert(
    HEADS,
    heads.map(({ tenant, head, frontier, offset }) => ({
      ...head,
      ...partitionOf(key),
      claim,
      tenant,
      offset,
      frontier_size: frontier.size,
      frontier: frontier.nodes,
    })),
  );

export const rejectedInserts = (key: PartitionKey, claim: Uint8Array, rows: readonly RejectedRow[]): readonly PreparedInsert[] =>
  rowsInsert(
    REJECTED,
    rows.map((row) => ({ ...row, ...partitionOf(key), claim })),
  );

export const duplicateInserts = (key: PartitionKey, claim: Uint8Array, rows: readonly DuplicateRecord[]): readonly PreparedInsert[] =>
  rowsInsert(
    DUPLICATES,
    rows.map(({ duplicate, tenant, recorded_at }) => ({ ...duplicate, tenant, recorded_at, ...partitionOf(key), claim })),
  );

export const roundInserts = ({ round, hash, operator }: RoundRow): readonly PreparedInsert[] =>
  rowsInsert(ROUNDS, [{ ...round, hash, operator_size: operator.size, operator_frontier: operator.nodes }]);

export const commitInserts = (row: CommitRow): readonly PreparedInsert[] => rowsInsert(COMMITS, [{ ...row }]);
export const checkpointInserts = (row: CheckpointRow): readonly PreparedInsert[] => rowsInsert(CHECKPOINTS, [{ ...row }]);
export const keyRecordInserts = (rows: readonly KeyRecordRow[]): readonly PreparedInsert[] =>
  rowsInsert(
    REGISTRY,
    rows.map((row) => ({ ...row })),
  );
