/** A request as the HTTP interface reads it: who asks, the statement, settings, parameters, and what comes back how. */
import type { IncomingMessage } from 'node:http';
import { ServerException } from './exceptions.ts';

/** Parameters of the URL that are no settings (ClickHouse, src/Server/HTTPHandler.cpp). */
const RESERVED: ReadonlySet<string> = new Set(
  (
    'query,compress,decompress,user,password,quota_key,query_id,stacktrace,role,buffer_size,wait_end_of_query,session_id,' +
    'session_timeout,session_check,client_protocol_version,close_session,database,default_format'
  ).split(','),
);
/** What the embedded engine has no counterpart for: a session, and ClickHouse's own framing of packed blocks. */
const NOT_SERVED = ['session_id', 'compress', 'decompress'] as const;
const NOT_IMPLEMENTED = 48;
const UNKNOWN_SETTING = 115;

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

export interface QueryRequest {
  readonly credentials: Credentials;
  /** The part of the statement that stands in the URL. */
  readonly query: string;
  readonly query_id: string;
  readonly database: string;
  readonly default_format: string;
  readonly settings: ReadonlyMap<string, string>;
  readonly parameters: ReadonlyMap<string, string>;
  readonly waits_for_end: boolean;
  readonly packs_answer: boolean;
  readonly body_encoding: string;
}

const isOn = (value: string | null | undefined): boolean => value === '1' || value === 'true';
const header = (request: IncomingMessage, name: string): string => {
  const value = request.headers[name];
  return Array.isArray(value) ? (value[0] ?? '') : (value ?? '');
};

/** Throws `ServerException` for what is not served. */
export function readRequest(request: IncomingMessage, url: URL, newId: () => string): QueryRequest {
  const given = url.searchParams;
  for (const name of NOT_SERVED) {
    const value = given.get(name);
    if (value !== null && value !== '' && value !== '0')
      throw new ServerException(NOT_IMPLEMENTED, 'NOT_IMPLEMENTED', `${name} is not served here`);
  }
  if (header(request, 'content-type').startsWith('multipart/form-data')) {
    throw new ServerException(NOT_IMPLEMENTED, 'NOT_IMPLEMENTED', 'multipart/form-data is not served here');
  }
  const settings = new Map<string, string>();
  const parameters = new Map<string, string>();
  // What is not sent by POST may only read.
  if (request.method !== 'POST') settings.set('readonly', '2');
  for (const [name, value] of given) {
    if (RESERVED.has(name) || name === '') continue;
    const isParameter = name.startsWith('param_');
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new ServerException(UNKNOWN_SETTING, 'UNKNOWN_SETTING', 'Unknown setting');
    (isParameter ? parameters : settings).set(isParameter ? name.slice('param_'.length) : name, value);
  }
  const accepts = header(request, 'accept-encoding').includes('gzip');
  return {
    credentials: credentialsOf(request, given),
    query: given.get('query') ?? '',
    query_id: given.get('query_id') ?? (header(request, 'x-clickhouse-query-id') || newId()),
    database: header(request, 'x-clickhouse-database') || (given.get('database') ?? ''),
    default_format: header(request, 'x-clickhouse-format') || (given.get('default_format') ?? 'TabSeparated'),
    settings,
    parameters,
    waits_for_end: isOn(given.get('wait_end_of_query')) || isOn(settings.get('http_wait_end_of_query')),
    packs_answer: accepts && isOn(settings.get('enable_http_compression')),
    body_encoding: header(request, 'content-encoding'),
  };
}

function credentialsOf(request: IncomingMessage, given: URLSearchParams): Credentials {
  const basic = /^Basic (.+)$/i.exec(header(request, 'authorization'))?.[1];
  if (basic !== undefined) {
    const text = Buffer.from(basic, 'base64').toString('utf8');
    const colon = text.indexOf(':');
    return colon < 0 ? { username: text, password: '' } : { username: text.slice(0, colon), password: text.slice(colon + 1) };
  }
  return {
    username: header(request, 'x-clickhouse-user') || (given.get('user') ?? 'default'),
    password: header(request, 'x-clickhouse-key') || (given.get('password') ?? ''),
  };
}
