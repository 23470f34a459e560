/**
 * What goes wrong between here and a server, as the port's codes. A server's text may quote the statement or a row: none of
 * it goes into a message.
 */
import { ClickHouseError } from '@clickhouse/client';
import { LedgerStoreError } from '@sealtrail/ledger-store';

/** ClickHouse's error codes that mean something here (its src/Common/ErrorCodes.cpp). */
const UNKNOWN_DATABASE = 81;
const NOT_ENOUGH_SPACE = 243;
const VIOLATED_CONSTRAINT = 469;
const WHO: readonly number[] = [192, 193, 194, 516]; // UNKNOWN_USER, WRONG_PASSWORD, REQUIRED_PASSWORD, AUTHENTICATION_FAILED
const MAY_NOT: readonly number[] = [164, 392, 497]; // READONLY, QUERY_IS_PROHIBITED, ACCESS_DENIED
const CANNOT_READ: readonly number[] = [
  33, // CANNOT_READ_ALL_DATA
  40, // CHECKSUM_DOESNT_MATCH
  117, // INCORRECT_DATA
  228, // BAD_DATA_PART_NAME
  232, // NO_FILE_IN_DATA_PART
  246, // CORRUPTED_DATA
  271, // CANNOT_DECOMPRESS
];
/** A read that met one of these may succeed when asked again. */
const PASSING: readonly number[] = [
  159, // TIMEOUT_EXCEEDED
  202, // TOO_MANY_SIMULTANEOUS_QUERIES
  203, // NO_FREE_CONNECTION
  209, // SOCKET_TIMEOUT
  210, // NETWORK_ERROR
  225, // NO_ZOOKEEPER
  236, // ABORTED
  241, // MEMORY_LIMIT_EXCEEDED
  242, // TABLE_IS_READ_ONLY
  279, // ALL_CONNECTION_TRIES_FAILED
  289, // REPLICA_IS_NOT_IN_QUORUM
  394, // QUERY_WAS_CANCELLED
  439, // CANNOT_SCHEDULE_TASK
  745, // SERVER_OVERLOADED
  999, // KEEPER_EXCEPTION
];

/** Nothing of the request arrived: it can be sent again, whatever it was. */
const NOT_SENT: readonly string[] = ['connect', 'getaddrinfo'];

/** No answer, or not all of it, in the time that a request has. */
export class RequestTimeout extends Error {
  constructor() {
    super('the request took too long');
    this.name = 'RequestTimeout';
  }
}

/** An answer that is not what was asked for, though nothing else went wrong. */
export class WrongAnswer extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'WrongAnswer';
  }
}

/** An answer that no ClickHouse gave: a proxy's, or that of another service at the address. */
export class NotClickHouse extends Error {
  readonly status: number;
  constructor(status: number) {
    super(`the answer has status ${status} and no exception of ClickHouse`);
    this.name = 'NotClickHouse';
    this.status = status;
  }
}

/** A CHECK found a row whose columns do not give its hash. */
export class ConstraintViolated extends LedgerStoreError {
  constructor(name: string, cause: unknown) {
    const row = /violated at row (\d+)/.exec(serverText(cause))?.[1] ?? 'one';
    super(
      'store_corrupt',
      `${name}: the server refused row ${row} of an insert: its columns do not recompute to its hash; nothing was stored`,
      { cause },
    );
  }
}

export const serverCode = (error: unknown): number | undefined => (error instanceof ClickHouseError ? Number(error.code) : undefined);
export const serverText = (error: unknown): string => (error instanceof Error ? error.message : String(error));

interface SystemError extends Error {
  readonly code?: string;
  readonly syscall?: string;
  /** Of a connection that was tried at several addresses. */
  readonly errors?: readonly SystemError[];
}

/** Whether an error says that no connection was made. */
export function isNotSent(error: unknown): boolean {
  const { syscall, errors } = error as SystemError;
  if (errors !== undefined && errors.length > 0) return errors.every(isNotSent);
  return syscall !== undefined && NOT_SENT.includes(syscall);
}

/** Whether a read that ended so may be asked again. */
export function isPassing(error: unknown): boolean {
  if (error instanceof ClickHouseError) return PASSING.includes(Number(error.code));
  // A proxy that finds no server behind it, or has too much to do.
  if (error instanceof NotClickHouse) return error.status >= 500 || error.status === 408 || error.status === 429;
  if (error instanceof RequestTimeout) return true;
  const code = codeOf(error);
  return code !== undefined && !isTlsCode(code);
}

const codeOf = (error: unknown): string | undefined => (error as SystemError).code ?? (error as SystemError).errors?.[0]?.code;

const isTlsCode = (code: string): boolean => /CERT|TLS|SSL|EPROTO|UNABLE_TO/.test(code);

/** Whom and what an error is about, for its message. */
export interface ErrorContext {
  /** Server and database. */
  readonly name: string;
  readonly username: string;
  readonly database: string;
  readonly request_timeout_ms: number;
}

const unavailable = (message: string, cause: unknown): LedgerStoreError => new LedgerStoreError('store_unavailable', message, { cause });

export function storeError(cause: unknown, context: ErrorContext): LedgerStoreError {
  if (cause instanceof LedgerStoreError) return cause;
  const { name } = context;
  if (cause instanceof ClickHouseError) return serverError(cause, context);
  if (cause instanceof RequestTimeout) {
    return unavailable(`${name}: no answer within ${context.request_timeout_ms} ms: see whether the server is overloaded`, cause);
  }
  if (cause instanceof WrongAnswer) return unavailable(`${name}: ${cause.message}`, cause);
  if (cause instanceof NotClickHouse) {
    return unavailable(
      `${name}: something other than ClickHouse answered, with status ${cause.status}: check the address and the proxy`,
      cause,
    );
  }
  const code = codeOf(cause);
  if (code === undefined) return unavailable(`${name}: the request failed: see the cause, and report it`, cause);
  if (isTlsCode(code))
    return unavailable(`${name}: no trusted connection (${code}): check the certificates, and that the port is that of https`, cause);
  if (isNotSent(cause)) return unavailable(`${name}: the server cannot be reached (${code}): check the address, and that it runs`, cause);
  return unavailable(`${name}: the connection broke (${code}): see whether the server still runs`, cause);
}

function serverError(cause: ClickHouseError, { name, username, database }: ErrorContext): LedgerStoreError {
  const code = Number(cause.code);
  const kind = cause.type ?? 'UNKNOWN';
  if (code === VIOLATED_CONSTRAINT) return new ConstraintViolated(name, cause);
  if (code === NOT_ENOUGH_SPACE || /No space left on device|errno: 28\b/i.test(cause.message)) {
    return new LedgerStoreError('store_no_space', `${name}: the server's disk is full: make room, then start again`, { cause });
  }
  if (CANNOT_READ.includes(code)) {
    return new LedgerStoreError(
      'store_corrupt',
      `${name}: the server cannot read a part of the store (${kind}): restore it from a backup`,
      {
        cause,
      },
    );
  }
  if (WHO.includes(code)) return unavailable(`${name}: the server does not accept user ${username} with this password: check both`, cause);
  if (MAY_NOT.includes(code)) return unavailable(`${name}: user ${username} may not do what the ledger needs (${kind}): grant it`, cause);
  if (code === UNKNOWN_DATABASE) return unavailable(`${name}: there is no database ${database}: create it, or allow it to be made`, cause);
  return unavailable(`${name}: the server failed (${kind}, code ${code}): see the cause, then start again`, cause);
}
