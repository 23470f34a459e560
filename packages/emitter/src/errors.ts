export type EmitterErrorCode =
  /** An option of createEmitter, createBatchSigner or a middleware is missing or out of range. */
  | 'invalid_option'
  /** A tenant, producer, action or resource type that is not a name (docs/emitting.md). */
  | 'invalid_name'
  /** The event's details have a wrong shape: a missing resource id, an unknown outcome, a number where text belongs. */
  | 'invalid_event'
  /** A value has no canonical encoding: a lone surrogate, a time or a number out of range. */
  | 'event_not_encodable'
  | 'event_too_large'
  | 'batch_too_large'
  /** The producer's key could not sign. */
  | 'signing_failed'
  /** The event log refused the batch for good, and every append of it; the cause is the log's. It is not recorded. */
  | 'append_refused'
  /**
   * The event log did not confirm the batch within `critical_timeout_ms`; it may yet arrive: it keeps its number and bytes. Or
   * the answer to an append was lost and the log refuses the batch now: it may be recorded.
   */
  | 'append_unconfirmed'
  /** No room for another event within `memory_bytes_max` or `critical_bytes_max`: the event log is not taking what is waiting. */
  | 'overloaded'
  /** The emitter was closed. */
  | 'closed';

/**
 * Every error that this package throws. `message` is one line: what, where, what to do; never a value of an event. `cause`
 * is what the codec, the log or the caller's own value threw, and may say anything.
 */
export class EmitterError extends Error {
  readonly code: EmitterErrorCode;
  constructor(code: EmitterErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'EmitterError';
    this.code = code;
  }
}
