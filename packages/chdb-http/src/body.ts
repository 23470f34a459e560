/** Bodies of requests: the statement in memory, data in a file. */
import { createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { ServerException } from './exceptions.ts';

const UNKNOWN_COMPRESSION_METHOD = 89;

/** Throws `ServerException` for an encoding that is not served. */
export function plainBody(request: IncomingMessage, encoding: string): Readable {
  if (encoding === '' || encoding === 'identity') return request;
  if (encoding !== 'gzip') throw new ServerException(UNKNOWN_COMPRESSION_METHOD, 'UNKNOWN_COMPRESSION_METHOD', 'Unknown content encoding');
  const gunzip = createGunzip();
  // A body that ends early must not look like one that ends.
  request.once('error', (error) => gunzip.destroy(error));
  request.once('aborted', () => gunzip.destroy(new Error('the request was aborted')));
  return request.pipe(gunzip);
}

/** Writes the body to the file; its size. Throws when the body ends early. */
export async function bodyToFile(body: Readable, path: string): Promise<number> {
  await pipeline(body, createWriteStream(path, { flags: 'wx', mode: 0o600 }));
  return (await stat(path)).size;
}

/** The whole body in memory. Throws when it has more bytes, or ends early. */
export async function bodyInMemory(body: Readable, bytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > bytesMax) throw new ServerException(62, 'SYNTAX_ERROR', `Syntax error: Max query size exceeded: ${bytesMax}`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
