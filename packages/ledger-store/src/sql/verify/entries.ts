import { knownEventSchemas } from '@sealtrail/wire';
import { anyLeafHashExpression, erasedExpression } from '../avro-expressions.ts';
import { bytesLiteral, quoted, table } from '../literals.ts';
import { visibleCondition } from '../views.ts';

/** Rows whose columns do not give their leaf hash. */
export function verifyEntriesView(): string {
  const known = knownEventSchemas().map(({ sha256 }) => bytesLiteral(sha256));
  return `CREATE OR REPLACE VIEW ${table('verify_entries')} AS
SELECT tenant, lower(hex(log_id)) AS log, entry,
  multiIf(NOT known, 'schema_unknown', leaf_hash != leaf, 'leaf_differs', 'erased_not_empty') AS problem,
  multiIf(NOT known, concat('event_schema is ', lower(hex(event_schema))),
    leaf_hash != leaf, concat('leaf_hash is ', lower(hex(leaf_hash)), ', the columns give ', lower(hex(leaf))),
    concat('erased: ', arrayStringConcat(arrayFilter(x -> x != '', [if(isNull(actor_digest), '', 'actor'), if(isNull(object_digest), '', 'object')]), ', '), '; a column of it is not empty')) AS detail
FROM (
  SELECT tenant, log AS log_id, entry, event_schema, leaf_hash, actor_digest, object_digest,
    event_schema IN (${known.join(', ')}) AS known, ${anyLeafHashExpression()} AS leaf, ${erasedExpression()} AS empty_where_erased
  FROM ${table('entries')}
  WHERE ${visibleCondition()}
)
WHERE leaf_hash != leaf OR NOT empty_where_erased
SETTINGS use_query_condition_cache = 0
COMMENT ${quoted('Visible entries whose columns do not give their leaf hash. Checks no signature and no checkpoint.')}`;
}
