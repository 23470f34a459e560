export type DataDirectoryErrorCode =
  | 'directory_missing'
  | 'directory_foreign'
  | 'directory_version'
  | 'directory_unwritable'
  | 'key_missing'
  | 'key_malformed'
  | 'key_exists'
  | 'name_invalid';

/** One line that says what, where and what to do. */
export class DataDirectoryError extends Error {
  readonly code: DataDirectoryErrorCode;
  constructor(code: DataDirectoryErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'DataDirectoryError';
    this.code = code;
  }
}
