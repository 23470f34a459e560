/** The views: what is visible, and what analysts read. */
import { identifier, quoted, table } from './literals.ts';
import { entryPlace, eventColumns } from './tables.ts';

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
    SELECT topic, incarnation, partition, claim, argMax(ordinal, \`to\`) AS ordinal, min(\`from\`) AS first, toInt64(max(\`to\`)) AS last
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

/** What is read most stands first. */
const FIRST = ['tenant', 'entry', 'occurred_at', 'action', 'outcome', 'severity', 'actor_type', 'actor_id', 'resource_type', 'resource_id'];
/** Salts say nothing to a reader, claims are the ledger's own. */
const LEFT_OUT = ['actor_salt', 'object_salt', 'claim', 'actor_digest', 'object_digest'];

/** Visible events with readable columns. Hashes stay FixedString(32), so that the indexes serve: compare with unhex('…'). */
export function auditEventsView(): string {
  const names = new Set([...FIRST, ...[...eventColumns(), ...entryPlace()].map(({ name }) => name)]);
  for (const name of LEFT_OUT) names.delete(name);
  const columns = [...names].map((name) => (name === 'trace_id' ? `lower(hex(trace_id)) AS trace_id` : identifier(name)));
  const erased = ['actor', 'object'].map((section) => `isNotNull(${section}_digest) AS ${section}_erased`);
  return `CREATE OR REPLACE VIEW ${table('audit_events')} AS
SELECT ${[...columns, ...erased].join(', ')}
FROM ${table('entries')}
WHERE ${visibleCondition()}
COMMENT ${quoted('Committed events: what an analyst reads.')}`;
}
