/**
 * Lends one Kafka broker to all suites of a run: started when the first asks, never when none does, stopped at the end.
 * Suites ask through a socket, because they run in processes of their own.
 */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { freePort, missingTools, startBroker } from './broker.ts';
import { startDockerBroker } from './docker-broker.ts';
import type { LentBroker } from './test-broker.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Path of the socket. */
    kafka_lender: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dir = await mkdtemp(join(tmpdir(), 'sealtrail-kafka-'));
  const path = join(dir, 'lender.sock');
  const borrowers = new Set<Socket>();
  let stop = async (): Promise<void> => undefined;
  let lent: Promise<LentBroker> | null = null;

  const start = async (): Promise<LentBroker> => {
    const port = await freePort();
    const missing = await missingTools();
    const broker = missing === null ? await startBroker({ dir: join(dir, 'broker'), port }) : await startDockerBroker(port);
    if (broker === null) return { kind: 'none', why: `${missing}; or set KAFKA_BROKERS, or start Docker` };
    stop = () => broker.stop();
    return { kind: 'broker', address: broker.address };
  };

  const server = createServer((socket) => {
    borrowers.add(socket);
    socket.on('close', () => borrowers.delete(socket));
    lent ??= start().catch((error: Error): LentBroker => ({ kind: 'failed', why: error.message }));
    void lent.then((answer) => socket.end(JSON.stringify(answer)));
  });
  server.listen(path);
  await once(server, 'listening');
  server.unref();
  project.provide('kafka_lender', path);

  return async () => {
    server.close();
    for (const socket of borrowers) socket.destroy();
    if (lent !== null) await lent;
    await stop();
    await rm(dir, { recursive: true, force: true });
  };
}
