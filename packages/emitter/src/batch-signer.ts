import { HASH_BYTES, rootOfLeaves, type Sha256 } from '@sealtrail/merkle';
import {
  type ActorSection,
  assembleBatch,
  BATCH_BYTES_MAX,
  BATCH_EVENTS_MAX,
  type BatchHeader,
  type BatchKind,
  batchSigningInput,
  currentEventSchema,
  type Delivery,
  type EventSchema,
  encodeHeader,
  FORMAT_VERSION,
  hashEventLeaves,
  keyThumbprint,
  leafScratch,
  type ObjectSection,
  type PredecessorInstance,
  type RestSection,
  SUITE_ED25519_SHA256,
} from '@sealtrail/wire';
import { EmitterError } from './errors.ts';
import { asEmitterError, createSaltPool, ENDS_PER_EVENT, EVENT_ROOM_BYTES, encodeEvent, SALT_BYTES } from './event-encoder.ts';
import { assertName } from './names.ts';

export interface BatchSignerOptions {
  readonly sha256: Sha256;
  /** Ed25519 (RFC 8032) by the producer's private key: 64 bytes. */
  readonly sign: (message: Uint8Array) => Uint8Array;
  /** The producer's public key, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** Id of the deployment that the batches are meant for. */
  readonly audience: string;
  readonly producer: string;
  /** 16 random bytes, drawn anew at each process start. */
  readonly instance: Uint8Array;
  /** When the instance started, ms since 1970. */
  readonly started_at: number;
  /** Cryptographically strong random bytes; salts are cut from its answers. */
  readonly random: (bytes: number) => Uint8Array;
  readonly schema?: EventSchema;
}

/** An event without its salts: the signer draws them. */
export type EventToSign = ActorSection & ObjectSection & RestSection;

export interface BatchToSign {
  readonly tenant: string;
  readonly delivery: Delivery;
  /** DATA when absent. */
  readonly kind?: BatchKind;
  /** Events of this tenant and delivery that were dropped so far; 0 when absent. */
  readonly shed?: number;
  readonly predecessor?: PredecessorInstance | null;
}

/** One record of the event log. Its bytes never change: whoever sends it again sends these. */
export interface SignedBatch {
  readonly tenant: string;
  /** The tenant's name in UTF-8: the record's key. */
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly header: BatchHeader;
}

/** Events that are encoded already: `count` of them stand one after the other in `bytes`. */
export interface EncodedEvents {
  readonly bytes: Uint8Array;
  readonly count: number;
  /** Three offsets into `bytes` an event: end of actor, end of object, end of event. */
  readonly ends: Uint32Array;
}

export interface BatchSigner {
  /**
   * Encodes, hashes and signs a batch under the next sequence number of its tenant and delivery (0, 1, 2…). A batch whose
   * append had an unknown outcome is sent again as it is; signing it anew would be another batch.
   * Throws EmitterError `invalid_name`, `event_not_encodable`, `event_too_large`, `batch_too_large`; no number is then used.
   */
  sign(batch: BatchToSign & { readonly events: readonly EventToSign[] }): SignedBatch;
  /** The same for events that are encoded already. Copies what it needs: the bytes may be reused afterwards. */
  signEncoded(batch: BatchToSign, events: EncodedEvents): SignedBatch;
  /** The number that the next batch of this tenant and delivery gets. */
  nextSequence(tenant: string, delivery: Delivery): number;
}

const NO_EVENTS: EncodedEvents = { bytes: new Uint8Array(0), count: 0, ends: new Uint32Array(0) };

