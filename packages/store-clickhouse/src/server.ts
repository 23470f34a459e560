/**
 * A ClickHouse server over HTTP. A read is asked again while the server cannot be reached or has too much to do; an insert
 * is sent again only where no connection was made, so that nothing of it can have arrived.
 */
import { Agent } from 'node:https';
import { Readable } from 'node:stream';
import {
  type ClickHouseClient,
  type ClickHouseClientConfigOptions,
  ClickHouseError,
  ClickHouseLogLevel,
  type ClickHouseSettings,
  createClient,
  parseError,
} from '@clickhouse/client';
import { LedgerStoreError } from '@sealtrail/ledger-store';
import { readAnswer } from './answers.ts';
import { isNotSent, isPassing, NotClickHouse, RequestTimeout, serverText, storeError, WrongAnswer } from './errors.ts';
import type { Settled } from './options.ts';

export interface Server {
  readonly settled: Settled;
  /** Asks, and asks again. Throws `LedgerStoreError`. */
  read(sql: string, format: string, settings?: ClickHouseSettings): Promise<Uint8Array>;
  /** Asks once, in the ledger's database; `readonly` as the user's profile allows. Throws what went wrong, as it is. */
  question(sql: string, format: string, settings: ClickHouseSettings): Promise<Uint8Array>;
  /** Runs a definition, which is harmless when it is run again. Throws `LedgerStoreError`. */
  define(sql: string): Promise<void>;
  /** Sends an INSERT with its container. Resolves when the server says that all rows were written. Throws `LedgerStoreError`. */
  insert(sql: string, parts: readonly Uint8Array[], rows: number): Promise<void>;
  /** Throws `store_closed` after `close`. */
  assertOpen(): void;
  /** Waits for requests that are under way. */
  close(): Promise<void>;
}

/** Far above any page; an answer is in memory whole. */
const ANSWER_BYTES_MAX = 536_870_912;
const QUESTION_BYTES_MAX = 268_435_456;
/** An error's text, or the answer of an INSERT, which is empty. */
const SHORT_BYTES_MAX = 1_048_576;
/** Claims of a partition stand in the statement: it may be longer than a server takes by itself. */
const STATEMENT_BYTES_MAX = 16_777_216;
const FIRST_WAIT_MS = 100;
const WAIT_MS_MAX = 2_000;

/** An answer begins when all of it is computed: an error is then a status, and what was written is known. */
const WHOLE: ClickHouseSettings = {
  wait_end_of_query: 1,
  // In memory there, up to this; without, each answer would be a file first.
  buffer_size: '16777216',
  send_progress_in_http_headers: 0,
};
const ONE_BLOCK_OF_INPUT: ClickHouseSettings = {
  // input() reads blocks of this size: the container is one.
  max_insert_block_size: '1000000000',
  min_insert_block_size_rows: '1000000000',
  min_insert_block_size_bytes: '0',
  async_insert: 0,
  insert_deduplicate: 0,
  input_format_parallel_parsing: 0,
};

/** The format of an answer whose statement names none. The client's list of formats lacks those without rows of text. */
const inFormat = (format: string): ClickHouseSettings => ({ default_format: format as 'JSON' });

interface Request {
  readonly client: ClickHouseClient;
  readonly sql: string;
  readonly settings: ClickHouseSettings;
  readonly body?: readonly Uint8Array[];
  readonly bytes_max: number;
}

const UNCOUNTED = 'the answer does not say how many rows were written: let the proxy in between pass X-ClickHouse-Summary';

interface Answered {
  readonly bytes: Uint8Array;
  /** Rows that the server says it wrote; undefined when it does not say. */
  readonly written_rows: number | undefined;
}

