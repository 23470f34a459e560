/**
 * Answers, read whole. A server that fails after it began to answer can no longer say so by a status: it appends an
 * exception between markers with the answer's own random tag (since ClickHouse 25.11) and breaks the connection. Nothing
 * that ends so, or that breaks, is taken for an answer.
 */
import type { Readable } from 'node:stream';
import { ClickHouseError, type ResponseHeaders } from '@clickhouse/client';
import { RequestTimeout, WrongAnswer } from './errors.ts';

const MARKER = '__exception__';
/** What is looked at for an exception: the server bounds its text to less. */
const TAIL_BYTES = 65_536;

/** All bytes of an answer. Throws what it says, `RequestTimeout`, `WrongAnswer` when it is larger, or why it broke. */
export async function readAnswer(stream: Readable, headers: ResponseHeaders, bytesMax: number, deadline: AbortSignal): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  const stop = (): void => void stream.destroy(new RequestTimeout());
  if (deadline.aborted) stop();
  deadline.addEventListener('abort', stop, { once: true });
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > bytesMax) throw new WrongAnswer(`an answer is larger than ${bytesMax} bytes: report it`);
      chunks.push(chunk);
    }
  } catch (error) {
    // The connection breaks after an exception as well: what was told before says more.
    throw exceptionIn(chunks, headers) ?? error;
  } finally {
    deadline.removeEventListener('abort', stop);
    stream.destroy();
  }
  const exception = exceptionIn(chunks, headers);
  if (exception !== null) throw exception;
  return Buffer.concat(chunks, size);
}

function exceptionIn(chunks: readonly Buffer[], headers: ResponseHeaders): ClickHouseError | null {
  const tag = headers['x-clickhouse-exception-tag'];
  if (typeof tag !== 'string' || tag === '') return null;
  const tail = lastBytes(chunks).toString('latin1');
  // The tag is random and new in each answer: no stored value can hold it.
  const start = tail.lastIndexOf(`${MARKER}\r\n${tag}\r\n`);
  if (start < 0) return null;
  const text = Buffer.from(tail.slice(start + MARKER.length + tag.length + 4), 'latin1').toString('utf8');
  const [, code = '0', message = ''] = /Code: (\d+)\. (?:DB::Exception: )?([\s\S]*?)(?:\n\d+ |$)/.exec(text) ?? [];
  return new ClickHouseError({ code, message, type: /\(([A-Z][A-Z0-9_]+)\)/.exec(message)?.[1] ?? 'UNKNOWN' });
}

function lastBytes(chunks: readonly Buffer[]): Buffer {
  const last: Buffer[] = [];
  let size = 0;
  for (let i = chunks.length - 1; i >= 0 && size < TAIL_BYTES; i--) {
    last.unshift(chunks[i] as Buffer);
    size += (chunks[i] as Buffer).length;
  }
  return Buffer.concat(last);
}
