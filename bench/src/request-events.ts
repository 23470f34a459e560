/** Events of web requests: what a service logs, and the same as plain JSON. */
import { randomFillSync, randomUUID } from 'node:crypto';
import type { AuditContext, AuditDetails } from '@sealtrail/emitter';
import type { TokenActor } from '@sealtrail/identity';

const actor: TokenActor = {
  actor_type: 'USER',
  actor_id: 'auth0|5f7c8ec7c33c6c004bb00042',
  actor_issuer: 'https://login.example.com/',
  actor_client_id: 'web-frontend',
  actor_roles: ['billing-admin', 'support'],
  actor_scopes: ['invoices:read', 'invoices:write'],
  actor_chain: [],
  token_status: 'VERIFIED',
  token_id_hash: new Uint8Array(32).fill(2),
  session_id_hash: null,
  token_key_id: null,
  token_algorithm: 'RS256',
  token_issued_at: 1_735_689_600_000,
  token_expires_at: 1_735_693_200_000,
};

const { token_id_hash, session_id_hash: _session, ...readable } = actor;
/** What of the actor is text or number. */
export const plainActor: Omit<TokenActor, 'token_id_hash' | 'session_id_hash'> = readable;

const TRACE_ID_BYTES = 16;
const POOL_BYTES = 8_192;
/** Requests come with a trace id: drawing one by one would cost more than all else of an event. */
function drawnFromPool(): () => Buffer {
  let pool = Buffer.alloc(0);
  let used = 0;
  return () => {
    if (used + TRACE_ID_BYTES > pool.length) {
      pool = randomFillSync(Buffer.allocUnsafeSlow(POOL_BYTES));
      used = 0;
    }
    used += TRACE_ID_BYTES;
    return pool.subarray(used - TRACE_ID_BYTES, used);
  };
}
const traceId = drawnFromPool();

export const tenantOf = (n: number, tenants: number): string => `tenant-${n % tenants}`;

export const contextOf = (n: number): AuditContext & { readonly trace_id: Buffer } => ({
  actor: actor,
  source_ip: `198.51.100.${n % 250}`,
  user_agent: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36',
  http_method: 'GET',
  http_route: '/invoices/:id',
  http_status: 200,
  trace_id: traceId(),
});

export const detailsOf = (
  n: number,
): AuditDetails & { readonly attributes: { readonly amount_cents: number; readonly currency: string } } => ({
  resource_id: `inv-${n}`,
  related: [{ type: 'customer', id: `cus-${n % 300}` }],
  attributes: { amount_cents: 1_000 + (n % 90_000), currency: 'EUR' },
});

/** The same event as JSON: a line of it is what a service would send without us. */
export function plainEvent(n: number, tenants: number): Readonly<Record<string, unknown>> {
  const { actor: _, trace_id, ...context } = contextOf(n);
  const { attributes, ...details } = detailsOf(n);
  return {
    event_id: randomUUID(),
    occurred_at: Date.now(),
    tenant: tenantOf(n, tenants),
    action: 'invoice.read',
    resource_type: 'invoice',
    outcome: 'SUCCESS',
    severity: 'INFORMATIONAL',
    ...plainActor,
    token_id_hash: Buffer.from(token_id_hash ?? []).toString('hex'),
    ...context,
    trace_id: trace_id.toString('hex'),
    ...details,
    attributes: { amount_cents: String(attributes.amount_cents), currency: attributes.currency },
  };
}

/** A table for them, with the indexes and codecs of ours, and nothing that verification needs. */
export const PLAIN_TABLE_SQL: readonly string[] = [
  'CREATE DATABASE IF NOT EXISTS plain',
  `CREATE TABLE IF NOT EXISTS plain.events (
    event_id String CODEC(ZSTD(1)), occurred_at DateTime64(3) CODEC(Delta, ZSTD(1)), tenant LowCardinality(String), action LowCardinality(String),
    resource_type LowCardinality(String), resource_id String CODEC(ZSTD(1)), outcome LowCardinality(String), severity LowCardinality(String),
    actor_type LowCardinality(String), actor_id String CODEC(ZSTD(1)), actor_issuer LowCardinality(Nullable(String)),
    actor_client_id LowCardinality(Nullable(String)), actor_roles Array(LowCardinality(String)), actor_scopes Array(LowCardinality(String)),
    actor_chain Array(String), token_status LowCardinality(String), token_id_hash String CODEC(ZSTD(1)), token_key_id Nullable(String),
    token_algorithm LowCardinality(Nullable(String)), token_issued_at DateTime64(3), token_expires_at DateTime64(3), source_ip String,
    user_agent String CODEC(ZSTD(1)), http_method LowCardinality(String), http_route LowCardinality(String), http_status Int32,
    trace_id String CODEC(ZSTD(1)), related Array(Tuple(type String, id String)), attributes Map(LowCardinality(String), String),
    INDEX occurred_at occurred_at TYPE minmax GRANULARITY 1, INDEX event_id event_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX actor_id actor_id TYPE bloom_filter(0.01) GRANULARITY 1, INDEX token_id_hash token_id_hash TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX source_ip source_ip TYPE bloom_filter(0.01) GRANULARITY 1, INDEX resource_id resource_id TYPE bloom_filter(0.01) GRANULARITY 1
  ) ENGINE = MergeTree PARTITION BY toYYYYMM(occurred_at) ORDER BY (tenant, occurred_at)
  SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`,
];
