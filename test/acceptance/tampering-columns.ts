/** Every column of entries and of manifests: how it is altered, and what fsck then says. */
import type { FsckCode } from '@sealtrail/evidence';

export interface Alteration {
  /** The column's new value, as SQL over the row. */
  readonly to: string;
  readonly finds: FsckCode;
}

const finding =
  (finds: FsckCode) =>
  (to: string): Alteration => ({ to, finds });
const altered = finding('entry_altered');
/** By these readers find the row: with another value it is nowhere to be seen. */
const hidden = finding('entry_missing');

/** The last byte is another. */
const flipped = (column: string, bytes: number): string =>
  `toFixedString(concat(substring(assumeNotNull(${column}), 1, ${bytes - 1}), char(bitXor(reinterpretAsUInt8(substring(assumeNotNull(${column}), ${bytes}, 1)), 1))), ${bytes})`;
const zeros = (bytes: number): string => `toFixedString('', ${bytes})`;

/** What alterations need to know of the store that they are made in. */
export interface Known {
  /** Log of the tenant `bystander`, as SQL. */
  readonly bystander: string;
  /** The two claims, as SQL. */
  readonly claims: readonly [string, string];
}

export type Alterations = Readonly<Record<string, readonly Alteration[]>>;

/** Another value, none, a value of another length, one that no encoder takes: each is an alteration of its own. */
export const entryAlterations = ({ bystander, claims }: Known): Alterations => ({
  actor_salt: [altered(flipped('actor_salt', 16)), altered(zeros(16))],
  actor_type: [altered(`'SYSTEM'`)],
  actor_id: [altered(`'somebody-else'`), altered(`concat(actor_id, '\\0')`), altered(`''`), altered(`unhex('ff')`)],
  actor_issuer: [altered(`concat(actor_issuer, '/')`), altered('NULL')],
  actor_client_id: [altered(`'mobile'`), altered('NULL')],
  actor_roles: [altered(`arrayPushBack(actor_roles, 'root')`), altered('[]')],
  actor_scopes: [altered(`arrayPushBack(actor_scopes, '')`), altered('[]')],
  actor_chain: [altered(`arrayPushBack(actor_chain, tuple(NULL, 'mallory'))`), altered('[]')],
  token_status: [altered(`'ABSENT'`)],
  token_id_hash: [altered(flipped('token_id_hash', 32)), altered('NULL')],
  session_id_hash: [altered(flipped('session_id_hash', 32)), altered('NULL')],
  token_key_id: [altered(`'key-2'`), altered('NULL')],
  token_algorithm: [altered(`'ES256'`), altered('NULL')],
  token_issued_at: [altered('token_issued_at - INTERVAL 1 MILLISECOND'), altered('NULL')],
  token_expires_at: [altered('token_expires_at + INTERVAL 1 YEAR'), altered('NULL')],
  source_ip: [altered(`toIPv6('::ffff:192.0.2.8')`), altered('NULL')],
  user_agent: [altered(`concat(user_agent, ' ')`), altered('NULL')],
  object_salt: [altered(flipped('object_salt', 16))],
  resource_id: [altered(`concat(resource_id, '0')`), altered(`repeat('x', 40000)`)],
  related: [altered(`arrayPushBack(related, tuple('customer', '8'))`), altered('[]')],
  attributes: [
    altered(`mapConcat(attributes, map('amount', '1'))`),
    altered('map()'),
    // Keys that are not in the order of their bytes, and one key twice.
    altered(`map('currency', 'EUR', 'amount', '1')`),
    altered(`map('currency', 'EUR', 'currency', 'EUR')`),
  ],
  event_id: [altered('generateUUIDv4()')],
  occurred_at: [altered('occurred_at + INTERVAL 1 MICROSECOND'), altered(`toDateTime64('1969-12-31 23:59:59', 6, 'UTC')`)],
  action: [altered(`'invoice.read'`)],
  resource_type: [altered(`''`)],
  outcome: [altered(`'DENIED'`)],
  reason: [altered(`''`), altered('NULL')],
  severity: [altered(`'LOW'`)],
  http_method: [altered(`'GET'`), altered('NULL')],
  http_route: [altered(`'/invoices'`), altered('NULL')],
  http_status: [altered('http_status + 65536'), altered('NULL')],
  trace_id: [altered(flipped('trace_id', 16)), altered('NULL')],
  redactions: [altered('redactions + 1'), altered('-1')],
  personal: [altered(`arrayPushBack(personal, ${zeros(32)})`), altered('[]')],
  // To a log that never was, and to that of another tenant.
  log: [altered(zeros(16)), altered(bystander)],
  tenant: [altered(`'never-was'`), altered(`'bystander'`)],
  producer: [altered(`'mallory'`)],
  delivery: [altered(`'CRITICAL'`)],
  position: [altered('position + 1'), altered('position + 900'), altered('9223372036854775807')],
  batch_size: [altered('batch_size + 1'), altered('0')],
  event_schema: [altered(flipped('event_schema', 32))],
  recorded_at: [altered('recorded_at + INTERVAL 1 MILLISECOND'), altered('recorded_at - INTERVAL 40 DAY')],
  topic: [hidden(`'audit.other'`), hidden(`''`)],
  incarnation: [hidden('incarnation + 1')],
  partition: [hidden('1'), hidden('-1')],
  // Another one of the claim, and one that no claim shows.
  offset: [altered('if(offset = 0, 1, offset - 1)'), hidden('offset + 100000'), hidden('-1')],
  claim: [hidden(`toFixedString('nobody', 16)`), hidden(otherClaim(claims))],
  entry: [altered('entry + 900'), altered('-1 - entry'), altered('9223372036854775807')],
  batch_index: [altered('batch_index + 1'), altered('-1')],
  leaf_hash: [altered(flipped('leaf_hash', 32)), altered(zeros(32))],
  actor_digest: [altered(zeros(32))],
  object_digest: [altered(zeros(32))],
});

