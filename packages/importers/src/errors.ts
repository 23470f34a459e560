export type ImportErrorCode =
  /** There is no such file, or it cannot be read. */
  | 'input_missing'
  /** Not gzip, gzip that is damaged or cut off, or no JSON at all. */
  | 'input_malformed'
  /** The file begins like one that was imported before, and is another one further on. */
  | 'input_changed'
  /** Another import of the same file is under way, or moved its position meanwhile. */
  | 'import_concurrent'
  /** The event log refused a batch for good. */
  | 'append_refused'
  /** The event log does not say whether a batch is in it. */
  | 'append_unconfirmed'
  /** Stopped by the caller's signal. */
  | 'interrupted';

/** Every error of an import. One line: what, where, what to do; never a value of a record. */
export class ImportError extends Error {
  readonly code: ImportErrorCode;
  constructor(code: ImportErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'ImportError';
    this.code = code;
  }
}
