import fc from 'fast-check';
import type { AuditEvent, BatchHeader } from '../src/index.ts';

const bytes = (size: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: size, maxLength: size });
/** Any text, with the awkward kinds often: empty, NUL, four-byte characters, long, next to the lengths where varints grow. */
export const text: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: 'grapheme-ascii', maxLength: 40 }) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '',
      '\0',
      '\x7f',
      '\x80',
      '\u07ff\u0800',
      'plain\x80',
      'é',
      '😀',
      '\ufeff',
      '\uffff',
      '\u{10ffff}',
      'a'.repeat(19),
      'a'.repeat(20),
      'a'.repeat(63),
      'a'.repeat(64),
      'é'.repeat(64),
      'x'.repeat(300),
    ),
  },
);
const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(arbitrary, { nil: null });
const millis = fc.oneof(fc.constantFrom(0, 7_258_118_399_999), fc.integer({ min: 0, max: 7_258_118_399_999 }));

export const auditEvent: fc.Arbitrary<AuditEvent> = fc.record({
  actor_salt: bytes(16),
  actor_type: fc.constantFrom('USER', 'SERVICE', 'SYSTEM', 'ANONYMOUS'),
  actor_id: text,
  actor_issuer: optional(text),
  actor_client_id: optional(text),
  actor_roles: fc.array(text, { maxLength: 4 }),
  actor_scopes: fc.array(text, { maxLength: 4 }),
  actor_chain: fc.array(fc.record({ issuer: optional(text), subject: text }), { maxLength: 3 }),
  token_status: fc.constantFrom('VERIFIED', 'INVALID', 'ABSENT'),
  token_id_hash: optional(bytes(32)),
  session_id_hash: optional(bytes(32)),
  token_key_id: optional(text),
  token_algorithm: optional(text),
  token_issued_at: optional(millis),
  token_expires_at: optional(millis),
  source_ip: optional(bytes(16)),
  user_agent: optional(text),
  object_salt: bytes(16),
  resource_id: text,
  related: fc.array(fc.record({ type: text, id: text }), { maxLength: 3 }),
  attributes: fc.array(fc.tuple(text, text), { maxLength: 6 }).map((pairs) => new Map(pairs)),
  event_id: bytes(16),
  occurred_at: fc.oneof(fc.constantFrom(0, 7_258_118_399_999_999), fc.integer({ min: 0, max: 7_258_118_399_999_999 })),
  action: text,
  resource_type: text,
  outcome: fc.constantFrom('SUCCESS', 'FAILURE', 'DENIED', 'ERROR'),
  reason: optional(text),
  severity: fc.constantFrom('INFORMATIONAL', 'LOW', 'MEDIUM', 'HIGH', 'CRITICAL'),
  http_method: optional(text),
  http_route: optional(text),
  http_status: optional(fc.integer({ min: -2_147_483_648, max: 2_147_483_647 })),
  trace_id: optional(bytes(16)),
  redactions: fc.integer({ min: -2_147_483_648, max: 2_147_483_647 }),
  personal: fc.array(bytes(32), { maxLength: 2 }),
});

const name = fc.stringMatching(/^[A-Za-z0-9._:/@-]{1,128}$/);
const counter = fc.oneof(fc.constantFrom(0, 63, 64, 2 ** 27, 2 ** 31, 2 ** 53 - 2), fc.integer({ min: 0, max: 2 ** 53 - 2 }));

export const batchHeader: fc.Arbitrary<BatchHeader> = fc.record({
  version: fc.constant(1),
  suite: fc.constant(1),
  audience: name,
  tenant: name,
  producer: name,
  key_id: bytes(32),
  instance: bytes(16),
  started_at: millis,
  delivery: fc.constantFrom('ROUTINE', 'CRITICAL'),
  sequence: counter,
  kind: fc.constantFrom('DATA', 'HEARTBEAT', 'CLOSE'),
  shed: counter,
  predecessor: optional(fc.record({ instance: bytes(16), routine: counter, critical: counter })),
  event_schema: bytes(32),
  count: fc.integer({ min: 0, max: 4096 }),
  root: bytes(32),
  confidential_digest: fc.constant(null),
});
