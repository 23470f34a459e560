import { type AuditEvent, type EncodedTokenFields, EVENT_BYTES_MAX, type EventSchema, WireError } from '@sealtrail/wire';
import { EmitterError } from './errors.ts';
import type { OpenEvent, PreparedActor } from './event-builder.ts';

/** Numbers that the encoder writes for each event: end of actor, end of object, end of event. */
export const ENDS_PER_EVENT = 3;
export const SALT_BYTES = 16;
/** One call to the random source serves 256 salts. */
const POOL_BYTES = 4_096;

/** Salts come straight from the random source: a kept seed would reopen what was erased (docs/spec/event.md). */
export interface SaltPool {
  /** Writes the next 16 bytes, never given out before, over `salt`. */
  draw(salt: Uint8Array): void;
}

export function createSaltPool(random: (bytes: number) => Uint8Array): SaltPool {
  let pool: Uint8Array = new Uint8Array(0);
  let used = 0;
  return {
    draw(salt) {
      if (used + SALT_BYTES > pool.length) {
        const drawn = random(POOL_BYTES);
        if (drawn.length !== POOL_BYTES) {
          throw new EmitterError('invalid_option', `random(${POOL_BYTES}) gave ${drawn.length} bytes: it must give as many as asked for`);
        }
        pool = drawn;
        used = 0;
      }
      for (let i = 0; i < SALT_BYTES; i++) salt[i] = pool[used + i] as number;
      used += SALT_BYTES;
    },
  };
}

/** Room that must be left in a buffer for one more event. */
export const EVENT_ROOM_BYTES: number = EVENT_BYTES_MAX + 64;

/**
 * Encodes one event at `offset` and writes the ends of its sections to ends[at…at + 2]. The encoder writes canonical bytes
 * or throws: nothing leaves the process that the ledger's walk would refuse. Returns the event's end.
 * Throws EmitterError `event_not_encodable`, `event_too_large`; the buffer beyond `offset` is then garbage.
 */
export function encodeEvent(
  schema: EventSchema,
  event: AuditEvent,
  out: Uint8Array,
  offset: number,
  ends: Uint32Array,
  at: number,
): number {
  try {
    return schema.encodeWithEnds(event, out, offset, ends, at);
  } catch (thrown) {
    throw asEmitterError(thrown);
  }
}

/**
 * `encodeEvent` at the start of `out` for an event of the builder's. What its token decides is encoded once a token, and
 * copied from then on.
 */
export function encodeOpenEvent(schema: EventSchema, event: OpenEvent, out: Uint8Array, ends: Uint32Array): number {
  const token = tokenFieldsOf(schema, event.actor, out);
  if (token === null) return encodeEvent(schema, { ...event, ...event.actor.section }, out, 0, ends, 0);
  try {
    return schema.encodeWithToken(event, token, out, 0, ends, 0);
  } catch (thrown) {
    throw asEmitterError(thrown);
  }
}

/** null when they cannot be encoded: encoding the whole event then says why. */
function tokenFieldsOf(schema: EventSchema, actor: PreparedActor, room: Uint8Array): EncodedTokenFields | null {
  if (actor.encoded !== undefined) return actor.encoded;
  let encoded: EncodedTokenFields | null = null;
  try {
    encoded = schema.encodeTokenFields(actor.section, room);
  } catch (thrown) {
    if (!(thrown instanceof WireError)) throw asEmitterError(thrown);
  }
  actor.encoded = encoded;
  return encoded;
}

/** The codec's errors under this package's codes. Anything else is a caller's value of the wrong type. */
export function asEmitterError(thrown: unknown): EmitterError {
  if (thrown instanceof EmitterError) return thrown;
  if (thrown instanceof WireError) {
    const code = thrown.code === 'event_too_large' || thrown.code === 'batch_too_large' ? thrown.code : 'event_not_encodable';
    return new EmitterError(code, thrown.message, { cause: thrown });
  }
  return new EmitterError('event_not_encodable', 'the event cannot be encoded: a field is of the wrong type', { cause: thrown });
}
