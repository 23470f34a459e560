/**
 * Correlations as ClickHouse's window functions say them, to hold detection against: written from what the rules and
 * docs/detection/correlations.md say, and not with the engine.
 */

/** What the statements ask of an event; `test` tells apart worlds that know nothing of each other. */
export const EVENT_COLUMNS: readonly string[] = [
  'test',
  'tenant',
  'id',
  't',
  'ms',
  'action',
  'outcome',
  'reason',
  'actor_type',
  'actor_id',
  'actor_roles',
  'actor_issuer',
  'resource_id',
  'token_status',
  'token_id',
  'token_algorithm',
  'issued_ms',
  'expires_ms',
  'ip',
  'agent',
  'http_status',
  'trace',
  'attr',
];
const COLUMNS = EVENT_COLUMNS.join(', ');

/**
 * Stored events under these names: `t` in µs, and `ms`, since ranges of windows are numbers of 32 bits; text in lower case where
 * rules compare without case.
 */
export const STORED_EVENTS = `SELECT 0 AS test, tenant, toString(event_id) AS id, toUnixTimestamp64Micro(occurred_at) AS t, intDiv(t, 1000) AS ms, lower(action) AS action,
  toString(outcome) AS outcome, lower(reason) AS reason, toString(actor_type) AS actor_type, actor_id, actor_roles, actor_issuer,
  resource_id, toString(token_status) AS token_status, hex(token_id_hash) AS token_id, token_algorithm,
  toUnixTimestamp64Milli(token_issued_at) AS issued_ms, toUnixTimestamp64Milli(token_expires_at) AS expires_ms,
  replaceOne(toString(source_ip), '::ffff:', '') AS ip, user_agent AS agent, http_status, hex(trace_id) AS trace, attributes AS attr
  FROM audit_events`;

/** Some events. `all` has each event that may count, with `k` for its group and `holds` for what is asked at it. */
export interface Hits {
  readonly all: string;
  readonly span_ms: number;
}

const MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000 };
const spanOf = (text: string): number => Number(text.slice(0, -1)) * (MS[text.slice(-1)] ?? Number.NaN);

/** The events for which a condition holds; each is a hit of its own. */
export const matched = (where: string): Hits => ({
  all: `SELECT ${COLUMNS}, [''] AS k, 1 AS holds FROM events WHERE ${where}`,
  span_ms: -1,
});

/** Of `hits` those at which it holds, as plain events. */
const held = ({ all }: Hits): string => `SELECT ${COLUMNS} FROM (${all}) WHERE holds`;

const keyOf = (by: readonly string[]): string => `[${['', ...by].map((one) => (one === '' ? "''" : `toString(${one})`)).join(', ')}]`;
const present = (fields: readonly string[]): string => fields.map((field) => ` AND isNotNull(${field})`).join('');

/** event_count: at least `n` within the timespan. */
export function counted(hits: Hits, by: readonly string[], timespan: string, n: number): Hits {
  return windowed(hits, by, [], timespan, `count() OVER w >= ${n}`);
}

/** value_count: at least `n` different values within the timespan. */
export function distinct(hits: Hits, by: readonly string[], timespan: string, fields: readonly string[], n: number): Hits {
  return windowed(hits, by, fields, timespan, `uniqExact((${fields.join(', ')})) OVER w >= ${n}`);
}

function windowed(hits: Hits, by: readonly string[], fields: readonly string[], timespan: string, holds: string): Hits {
  const span_ms = spanOf(timespan);
  const rows = `SELECT ${COLUMNS}, ${keyOf(by)} AS k FROM (${held(hits)}) WHERE 1${present([...by, ...fields])}`;
  const all = `SELECT ${COLUMNS}, k, ${holds} AS holds FROM (${rows})
    WINDOW w AS (PARTITION BY test, tenant, k ORDER BY ms RANGE BETWEEN ${span_ms} PRECEDING AND CURRENT ROW)`;
  return { all, span_ms };
}

/** A part of a proximity or a sequence, with the fields that it is grouped by. */
export interface Part {
  readonly hits: Hits;
  readonly by: readonly string[];
}

const union = (parts: readonly Part[]): string =>
  parts
    .map(({ hits, by }, i) => `SELECT ${COLUMNS}, ${keyOf(by)} AS k, ${i} AS part FROM (${held(hits)}) WHERE 1${present(by)}`)
    .join(' UNION ALL ');

/** temporal: `holds` says which parts have to lie in one timespan, as `p0`, `p1`, …; all when absent. */
export function together(parts: readonly Part[], timespan: string, holds: string = parts.map((_, i) => `p${i}`).join(' AND ')): Hits {
  const span_ms = spanOf(timespan);
  const flags = parts.map((_, i) => `max(part = ${i}) OVER w AS p${i}`).join(', ');
  const all = `SELECT ${COLUMNS}, k, ${holds} AS holds FROM (SELECT ${COLUMNS}, k, ${flags} FROM (${union(parts)})
    WINDOW w AS (PARTITION BY test, tenant, k ORDER BY ms RANGE BETWEEN ${span_ms} PRECEDING AND CURRENT ROW))`;
  return { all, span_ms };
}

/** temporal_ordered: one event of each part, one after the other, within the timespan. */
export function ordered(parts: readonly Part[], timespan: string): Hits {
  const span_ms = spanOf(timespan);
  const before = `(PARTITION BY test, tenant, k ORDER BY ms RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)`;
  const upTo = `(PARTITION BY test, tenant, k ORDER BY ms RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)`;
  // Of each step the latest beginning of a sequence that has come so far: 0 for none.
  let rows = `SELECT *, if(part = 0, ms, 0) AS begun0 FROM (${union(parts)})`;
  for (let i = 1; i < parts.length; i++) {
    rows = `SELECT *, if(part = ${i}, max(begun${i - 1}) OVER ${before}, 0) AS begun${i} FROM (${rows})`;
  }
  const all = `SELECT ${COLUMNS}, k, latest > 0 AND ms - latest <= ${span_ms} AS holds
    FROM (SELECT *, max(begun${parts.length - 1}) OVER ${upTo} AS latest FROM (${rows}))`;
  return { all, span_ms };
}

/** Where it becomes true: it holds here, and did not at the group's hit before, or that one is more than a timespan ago. */
export const anchors = ({ all, span_ms }: Hits): string => `SELECT test, tenant, id, k FROM (
    SELECT test, tenant, id, t, ms, k, holds,
      lagInFrame(holds, 1, 0) OVER w AS held_before, lagInFrame(ms, 1, 0) OVER w AS ms_before
    FROM (${all})
    WINDOW w AS (PARTITION BY test, tenant, k ORDER BY t, id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW))
  WHERE holds AND (NOT held_before OR ms - ms_before > ${span_ms}) ORDER BY test, t, id`;