export function openServer(settled: Settled): Server {
  const { pacing, request_timeout_ms, unreachable_wait_ms, replicated } = settled;
  const ledger = clientOf(settled, undefined);
  const analyst = clientOf(settled, settled.database);
  const running = new Set<Promise<unknown>>();
  let closing: Promise<void> | null = null;

  const assertOpen = (): void => {
    if (closing !== null) throw new LedgerStoreError('store_closed', 'the ledger store was closed: open another');
  };
  const tracked = async <T>(run: () => Promise<T>): Promise<T> => {
    assertOpen();
    const request = run();
    running.add(request);
    try {
      return await request;
    } finally {
      running.delete(request);
    }
  };
  /** Again, with growing pauses, as long as `isAgain` says so and the time for it lasts. */
  const again = async <T>(run: () => Promise<T>, isAgain: (error: unknown) => boolean): Promise<T> => {
    const end = pacing.now_ms() + unreachable_wait_ms;
    for (let wait = FIRST_WAIT_MS; ; wait = Math.min(2 * wait, WAIT_MS_MAX)) {
      try {
        return await run();
      } catch (error) {
        // Not all at once, when many wait for the same server.
        const pause = wait * (0.5 + pacing.random() / 2);
        if (closing !== null || !isAgain(error) || pacing.now_ms() + pause > end) throw storeError(error, settled);
        await pacing.sleep(pause);
      }
    }
  };
  const once = (request: Request): Promise<Answered> => send(request, request_timeout_ms);
  const consistent: ClickHouseSettings = replicated === undefined ? {} : { select_sequential_consistency: '1' };
  const quorum: ClickHouseSettings =
    replicated === undefined ? {} : { insert_quorum: 'auto', insert_quorum_parallel: 0, insert_quorum_timeout: request_timeout_ms };

  return {
    settled,
    assertOpen,
    read: (sql, format, settings = {}) =>
      tracked(async () => {
        const all = { ...WHOLE, max_query_size: String(STATEMENT_BYTES_MAX), ...consistent, ...settings, ...inFormat(format) };
        const request = { client: ledger, sql, settings: all, bytes_max: ANSWER_BYTES_MAX };
        return (await again(() => once(request), isPassing)).bytes;
      }),
    question: (sql, format, settings) =>
      tracked(async () => {
        const request = { client: analyst, sql, settings: { ...settings, ...inFormat(format) }, bytes_max: QUESTION_BYTES_MAX };
        return (await once(request)).bytes;
      }),
    define: (sql) =>
      tracked(async () => {
        const settings = { ...WHOLE, max_query_size: String(STATEMENT_BYTES_MAX), ...quorum };
        await again(() => once({ client: ledger, sql, settings, bytes_max: SHORT_BYTES_MAX }), isPassing);
      }),
    insert: (sql, parts, rows) =>
      tracked(async () => {
        const settings = { ...WHOLE, ...ONE_BLOCK_OF_INPUT, ...quorum };
        const request = { client: ledger, sql: `${sql} FORMAT Avro`, settings, body: parts, bytes_max: SHORT_BYTES_MAX };
        const { written_rows } = await again(() => once(request), isNotSent);
        if (written_rows === undefined) throw storeError(new WrongAnswer(UNCOUNTED), settled);
        if (written_rows < rows) {
          throw storeError(
            new WrongAnswer(`the server says that it wrote ${written_rows} of ${rows} rows: see what cuts the request`),
            settled,
          );
        }
      }),
    close() {
      closing ??= (async () => {
        await Promise.allSettled(running);
        await Promise.all([ledger.close(), analyst.close()]);
      })();
      return closing;
    },
  };
}

/** Sends a request once. Throws what the server says, or why there is no answer. */
async function send({ client, sql, settings, body, bytes_max }: Request, timeout_ms: number): Promise<Answered> {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), timeout_ms);
  try {
    const { stream, response_headers, http_status_code, summary } = await client.exec({
      query: sql,
      clickhouse_settings: settings,
      abort_signal: deadline.signal,
      // The status and the header say what the text alone would have to.
      ignore_error_response: true,
      ...(body === undefined ? {} : { values: Readable.from(body, { objectMode: false }) }),
    });
    const code = response_headers['x-clickhouse-exception-code'];
    const isAnswer = http_status_code === 200 && code === undefined;
    const bytes = await readAnswer(stream, response_headers, isAnswer ? bytes_max : SHORT_BYTES_MAX, deadline.signal);
    if (!isAnswer) throw refusal(bytes.toString('utf8'), code, http_status_code ?? 0);
    const written = summary?.written_rows;
    return { bytes, written_rows: written === undefined ? undefined : Number(written) };
  } catch (error) {
    if (deadline.signal.aborted && !(error instanceof ClickHouseError)) throw new RequestTimeout();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function refusal(text: string, code: string | string[] | undefined, status: number): Error {
  if (typeof code !== 'string') return new NotClickHouse(status);
  const parsed = parseError(text);
  if (parsed instanceof ClickHouseError && parsed.code === code) return parsed;
  return new ClickHouseError({ code, message: serverText(parsed), type: 'UNKNOWN' });
}

function clientOf(settled: Settled, database: string | undefined): ClickHouseClient {
  const url = new URL(settled.url);
  const { tls } = settled;
  return createClient({
    // The client takes a path in the url for a database.
    url: url.origin,
    ...(url.pathname === '/' ? {} : { pathname: url.pathname }),
    username: settled.username,
    password: settled.password,
    ...(database === undefined ? {} : { database }),
    application: 'sealtrail',
    max_open_connections: settled.connections_max,
    // The deadline of a request is kept here: the client's own counts silence alone.
    request_timeout: 2 * settled.request_timeout_ms,
    compression: { request: settled.compression === 'gzip', response: settled.compression === 'gzip' },
    // A server closes idle connections: what is sent on one that it is closing is in doubt.
    keep_alive: { enabled: true, idle_socket_ttl: settled.idle_connection_ms, eagerly_destroy_stale_sockets: true },
    // Its log lines quote statements and settings.
    log: { level: ClickHouseLogLevel.OFF },
    ...(tls === undefined ? {} : certified(settled, tls)),
  });
}

/**
 * With certificates of its own the client would send user and password as headers, which hold Latin letters alone, and with
 * one of this side it would always ask to be known by that: so the connections are made here instead.
 */
function certified(
  { connections_max, username, password }: Settled,
  { ca_cert, cert, key }: NonNullable<Settled['tls']>,
): Partial<ClickHouseClientConfigOptions> {
  const own = cert === undefined || key === undefined ? {} : { cert: Buffer.from(cert), key: Buffer.from(key) };
  const http_agent = new Agent({ keepAlive: true, maxSockets: connections_max, ca: Buffer.from(ca_cert), ...own });
  if (cert === undefined || password !== '') return { http_agent };
  const http_headers = { 'X-ClickHouse-User': username, 'X-ClickHouse-SSL-Certificate-Auth': 'on' };
  return { http_agent, http_headers, set_basic_auth_header: false };
}
