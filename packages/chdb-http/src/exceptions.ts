/** Exceptions as a server words them, and the HTTP status of each code (ClickHouse, src/Server/HTTP/exceptionCodeToHTTPStatus.cpp). */

export class ServerException extends Error {
  readonly code: number;
  /** Such as UNKNOWN_TABLE. */
  readonly type: string;
  constructor(code: number, type: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'ServerException';
    this.code = code;
    this.type = type;
  }
}

const LOGICAL_ERROR = 49;

/** What the embedded engine threw. Of a stream it gives the text alone. */
export function exceptionOf(error: unknown): ServerException {
  if (error instanceof ServerException) return error;
  const text = error instanceof Error ? error.message : String(error);
  const code = (error as { clickhouseCode?: number }).clickhouseCode ?? Number(/^Code: (\d+)/.exec(text)?.[1] ?? LOGICAL_ERROR);
  const type = /\(([A-Z][A-Z0-9_]+)\)\s*(?:\(version [^)]*\)\s*)?$/.exec(text)?.[1] ?? 'LOGICAL_ERROR';
  const words = text
    .replace(/^(?:Code: \d+\. )?(?:DB::Exception: )?/, '')
    .replace(/\s*\([A-Z][A-Z0-9_]+\)\s*(?:\(version [^)]*\)\s*)?$/, '')
    .trim();
  return new ServerException(code, type, words, { cause: error });
}

export const exceptionText = ({ code, type, message }: ServerException, version: string): string =>
  `Code: ${code}. DB::Exception: ${message} (${type}) (version ${version})\n`;

const STATUSES: ReadonlyMap<number, readonly number[]> = new Map([
  [401, [194]],
  [403, [192, 193, 497, 512, 516]],
  [400, [6, 8, 15, 25, 26, 27, 36, 38, 41, 44, 53, 62, 72, 98, 99, 117, 167, 168, 321, 376, 427, 441, 675, 676]],
  [404, [46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 336, 511]],
  [413, [106]],
  [501, [48]],
  [503, [76, 209, 439]],
  [411, [381]],
  [408, [159]],
]);

export function statusOf({ code }: ServerException): number {
  for (const [status, codes] of STATUSES) if (codes.includes(code)) return status;
  return 500;
}

export const MARKER = '__exception__';

/** What a server (25.11 and later) writes into an answer that has begun: it then breaks the connection. */
export function exceptionBlock(exception: ServerException, version: string, tag: string): Buffer {
  const text = exceptionText(exception, version);
  return Buffer.from(`\r\n${MARKER}\r\n${tag}\r\n${text}${Buffer.byteLength(text)} ${tag}\r\n${MARKER}\r\n`);
}
