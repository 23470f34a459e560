export type AlertingErrorCode =
  /** A setting that cannot work: a silence without matchers, a secret that is none, a URL that is none. */
  | 'settings_invalid'
  /** A kept state that this build cannot read. */
  | 'state_invalid'
  /** No message has this id, or it is in no state in which that can be done. */
  | 'message_unknown'
  /** The dispatcher was stopped. */
  | 'stopped';

export class AlertingError extends Error {
  readonly code: AlertingErrorCode;
  constructor(code: AlertingErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'AlertingError';
    this.code = code;
  }
}
