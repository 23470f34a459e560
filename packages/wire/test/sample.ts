import { rootOfLeaves, type Sha256 } from '@sealtrail/merkle';
import {
  type AuditEvent,
  assembleBatch,
  type BatchHeader,
  currentEventSchema,
  type EventSchema,
  encodeHeader,
  hashEventLeaves,
} from '../src/index.ts';

/** A plain event; `change` overrides fields. */
export const sampleEvent = (change: Partial<AuditEvent> = {}): AuditEvent => ({
  actor_salt: new Uint8Array(16).fill(0xa1),
  actor_type: 'USER',
  actor_id: 'alice',
  actor_issuer: 'https://login.example.com/',
  actor_client_id: null,
  actor_roles: ['support'],
  actor_scopes: [],
  actor_chain: [],
  token_status: 'VERIFIED',
  token_id_hash: null,
  session_id_hash: null,
  token_key_id: null,
  token_algorithm: 'RS256',
  token_issued_at: 1_735_689_600_000,
  token_expires_at: 1_735_693_200_000,
  source_ip: null,
  user_agent: null,
  object_salt: new Uint8Array(16).fill(0xb2),
  resource_id: 'inv-7',
  related: [],
  attributes: new Map([
    ['amount', '129.90'],
    ['currency', 'EUR'],
  ]),
  event_id: new Uint8Array(16).fill(0xc3),
  occurred_at: 1_735_689_600_123_456,
  action: 'invoice.delete',
  resource_type: 'invoice',
  outcome: 'SUCCESS',
  reason: null,
  severity: 'MEDIUM',
  http_method: 'DELETE',
  http_route: '/invoices/:id',
  http_status: 204,
  trace_id: null,
  redactions: 0,
  personal: [],
  ...change,
});

export const sampleHeader = (change: Partial<BatchHeader> = {}): BatchHeader => ({
  version: 1,
  suite: 1,
  audience: 'deployment-1',
  tenant: 'acme',
  producer: 'billing',
  key_id: new Uint8Array(32).fill(0x11),
  instance: new Uint8Array(16).fill(0x22),
  started_at: 1_735_689_600_000,
  delivery: 'ROUTINE',
  sequence: 0,
  kind: 'DATA',
  shed: 0,
  predecessor: null,
  event_schema: currentEventSchema().sha256,
  count: 0,
  root: new Uint8Array(32),
  confidential_digest: null,
  ...change,
});

export interface SampleBatch {
  readonly record: Uint8Array;
  readonly header: BatchHeader;
  readonly header_bytes: Uint8Array;
}

/** A record whose count and root are those of its events, unless `change` says otherwise; its signature is filler. */
export function sampleBatch(
  sha256: Sha256,
  events: readonly AuditEvent[],
  change: Partial<BatchHeader> = {},
  schema: EventSchema = currentEventSchema(),
  signature: (headerBytes: Uint8Array) => Uint8Array = () => new Uint8Array(64).fill(0x5a),
): SampleBatch {
  const room = new Uint8Array(1 << 20);
  const ends = new Uint32Array(3 * events.length);
  let at = 0;
  events.forEach((event, i) => {
    at = schema.encodeWithEnds(event, room, at, ends, 3 * i);
  });
  const leaves = new Uint8Array(32 * events.length);
  hashEventLeaves(sha256, room, 0, events.length, ends, leaves);
  const header = sampleHeader({
    event_schema: schema.sha256,
    count: events.length,
    root: rootOfLeaves(sha256, leaves, events.length),
    ...(events.length === 0 ? { kind: 'HEARTBEAT' as const } : {}),
    ...change,
  });
  const headerBytes = encodeHeader(header);
  const record = assembleBatch(headerBytes, signature(headerBytes), events.length, room.subarray(0, at), schema);
  return { record, header, header_bytes: headerBytes };
}
