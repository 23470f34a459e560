import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, request, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DataDirectory, writeDurably } from '@sealtrail/data-directory';
import { failureOf } from '../cli/exit.ts';
import { type OnProgress, OPERATION_NAMES, type OperationName, type Operations } from './operations.ts';

/** A Unix socket's path must fit sockaddr_un, 108 bytes on Linux and 104 on macOS. */
const SOCKET_PATH_BYTES_MAX = 100;
const REQUEST_BYTES_MAX = 1_048_576;

/** Says where the running deployment of a data directory listens. */
interface RunningFile {
  readonly pid: number;
  readonly socket: string;
}
const runningFile = (directory: DataDirectory): string => join(directory.path, 'running.json');

type Line =
  | { readonly progress: { readonly label: string; readonly done: number; readonly total: number | null } }
  | { readonly result: unknown }
  | { readonly error: { readonly code: string; readonly message: string } };

export interface ControlServer {
  readonly socket: string;
  close(): Promise<void>;
}

/** Serves the operations on a socket that only the owner may open. One JSON line a step of progress, one for the end. */
export async function serveControl(directory: DataDirectory, operations: Operations): Promise<ControlServer> {
  const inside = join(directory.path, 'control.sock');
  const parent = Buffer.byteLength(inside) <= SOCKET_PATH_BYTES_MAX ? null : await mkdtemp(join(tmpdir(), 'sealtrail-'));
  const socket = parent === null ? inside : join(parent, 'control.sock');
  await rm(socket, { force: true });
  const server = createServer((incoming, response) => {
    const send = (line: Line): void => void response.write(`${JSON.stringify(line)}\n`);
    const answer = async (): Promise<void> => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      for await (const chunk of incoming as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        if (bytes > REQUEST_BYTES_MAX) throw Object.assign(new Error('the request is over 1 MiB; send less'), { code: 'usage' });
        chunks.push(chunk);
      }
      const name = OPERATION_NAMES.find((known) => incoming.url === `/${known}`);
      if (name === undefined)
        throw Object.assign(new Error(`the running deployment does not know ${incoming.url}; restart it with this version`), {
          code: 'usage',
        });
      const args: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
      const operation = operations[name] as (args: unknown, onProgress: OnProgress) => Promise<unknown>;
      const result = await operation.call(operations, args, (label, done, total) => send({ progress: { label, done, total } }));
      send({ result: result ?? null });
    };
    answer().then(
      () => response.end(),
      (error: unknown) => {
        const { code, message } = failureOf(error);
        send({ error: { code, message } });
        response.end();
      },
    );
  });
  const close = async (): Promise<void> => {
    await rm(runningFile(directory), { force: true });
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    if (parent !== null) await rm(parent, { recursive: true, force: true });
  };
  try {
    await listen(server, socket);
    await writeDurably(runningFile(directory), `${JSON.stringify({ pid: process.pid, socket } satisfies RunningFile)}\n`, 0o600);
  } catch (error) {
    // A socket that nobody can find would keep the process from ending.
    await close();
    throw error;
  }
  return { socket, close };
}

function listen(server: Server, socket: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const umask = process.umask(0o177);
    server.once('error', (error) => {
      process.umask(umask);
      reject(error);
    });
    server.listen(socket, () => {
      process.umask(umask);
      resolve();
    });
  });
}

/** The operations of the deployment that is running on this directory; null when none answers. */
export async function connectControl(directory: DataDirectory): Promise<Operations | null> {
  let running: RunningFile;
  try {
    running = JSON.parse(await readFile(runningFile(directory), 'utf8')) as RunningFile;
  } catch (error) {
    // No file: nothing runs. Half a file cannot be: it is renamed into place.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  const call = (name: OperationName, args: unknown, onProgress: OnProgress): Promise<unknown> =>
    callControl(running.socket, name, args, onProgress);
  const quiet: OnProgress = () => undefined;
  try {
    await call('status', {}, quiet);
  } catch (error) {
    // A file left by a process that was killed: nobody listens there.
    if (['ECONNREFUSED', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw error;
  }
  const entries = OPERATION_NAMES.map((name) => [name, (args: unknown, onProgress?: OnProgress) => call(name, args, onProgress ?? quiet)]);
  return Object.fromEntries(entries) as unknown as Operations;
}

function callControl(socket: string, name: OperationName, args: unknown, onProgress: OnProgress): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath: socket, path: `/${name}`, method: 'POST' }, (response) => {
      let rest = '';
      let ended: Line | null = null;
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        const lines = (rest + text).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) {
          const parsed = JSON.parse(line) as Line;
          if ('progress' in parsed) onProgress(parsed.progress.label, parsed.progress.done, parsed.progress.total);
          else ended = parsed;
        }
      });
      response.on('error', reject);
      response.on('close', () => {
        if (ended === null)
          reject(
            Object.assign(new Error('the running deployment stopped before it answered; start it again and retry'), {
              code: 'deployment_stopped',
            }),
          );
        else if ('error' in ended)
          reject(
            Object.assign(new Error((ended as { error: { message: string } }).error.message), {
              code: (ended as { error: { code: string } }).error.code,
            }),
          );
        else resolve((ended as { result: unknown }).result);
      });
    });
    outgoing.on('error', reject);
    outgoing.end(JSON.stringify(args));
  });
}
