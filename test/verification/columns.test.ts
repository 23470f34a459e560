/**
 * Every column of entries and of manifests, altered as whoever holds the database can alter it: which view names the row,
 * and with which problem.
 */
import {
  actorDigestExpression,
  ENTRIES,
  erasedAssignments,
  MANIFESTS,
  objectDigestExpression,
  verifyProblems,
} from '@sealtrail/ledger-store/sql';
import { currentEventSchema } from '@sealtrail/wire';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { claims, type Finding, findingsOf, findingsUnder, fixed, openSealedStore, type SealedStore, shortly } from './altered-store.ts';

interface Alteration {
  /** The column's new value, as SQL over the row. */
  readonly to: string;
  /** Findings of the row's tenant, or of the tenant that it was moved to. */
  readonly finds: readonly string[];
}

const altered = (to: string, ...finds: string[]): Alteration => ({ to, finds });
const flipped = (column: string, bytes: number): string =>
  `toFixedString(concat(substring(${column}, 1, ${bytes - 1}), char(bitXor(reinterpretAsUInt8(substring(${column}, ${bytes}, 1)), 1))), ${bytes})`;

const leaf = (to: string): Alteration => altered(to, 'verify_entries 1 leaf_differs');
const batch = (column: string, to: string): Alteration => altered(to, `verify_batches 0 ${column}_differs`);

/** Entry 1 of each tenant: position 0, batch_index 1. */
const ENTRY_ALTERATIONS: Readonly<Record<string, Alteration>> = {
  actor_salt: leaf(flipped('actor_salt', 16)),
  actor_type: leaf(`if(actor_type = 'SYSTEM', 'USER', 'SYSTEM')`),
  actor_id: leaf(`concat(actor_id, 'x')`),
  actor_issuer: leaf(`if(isNull(actor_issuer), '', NULL)`),
  actor_client_id: leaf(`if(isNull(actor_client_id), '', NULL)`),
  actor_roles: leaf(`arrayPushBack(actor_roles, 'root')`),
  actor_scopes: leaf(`arrayPushBack(actor_scopes, '')`),
  actor_chain: leaf(`arrayPushBack(actor_chain, tuple(NULL, 'mallory'))`),
  token_status: leaf(`if(token_status = 'VERIFIED', 'ABSENT', 'VERIFIED')`),
  token_id_hash: leaf(`if(isNull(token_id_hash), toFixedString('', 32), NULL)`),
  session_id_hash: leaf(`if(isNull(session_id_hash), toFixedString('', 32), NULL)`),
  token_key_id: leaf(`if(isNull(token_key_id), '', NULL)`),
  token_algorithm: leaf(`concat(ifNull(token_algorithm, ''), 'x')`),
  token_issued_at: leaf(`if(isNull(token_issued_at), toDateTime64(0, 3), NULL)`),
  token_expires_at: leaf(`ifNull(token_expires_at, toDateTime64(0, 3)) + INTERVAL 1 MILLISECOND`),
  source_ip: leaf(`if(isNull(source_ip), toIPv6('::'), NULL)`),
  user_agent: leaf(`concat(ifNull(user_agent, ''), ' ')`),
  object_salt: leaf(flipped('object_salt', 16)),
  resource_id: leaf(`concat(resource_id, '\\0')`),
  related: leaf(`arrayPushBack(related, tuple('', ''))`),
  attributes: leaf(`mapConcat(attributes, map('z', ''))`),
  event_id: leaf(`toUUID('00000000-0000-0000-0000-000000000000')`),
  occurred_at: leaf(`occurred_at + INTERVAL 1 MICROSECOND`),
  action: leaf(`upper(action)`),
  resource_type: leaf(`''`),
  outcome: leaf(`if(outcome = 'SUCCESS', 'DENIED', 'SUCCESS')`),
  reason: leaf(`if(isNull(reason), '', NULL)`),
  severity: leaf(`if(severity = 'LOW', 'HIGH', 'LOW')`),
  http_method: leaf(`if(isNull(http_method), 'GET', NULL)`),
  http_route: leaf(`if(isNull(http_route), '/', NULL)`),
  http_status: leaf(`ifNull(http_status, 0) + 65536`),
  trace_id: leaf(`if(isNull(trace_id), toFixedString('', 16), NULL)`),
  redactions: leaf(`-1 - redactions`),
  personal: leaf(`arrayPushBack(personal, toFixedString('', 32))`),
  log: altered(fixed(new Uint8Array(16)), 'verify_batches 0 entries_missing', 'verify_batches 0 no_manifest'),
  tenant: altered(`concat(tenant, '.moved')`, 'verify_batches 0 entries_missing', 'verify_batches 0 no_manifest'),
  producer: batch('producer', `'mallory'`),
  delivery: batch('delivery', `'CRITICAL'`),
  entry: altered('entry + 900', 'verify_batches 0 entry_differs'),
  position: altered('position + 900', 'verify_batches 0 entries_missing', 'verify_batches 900 no_manifest'),
  batch_index: altered(
    'batch_index + 1',
    'verify_batches 0 entries_added',
    'verify_batches 0 entries_missing',
    'verify_batches 0 entry_differs',
  ),
  batch_size: batch('batch_size', 'batch_size + 1'),
  event_schema: altered(flipped('event_schema', 32), 'verify_batches 0 event_schema_differs', 'verify_entries 1 schema_unknown'),
  recorded_at: batch('recorded_at', `recorded_at + INTERVAL 1 MILLISECOND`),
  topic: batch('topic', `'audit.other'`),
  incarnation: batch('incarnation', '2'),
  partition: batch('partition', '1'),
  offset: batch('offset', `if(offset = 0, 1, offset - 1)`),
  claim: altered(fixed(claims.elsewhere), 'verify_batches 0 claim_differs'),
  leaf_hash: altered(flipped('leaf_hash', 32), 'verify_batches 0 root_differs', 'verify_entries 1 leaf_differs'),
  actor_digest: leaf(`toFixedString('', 32)`),
  object_digest: leaf(`toFixedString('', 32)`),
};

