/** Rows on their way in: a container of Avro rows and the INSERT … SELECT that reads it as one block. */
import type { DuplicateRecord, SealedBatch } from '@sealtrail/seal';
import { type EventSchema, eventSchemaFields, manifestCodec } from '@sealtrail/wire';
import type { CheckpointRow, CommitRow, HeadRow, KeyRecordRow, PartitionKey, RejectedRow, RoundRow } from '../port.ts';
import { containerFrame, type RowField, RowWriter } from './avro-writer.ts';
import { fromPlain, plainType } from './column-types.ts';
import { entryRows, type RowsOfBatch } from './entry-rows.ts';
import { flattener } from './flat.ts';
import { identifier, quoted, table } from './literals.ts';
import type { RowRoom } from './row-rooms.ts';
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

export interface PreparedInsert {
  readonly table: string;
  readonly rows: number;
  /** The container file, in parts that follow each other. */
  readonly parts: readonly Uint8Array[];
  /** The statement. `source` gives a table of the container's rows for the quoted text of their structure: file(…) or input(…). */
  statement(source: (structure: string) => string): string;
}

/** Everything in one block, so that the rows are there whole or not at all; and no deduplication, which is never relied on. */
const ONE_BLOCK =
  'max_block_size = 1000000000, min_insert_block_size_rows = 1000000000, min_insert_block_size_bytes = 0, max_insert_threads = 1, max_threads = 1, async_insert = 0, insert_deduplicate = 0';

function prepared(definition: TableDefinition, fields: readonly RowField[], rows: number, body: Uint8Array): PreparedInsert {
  const { head, tail } = containerFrame(fields, rows, body.length);
  const columns = fields.map(({ name }) => identifier(name)).join(', ');
  const values = fields.map(({ name, type }) => fromPlain(type, name)).join(', ');
  const structure = quoted(fields.map(({ name, type }) => `${identifier(name)} ${plainType(type)}`).join(', '));
  return {
    table: definition.name,
    rows,
    parts: [head, body, tail],
    statement: (source) =>
      `INSERT INTO ${table(definition.name)} (${columns}) SELECT ${values} FROM ${source(structure)} SETTINGS ${ONE_BLOCK}`,
  };
}

/** An insert for each event schema among the batches: almost always one. None when there are no events. */
export function entryInserts(
  key: PartitionKey,
  claim: Uint8Array,
  batches: readonly SealedBatch[],
  room: RowRoom,
): readonly PreparedInsert[] {
  const bySchema = new Map<EventSchema, SealedBatch[]>();
  for (const sealed of batches) {
    if (sealed.manifest.header.count === 0) continue;
    const group = bySchema.get(sealed.batch.schema);
    if (group === undefined) bySchema.set(sealed.batch.schema, [sealed]);
    else group.push(sealed);
  }
  return [...bySchema].map(([schema, group]) => entryInsert(schema, key, claim, group, room));
}

function entryInsert(
  schema: EventSchema,
  key: PartitionKey,
  claim: Uint8Array,
  batches: readonly SealedBatch[],
  room: RowRoom,
): PreparedInsert {
  const place = entryPlace();
  const ofBatch = place.slice(
    0,
    place.findIndex(({ name }) => name === 'entry'),
  );
  const rows = batches.reduce((sum, { manifest }) => sum + manifest.header.count, 0);
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
  const events = eventSchemaFields(schema).map(({ name, plan }): RowField => ({ name, type: plan }));
  return prepared(ENTRIES, [...events, ...place], rows, entryRows(parts, room));
}

export function rowsInsert(definition: TableDefinition, rows: readonly Readonly<Record<string, unknown>>[]): readonly PreparedInsert[] {
  if (rows.length === 0) return [];
  const writer = new RowWriter();
  for (const row of rows) for (const { name, type } of definition.columns) writer.value(type, row[name]);
  return [prepared(definition, definition.columns, rows.length, writer.bytes)];
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
