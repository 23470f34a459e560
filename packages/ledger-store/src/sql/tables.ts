/**
 * The tables, generated from the schemas: one column a field, no raw bytes beside them, no column that neither a hash, nor
 * a manifest, nor the claim binds.
 */
import {
  duplicateCodec,
  type EventSchema,
  eventSchemaFields,
  headCodec,
  knownEventSchemas,
  manifestCodec,
  type Plan,
  rejectionCodec,
  roundCodec,
} from '@sealtrail/wire';
import { alertTables } from '../alerts/tables.ts';
import { anyLeafHashExpression, erasedExpression, manifestHashExpression } from './avro-expressions.ts';
import { codecOf, columnType } from './column-types.ts';
import { flatColumns } from './flat.ts';
import { identifier, quoted, table } from './literals.ts';
import { type ValueType, valueTypes } from './value-types.ts';

/** A column as tables, inserts and reads need it. `type` says how its value stands in an Avro row. */
export interface TableColumn {
  readonly name: string;
  readonly type: ValueType;
  readonly doc: string;
  /** Type in the table where it does not follow from `type`. */
  readonly stored_as?: string;
}

export interface TableDefinition {
  readonly name: string;
  readonly doc: string;
  readonly columns: readonly TableColumn[];
  readonly engine: string;
  readonly order_by: readonly string[];
  readonly partition_by?: string;
  /** name → expression, type and granularity. */
  readonly indexes?: Readonly<Record<string, string>>;
  /** name → expression. */
  readonly checks?: Readonly<Record<string, string>>;
}

const { text, long, int, millis, fixed, optional, list } = valueTypes;
const column = (name: string, type: ValueType, doc: string): TableColumn => ({ name, type, doc });

const place: readonly TableColumn[] = [
  column('topic', text, 'Topic of the record.'),
  column('incarnation', int, 'Incarnation of the topic.'),
  column('partition', int, 'Partition of the record.'),
  column('offset', long, 'Offset of the record.'),
  column('claim', fixed(16), 'The claim that wrote the row: visible by the intervals of the claims (docs/spec/commit.md).'),
];

/** Columns of an entry that are not its event's: in the order in which an insert appends them. */
export const entryPlace = (): readonly TableColumn[] => {
  const header = headerField;
  return [
    // The same for all events of a batch: one run of bytes in an insert.
    column('log', fixed(16), "Id of the tenant's log."),
    column('tenant', text, header('tenant').doc),
    column('producer', text, header('producer').doc),
    column('delivery', header('delivery'), header('delivery').doc),
    column('position', long, "Position of the batch's manifest in the log."),
    column('batch_size', int, 'Number of events in the batch.'),
    column('event_schema', fixed(32), header('event_schema').doc),
    column('recorded_at', millis, "The larger of the record's append time and the previous recorded_at of the partition."),
    ...place,
    // Each event's own.
    column('entry', long, 'Number of the event in its log: 0, 1, 2…'),
    column('batch_index', int, 'Number of the event in its batch.'),
    column('leaf_hash', fixed(32), 'Leaf of the event in its batch; the columns recompute to it.'),
    column('actor_digest', optional(fixed(32)), 'Set when the actor section was erased: its digest.'),
    column('object_digest', optional(fixed(32)), 'Set when the object section was erased: its digest.'),
  ];
};

function headerField(name: string): Plan {
  const header = manifestCodec().fields.find((field) => field.name === 'header') as Plan;
  return header.inner.find((field) => field.name === name) as Plan;
}

/** Fields of every published schema, each once, in the order in which they came to be. */
export function eventColumns(schemas: readonly EventSchema[] = knownEventSchemas()): readonly TableColumn[] {
  const columns = new Map<string, TableColumn>();
  for (const schema of schemas) {
    for (const { name, plan, doc } of eventSchemaFields(schema)) if (!columns.has(name)) columns.set(name, column(name, plan, doc));
  }
  return [...columns.values()];
}

const ofFields = (fields: readonly Plan[]): readonly TableColumn[] =>
  flatColumns(fields).map(({ name, type, doc }) => column(name, type, doc));

