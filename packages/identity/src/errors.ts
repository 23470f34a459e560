export type IdentityErrorCode =
  /** An option of createTokenVerifier or createPseudonyms is missing or out of range. */
  'invalid_option';

/** What this package throws: mistakes of configuration only. What is wrong with a token is a value (`TokenReason`). */
export class IdentityError extends Error {
  readonly code: IdentityErrorCode;
  constructor(code: IdentityErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'IdentityError';
    this.code = code;
  }
}
