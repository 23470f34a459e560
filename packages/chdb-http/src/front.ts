/** ClickHouse's HTTP interface over the embedded engine. */
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bodyInMemory, bodyToFile, plainBody } from './body.ts';
import { exceptionOf, ServerException } from './exceptions.ts';
import { createFaults, type FaultRule, type HttpFault } from './faults.ts';
import { Reply } from './reply.ts';
import { type QueryRequest, readRequest } from './request.ts';
import { type Run, runStatement } from './run.ts';
import { openSessions, type Sessions } from './sessions.ts';
import { statementOf } from './statement.ts';

export interface ChdbUser {
  readonly username: string;
  readonly password: string;
  /** Its profile: settings that its requests begin with, such as `readonly` or `allow_ddl`. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface ChdbHttpOptions {
  /** Folder of the engine; made when it is not there. One process at a time, and one folder a process. */
  readonly dir: string;
  /** 0, the default, takes a free one. */
  readonly port?: number;
  /** `default` without a password when absent. */
  readonly users?: readonly ChdbUser[];
  /** How long an idle connection is kept; 10,000 when absent. */
  readonly keep_alive_timeout_ms?: number;
  /** Serves https: certificate and key as PEM, and the authority of clients when they must show a certificate. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly client_ca?: string };
}

/** A request that the front took, for tests of what a client sends and how often. */
export interface SeenRequest {
  /** The statement's first 10,000 characters. */
  readonly sql: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly body_encoding: string;
  readonly packs_answer: boolean;
  readonly waits_for_end: boolean;
}

export interface ChdbHttp {
  readonly url: string;
  /** Makes something go wrong with the next statement, or with those that the rule says. */
  fault(fault: HttpFault, rule?: FaultRule): void;
  clearFaults(): void;
  /** How many statements have met a fault so far. */
  faultsMet(): number;
  /** Refuses connections and closes those that there are. */
  refuse(): Promise<void>;
  /** Takes connections again, at the same address. */
  accept(): Promise<void>;
  /** Closes connections that no request uses, as a server does with idle ones. */
  dropIdle(): void;
  /** The last 1,000 requests. */
  seen(): readonly SeenRequest[];
  /** Connections that were taken so far. */
  connections(): number;
  /** Waits for statements that run; requests that hang are cut. */
  close(): Promise<void>;
}

const HEAD_BYTES_MAX = 1_048_576;
const STATEMENT_BYTES_MAX = 16_777_216;
const SEEN_MAX = 1_000;
const SEEN_CHARACTERS = 10_000;
const AUTHENTICATION_FAILED = 516;

export async function serveClickHouse(options: ChdbHttpOptions): Promise<ChdbHttp> {
  const dir = resolve(options.dir);
  const spool = join(dir, 'spool');
  await mkdir(spool, { recursive: true });
  for (const name of await readdir(spool)) await rm(join(spool, name), { force: true });
  const sessions = openSessions(join(dir, 'engine'));
  const users = options.users ?? [{ username: 'default', password: '' }];
  const faults = createFaults();
  const seen: SeenRequest[] = [];

  const note = (asked: QueryRequest, sql: string): void => {
    const { body_encoding, packs_answer, waits_for_end } = asked;
    const settings = Object.fromEntries(asked.settings);
    seen.push({ sql: sql.slice(0, SEEN_CHARACTERS), settings, body_encoding, packs_answer, waits_for_end });
    if (seen.length > SEEN_MAX) seen.shift();
  };
  const server = serverOf(options);
  let connections = 0;
  server.on('connection', () => connections++);
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    // A client that goes away is no error of the front.
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    void handle(request, response, { sessions, spool, users, meet: faults.meet, note });
  });
  const listen = (port: number): Promise<void> =>
    new Promise((settle, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', () => {
        server.off('error', reject);
        settle();
      });
    });
  await listen(options.port ?? 0);
  const { port } = server.address() as AddressInfo;

  const refuse = (): Promise<void> =>
    new Promise((settle) => {
      server.close(() => settle());
      server.closeAllConnections();
    });
  return {
    url: `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    fault: faults.add,
    clearFaults: faults.clear,
    faultsMet: faults.met,
    refuse,
    accept: () => listen(port),
    dropIdle: () => server.closeIdleConnections(),
    seen: () => [...seen],
    connections: () => connections,
    async close() {
      if (server.listening) await refuse();
      await sessions.close();
    },
  };
}

function serverOf({ keep_alive_timeout_ms, tls }: ChdbHttpOptions): Server {
  const limits = { maxHeaderSize: HEAD_BYTES_MAX, keepAliveTimeout: keep_alive_timeout_ms ?? 10_000 };
  if (tls === undefined) return createServer(limits);
  const { cert, key, client_ca } = tls;
  const clients = client_ca === undefined ? {} : { ca: client_ca, requestCert: true, rejectUnauthorized: true };
  return createTlsServer({ ...limits, cert, key, ...clients });
}

interface Parts {
  readonly sessions: Sessions;
  readonly spool: string;
  readonly users: readonly ChdbUser[];
  readonly meet: (sql: string) => HttpFault | null;
  readonly note: (asked: QueryRequest, sql: string) => void;
}

async function handle(request: IncomingMessage, response: ServerResponse, parts: Parts): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  if (url.pathname === '/ping' || url.pathname === '/replicas_status' || (request.method === 'GET' && url.search === '')) {
    response.end('Ok.\n');
    return;
  }
  const { version } = parts.sessions;
  let reply = new Reply(response, { version, query_id: '', packs: false });
  const spooled = join(parts.spool, randomUUID());
  try {
    const asked = readRequest(request, url, randomUUID);
    reply = new Reply(response, { version, query_id: asked.query_id, packs: asked.packs_answer });
    const user = authenticate(asked, parts.users);
    const run = await readStatement(request, asked, user, spooled);
    parts.note(asked, run.sql);
    await answer(parts, run, reply, response);
  } catch (error) {
    // A client that went away, or a body that ended early: there is nobody to answer, and nothing was run.
    if (!request.complete && !(error instanceof ServerException)) response.destroy();
    else await reply.fail(exceptionOf(error));
  } finally {
    await rm(spooled, { force: true });
  }
}

function authenticate({ credentials }: QueryRequest, users: readonly ChdbUser[]): ChdbUser {
  const user = users.find(({ username, password }) => username === credentials.username && password === credentials.password);
  if (user !== undefined) return user;
  throw new ServerException(
    AUTHENTICATION_FAILED,
    'AUTHENTICATION_FAILED',
    `${credentials.username}: Authentication failed: password is incorrect, or there is no user with such name.`,
  );
}

/** The statement and where its data is: that of an INSERT goes to a file. */
async function readStatement(request: IncomingMessage, asked: QueryRequest, user: ChdbUser, spooled: string): Promise<Run> {
  const body = plainBody(request, asked.body_encoding);
  const shared = { asked, profile: user.settings ?? {} };
  const inUrl = statementOf(asked.query);
  if (inUrl.data_at !== null && asked.query.slice(inUrl.data_at).trim() === '') {
    const size = await bodyToFile(body, spooled);
    return { ...shared, ...inUrl, data: size === 0 ? null : spooled };
  }
  const rest = await bodyInMemory(body, STATEMENT_BYTES_MAX);
  const sql = [asked.query, rest.toString('utf8')].filter((part) => part !== '').join('\n');
  return { ...shared, ...statementOf(sql), data: null };
}

async function answer(parts: Parts, run: Run, reply: Reply, response: ServerResponse): Promise<void> {
  const fault = parts.meet(run.sql);
  switch (fault?.kind) {
    case 'hang':
      return;
    case 'cut_before':
      response.destroy();
      return;
    case 'status':
      response.writeHead(fault.status, { 'Content-Type': 'text/html' }).end(fault.body);
      return;
    case 'exception':
      throw new ServerException(fault.code, fault.type, fault.message);
    case 'slow':
      await sleep(fault.delay_ms);
      break;
    default:
  }
  await runStatement(parts.sessions, run, reply, fault);
  if (fault?.kind === 'cut_after') response.destroy();
}