export const ENTRIES: TableDefinition = {
  name: 'entries',
  doc: 'Sealed events, one a row. Read the view audit_events: it shows committed rows only.',
  columns: [...eventColumns(), ...entryPlace()],
  engine: 'MergeTree',
  order_by: ['tenant', 'log', 'entry'],
  // By the ledger's time: a producer's clock could ask for more partitions than an insert may make.
  partition_by: 'toYYYYMM(recorded_at)',
  indexes: {
    ix_occurred_at: 'occurred_at TYPE minmax GRANULARITY 1',
    ix_offset: 'offset TYPE minmax GRANULARITY 1',
    ix_event_id: 'event_id TYPE bloom_filter(0.01) GRANULARITY 1',
    ix_actor_id: 'actor_id TYPE bloom_filter(0.01) GRANULARITY 1',
    ix_token_id_hash: 'token_id_hash TYPE bloom_filter(0.01) GRANULARITY 1',
    ix_source_ip: 'source_ip TYPE bloom_filter(0.01) GRANULARITY 1',
    ix_resource_id: 'resource_id TYPE bloom_filter(0.01) GRANULARITY 1',
  },
  checks: { leaf_hash_recomputes: `leaf_hash = ${anyLeafHashExpression()}`, erased_sections_are_empty: erasedExpression() },
};

export const MANIFESTS: TableDefinition = {
  name: 'manifests',
  doc: "Leaves of the tenants' logs, one a sealed batch.",
  columns: [
    ...ofFields(manifestCodec().fields),
    column('manifest_hash', fixed(32), 'Leaf hash of the manifest; the columns recompute to it.'),
    place[4] as TableColumn,
  ],
  engine: 'MergeTree',
  order_by: ['tenant', 'log', 'position'],
  partition_by: 'toYYYYMM(recorded_at)',
  indexes: { ix_offset: 'offset TYPE minmax GRANULARITY 1', ix_instance: 'instance TYPE bloom_filter(0.01) GRANULARITY 1' },
  checks: { manifest_hash_recomputes: `manifest_hash = ${manifestHashExpression()}` },
};

export const HEADS: TableDefinition = {
  name: 'heads',
  doc: "Heads of the tenants' logs after each round that touched them.",
  columns: [
    ...place,
    column('tenant', text, 'Tenant of the log.'),
    ...ofFields(headCodec().fields),
    column('frontier_size', long, 'Leaves under the frontier.'),
    column('frontier', list(fixed(32)), 'Roots of the perfect subtrees, largest first: what appending needs.'),
  ],
  engine: 'MergeTree',
  order_by: ['tenant', 'log', 'size'],
  indexes: { ix_offset: 'offset TYPE minmax GRANULARITY 1' },
};

export const REJECTED: TableDefinition = {
  name: 'rejected',
  doc: 'Records that were not sealed, with the reason and their bytes for the ledger alone.',
  columns: [
    ...place,
    ...ofFields(rejectionCodec().fields).filter(({ name }) => name !== 'offset'),
    column('detail', text, 'What was found, in words.'),
    column('recorded_at', millis, "The larger of the record's append time and the previous recorded_at of the partition."),
    column('sealed_bytes', text, "The record's value, of one over 512 KiB its first 64 KiB, as a compact JWE to the ledger's key."),
  ],
  engine: 'MergeTree',
  order_by: ['topic', 'incarnation', 'partition', 'offset'],
};

export const DUPLICATES: TableDefinition = {
  name: 'duplicates',
  doc: 'Records whose number was sealed before, with the same header.',
  columns: [
    ...place,
    ...ofFields(duplicateCodec().fields).filter(({ name }) => name !== 'offset'),
    column('tenant', text, 'Tenant of the batch.'),
    column('recorded_at', millis, "The larger of the record's append time and the previous recorded_at of the partition."),
  ],
  engine: 'MergeTree',
  order_by: ['topic', 'incarnation', 'partition', 'offset'],
};

export const ROUNDS: TableDefinition = {
  name: 'rounds',
  doc: 'Rounds as content, committed or not: leaves of the operator logs.',
  columns: [
    ...ofFields(roundCodec().fields),
    column('hash', fixed(32), 'Leaf hash of the round.'),
    column('operator_size', long, 'Leaves under the frontier of the operator log.'),
    column('operator_frontier', list(fixed(32)), 'Frontier of the operator log after this round.'),
  ],
  // The same round may be inserted again: one row of it is enough.
  engine: 'ReplacingMergeTree',
  order_by: ['topic', 'incarnation', 'partition', 'index', 'hash'],
};