const manifest = (to: string, ...finds: string[]): Alteration => altered(to, 'verify_chain 1 manifest_differs', ...finds);

/** The manifest at position 1 of each tenant; it has entries 3, 4 and 5. */
const MANIFEST_ALTERATIONS: Readonly<Record<string, Alteration>> = {
  version: manifest('version + 1'),
  log: altered(
    fixed(new Uint8Array(16)),
    'verify_batches 1 entries_missing',
    'verify_batches 1 no_manifest',
    // As the only manifest of another log it follows nothing, and no head covers it.
    'verify_chain 1 head_missing',
    'verify_chain 1 manifest_differs',
    'verify_chain 1 positions_missing',
    'verify_chain 1 positions_missing',
    'verify_chain 2 positions_missing',
  ),
  predecessor_log: manifest(`toFixedString('', 16)`),
  predecessor_size: manifest('toInt64(0)'),
  predecessor_root: manifest(`toFixedString('', 32)`),
  position: altered(
    'position + 900',
    'verify_batches 1 no_manifest',
    'verify_batches 901 entries_missing',
    'verify_chain 1 positions_missing',
    'verify_chain 2 positions_missing',
    'verify_chain 901 head_missing',
    'verify_chain 901 manifest_differs',
    'verify_chain 901 positions_missing',
  ),
  previous: manifest(flipped('previous', 32), 'verify_chain 1 previous_differs'),
  first_entry: manifest(
    'first_entry + 1',
    'verify_batches 1 entry_differs',
    'verify_chain 1 first_entry_differs',
    'verify_chain 1 head_differs',
    'verify_chain 2 first_entry_differs',
  ),
  topic: manifest(`'audit.other'`, 'verify_batches 1 topic_differs'),
  incarnation: manifest('2', 'verify_batches 1 incarnation_differs'),
  partition: manifest('1', 'verify_batches 1 partition_differs'),
  offset: manifest('offset - 1', 'verify_batches 1 offset_differs'),
  recorded_at: manifest('recorded_at + INTERVAL 1 MILLISECOND', 'verify_batches 1 recorded_at_differs'),
  registry_size: manifest('registry_size + 1'),
  header_version: manifest('header_version + 1'),
  suite: manifest('suite + 1'),
  audience: manifest(`'staging'`),
  tenant: altered(
    `concat(tenant, '.moved')`,
    'verify_batches 1 entries_missing',
    'verify_batches 1 no_manifest',
    'verify_chain 1 head_missing',
    'verify_chain 1 manifest_differs',
    'verify_chain 1 positions_missing',
    'verify_chain 1 positions_missing',
    'verify_chain 2 positions_missing',
  ),
  producer: manifest(`'mallory'`, 'verify_batches 1 producer_differs'),
  key_id: manifest(flipped('key_id', 32)),
  instance: manifest(flipped('instance', 16)),
  started_at: manifest('started_at + INTERVAL 1 MILLISECOND'),
  delivery: manifest(`'CRITICAL'`, 'verify_batches 1 delivery_differs'),
  sequence: manifest('sequence + 1'),
  kind: manifest(`'CLOSE'`),
  shed: manifest('shed + 1'),
  header_predecessor_instance: manifest(`toFixedString('', 16)`),
  header_predecessor_routine: manifest('toInt64(0)'),
  header_predecessor_critical: manifest('toInt64(0)'),
  event_schema: manifest(flipped('event_schema', 32), 'verify_batches 1 event_schema_differs'),
  count: manifest(
    'count + 1',
    'verify_batches 1 batch_size_differs',
    'verify_batches 1 entries_missing',
    'verify_chain 1 head_differs',
    'verify_chain 2 first_entry_differs',
  ),
  root: manifest(flipped('root', 32), 'verify_batches 1 root_differs'),
  confidential_digest: manifest(`toFixedString('', 32)`),
  signature: manifest(flipped('signature', 64)),
  manifest_hash: manifest(
    flipped('manifest_hash', 32),
    'verify_chain 1 head_differs',
    'verify_chain 2 previous_differs',
    // The root of the log is over the stored hashes.
    'verify_chain 3 head_root_differs',
  ),
  claim: altered(
    `toFixedString('nobody', 16)`,
    'verify_batches 1 no_manifest',
    'verify_chain 1 positions_missing',
    'verify_chain 2 positions_missing',
  ),
};