/** Throws EmitterError `invalid_option`, `invalid_name`. */
export const createBatchSigner = (options: BatchSignerOptions): BatchSigner => {
  const { sha256, audience, producer, instance, started_at } = options;
  assertName('producer', producer);
  assertName('audience', audience);
  if (instance.length !== 16) throw new EmitterError('invalid_option', `instance has ${instance.length} bytes: draw 16 random ones`);
  if (options.publicKey.length !== 32) {
    throw new EmitterError('invalid_option', `publicKey has ${options.publicKey.length} bytes: pass a raw Ed25519 key of 32`);
  }
  const schema = options.schema ?? currentEventSchema();
  const keyId = keyThumbprint(sha256, options.publicKey);
  const salts = createSaltPool(options.random);
  const utf8 = new TextEncoder();
  const next: Record<Delivery, Map<string, number>> = { ROUTINE: new Map(), CRITICAL: new Map() };
  const hashing = leafScratch();
  const actor_salt = new Uint8Array(SALT_BYTES);
  const object_salt = new Uint8Array(SALT_BYTES);
  let scratch: Buffer | null = null;

  const signEncoded = (batch: BatchToSign, events: EncodedEvents): SignedBatch => {
    const { tenant, delivery } = batch;
    const kind = batch.kind ?? 'DATA';
    assertName('tenant', tenant);
    if (events.count > BATCH_EVENTS_MAX) {
      throw new EmitterError(
        'batch_too_large',
        `a batch of ${events.count} events for one tenant: at most ${BATCH_EVENTS_MAX} fit, split it`,
      );
    }
    if ((events.count === 0) === (kind === 'DATA')) {
      throw new EmitterError('invalid_event', `a ${kind} batch of ${events.count} events: DATA carries at least one, the others none`);
    }
    const leaves = Buffer.allocUnsafe(events.count * HASH_BYTES);
    hashEventLeaves(sha256, events.bytes, 0, events.count, events.ends, leaves, hashing);
    const sequence = next[delivery].get(tenant) ?? 0;
    const header: BatchHeader = {
      version: FORMAT_VERSION,
      suite: SUITE_ED25519_SHA256,
      audience,
      tenant,
      producer,
      key_id: keyId,
      instance,
      started_at,
      delivery,
      sequence,
      kind,
      shed: batch.shed ?? 0,
      predecessor: batch.predecessor ?? null,
      event_schema: schema.sha256,
      count: events.count,
      root: rootOfLeaves(sha256, leaves, events.count),
      confidential_digest: null,
    };
    try {
      const headerBytes = encodeHeader(header);
      const signature = signWith(options, batchSigningInput(keyId, headerBytes));
      const value = assembleBatch(headerBytes, signature, events.count, events.bytes, schema);
      // Only now is the number taken: a batch that could not be made leaves no gap.
      next[delivery].set(tenant, sequence + 1);
      return { tenant, key: utf8.encode(tenant), value, header };
    } catch (thrown) {
      throw asEmitterError(thrown);
    }
  };

  return {
    signEncoded,
    sign(batch) {
      const { events } = batch;
      if (events.length === 0) return signEncoded(batch, NO_EVENTS);
      if (events.length > BATCH_EVENTS_MAX) {
        throw new EmitterError('batch_too_large', `a batch of ${events.length} events: at most ${BATCH_EVENTS_MAX} fit, split it`);
      }
      scratch ??= Buffer.allocUnsafeSlow(BATCH_BYTES_MAX + EVENT_ROOM_BYTES);
      const ends = new Uint32Array(events.length * ENDS_PER_EVENT);
      let at = 0;
      for (let i = 0; i < events.length; i++) {
        if (at > BATCH_BYTES_MAX) {
          throw new EmitterError(
            'batch_too_large',
            `the batch is above ${BATCH_BYTES_MAX} bytes after ${i} of ${events.length} events: split it`,
          );
        }
        salts.draw(actor_salt);
        salts.draw(object_salt);
        const event = { ...(events[i] as EventToSign), actor_salt, object_salt };
        at = encodeEvent(schema, event, scratch, at, ends, i * ENDS_PER_EVENT);
      }
      return signEncoded(batch, { bytes: scratch.subarray(0, at), count: events.length, ends });
    },
    nextSequence: (tenant, delivery) => next[delivery].get(tenant) ?? 0,
  };
};

function signWith(options: BatchSignerOptions, message: Uint8Array): Uint8Array {
  let signature: Uint8Array;
  try {
    signature = options.sign(message);
  } catch (thrown) {
    throw new EmitterError('signing_failed', `producer ${options.producer} could not sign a batch: check its key`, { cause: thrown });
  }
  if (signature.length === 64) return signature;
  throw new EmitterError('signing_failed', `sign gave ${signature.length} bytes for producer ${options.producer}: Ed25519 gives 64`);
}
