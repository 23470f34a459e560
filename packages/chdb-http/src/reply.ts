/** Answers as a server sends them: chunked, packed when asked, and broken off with a marker where a statement fails midway. */
import { randomBytes } from 'node:crypto';
import { type EventEmitter, once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { createGzip, type Gzip } from 'node:zlib';
import { exceptionBlock, exceptionText, type ServerException, statusOf } from './exceptions.ts';

export interface ReplyContext {
  readonly version: string;
  readonly query_id: string;
  readonly packs: boolean;
}

export interface Summary {
  readonly read_rows: number;
  readonly written_rows: number;
  readonly result_bytes: number;
}

const TAG_BYTES = 8;

/** Leaves no listener behind. */
async function eventOrClose(target: EventEmitter, event: string, closing: EventEmitter): Promise<void> {
  const stop = new AbortController();
  const { signal } = stop;
  try {
    await Promise.race([once(target, event, { signal }), once(closing, 'close', { signal })]);
  } finally {
    stop.abort();
  }
}

export class Reply {
  readonly #response: ServerResponse;
  readonly #context: ReplyContext;
  readonly #tag = randomBytes(TAG_BYTES).toString('hex');
  #gzip: Gzip | null = null;
  #sent = 0;

  constructor(response: ServerResponse, context: ReplyContext) {
    this.#response = response;
    this.#context = context;
  }

  get begun(): boolean {
    return this.#response.headersSent;
  }

  /** Bytes of the answer so far, before they are packed. */
  get sent(): number {
    return this.#sent;
  }

  begin(format: string, summary: Summary): void {
    this.#head(200, { 'X-ClickHouse-Format': format, 'Content-Type': contentTypeOf(format) }, summary);
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#sent += bytes.length;
    const target = this.#gzip ?? this.#response;
    // Whoever reads slowly is waited for; whoever has gone is not.
    if (!target.write(bytes) && !this.#response.destroyed) await eventOrClose(target, 'drain', this.#response);
  }

  async end(): Promise<void> {
    (this.#gzip ?? this.#response).end();
    if (!this.#response.writableFinished && !this.#response.destroyed) await eventOrClose(this.#response, 'finish', this.#response);
  }

  /** As the status while nothing was sent; inside the answer after that. */
  async fail(exception: ServerException, keepsFraming = false): Promise<void> {
    if (!this.begun) {
      const code = { 'X-ClickHouse-Exception-Code': String(exception.code), 'Content-Type': 'text/plain; charset=UTF-8' };
      this.#head(statusOf(exception), code, { read_rows: 0, written_rows: 0, result_bytes: 0 });
      await this.write(Buffer.from(exceptionText(exception, this.#context.version)));
      return this.end();
    }
    await this.write(exceptionBlock(exception, this.#context.version, this.#tag));
    return keepsFraming ? this.end() : this.cut();
  }

  /** Sends what there is and closes the connection: the last chunk is missing. */
  async cut(): Promise<void> {
    const gzip = this.#gzip;
    if (gzip !== null) await new Promise<void>((resolve) => gzip.flush(() => resolve()));
    const { socket } = this.#response;
    if (socket === null || socket.destroyed) return;
    // The response corks its socket until the next turn: only then is all of it on its way.
    await new Promise<void>((resolve) => setImmediate(resolve));
    socket.end();
    await eventOrClose(socket, 'finish', socket);
    socket.destroy();
  }

  #head(status: number, headers: Readonly<Record<string, string>>, summary: Summary): void {
    const { version, query_id, packs } = this.#context;
    const texts = Object.entries({ ...summary, written_bytes: 0, total_rows_to_read: 0, result_rows: 0, elapsed_ns: 0 }).map(
      ([name, value]) => [name, String(value)],
    );
    this.#response.writeHead(status, {
      ...headers,
      'X-ClickHouse-Server-Display-Name': `chdb ${version}`,
      'X-ClickHouse-Query-Id': query_id,
      'X-ClickHouse-Timezone': 'UTC',
      'X-ClickHouse-Exception-Tag': this.#tag,
      'X-ClickHouse-Summary': JSON.stringify(Object.fromEntries(texts)),
      ...(packs ? { 'Content-Encoding': 'gzip' } : {}),
    });
    if (!packs) return;
    this.#gzip = createGzip();
    this.#gzip.pipe(this.#response);
  }
}

function contentTypeOf(format: string): string {
  if (format.startsWith('JSON')) return 'application/json; charset=UTF-8';
  if (/^(?:TabSeparated|TSV)/.test(format)) return 'text/tab-separated-values; charset=UTF-8';
  return 'application/octet-stream';
}