export const COMMITS: TableDefinition = {
  name: 'commits',
  doc: 'How far each claim is committed. The largest `to` of a claim counts.',
  columns: [
    ...place.filter(({ name }) => name !== 'offset'),
    column('ordinal', long, "The claim's rank: its predecessor's and one."),
    column('from', long, 'First offset of the claim.'),
    // Unsigned, as the engine wants what it chooses rows by.
    { ...column('to', long, 'Offset after the last that is committed.'), stored_as: 'UInt64' },
    column('round_hash', fixed(32), 'Hash of the last committed round.'),
  ],
  // A claim has one row for each of its rounds and needs the last: merges keep the largest `to`.
  engine: 'ReplacingMergeTree(to)',
  order_by: ['topic', 'incarnation', 'partition', 'claim', 'ordinal', 'from'],
};

export const CHECKPOINTS: TableDefinition = {
  name: 'checkpoints',
  doc: 'Signed checkpoints, as C2SP notes.',
  columns: [
    column('origin', text, 'Origin of the log.'),
    column('size', long, 'Size of the tree.'),
    column('root', fixed(32), 'Root of the tree.'),
    column('note', text, 'The signed note.'),
  ],
  engine: 'MergeTree',
  order_by: ['origin', 'size'],
};

export const REGISTRY: TableDefinition = {
  name: 'registry',
  doc: 'Copy of the key registry: its records as they stand in their stream.',
  columns: [
    column('index', long, 'Place of the record in the registry: 0, 1, 2…'),
    column('bytes', valueTypes.bytes, 'The record as it stands, also one that does not parse.'),
  ],
  engine: 'MergeTree',
  order_by: ['index'],
};

export const tableDefinitions = (): readonly TableDefinition[] => [
  ENTRIES,
  MANIFESTS,
  HEADS,
  REJECTED,
  DUPLICATES,
  ROUNDS,
  COMMITS,
  CHECKPOINTS,
  REGISTRY,
  ...alertTables(),
];

/** Uncompressed: a few rounds' worth. */
const WIDE_PART_BYTES_MIN = 67_108_864;

/** CREATE TABLE IF NOT EXISTS. Adding a check to a table that stands costs hundreds of ms; here it is nearly free. */
export function createTable(definition: TableDefinition, checked: boolean): string {
  const columns = definition.columns.map(
    ({ name, type, doc, stored_as }) =>
      `  ${identifier(name)} ${stored_as ?? columnType(type, name)}${doc === '' ? '' : ` COMMENT ${quoted(doc)}`} CODEC(${codecOf(name)})`,
  );
  const indexes = Object.entries(definition.indexes ?? {}).map(([name, body]) => `  INDEX ${identifier(name)} ${body}`);
  const checks = Object.entries(definition.checks ?? {}).map(
    ([name, expression]) => `  CONSTRAINT ${identifier(name)} CHECK ${expression}`,
  );
  return [
    `CREATE TABLE IF NOT EXISTS ${table(definition.name)} (`,
    [...columns, ...indexes, ...(checked ? checks : [])].join(',\n'),
    `) ENGINE = ${definition.engine}`,
    ...(definition.partition_by === undefined ? [] : [`PARTITION BY ${definition.partition_by}`]),
    `ORDER BY (${definition.order_by.map(identifier).join(', ')})`,
    // An insert that is answered is on disk, with its folder's entry.
    // A round's rows are one file a part, not two a column, until a merge: files and their syncs were a third of an insert.
    `SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_bytes_for_wide_part = ${WIDE_PART_BYTES_MIN}`,
    `COMMENT ${quoted(definition.doc)}`,
  ].join('\n');
}

/** Assignments, for ALTER … UPDATE, that set the columns of a section to their types' defaults. */
export const erasedAssignments = (section: 'actor' | 'object', schemas: readonly EventSchema[] = knownEventSchemas()): readonly string[] =>
  eventColumns(schemas)
    .filter(({ name }) =>
      schemas.some((schema) => eventSchemaFields(schema).some((field) => field.name === name && field.section === section)),
    )
    .map(({ name, type }) => `${identifier(name)} = defaultValueOfTypeName(${quoted(columnType(type, name))})`);
