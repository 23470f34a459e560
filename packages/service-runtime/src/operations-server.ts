import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Health, HealthReport } from './health.ts';
import type { Metrics } from './metrics.ts';

export interface OperationsServerOptions {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  readonly health: Health;
  readonly metrics: Metrics;
}

export interface OperationsServer {
  readonly host: string;
  readonly port: number;
  /** Ends idle connections and waits for answers under way. */
  close(): Promise<void>;
}

export type OperationsServerErrorCode = 'address_in_use' | 'listen_failed';

export class OperationsServerError extends Error {
  readonly code: OperationsServerErrorCode;
  constructor(code: OperationsServerErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'OperationsServerError';
    this.code = code;
  }
}

const REQUEST_TIMEOUT_MS = 10_000;

/**
 * Serves GET /livez and /readyz (200 or 503, the report as JSON) and /metrics. For the operator's network: it asks for no
 * credentials and tells nothing about tenants or people.
 * Throws OperationsServerError `address_in_use`, `listen_failed`.
 */
export async function startOperationsServer(options: OperationsServerOptions): Promise<OperationsServer> {
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
    void answer(request.method ?? '', (request.url ?? '').split('?')[0] ?? '', response, options).catch(() => {
      // A metric or check that throws must not take the server down with it; the scraper sees the status.
      if (!response.headersSent) response.writeHead(500);
      response.end();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(options, error)));
    server.listen(options.port, options.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    host: options.host,
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      }),
  };
}

async function answer(method: string, path: string, response: ServerResponse, options: OperationsServerOptions): Promise<void> {
  const send = (status: number, type: string, body: string): void => {
    response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
    response.end(method === 'HEAD' ? undefined : body);
  };
  const sendReport = (report: HealthReport): void => send(report.ok ? 200 : 503, 'application/json', `${JSON.stringify(report)}\n`);
  if (method !== 'GET' && method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    send(405, 'text/plain', 'only GET is served here\n');
    return;
  }
  switch (path) {
    case '/livez':
      return sendReport(await options.health.live());
    case '/readyz':
      return sendReport(await options.health.ready());
    case '/metrics': {
      const { content_type, body } = await options.metrics.render();
      return send(200, content_type, body);
    }
    default:
      return send(404, 'text/plain', 'served here: /livez /readyz /metrics\n');
  }
}

function listenError(options: OperationsServerOptions, error: NodeJS.ErrnoException): OperationsServerError {
  const where = `${options.host}:${options.port}`;
  if (error.code === 'EADDRINUSE') {
    return new OperationsServerError('address_in_use', `cannot listen on ${where}: another process does; choose another port`, {
      cause: error,
    });
  }
  return new OperationsServerError('listen_failed', `cannot listen on ${where} (${error.code}); check the host and port`, { cause: error });
}
