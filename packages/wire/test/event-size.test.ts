import { describe, expect, it } from 'vitest';
import { type AuditEvent, currentEventSchema, EVENT_BYTES_MAX, WireError } from '../src/index.ts';

const event = (agent: number, occurredAt: number): AuditEvent => ({
  actor_salt: new Uint8Array(16),
  actor_type: 'USER',
  actor_id: '',
  actor_issuer: null,
  actor_client_id: null,
  actor_roles: [],
  actor_scopes: [],
  actor_chain: [],
  token_status: 'VERIFIED',
  token_id_hash: null,
  session_id_hash: null,
  token_key_id: null,
  token_algorithm: null,
  token_issued_at: null,
  token_expires_at: null,
  source_ip: null,
  user_agent: 'x'.repeat(agent),
  object_salt: new Uint8Array(16),
  resource_id: '',
  related: [],
  attributes: new Map(),
  event_id: new Uint8Array(16),
  occurred_at: occurredAt,
  action: '',
  resource_type: '',
  outcome: 'SUCCESS',
  reason: null,
  severity: 'INFORMATIONAL',
  http_method: null,
  http_route: null,
  http_status: -2_147_483_648,
  trace_id: null,
  redactions: 2_147_483_647,
  personal: [],
});

describe('an event at the largest size', () => {
  for (const occurredAt of [0, 64, 1_714_564_800_000_000, 7_258_118_399_999_999]) {
    it(`is encoded to the last byte, and not one byte more (occurred_at ${occurredAt})`, () => {
      const schema = currentEventSchema();
      const room = new Uint8Array(2 * EVENT_BYTES_MAX);
      const rest = schema.encode(event(20_000, occurredAt), room, 0) - 20_000;
      expect(schema.encode(event(EVENT_BYTES_MAX - rest, occurredAt), room, 0)).toBe(EVENT_BYTES_MAX);
      const fault = { reason: 'malformed' as const, detail: '' };
      expect(schema.walk(room, 0, EVENT_BYTES_MAX, new Uint32Array(3), 0, fault)).toBe(EVENT_BYTES_MAX);
      expect(() => schema.encode(event(EVENT_BYTES_MAX - rest + 1, occurredAt), room, 0)).toThrow(WireError);
    });
  }

  it('needs no more room than it takes', () => {
    const schema = currentEventSchema();
    const size = schema.encode(event(3, 1_714_564_800_000_000), new Uint8Array(1_000), 0);
    expect(schema.encode(event(3, 1_714_564_800_000_000), new Uint8Array(size), 0)).toBe(size);
    expect(() => schema.encode(event(3, 1_714_564_800_000_000), new Uint8Array(size - 1), 0)).toThrow(WireError);
  });
});