/** What the engine does not let ALTER UPDATE touch, as it does not the columns of the order, is taken out and put in again. */
const PARTITION_KEY = 'recorded_at';

const tables = [
  { table: 'entries', definition: ENTRIES, alterations: ENTRY_ALTERATIONS, row: 'entry = 1' },
  { table: 'manifests', definition: MANIFESTS, alterations: MANIFEST_ALTERATIONS, row: 'position = 1' },
] as const;

const tenantOf = (table: string, column: string): string => `${table}.${column}`;
const SECTIONS = ['actor', 'object'] as const;
const digestOf = { actor: actorDigestExpression, object: objectDigestExpression } as const;
const tenants = [
  ...tables.flatMap(({ table, alterations }) => Object.keys(alterations).map((column) => tenantOf(table, column))),
  ...SECTIONS.flatMap((section) => [`called.erased.${section}`, `erased.${section}`]),
];

const detailOf = (findings: readonly Finding[], tenant: string, problem: string): string | undefined =>
  findings.find((finding) => finding.tenant === tenant && finding.problem === problem)?.detail;

/** Some tens of mutations, each of which the engine waits for. */
const HOOK_TIMEOUT_MS = 300_000;

describe('columns altered behind the store', () => {
  let sealed: SealedStore;
  let findings: readonly Finding[];
  beforeAll(async () => {
    sealed = await openSealedStore([...tenants, 'clean']);
    const { store } = sealed;
    expect(await findingsOf(store)).toEqual([]);
    for (const { table, alterations, row, definition } of tables) {
      const isKey = (column: string): boolean => definition.order_by.includes(column) || column === PARTITION_KEY;
      const columns = Object.keys(alterations);
      // One mutation for all: each column changes for its own tenant only.
      const updates = columns
        .filter((column) => !isKey(column))
        .map((column) => `\`${column}\` = if(tenant = '${tenantOf(table, column)}', ${alterations[column]?.to}, \`${column}\`)`);
      await store.alterUnguarded(`ALTER TABLE ${table} UPDATE ${updates.join(', ')} WHERE ${row}`);
      for (const column of columns.filter(isKey)) {
        const where = `tenant = '${tenantOf(table, column)}' AND ${row}`;
        const moved = `moved_${table}_${column}`;
        await store.alterUnguarded(`CREATE TABLE ${moved} ENGINE = Memory AS SELECT * FROM ${table} WHERE ${where}`);
        await store.alterUnguarded(`ALTER TABLE ${table} DELETE WHERE ${where}`);
        await store.alterUnguarded(`INSERT INTO ${table} SELECT * REPLACE (${alterations[column]?.to} AS \`${column}\`) FROM ${moved}`);
      }
    }
    for (const section of SECTIONS) {
      const digest = `${section}_digest = ${digestOf[section](currentEventSchema())}`;
      await store.alterUnguarded(`ALTER TABLE entries UPDATE ${digest} WHERE tenant = 'called.erased.${section}' AND entry = 1`);
      const assignments = [digest, ...erasedAssignments(section)].join(', ');
      await store.alterUnguarded(`ALTER TABLE entries UPDATE ${assignments} WHERE tenant = 'erased.${section}' AND entry = 1`);
    }
    findings = await findingsOf(store);
  }, HOOK_TIMEOUT_MS);
  afterAll(() => sealed.close());

  for (const { table, definition, alterations } of tables) {
    it(`the table of alterations has every column of ${table}`, () => {
      expect(Object.keys(alterations).sort()).toEqual(definition.columns.map(({ name }) => name).sort());
    });

    for (const [column, { finds }] of Object.entries(alterations)) {
      it(`${table}.${column}: ${finds.join(', ')}`, () => {
        const tenant = tenantOf(table, column);
        const found = [...shortly(findings, tenant), ...shortly(findings, `${tenant}.moved`)].sort();
        expect(found).toEqual([...finds].sort());
      });
    }
  }

  for (const section of SECTIONS) {
    it(`a section that is called erased and holds values (${section}): erased_not_empty`, () => {
      expect(shortly(findings, `called.erased.${section}`)).toEqual(['verify_entries 1 erased_not_empty']);
    });

    it(`a section that was erased (${section}): nothing`, () => {
      expect(shortly(findings, `erased.${section}`)).toEqual([]);
    });
  }

  it('nothing is said of rows that were not altered', () => {
    const known = new Set([...tenants, ...tenants.map((tenant) => `${tenant}.moved`)]);
    expect(findings.filter(({ tenant }) => !known.has(tenant))).toEqual([]);
  });

  it('details name the rows and both values', () => {
    expect(detailOf(findings, 'entries.producer', 'producer_differs')).toBe('entry 1');
    expect(detailOf(findings, 'entries.position', 'entries_missing')).toBe('batch_index 1 of 3');
    expect(detailOf(findings, 'entries.leaf_hash', 'leaf_differs')).toMatch(/^leaf_hash is [0-9a-f]{64}, the columns give [0-9a-f]{64}$/);
    expect(detailOf(findings, 'manifests.count', 'entries_missing')).toBe('batch_index 3 of 4');
    expect(detailOf(findings, 'manifests.position', 'no_manifest')).toBe('3 rows, from entry 3 to 5');
  });

  it('a filter by tenant gives the findings of that tenant, whatever the settings of the session', async () => {
    const some = findings.filter(({ tenant }) => tenant === 'manifests.position');
    expect(await findingsOf(sealed.store, "tenant = 'manifests.position'")).toEqual(some);
    for (const settings of [
      'join_use_nulls = 1',
      'max_threads = 1, max_block_size = 7',
      'transform_null_in = 1, prefer_column_name_to_alias = 1',
    ]) {
      expect(await findingsUnder(sealed.store, settings, "tenant = 'manifests.position'")).toEqual(some);
    }
  });

  it('every problem that a column can have is in the list of problems', () => {
    const known = new Set(verifyProblems().map(({ view, problem }) => `${view} ${problem}`));
    for (const { view, problem } of findings) expect(known).toContain(`${view} ${problem}`);
  });
});
