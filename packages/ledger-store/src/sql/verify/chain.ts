import { manifestHashExpression } from '../avro-expressions.ts';
import { quoted, table } from '../literals.ts';
import { visibleCondition } from '../views.ts';

const problems = (list: readonly (readonly [problem: string, condition: string, detail: string])[]): string =>
  `arrayJoin(arrayFilter(f -> tupleElement(f, 2) != '', [\n    ${list
    .map(([problem, condition, detail]) => `('${problem}', if(${condition}, concat(${detail}), ''))`)
    .join(',\n    ')}\n  ])) AS found`;

const hexed = (column: string): string => `lower(hex(${column}))`;
const text = (number: string): string => `toString(${number})`;

/** Manifests that do not recompute or do not follow each other. */
const links = (): string => `SELECT tenant, log_id, position, ${problems([
  [
    'manifest_differs',
    'manifest_hash != computed',
    `'manifest_hash is ', ${hexed('manifest_hash')}, ', the columns give ', ${hexed('computed')}`,
  ],
  ['positions_missing', 'position > before + 1', `'positions ', ${text('before + 1')}, ' to ', ${text('position - 1')}`],
  ['position_repeated', 'position <= before', `'offset ', ${text('offset')}`],
  [
    'previous_differs',
    'position = before + 1 AND previous != before_hash',
    `'previous is ', ${hexed('previous')}, ', before it stands ', ${hexed('before_hash')}`,
  ],
  [
    'first_entry_differs',
    'position = before + 1 AND first_entry != before_end',
    `'first_entry is ', ${text('first_entry')}, ', before it stand ', ${text('before_end')}`,
  ],
])}
  FROM (
    SELECT tenant, log AS log_id, position, offset, previous, first_entry, manifest_hash, ${manifestHashExpression()} AS computed,
      lagInFrame(position, 1, toInt64(-1)) OVER following AS before,
      lagInFrame(manifest_hash) OVER following AS before_hash,
      lagInFrame(first_entry + count) OVER following AS before_end
    FROM ${table('manifests')}
    WHERE ${visibleCondition()}
    WINDOW following AS (PARTITION BY tenant, log ORDER BY position, offset, manifest_hash ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
  )`;

/** Heads that say another thing than the manifests at their size. */
const heads = (): string => `SELECT tenant, log_id, size - 1 AS position, ${problems([
  ['positions_missing', 'NOT placed', `'a head has size ', ${text('size')}, ', and its last manifest is not there'`],
  ['head_differs', 'placed AND last != m_hash', `'last is ', ${hexed('last')}, ', the manifest is ', ${hexed('m_hash')}`],
  ['head_differs', 'placed AND entries != m_end', `'entries is ', ${text('entries')}, ', the manifests have ', ${text('m_end')}`],
  ['head_differs', 'placed AND (offset < m_offset OR claim != m_claim)', `'offset or claim is not of the round of its last manifest'`],
  [
    'head_root_differs',
    'frontier_size != size OR root != sealtrail_frontier_root(frontier)',
    `'root is ', ${hexed('root')}, ', the frontier gives ', ${hexed('sealtrail_frontier_root(frontier)')}`,
  ],
])}
  FROM (
    SELECT h.tenant AS tenant, h.log AS log_id, h.size AS size, h.entries AS entries, h.last AS last, h.root AS root, h.offset AS offset,
      h.claim AS claim, h.frontier AS frontier, h.frontier_size AS frontier_size, ifNull(m.placed, 0) = 1 AS placed,
      assumeNotNull(m.m_hash) AS m_hash, assumeNotNull(m.m_end) AS m_end, assumeNotNull(m.m_offset) AS m_offset, assumeNotNull(m.m_claim) AS m_claim
    FROM (SELECT *, size - 1 AS final FROM ${table('heads')} WHERE ${visibleCondition()}) AS h
    LEFT ANY JOIN (
      SELECT tenant, log, position, 1 AS placed, manifest_hash AS m_hash, first_entry + count AS m_end, offset AS m_offset, claim AS m_claim
      FROM ${table('manifests')} WHERE ${visibleCondition()}
    ) AS m ON h.tenant = m.tenant AND h.log = m.log AND h.final = m.position
  )`;

/** Logs whose largest head is not that of all their manifests. */
const logs = (): string => `SELECT tenant, log_id, final AS position, ${problems([
  ['head_missing', 'final + 1 > size', `'the largest head has size ', ${text('size')}, ', the log ', ${text('final + 1')}`],
  [
    'head_root_differs',
    'final + 1 = size AND manifests = size AND root != computed',
    `'root is ', ${hexed('root')}, ', the manifests give ', ${hexed('computed')}`,
  ],
])}
  FROM (
    SELECT tenant, log AS log_id, max(position) AS final, max(largest) AS size, countIf(position >= 0) AS manifests,
      concat(argMaxIf(head_root, largest, largest > 0), '') AS root,
      sealtrail_root(arraySort((hash, i) -> i, groupArrayIf(concat(manifest_hash, ''), position >= 0), groupArrayIf(position, position >= 0))) AS computed
    FROM (
      SELECT tenant, log, position, manifest_hash, toInt64(0) AS largest, toFixedString('', 32) AS head_root
      FROM ${table('manifests')} WHERE ${visibleCondition()}
      UNION ALL
      SELECT tenant, log, toInt64(-1) AS position, toFixedString('', 32) AS manifest_hash, size AS largest, root AS head_root
      FROM ${table('heads')} WHERE ${visibleCondition()}
    )
    GROUP BY tenant, log_id
    HAVING final >= 0
  )`;

export function verifyChainView(): string {
  return `CREATE OR REPLACE VIEW ${table('verify_chain')} AS
SELECT tenant, lower(hex(log_id)) AS log, position, tupleElement(found, 1) AS problem, tupleElement(found, 2) AS detail
FROM (
  ${links()}
  UNION ALL
  ${heads()}
  UNION ALL
  ${logs()}
)
SETTINGS use_query_condition_cache = 0
COMMENT ${quoted('Visible manifests and heads that do not recompute or do not follow each other. Checks no signature and no checkpoint.')}`;
}
