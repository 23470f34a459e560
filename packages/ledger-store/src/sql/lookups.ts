/** The reads that are one statement each. */
import type { PartitionKey } from '../port.ts';
import type { VisibleInterval } from '../visible.ts';
import type { RowField } from './avro-writer.ts';
import { fixedLiteral, identifier, numberLiteral, quoted, table, textLiteral } from './literals.ts';
import { visibleRows } from './reads.ts';
import { CHECKPOINTS, COMMITS, DUPLICATES, HEADS, MANIFESTS, REGISTRY, REJECTED, ROUNDS, type TableDefinition } from './tables.ts';
import { valueTypes } from './value-types.ts';

/** A statement and the columns of its answer. */
export interface Lookup {
  readonly sql: string;
  readonly fields: readonly RowField[];
}

const { text, int, long, fixed } = valueTypes;
const select = (definition: TableDefinition, rest: string): Lookup => ({
  sql: `SELECT ${definition.columns.map(({ name }) => identifier(name)).join(', ')} FROM ${table(definition.name)} ${rest}`,
  fields: definition.columns,
});

const KEY: readonly RowField[] = [
  { name: 'topic', type: text },
  { name: 'incarnation', type: int },
  { name: 'partition', type: int },
];

/** Every partition that has a commit row or a round. */
export const partitionsLookup = (): Lookup => ({
  sql: `SELECT DISTINCT topic, incarnation, partition FROM (${[COMMITS, ROUNDS]
    .map(({ name }) => `SELECT topic, incarnation, partition FROM ${table(name)}`)
    .join(' UNION ALL ')})`,
  fields: KEY,
});

/** Rows of a claim with their largest `to`. Merges leave several a claim for a while, so they are grouped here. */
export const commitsLookup = ({ topic, incarnation, partition }: PartitionKey): Lookup => ({
  sql:
    'SELECT topic, incarnation, partition, claim, ordinal, `from`, toInt64(least(max(`to`), 9223372036854775807)) AS last, argMin(round_hash, (bitNot(`to`), round_hash)) AS hash ' +
    `FROM ${table('commits')} WHERE topic = ${textLiteral(topic)} AND incarnation = ${numberLiteral(incarnation)} AND partition = ${numberLiteral(partition)} ` +
    'GROUP BY topic, incarnation, partition, claim, ordinal, `from`',
  fields: [
    ...KEY,
    { name: 'claim', type: fixed(16) },
    { name: 'ordinal', type: long },
    { name: 'from', type: long },
    { name: 'to', type: long },
    { name: 'round_hash', type: fixed(32) },
  ],
});

export const roundLookup = (hash: Uint8Array): Lookup => select(ROUNDS, `WHERE hash = ${fixedLiteral(hash)} LIMIT 1`);

export function headLookup(partition: PartitionKey, intervals: readonly VisibleInterval[], tenant: string): Lookup | null {
  const visible = visibleRows(partition, intervals, undefined);
  return visible === null ? null : select(HEADS, `WHERE ${visible} AND tenant = ${textLiteral(tenant)} ORDER BY size DESC LIMIT 1`);
}

/** Visible rejections and duplicates together. */
export function unsealedCountLookup(partition: PartitionKey, intervals: readonly VisibleInterval[]): Lookup | null {
  const visible = visibleRows(partition, intervals, undefined);
  if (visible === null) return null;
  const counts = [REJECTED, DUPLICATES].map(({ name }) => `SELECT count() AS rows FROM ${table(name)} WHERE ${visible}`);
  return {
    sql: `SELECT toInt64(sum(rows)) AS count FROM (${counts.join(' UNION ALL ')})`,
    fields: [{ name: 'count', type: long }],
  };
}

/** Runs of sealed numbers of a tenant: numbers that follow each other have the same distance from their rank. */
export function sequencesLookup(partition: PartitionKey, intervals: readonly VisibleInterval[], tenant: string): Lookup | null {
  const visible = visibleRows(partition, intervals, undefined);
  if (visible === null) return null;
  const life = 'producer, instance, delivery';
  const numbers = `SELECT DISTINCT ${life}, sequence FROM ${table('manifests')} WHERE ${visible} AND tenant = ${textLiteral(tenant)}`;
  const ranked = `SELECT ${life}, sequence, sequence - row_number() OVER (PARTITION BY ${life} ORDER BY sequence) AS run FROM (${numbers})`;
  return {
    sql: `SELECT ${life}, min(sequence) AS first, max(sequence) AS last FROM (${ranked}) GROUP BY ${life}, run ORDER BY first`,
    fields: [
      { name: 'producer', type: text },
      { name: 'instance', type: fixed(16) },
      { name: 'delivery', type: MANIFESTS.columns.find(({ name }) => name === 'delivery')?.type ?? text },
      { name: 'first', type: long },
      { name: 'last', type: long },
    ],
  };
}

export function sealedHeaderLookup(
  partition: PartitionKey,
  intervals: readonly VisibleInterval[],
  key: {
    readonly tenant: string;
    readonly producer: string;
    readonly instance: Uint8Array;
    readonly delivery: string;
    readonly sequence: number;
  },
): Lookup | null {
  const visible = visibleRows(partition, intervals, undefined);
  if (visible === null) return null;
  const conditions = [
    visible,
    `tenant = ${textLiteral(key.tenant)}`,
    `producer = ${textLiteral(key.producer)}`,
    `instance = ${fixedLiteral(key.instance)}`,
    `delivery = ${quoted(key.delivery)}`,
    `sequence = ${numberLiteral(key.sequence)}`,
  ];
  return select(MANIFESTS, `WHERE ${conditions.join(' AND ')} ORDER BY offset LIMIT 1`);
}

export const latestCheckpointLookup = (origin: string): Lookup =>
  select(CHECKPOINTS, `WHERE origin = ${textLiteral(origin)} ORDER BY size DESC LIMIT 1`);

export const keyRecordsLookup = (): Lookup => {
  const { sql, fields } = select(REGISTRY, 'ORDER BY `index`, bytes');
  return { sql: sql.replace('SELECT ', 'SELECT DISTINCT '), fields };
};