const manifest = finding('manifest_altered');
const unseen = finding('manifest_missing');

export const manifestAlterations = ({ bystander, claims }: Known): Alterations => ({
  version: [manifest('version + 1'), manifest('0')],
  log: [manifest(zeros(16)), manifest(bystander)],
  // Columns of a record that is not there: one of them makes half a record.
  predecessor_log: [manifest(zeros(16))],
  predecessor_size: [manifest('toInt64(0)')],
  predecessor_root: [manifest(zeros(32))],
  position: [manifest('position + 900'), manifest('-1 - position'), manifest('9223372036854775807')],
  previous: [manifest(flipped('previous', 32)), manifest('manifest_hash')],
  first_entry: [manifest('first_entry + 1'), manifest('-1'), manifest('9223372036854775807')],
  topic: [unseen(`'audit.other'`)],
  incarnation: [unseen('incarnation + 1')],
  partition: [unseen('1')],
  offset: [manifest('if(offset = 0, 1, offset - 1)'), unseen('offset + 100000'), unseen('-1')],
  recorded_at: [manifest('recorded_at + INTERVAL 1 MILLISECOND'), manifest('recorded_at - INTERVAL 40 DAY')],
  registry_size: [manifest('registry_size + 1'), manifest('0')],
  header_version: [manifest('header_version + 1')],
  suite: [manifest('suite + 1')],
  audience: [manifest(`'staging'`), manifest(`unhex('ff')`)],
  tenant: [manifest(`'never-was'`), manifest(`'bystander'`)],
  producer: [manifest(`'mallory'`)],
  key_id: [manifest(flipped('key_id', 32))],
  instance: [manifest(flipped('instance', 16))],
  started_at: [manifest('started_at + INTERVAL 1 MILLISECOND')],
  delivery: [manifest(`'CRITICAL'`)],
  sequence: [manifest('sequence + 1'), manifest('-1')],
  kind: [manifest(`'CLOSE'`)],
  shed: [manifest('shed + 1')],
  header_predecessor_instance: [manifest(zeros(16))],
  header_predecessor_routine: [manifest('toInt64(0)')],
  header_predecessor_critical: [manifest('toInt64(0)')],
  event_schema: [manifest(flipped('event_schema', 32))],
  count: [manifest('count + 1'), manifest('count - 1'), manifest('-1'), manifest('2147483647')],
  root: [manifest(flipped('root', 32))],
  confidential_digest: [manifest(zeros(32))],
  signature: [manifest(flipped('signature', 64)), manifest(zeros(64))],
  manifest_hash: [manifest(flipped('manifest_hash', 32)), manifest('previous')],
  claim: [unseen(`toFixedString('nobody', 16)`), unseen(otherClaim(claims))],
});

const otherClaim = ([first, second]: Known['claims']): string => `if(claim = ${first}, ${second}, ${first})`;

const head = finding('head_altered');
const gone = finding('head_missing');

export const headAlterations = ({ bystander, claims }: Known): Alterations => ({
  topic: [gone(`'audit.other'`)],
  incarnation: [gone('incarnation + 1')],
  partition: [gone('1')],
  offset: [head('offset - 1'), gone('offset + 100000')],
  claim: [gone(`toFixedString('nobody', 16)`), gone(otherClaim(claims))],
  tenant: [head(`'never-was'`), head(`'bystander'`)],
  log: [head(zeros(16)), head(bystander)],
  size: [head('size + 1'), head('size + 900'), head('-1')],
  entries: [head('entries + 1'), head('-1')],
  last: [head(flipped('last', 32))],
  root: [head(flipped('root', 32))],
  frontier_size: [head('frontier_size + 1')],
  frontier: [head(`arrayPushBack(frontier, ${zeros(32)})`), head('[]')],
});
