export type WireErrorCode =
  /** A value has no canonical encoding: a lone surrogate, a time or a number out of range, a missing field. */
  | 'not_encodable'
  | 'event_too_large'
  | 'batch_too_large'
  /** Bytes that are not the canonical encoding of the record asked for. */
  | 'not_canonical'
  | 'unknown_schema';

export class WireError extends Error {
  readonly code: WireErrorCode;
  constructor(code: WireErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'WireError';
    this.code = code;
  }
}

/** Why bytes from outside were refused; `at` is the byte offset where the fault shows. */
export interface Refusal {
  readonly kind: 'refused';
  readonly reason: 'malformed' | 'not_canonical' | 'unknown_schema' | 'too_large' | 'root_mismatch' | 'not_supported';
  readonly detail: string;
  readonly at: number;
}
