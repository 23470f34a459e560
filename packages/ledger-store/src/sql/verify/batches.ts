import { BATCH_EVENTS_MAX } from '@sealtrail/wire';
import { identifier, quoted, table } from '../literals.ts';
import { visibleCondition } from '../views.ts';
import { BATCH_COLUMNS } from './problems.ts';

/** Entries that a detail names at most. */
const NAMED_MAX = 10;

/** `1, 2, 3 and more`: what an array holds, of which no more than NAMED_MAX were gathered. */
const listed = (array: string): string =>
  `concat(arrayStringConcat(arraySlice(${array}, 1, ${NAMED_MAX}), ', '), if(length(${array}) > ${NAMED_MAX}, ' and more', ''))`;

/**
 * Batches whose rows are not what their manifest says. The rows' leaf hashes are taken as they stand: whether the columns
 * give them is verify_entries' work. What a setting of the caller's may turn into null (join_use_nulls) is never compared
 * without asking whether the manifest is there at all.
 */
export function verifyBatchesView(): string {
  const compared = BATCH_COLUMNS.map(
    ([column, manifest]) =>
      `groupArrayIf(${NAMED_MAX + 1})(e.entry, e.${identifier(column)} != m.${identifier(`m_${manifest}`)}) AS ${column}_rows`,
  );
  const found = [
    ...BATCH_COLUMNS.map(([column]) => [`${column}_differs`, `${column}_rows`] as const),
    ['entry_differs', 'entry_rows'] as const,
  ].map(([problem, rows]) => `('${problem}', if(empty(${rows}), '', concat('entry ', ${listed(rows)})))`);
  const manifests = [...new Set(['count', 'root', 'first_entry', ...BATCH_COLUMNS.map(([, manifest]) => manifest)])];
  return `CREATE OR REPLACE VIEW ${table('verify_batches')} AS
SELECT tenant, lower(hex(log_id)) AS log, position, tupleElement(found, 1) AS problem, tupleElement(found, 2) AS detail
FROM (
  SELECT tenant, log_id, position, arrayJoin(arrayFilter(f -> tupleElement(f, 2) != '', if(NOT placed,
    [('no_manifest', concat(toString(length(indexes)), ' rows, from entry ', toString(first_row), ' to ', toString(last_row)))],
    [
      ('entries_missing', if(empty(missing), '', concat('batch_index ', ${listed('missing')}, ' of ', toString(size)))),
      ('entries_added', if(empty(added), '', concat('batch_index ', ${listed('added')}, ' of ', toString(size)))),
      ('root_differs', if(empty(missing) AND empty(added) AND root != found_root, concat('the rows give ', lower(hex(found_root)), ', signed was ', lower(hex(root))), '')),
      ${found.join(',\n      ')}
    ]))) AS found
  FROM (
    SELECT *,
      arrayFilter(i -> NOT has(indexes, i), range(toUInt32(greatest(0, least(size, ${BATCH_EVENTS_MAX}))))) AS missing,
      arrayDistinct(arrayFilter((x, step, nth) -> (nth > 1 AND step = 0) OR x < 0 OR x >= size, indexes, arrayDifference(indexes), arrayEnumerate(indexes))) AS added
    FROM (
      SELECT e.tenant AS tenant, e.log AS log_id, e.position AS position,
        any(ifNull(m.placed, 0)) = 1 AS placed, any(assumeNotNull(m.m_count)) AS size, concat(any(assumeNotNull(m.m_root)), '') AS root,
        arraySort(groupArray(e.batch_index)) AS indexes,
        sealtrail_root(arraySort((leaf, i) -> i, groupArray(concat(e.leaf_hash, '')), groupArray(e.batch_index))) AS found_root,
        min(e.entry) AS first_row, max(e.entry) AS last_row,
        groupArrayIf(${NAMED_MAX + 1})(e.entry, e.entry != m.m_first_entry + e.batch_index) AS entry_rows,
        ${compared.join(',\n        ')}
      FROM (SELECT tenant, log, position, entry, batch_index, leaf_hash, ${BATCH_COLUMNS.map(([column]) => identifier(column)).join(', ')} FROM ${table('entries')} WHERE ${visibleCondition()}) AS e
      LEFT ANY JOIN (
        SELECT tenant, log, position, 1 AS placed, ${manifests.map((name) => `${identifier(name)} AS ${identifier(`m_${name}`)}`).join(', ')}
        FROM ${table('manifests')} WHERE ${visibleCondition()}
      ) AS m ON e.tenant = m.tenant AND e.log = m.log AND e.position = m.position
      GROUP BY tenant, log_id, position
    )
    WHERE NOT placed OR length(indexes) != size OR root != found_root OR notEmpty(entry_rows)
      OR ${BATCH_COLUMNS.map(([column]) => `notEmpty(${column}_rows)`).join(' OR ')}
  )
  UNION ALL
  SELECT tenant, log AS log_id, position, ('entries_missing', concat('all ', toString(count))) AS found
  FROM (SELECT tenant, log, position, count FROM ${table('manifests')} WHERE ${visibleCondition()} AND count > 0) AS m
  LEFT ANTI JOIN (SELECT tenant, log, position FROM ${table('entries')} WHERE ${visibleCondition()} GROUP BY tenant, log, position) AS e
  ON m.tenant = e.tenant AND m.log = e.log AND m.position = e.position
)
SETTINGS use_query_condition_cache = 0
COMMENT ${quoted('Batches whose visible entries are not what their manifest says. Checks no signature and no checkpoint.')}`;
}
