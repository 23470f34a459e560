import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { type ChdbHttp, type ChdbHttpOptions, serveClickHouse } from '../src/index.ts';

/** One front for the tests of a file. Faults that a test left are cleared. */
export function frontOfFile(options: Omit<ChdbHttpOptions, 'dir'> = {}): () => ChdbHttp {
  let front: ChdbHttp | undefined;
  let dir = '';
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'sealtrail-front-'));
    front = await serveClickHouse({ dir, ...options });
  });
  afterEach(() => front?.clearFaults());
  afterAll(async () => {
    await front?.close();
    await rm(dir, { recursive: true, force: true });
  });
  return () => {
    if (front === undefined) throw new Error('the front of this file did not open');
    return front;
  };
}
