export type EvidenceErrorCode =
  | 'tenant_not_found'
  | 'entry_not_found'
  | 'log_not_found'
  /** The tenant has the entry number in more than one log. */
  | 'several_logs'
  /** No checkpoint covers the entry's round yet. */
  | 'checkpoint_behind'
  /** The rows do not lead to the checkpoint: the store was altered. */
  | 'not_provable'
  /** What the caller gave is not what it should be. */
  | 'input_malformed';

export class EvidenceError extends Error {
  readonly code: EvidenceErrorCode;
  constructor(code: EvidenceErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'EvidenceError';
    this.code = code;
  }
}
