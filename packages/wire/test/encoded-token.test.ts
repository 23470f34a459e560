import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AuditEvent, currentEventSchema, EVENT_BYTES_MAX, type TokenFields, WireError } from '../src/index.ts';
import { auditEvent } from './arbitraries.ts';
import { evolvedEventSchema } from './evolved-schema.ts';

/** An event taken apart: what its token decides, and all else. */
function apart(event: AuditEvent): { readonly token: TokenFields; readonly rest: Omit<AuditEvent, keyof TokenFields> } {
  const {
    actor_type,
    actor_id,
    actor_issuer,
    actor_client_id,
    actor_roles,
    actor_scopes,
    actor_chain,
    token_status,
    token_id_hash,
    session_id_hash,
    token_key_id,
    token_algorithm,
    token_issued_at,
    token_expires_at,
    ...rest
  } = event;
  const token = {
    actor_type,
    actor_id,
    actor_issuer,
    actor_client_id,
    actor_roles,
    actor_scopes,
    actor_chain,
    token_status,
    token_id_hash,
    session_id_hash,
    token_key_id,
    token_algorithm,
    token_issued_at,
    token_expires_at,
  };
  return { token, rest };
}

describe.each([
  ['the schema of this build', currentEventSchema()],
  ['a schema loaded at run time', evolvedEventSchema()],
])('token fields encoded beforehand, by %s', (_, schema) => {
  const room = Buffer.alloc(EVENT_BYTES_MAX);
  /** The same kind of buffer for both ways: what runs out of room must do so at the same byte. */
  const bothWays = (event: AuditEvent, size: number, offset: number): readonly [string, string] => {
    const { token, rest } = apart(event);
    const encoded = schema.encodeTokenFields(token, room);
    room.fill(0xee); // what was encoded is a copy
    const attempt = (encode: (out: Buffer, ends: Uint32Array) => number): string => {
      const out = Buffer.alloc(size);
      const ends = new Uint32Array(5);
      try {
        const end = encode(out, ends);
        return `${end} ${ends.join()} ${out.toString('hex', 0, end)}`;
      } catch (error) {
        expect(error).toBeInstanceOf(WireError);
        return `${(error as WireError).code} ${(error as WireError).message}`;
      }
    };
    return [
      attempt((out, ends) => schema.encodeWithEnds(event, out, offset, ends, 1)),
      attempt((out, ends) => schema.encodeWithToken(rest, encoded, out, offset, ends, 1)),
    ];
  };

  it('give the bytes, ends and refusals of the whole event', () => {
    fc.assert(
      fc.property(auditEvent, fc.nat(2_000), fc.nat(40), (made, size, offset) => {
        const event = { ...made, approval_id: null };
        for (const room of [offset + 8_000, offset + size]) {
          const [whole, prepared] = bothWays(event, room, offset);
          expect(prepared).toBe(whole);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('serve every event of the token', () => {
    const [first, second] = fc.sample(auditEvent, { numRuns: 2, seed: 5 }).map((event) => ({ ...event, approval_id: null })) as unknown as [
      AuditEvent,
      AuditEvent,
    ];
    const { token } = apart(first);
    const encoded = schema.encodeTokenFields(token, room);
    const ends = new Uint32Array(3);
    for (const event of [first, second, first]) {
      const out = new Uint8Array(EVENT_BYTES_MAX);
      const whole = new Uint8Array(EVENT_BYTES_MAX);
      const end = schema.encodeWithToken(apart(event).rest, encoded, out, 0, ends, 0);
      expect(end).toBe(schema.encode({ ...event, ...token }, whole, 0));
      expect(out).toEqual(whole);
    }
  });

  it('are refused where they have no encoding, or are too large for an event', () => {
    const { token } = apart(fc.sample(auditEvent, { numRuns: 1, seed: 5 })[0] as AuditEvent);
    expect(() => schema.encodeTokenFields({ ...token, token_issued_at: 1.5 }, room)).toThrow(/^token_issued_at: number where/);
    const long = { ...token, actor_id: 'x'.repeat(EVENT_BYTES_MAX) };
    expect(() => schema.encodeTokenFields(long, new Uint8Array(2 * EVENT_BYTES_MAX))).toThrow(/^an event of more than/);
  });

  it('of another schema are not taken', () => {
    const { token, rest } = apart(fc.sample(auditEvent, { numRuns: 1, seed: 5 })[0] as AuditEvent);
    const other = schema === currentEventSchema() ? evolvedEventSchema() : currentEventSchema();
    const encoded = other.encodeTokenFields(token, room);
    expect(() => schema.encodeWithToken(rest, encoded, room, 0, new Uint32Array(3), 0)).toThrow(RangeError);
  });
});
