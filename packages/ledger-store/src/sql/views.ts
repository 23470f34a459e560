/** The views: what is visible, and what analysts read. */
import { CANARY_PRODUCER, CANARY_TENANT_PREFIX } from '@sealtrail/wire';
import { columnType } from './column-types.ts';
import { identifier, quoted, table } from './literals.ts';
import { entryPlace, eventColumns, type TableColumn } from './tables.ts';

/**
 * One row a claim and partition: rows of the claim with `from <= offset < to` are visible. `to` is the smaller of the
 * claim's own largest `to` and the smallest `from` of any claim with a higher ordinal (docs/spec/commit.md, "Visible").
 */
export const intervalsView = (): string => `CREATE OR REPLACE VIEW ${table('intervals')} AS
SELECT topic, incarnation, partition, claim, ordinal, first AS \`from\`, least(last, ifNull(cut, last)) AS \`to\`
FROM (
  SELECT *, min(toNullable(first)) OVER (
    PARTITION BY topic, incarnation, partition ORDER BY ordinal DESC RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
  ) AS cut
  FROM (
    SELECT topic, incarnation, partition, claim, argMax(ordinal, \`to\`) AS ordinal, min(\`from\`) AS first, toInt64(least(max(\`to\`), 9223372036854775807)) AS last
    FROM ${table('commits')} GROUP BY topic, incarnation, partition, claim
  )
)
COMMENT ${quoted('Which offsets each claim shows: rows of the claim with from <= offset < to are visible.')}`;

/**
 * A condition that holds for visible rows of a table with claim and offset. By arrays of the intervals as one scalar: many
 * times cheaper than a join, and computed once a query. Claims are random, so the claim alone is the key.
 */
export function visibleCondition(): string {
  const intervals = `(SELECT (groupArray(claim), groupArray(\`from\`), groupArray(\`to\`)) FROM ${table('intervals')})`;
  const of = (nth: number): string => `transform(claim, tupleElement(${intervals}, 1), tupleElement(${intervals}, ${nth}), toInt64(0))`;
  return `offset < ${of(3)} AND offset >= ${of(2)}`;
}

/** A condition that holds for rows that a deployment sent to itself (`isCanary`): both names are the deployment's own. */
export const canaryCondition = (): string =>
  `producer = ${quoted(CANARY_PRODUCER)} AND startsWith(tenant, ${quoted(CANARY_TENANT_PREFIX)})`;

/** What is read most stands first. */
const FIRST = ['tenant', 'entry', 'occurred_at', 'action', 'outcome', 'severity', 'actor_type', 'actor_id', 'resource_type', 'resource_id'];
/** Salts say nothing to a reader, claims are the ledger's own. */
const LEFT_OUT = ['actor_salt', 'object_salt', 'claim', 'actor_digest', 'object_digest'];

export interface ViewColumn {
  readonly name: string;
  readonly type: string;
  readonly doc: string;
  /** What gives it, over the columns of entries. */
  readonly expression: string;
}

/** Columns of audit_events. Hashes stay FixedString(32), so that the indexes serve: compare with unhex('…'). */
export function auditEventsColumns(): readonly ViewColumn[] {
  const columns = new Map([...eventColumns(), ...entryPlace()].map((column) => [column.name, column]));
  const names = new Set([...FIRST, ...columns.keys()]);
  for (const name of LEFT_OUT) names.delete(name);
  const shown = [...names].map((name): ViewColumn => {
    const { type, doc } = columns.get(name) as TableColumn;
    if (name === 'trace_id') return { name, type: 'Nullable(String)', doc: `${doc} In hex.`, expression: 'lower(hex(trace_id))' };
    return { name, type: columnType(type, name), doc, expression: identifier(name) };
  });
  const erased = ['actor', 'object'].map((section) => ({
    name: `${section}_erased`,
    type: 'UInt8',
    doc: `1 when the ${section} section was erased: its columns are empty.`,
    expression: `isNotNull(${section}_digest)`,
  }));
  return [...shown, ...erased];
}

export const auditEventsView = (): string => `CREATE OR REPLACE VIEW ${table('audit_events')} AS
SELECT ${auditEventsColumns()
  .map(({ name, expression }) => (expression === identifier(name) ? expression : `${expression} AS ${identifier(name)}`))
  .join(', ')}
FROM ${table('entries')}
WHERE ${visibleCondition()} AND NOT (${canaryCondition()})
COMMENT ${quoted('Committed events, canaries left out: what an analyst reads.')}`;
