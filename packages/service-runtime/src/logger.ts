import { printable } from './display-width.ts';
import { redactSecrets } from './redact.ts';

/** From the least to the most urgent. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Something that can be written without being looked into: no object, so nothing comes along by accident. */
export type LogValue = string | number | boolean | null;

/**
 * The names that a field may have: places, amounts, codes and hashes of the log. There is none for a person, an address, a
 * token, an attribute or free text of an event, which is how such data stays out of log lines: it has nowhere to go.
 * A new name is added here, where it is seen in review.
 */
export interface LogFields {
  /** Where in the event log. */
  readonly topic?: string;
  readonly partition?: number;
  readonly incarnation?: number;
  readonly offset?: number;
  readonly from?: number;
  readonly to?: number;
  readonly group?: string;
  /** Where in the ledger. Hashes as hex: 64 digits, anything else is masked. */
  readonly claim?: string;
  readonly ordinal?: number;
  readonly round?: number;
  readonly size?: number;
  readonly round_hash?: string;
  readonly record_hash?: string;
  readonly root?: string;
  readonly key_id?: string;
  /** How much. */
  readonly batches?: number;
  readonly entries?: number;
  readonly records?: number;
  readonly rounds?: number;
  readonly duplicates?: number;
  readonly rejected?: number;
  readonly bytes?: number;
  readonly lag?: number;
  readonly attempt?: number;
  readonly duration_ms?: number;
  readonly wait_ms?: number;
  /** What. */
  readonly service?: string;
  readonly version?: string;
  readonly component?: string;
  readonly step?: string;
  readonly check?: string;
  readonly code?: string;
  readonly reason?: string;
  readonly signal?: string;
  readonly port?: number;
  readonly path?: string;
  readonly ok?: boolean;
}

const HASH_FIELDS: ReadonlySet<string> = new Set(['round_hash', 'record_hash', 'root', 'key_id']);
const CLAIM_FIELD = 'claim';
const HASH = /^[0-9a-f]{64}$/;
const CLAIM = /^[0-9a-f]{32}$/;
const TEXT_CHARS_MAX = 2_048;

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  /** `error` adds its class and code; its message only when its class is one of `trusted_errors`. */
  warn(message: string, fields?: LogFields, error?: unknown): void;
  error(message: string, fields?: LogFields, error?: unknown): void;
  /** A logger that adds these fields to every line. */
  with(fields: LogFields): Logger;
}

export interface LoggerOptions {
  /** Takes one line with its line break. */
  readonly write: (line: string) => void;
  readonly clock_ms: () => number;
  /** Least level that is written. Default info. */
  readonly level?: LogLevel;
  /** `json` for machines, `text` for people; one line an entry in both. */
  readonly format: 'json' | 'text';
  /**
   * Classes of errors whose messages hold no data of events, tokens or people. Messages of other classes (a database's
   * may quote the row that it refused) are left out; class and code still say what happened.
   */
  readonly trusted_errors?: readonly (abstract new (
    ...args: never[]
  ) => Error)[];
}

type Writable = readonly (readonly [string, LogValue])[];

/**
 * Structured logs, one line an entry. `message` is a fixed text of the program: what varies goes into fields. Message and
 * fields pass `redactSecrets`, and control characters leave as escapes, so that no line can be forged.
 */
export function createLogger(options: LoggerOptions): Logger {
  const least = LOG_LEVELS.indexOf(options.level ?? 'info');
  const trusted = options.trusted_errors ?? [];
  const format = options.format === 'json' ? jsonLine : textLine;

  const bound = (kept: LogFields): Logger => {
    const write = (level: LogLevel, message: string, fields?: LogFields, error?: unknown): void => {
      if (LOG_LEVELS.indexOf(level) < least) return;
      const all = [...safeFields({ ...kept, ...fields }), ...(error === undefined ? [] : errorFields(error, trusted))];
      options.write(`${format(new Date(options.clock_ms()).toISOString(), level, safeText(message), all)}\n`);
    };
    return {
      debug: (message, fields) => write('debug', message, fields),
      info: (message, fields) => write('info', message, fields),
      warn: (message, fields, error) => write('warn', message, fields, error),
      error: (message, fields, error) => write('error', message, fields, error),
      with: (fields) => bound({ ...kept, ...fields }),
    };
  };
  return bound({});
}

function safeFields(fields: LogFields): Writable {
  const safe: [string, LogValue][] = [];
  for (const [name, value] of Object.entries(fields) as [string, unknown][])
    if (value !== undefined) safe.push([name, safeValue(name, value)]);
  return safe;
}

function safeValue(name: string, value: unknown): LogValue {
  switch (typeof value) {
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'boolean':
      return value;
    case 'string':
      if (HASH_FIELDS.has(name) && HASH.test(value)) return value;
      return name === CLAIM_FIELD && CLAIM.test(value) ? value : safeText(value);
    default:
      // The types allow none of these; a caller without types must not get an object's content into the log.
      return value === null ? null : `[${typeof value}]`;
  }
}

function errorFields(error: unknown, trusted: NonNullable<LoggerOptions['trusted_errors']>): Writable {
  if (!(error instanceof Error)) return [['error_class', `not an Error: ${typeof error}`]];
  const fields: [string, LogValue][] = [['error_class', safeText(error.constructor.name)]];
  const code = (error as { code?: unknown }).code;
  if (typeof code === 'string' || typeof code === 'number') fields.push(['error_code', safeValue('error_code', code)]);
  if (trusted.some((known) => error instanceof known)) fields.push(['error_message', safeText(error.message)]);
  return fields;
}

function safeText(text: string): string {
  const cut = text.length > TEXT_CHARS_MAX ? `${text.slice(0, TEXT_CHARS_MAX)}…` : text;
  return printable(redactSecrets(cut));
}

function jsonLine(time: string, level: LogLevel, message: string, fields: Writable): string {
  return JSON.stringify({ time, level, message, ...Object.fromEntries(fields) });
}

function textLine(time: string, level: LogLevel, message: string, fields: Writable): string {
  const told = fields.map(
    ([name, value]) => ` ${name}=${typeof value === 'string' && !/^[\w.:/-]+$/.test(value) ? JSON.stringify(value) : String(value)}`,
  );
  return `${time} ${level.padEnd(5)} ${message}${told.join('')}`;
}
